//! Requests as far as the page needs them (RFC 9112), and whom they are answered.
//!
//! A page of another site must not read the board through a browser. It can make its own name lead to this computer ("DNS
//! rebinding"): then `Host` says that name. And it can ask from where it is: then `Origin` says where that is.

use std::net::IpAddr;

/// Header fields that are looked at.
const FIELDS: usize = 64;
const MALFORMED: Refusal = Refusal { status: "400 Bad Request", reason: "this is not a request that can be read\n" };
const METHOD: Refusal = Refusal { status: "405 Method Not Allowed", reason: "there are only GET and POST here\n" };
const LENGTH: Refusal = Refusal { status: "411 Length Required", reason: "a body needs a Content-Length\n" };
const TOO_LARGE: Refusal = Refusal { status: "413 Content Too Large", reason: "the body is too long\n" };
const NO_JSON: Refusal =
    Refusal { status: "415 Unsupported Media Type", reason: "a body has to be application/json\n" };
/// The longest body.
const LONGEST_BODY: usize = 64 << 10;
const HOST: Refusal = Refusal {
    status: "403 Forbidden",
    reason: "the name in `Host` is none of this board's: use localhost or the address, or serve it under this name too\n",
};
const ORIGIN: Refusal = Refusal { status: "403 Forbidden", reason: "another site asks through this browser\n" };
const TOO_LONG: Refusal =
    Refusal { status: "431 Request Header Fields Too Large", reason: "the request is too long\n" };

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: &'static str,
    pub reason: &'static str,
}

/// Whom a server answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    /// The address of this end of the connection.
    pub address: IpAddr,
    /// Names beside `localhost`.
    pub names: &'a [String],
}

impl Host<'_> {
    /// True if a browser that asked for this `host`, which may have a port, meant this server.
    fn is_meant_by(&self, host: &str) -> bool {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
            Some(_) => return false,
            None => host.split_at(host.find(':').unwrap_or(host.len())),
        };
        let is_port = |port: &str| port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
        if !port.is_empty() && !is_port(port) {
            return false;
        }
        match name.parse::<IpAddr>() {
            // An address cannot be made to lead elsewhere.
            Ok(address) => {
                address.to_canonical().is_loopback() || address.to_canonical() == self.address.to_canonical()
            }
            Err(_) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let mut known = self.names.iter().map(String::as_str).chain(["localhost"]);
                known.any(|known| known.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// Path without the query.
    pub path: String,
    /// The body, if something is to be done.
    pub body: Option<Vec<u8>>,
    query: String,
}

impl Request {
    /// A value of the query.
    pub fn value(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| decoded(value))
    }

    /// The same with another value in the query.
    #[cfg(test)]
    fn of(path: &str, query: &str) -> Request {
        Request { path: path.to_owned(), body: None, query: query.to_owned() }
    }
}

/// Text out of a query (RFC 3986, section 2.1), as browsers write it.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let hex = |at: usize| value.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(at + 1)) {
            (b'%', Some(byte)) => {
                text.push(byte);
                at += 2;
            }
            (b'+', _) => text.push(b' '),
            (byte, _) => text.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads a request. None if more of it has to come.
