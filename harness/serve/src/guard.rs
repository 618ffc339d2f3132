//! Keeps browsers from services that do not speak HTTP.
//!
//! A web page can have a browser send an HTTP request to any port of this computer, and choose its body ("cross-protocol scripting"). A
//! service that ignores lines that it does not understand would act on that body. So the beginning of a connection is checked before
//! any of its commands is carried out.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The beginnings of requests (RFC 9110, "Methods"; PRI is the preface of HTTP/2).
const METHODS: [&str; 10] =
    ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "];
/// In the first line of a request, after what is asked for.
const VERSION: &[u8] = b" HTTP/";
/// Where a first line is taken for a request's although its end has not come.
const LONGEST_LINE: usize = 512;
/// A browser sends its request as a whole. A user who types one on a serial line does not.
const TYPING: Duration = Duration::from_millis(250);

/// The kind of the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Http,
    Other,
    /// More has to come.
    Open,
}

fn beginning(heard: &[u8]) -> Beginning {
    if !METHODS.iter().any(|method| heard.starts_with(method.as_bytes())) {
        let open = METHODS.iter().any(|method| method.as_bytes().starts_with(heard));
        return if open { Beginning::Open } else { Beginning::Other };
    }
    let line = &heard[..heard.len().min(LONGEST_LINE)];
    match line.iter().position(|byte| b"\r\n".contains(byte)) {
        Some(end) if line[..end].windows(VERSION.len()).any(|window| window == VERSION) => Beginning::Http,
        Some(_) => Beginning::Other,
        None if heard.len() < LONGEST_LINE => Beginning::Open,
        None => Beginning::Http,
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// A program, which says first what its protocol begins with.
    Program,
    /// Perhaps a person, whose first words may be anything, key by key.
    Person,
}

/// Reads how a connection begins. None if it ends, or if it is a browser's and has to.
pub(crate) async fn beginning_of(reader: &mut (impl AsyncRead + Unpin), client: Client) -> Option<Vec<u8>> {
    let mut heard = Vec::with_capacity(LONGEST_LINE);
    loop {
        let is_typing = client == Client::Person && !heard.is_empty();
        let patience = if is_typing { TYPING } else { Duration::MAX };
        let is_over = !matches!(timeout(patience, reader.read_buf(&mut heard)).await, Ok(Ok(1..)));
        match beginning(&heard) {
            Beginning::Http => return None,
            Beginning::Other => return Some(heard),
            Beginning::Open if is_over => return is_typing.then_some(heard),
            Beginning::Open => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, Client, LONGEST_LINE, METHODS, beginning, beginning_of};
    use proptest::prelude::*;

    #[test]
    fn http_requests_are_recognised() {
        for request in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"POST /x?y HTTP/1.0\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            assert_eq!(beginning(request), Beginning::Http);
        }
        let long = format!("POST /{}", "x".repeat(LONGEST_LINE));
        assert_eq!(beginning(long.as_bytes()), Beginning::Http);
        for other in
            [&b"\r\n"[..], b"GET led\r\n", b"get / HTTP/1.1\r\n", b"PRINT 1\r\n", b"$g#67", b"\xff\xfb\x2c", b"{"]
        {
            assert_eq!(beginning(other), Beginning::Other, "{}", other.escape_ascii());
        }
        for open in [&b""[..], b"P", b"GE", b"GET", b"GET ", b"POST / HTTP/1.1"] {
            assert_eq!(beginning(open), Beginning::Open, "{}", open.escape_ascii());
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn keys_are_passed_on_when_no_request_comes_of_them() {
        for (typed, client, passed) in [
            (&b"P"[..], Client::Person, Some(b"P".to_vec())),
            (b"GET /", Client::Person, Some(b"GET /".to_vec())),
            (b"", Client::Person, None),
            (b"P", Client::Program, None),
            (b"GET / HTTP/1.1\r\n", Client::Person, None),
        ] {
            let mut typed = typed;
            assert_eq!(runtime().block_on(beginning_of(&mut typed, client)), passed);
        }
        let passed = runtime().block_on(async {
            let (mut here, mut there) = tokio::io::duplex(8);
            tokio::io::AsyncWriteExt::write_all(&mut here, b"GE").await.unwrap();
            let passed = beginning_of(&mut there, Client::Person).await;
            drop(here);
            passed
        });
        assert_eq!(passed.as_deref(), Some(&b"GE"[..]), "while the connection stays");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_request_is_cut(
            method in prop::sample::select(METHODS.to_vec()), path in "/[ -~]{0,200}", cut in 0_usize..80,
        ) {
            let request = format!("{method}{path} HTTP/1.1\r\nHost: x\r\n\r\n");
            prop_assert_eq!(beginning(request.as_bytes()), Beginning::Http);
            let cut = cut.min(method.len() + path.len());
            prop_assert_eq!(beginning(&request.as_bytes()[..cut]), Beginning::Open);
        }

        #[test]
        fn the_bytes_are_passed_on_unchanged(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
            let passed = runtime().block_on(beginning_of(&mut &bytes[..], Client::Person));
            prop_assert!(passed.is_none_or(|passed| bytes.starts_with(&passed)));
        }
    }
}
