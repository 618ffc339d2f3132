//! TELNET (RFC 854) as far as a console needs it: the server echoes, both sides send bytes as they are (RFC 856, 857, 858), and
//! whatever the client asks for is taken out of what it types.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

use super::BoxedStream;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
/// The first message to a client.
const GREETING: [u8; 12] = [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY];
/// Bytes that are carried at once.
const PIECE: usize = 4096;

/// Dresses a stream, on the present runtime.
pub(crate) fn stream(client: BoxedStream) -> BoxedStream {
    let (ours, theirs) = duplex(PIECE);
    tokio::spawn(async move {
        let (mut from_client, mut to_client) = split(client);
        let (mut from_board, mut to_board) = split(ours);
        let input = async {
            let (mut filter, mut buffer) = (Filter::default(), [0; PIECE]);
            while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                if to_board.write_all(&filter.take(&buffer[..length])).await.is_err() {
                    return;
                }
            }
        };
        let output = async {
            let mut buffer = [0; PIECE];
            if to_client.write_all(&GREETING).await.is_err() {
                return;
            }
            while let Ok(length @ 1..) = from_board.read(&mut buffer).await {
                if to_client.write_all(&escaped(&buffer[..length])).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = input => {}
            () = output => {}
        }
    });
    Box::new(theirs)
}

/// Reads what a client sends.
pub(crate) fn read(input: &[u8]) {
    Filter::default().take(input);
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == IAC { 2 } else { 1 })).collect()
}

/// Takes commands out of what a client sends.
#[derive(Debug, Default)]
struct Filter {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// After a carriage return, which clients follow with a zero or a line feed.
    Return,
    Command,
    Option,
    Subnegotiation,
    SubnegotiationCommand,
}

impl Filter {
    /// The bytes that are meant.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut meant = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Return, 0) => State::Data,
                (State::Data | State::Return, IAC) => State::Command,
                (State::Data | State::Return, byte) => {
                    meant.push(byte);
                    if byte == b'\r' { State::Return } else { State::Data }
                }
                (State::Command, IAC) => {
                    meant.push(IAC);
                    State::Data
                }
                (State::Command, WILL..=DONT) => State::Option,
                (State::Command, SB) => State::Subnegotiation,
                (State::Command | State::Option, _) | (State::SubnegotiationCommand, SE) => State::Data,
                (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
                (State::Subnegotiation | State::SubnegotiationCommand, _) => State::Subnegotiation,
            };
        }
        meant
    }
}

#[cfg(test)]
mod tests {
    use super::{DO, Filter, IAC, SB, SE, WILL, escaped};
    use proptest::prelude::*;

    #[test]
    fn commands_are_no_keys() {
        let typed = [&[IAC, DO, 3, b'a', IAC, IAC, IAC, SB, 24, 0, b'x', IAC, SE, b'b'][..], b"\r\0c\r\nd"].concat();
        assert_eq!(Filter::default().take(&typed), b"a\xffb\rc\r\nd");
        assert_eq!(escaped(b"1\xff2"), b"1\xff\xff2");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(IAC), Just(WILL), Just(SB)], 0..64), at in any::<prop::sample::Index>()) {
            let (first, second) = bytes.split_at(at.index(bytes.len() + 1));
            let mut filter = Filter::default();
            prop_assert_eq!([filter.take(first), filter.take(second)].concat(), Filter::default().take(&bytes));
        }

        #[test]
        fn escaped_bytes_come_out_unchanged(bytes in any::<Vec<u8>>()) {
            prop_assume!(!bytes.windows(2).any(|pair| pair == b"\r\0"));
            prop_assert_eq!(Filter::default().take(&escaped(&bytes)), bytes);
        }
    }
}