pub(super) fn read(bytes: &[u8], longest: usize, identity: Host<'_>) -> Result<Option<Request>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let body = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => &bytes[length..],
        Ok(httparse::Status::Partial) if bytes.len() < longest => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Err(TOO_LONG),
        Err(_) => return Err(MALFORMED),
    };
    let field = |name: &str| -> Result<Option<&str>, Refusal> {
        let mut found = head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let value = found.next().map(|field| std::str::from_utf8(field.value)).transpose().map_err(|_| MALFORMED)?;
        if found.next().is_some() { Err(MALFORMED) } else { Ok(value.map(str::trim)) }
    };
    let host = field("Host")?.ok_or(MALFORMED)?;
    if !identity.is_meant_by(host) {
        return Err(HOST);
    }
    if let Some(origin) = field("Origin")? {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if !authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
            return Err(ORIGIN);
        }
    }
    let target = head.path.filter(|target| target.starts_with('/')).ok_or(MALFORMED)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = match head.method {
        Some("GET") => None,
        Some("POST") => {
            // A form of another site could be sent without asking; JSON could not.
            if field("Content-Type")?.is_none_or(|kind| kind.split(';').next() != Some("application/json")) {
                return Err(NO_JSON);
            }
            let length: usize = field("Content-Length")?.and_then(|length| length.parse().ok()).ok_or(LENGTH)?;
            match body.get(..length) {
                _ if length > LONGEST_BODY => return Err(TOO_LARGE),
                Some(body) => Some(body.to_vec()),
                None => return Ok(None),
            }
        }
        _ => return Err(METHOD),
    };
    Ok(Some(Request { path: path.to_owned(), body, query: query.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::{HOST, Host, LENGTH, MALFORMED, METHOD, NO_JSON, ORIGIN, Refusal, Request, TOO_LARGE, TOO_LONG, read};
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    const LONGEST: usize = 8192;

    fn ask(request: &str) -> Result<Option<Request>, Refusal> {
        let identity = Host { address: IpAddr::V4(Ipv4Addr::new(192, 168, 4, 2)), names: &["bench.lan".to_owned()] };
        read(request.as_bytes(), LONGEST, identity)
    }

    fn get(fields: &str) -> Result<Option<Request>, Refusal> {
        ask(&format!("GET /screen.png?17 HTTP/1.1\r\n{fields}\r\n\r\n"))
    }

    #[test]
    fn requests_name_a_page() {
        assert_eq!(get("Host: localhost"), Ok(Some(Request::of("/screen.png", "17"))));
        assert_eq!(ask("GET / HTTP/1.1\r\nHost: local"), Ok(None));
        assert_eq!(ask("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(METHOD));
        assert_eq!(ask("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(MALFORMED));
        assert_eq!(ask("\x16\x03\x01\r\n\r\n"), Err(MALFORMED));
        assert_eq!(ask(&format!("GET /{}", "x".repeat(LONGEST))), Err(TOO_LONG));
        assert_eq!(get(&"A: b\r\n".repeat(100)), Err(TOO_LONG));
    }

    #[test]
    fn bodies_are_json_of_a_known_length() {
        let post =
            |fields: &str, body: &str| ask(&format!("POST /act HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{body}"));
        let json = "Content-Type: application/json; charset=utf-8\r\n";
        let asked = post(&format!("{json}Content-Length: 2\r\n"), "{}").unwrap().unwrap();
        assert_eq!(asked.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(post(&format!("{json}Content-Length: 3\r\n"), "{}"), Ok(None), "more has to come");
        assert_eq!(
            post("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"),
            Err(NO_JSON),
            "a form of another site"
        );
        assert_eq!(post("Content-Length: 2\r\n", "{}"), Err(NO_JSON));
        assert_eq!(post(json, "{}"), Err(LENGTH));
        assert_eq!(post(&format!("{json}Content-Length: 70000\r\n"), "{}"), Err(TOO_LARGE));
    }

    #[test]
    fn values_of_a_query_are_decoded() {
        let request = Request::of("/", "a=1&name=the+left%20%C3%96LED&b=%zz%4");
        assert_eq!(request.value("name").as_deref(), Some("the left ÖLED"));
        assert_eq!(request.value("b").as_deref(), Some("%zz%4"));
        assert_eq!((request.value("a").as_deref(), request.value("c")), (Some("1"), None));
    }

    #[test]
    fn only_those_who_asked_for_this_server_are_answered() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "127.0.0.1",
            "127.9.8.7:1",
            "[::1]",
            "[::1]:80",
            "192.168.4.2:8080",
            "[::ffff:192.168.4.2]",
            "bench.lan",
            "Bench.LAN:80",
        ] {
            assert_eq!(get(&format!("Host: {host}")), Ok(Some(Request::of("/screen.png", "17"))), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "192.168.4.3",
            "[::2]",
            "[localhost]",
            "[127.0.0.1]",
            "",
            "localhost:",
            "localhost:x",
            "localhost:80:80",
            "[::1]x",
            "127.0.0.1.nip.io",
            "xbench.lan",
            "0",
            "2130706433",
        ] {
            assert_eq!(get(&format!("Host: {host}")), Err(HOST), "{host}");
        }
        assert_eq!(get("Accept: */*"), Err(MALFORMED), "a request without it");
        assert_eq!(get("Host: localhost\r\nhost: localhost"), Err(MALFORMED), "a request with two");
    }

    #[test]
    fn only_pages_of_this_server_are_answered() {
        for origin in ["http://localhost:8080", "https://localhost:8080", "http://LOCALHOST:8080"] {
            assert!(get(&format!("Host: localhost:8080\r\nOrigin: {origin}")).is_ok(), "{origin}");
        }
        for origin in
            ["null", "http://evil.example", "http://localhost", "http://localhost:8081", "localhost:8080", "file://"]
        {
            assert_eq!(get(&format!("Host: localhost:8080\r\nOrigin: {origin}")), Err(ORIGIN), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn hostile_requests_are_refused(request in any::<Vec<u8>>(), start in prop::sample::select(vec!["", "GET / HTTP/1.1\r\n"])) {
            let identity = Host { address: IpAddr::V4(Ipv4Addr::LOCALHOST), names: &[] };
            let request = [start.as_bytes(), &request].concat();
            prop_assert!(!matches!(read(&request, request.len(), identity), Ok(Some(_) | None)));
        }

        #[test]
        fn a_request_is_read_when_it_is_whole(cut in 0_usize..60) {
            let request = "GET / HTTP/1.1\r\nAccept: */*\r\nHost: localhost\r\n\r\n";
            let expected = if cut < request.len() { None } else { Some(Request::of("/", "")) };
            prop_assert_eq!(ask(&request[..cut.min(request.len())]), Ok(expected));
        }
    }
}
