//! The frames of GDB's remote serial protocol ("Overview" and "Packet Acknowledgment" in the manual of GDB): commands out of a stream
//! of bytes.
//!
//! `gdbstub` ends a session when a frame is damaged or a command makes no sense. Frames are checked here before it sees them.

/// The largest packet that is taken and sent, which is told to the client.
pub(super) const PACKET_SIZE: usize = 4096;
/// The bytes around a command: `$`, `#` and two digits.
const FRAME: usize = 4;
/// The longest command.
const LONGEST: usize = PACKET_SIZE - FRAME;
/// Bytes of memory that one answer can hold, two digits each.
const LARGEST_READ: usize = LONGEST / 2;
/// Stops the board, outside of a frame.
const INTERRUPT: u8 = 3;

/// A unit of a client's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A command, without its frame.
    Command(Vec<u8>),
    /// A frame whose checksum is another.
    Damaged,
    /// A frame that is larger than was agreed.
    TooLong,
    /// The last answer was damaged on its way.
    Again,
    /// The board is to stop.
    Interrupt,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Command,
    Checksum(Option<u8>),
}

/// Frames that are being received.
#[derive(Debug, Default)]
pub(super) struct Packets {
    state: State,
    command: Vec<u8>,
    is_too_long: bool,
}

impl Packets {
    /// Takes a byte. Bytes between frames that mean nothing are dropped, as the protocol wants it.
    pub fn take(&mut self, byte: u8) -> Option<Item> {
        match (self.state, byte) {
            // Binary data have it escaped, so the frame before was cut off.
            (State::Between | State::Command, b'$') => {
                self.command.clear();
                (self.state, self.is_too_long) = (State::Command, false);
                None
            }
            (State::Between, b'-') => Some(Item::Again),
            (State::Between, INTERRUPT) => Some(Item::Interrupt),
            (State::Between, _) => None,
            (State::Command, b'#') => {
                self.state = State::Checksum(None);
                None
            }
            (State::Command, _) => {
                self.is_too_long |= self.command.len() == LONGEST;
                if !self.is_too_long {
                    self.command.push(byte);
                }
                None
            }
            (State::Checksum(None), _) => {
                self.state = State::Checksum(Some(byte));
                None
            }
            (State::Checksum(Some(high)), low) => {
                self.state = State::Between;
                if self.is_too_long {
                    return Some(Item::TooLong);
                }
                let digits = [high, low].map(|digit| char::from(digit).to_digit(16));
                let told = match digits {
                    [Some(high), Some(low)] => Some((high << 4 | low) as u8),
                    _ => None,
                };
                let command = std::mem::take(&mut self.command);
                Some(if told == Some(checksum(&command)) { Item::Command(command) } else { Item::Damaged })
            }
        }
    }
}

fn checksum(command: &[u8]) -> u8 {
    command.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// A command in its frame.
pub(super) fn framed(command: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(command.len() + FRAME);
    packet.push(b'$');
    packet.extend(command);
    packet.extend(format!("#{:02x}", checksum(command)).as_bytes());
    packet
}

/// The command with a length that one answer can hold, if it reads memory: fewer bytes than were asked for are a valid answer.
pub(super) fn bounded(command: Vec<u8>) -> Vec<u8> {
    let read = |command: &[u8]| -> Option<Vec<u8>> {
        let text = std::str::from_utf8(command.strip_prefix(b"m")?).ok()?;
        let (address, length) = text.split_once(',')?;
        let is_larger = u128::from_str_radix(length, 16).is_ok_and(|length| length > LARGEST_READ as u128);
        is_larger.then(|| format!("m{address},{LARGEST_READ:x}").into_bytes())
    };
    read(&command).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::{Item, LARGEST_READ, LONGEST, Packets, bounded, framed};
    use proptest::prelude::*;

    fn items(bytes: &[u8]) -> Vec<Item> {
        let mut packets = Packets::default();
        bytes.iter().filter_map(|byte| packets.take(*byte)).collect()
    }

    #[test]
    fn commands_come_out_of_their_frames() {
        assert_eq!(items(b"++$g#67-\x03\r\n"), [Item::Command(b"g".into()), Item::Again, Item::Interrupt]);
        // The interrupt byte inside a frame is data.
        assert_eq!(items(&framed(b"X0,1:\x03")), [Item::Command(b"X0,1:\x03".into())]);
        assert_eq!(items(b"$m0,4$g#67"), [Item::Command(b"g".into())], "a frame that was cut off");
        assert_eq!(items(b"$#00"), [Item::Command(Vec::new())]);
    }

    #[test]
    fn damaged_and_oversized_frames_are_reported_and_the_next_one_counts() {
        for damaged in [&b"$g#68"[..], b"$g#6x", b"$g#\xff\x00"] {
            assert_eq!(items(&[damaged, b"$g#67"].concat()), [Item::Damaged, Item::Command(b"g".into())]);
        }
        let largest = vec![b'a'; LONGEST];
        assert_eq!(items(&framed(&largest)), [Item::Command(largest.clone())]);
        let larger = framed(&[&largest[..], &largest].concat());
        assert_eq!(items(&[&larger[..], b"$g#67"].concat()), [Item::TooLong, Item::Command(b"g".into())]);
    }

    #[test]
    fn a_read_is_as_long_as_its_answer_may_be() {
        let clipped = format!("m40000000,{LARGEST_READ:x}");
        for length in ["7ff", "100000000", "ffffffffffffffffffff"] {
            assert_eq!(bounded(format!("m40000000,{length}").into()), clipped.as_bytes());
        }
        for untouched in ["m40000000,7fe", "m40000000", "m,", "mx,-1", "M0,ffffffff:00"] {
            assert_eq!(bounded(untouched.into()), untouched.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_command_survives_its_frame_whatever_was_before(
            before in prop::collection::vec(any::<u8>(), 0..64),
            command in prop::collection::vec(any::<u8>().prop_filter("escaped", |byte| !b"$#".contains(byte)), 0..200),
        ) {
            // Whatever the state, this leaves it.
            let bytes = [&before[..], b"#00", &framed(&command)].concat();
            prop_assert_eq!(items(&bytes).pop(), Some(Item::Command(command)));
        }
    }
}
