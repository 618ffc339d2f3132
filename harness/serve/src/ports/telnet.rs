//! Telnet requests that are too long to be any (RFC 855, "Telnet Option Specifications").
//!
//! The state machine of RFC 2217 takes what is behind the first kilobyte of a subnegotiation for data, and data are typed into the
//! UART. Here such a subnegotiation is dropped as a whole.

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
const NOP: u8 = 241;
/// WILL, WONT, DO and DONT, which an option follows.
const NEGOTIATIONS: std::ops::RangeInclusive<u8> = 251..=254;
/// The longest subnegotiation that is passed on. Those of RFC 2217 have 10 bytes, and a signature.
const LONGEST: usize = 512;
/// Where a client is given up that has begun one and does not end it.
const SUBNEGOTIATION_MAX: usize = 1 << 20;

/// A client whose subnegotiation does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubnegotiationTooLong;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    Option,
    /// In a subnegotiation, after so many bytes.
    Inside(usize),
    CommandInside(usize),
}

/// Passes on a stream without them.
#[derive(Debug, Default)]
pub(super) struct Subnegotiations {
    state: State,
}

impl Subnegotiations {
    /// Returns the bytes of `input` that are passed on.
    pub fn pass(&mut self, input: &[u8]) -> Result<Vec<u8>, SubnegotiationTooLong> {
        let mut passed = Vec::with_capacity(input.len());
        for byte in input {
            self.state = match (self.state, *byte) {
                (State::Inside(length) | State::CommandInside(length), _) if length > SUBNEGOTIATION_MAX => {
                    return Err(SubnegotiationTooLong);
                }
                (State::Data, IAC) => self.keep(State::Command, &mut passed, IAC),
                (State::Data | State::Option, byte) => self.keep(State::Data, &mut passed, byte),
                (State::Command, byte) => self.keep(after(byte), &mut passed, byte),
                // It is passed on, or not, with what follows.
                (State::Inside(length), IAC) => State::CommandInside(length),
                (State::Inside(length), byte) => {
                    if length < LONGEST {
                        passed.push(byte);
                    }
                    State::Inside(length + 1)
                }
                (State::CommandInside(length), IAC) => {
                    if length < LONGEST {
                        passed.extend([IAC, IAC]);
                    }
                    State::Inside(length + 1)
                }
                (State::CommandInside(length), SE) => {
                    // Any other command has its beginning forgotten.
                    passed.extend([IAC, if length <= LONGEST { SE } else { NOP }]);
                    State::Data
                }
                (State::CommandInside(_), byte) => {
                    passed.extend([IAC, byte]);
                    after(byte)
                }
            };
        }
        Ok(passed)
    }

    fn keep(&self, next: State, passed: &mut Vec<u8>, byte: u8) -> State {
        passed.push(byte);
        next
    }
}

/// The state after IAC and this.
fn after(command: u8) -> State {
    match command {
        SB => State::Inside(0),
        command if NEGOTIATIONS.contains(&command) => State::Option,
        _ => State::Data,
    }
}

#[cfg(test)]
mod tests {
    use super::{IAC, LONGEST, SB, SE, SUBNEGOTIATION_MAX, SubnegotiationTooLong, Subnegotiations};
    use proptest::prelude::*;
    use rfc2217::{PortSettings, Server};

    const COM_PORT: u8 = 44;

    fn subnegotiation(length: usize) -> Vec<u8> {
        [&[IAC, SB, COM_PORT, 1], &vec![b'A'; length][..], &[IAC, SE]].concat()
    }

    /// Bytes for the UART.
    fn payload(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut filter, mut server) = (Subnegotiations::default(), Server::new(PortSettings::default()));
        pieces.iter().flat_map(|piece| server.receive(&filter.pass(piece).unwrap())).collect()
    }

    #[test]
    fn commands_that_are_too_long_are_dropped_and_the_next_bytes_are_data() {
        for length in [0, 4, LONGEST - 2, LONGEST - 1, LONGEST, 1024, 5000, 70_000, 200_000] {
            let bytes = [b"before", &subnegotiation(length)[..], b"after"].concat();
            assert_eq!(payload(&[&bytes]), b"beforeafter", "{length}");
            let escaped = [&[IAC, SB, COM_PORT][..], &vec![IAC; 2 * length], &[IAC, SE, b'x']].concat();
            assert_eq!(payload(&[&escaped]), b"x", "{length}");
        }
    }

    #[test]
    fn one_without_end_ends_the_connection() {
        let mut filter = Subnegotiations::default();
        let whole = subnegotiation(SUBNEGOTIATION_MAX - 2);
        assert!(filter.pass(&whole).unwrap().len() < 2 * LONGEST);
        assert_eq!(filter.pass(&subnegotiation(SUBNEGOTIATION_MAX + 1)), Err(SubnegotiationTooLong));
    }

    #[test]
    fn ordinary_ones_are_passed_on_as_they_are() {
        let hello = [
            IAC, 251, COM_PORT, IAC, 253, SB, IAC, SB, COM_PORT, 1, 0, IAC, IAC, 0, 1, IAC, SE, b'a', IAC, IAC, IAC,
            241,
        ];
        assert_eq!(Subnegotiations::default().pass(&hello).unwrap(), hello);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_stream_is_cut(
            bytes in prop::collection::vec(
                prop_oneof![Just(IAC), Just(SB), Just(SE), Just(COM_PORT), any::<u8>(), 251_u8..], 0..3000,
            ),
            cut in 0_usize..3000,
        ) {
            let mut filter = Subnegotiations::default();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let pieces = [filter.pass(head).unwrap(), filter.pass(tail).unwrap()].concat();
            prop_assert_eq!(&pieces, &Subnegotiations::default().pass(&bytes).unwrap());
            // Nothing is made up: no more is typed than without the filter.
            let unfiltered = Server::new(PortSettings::default()).receive(&bytes);
            prop_assert!(payload(&[&bytes]).len() <= unfiltered.len() || pieces == bytes);
        }
    }
}
