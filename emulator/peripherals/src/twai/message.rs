//! Frames as they stand in the controller's buffers (TRM, section "Transmit Buffer and Receive Buffer"), and the filter of those that are
//! received (section "Acceptance Filter").

use espalier_core::{CanFrame, Field};

const EXTENDED: Field = Field::new("FF", 7, 7);
const REMOTE: Field = Field::new("RTR", 6, 6);
const CODE: Field = Field::new("DLC", 0, 3);

/// Bytes of a buffer.
pub(super) const BUFFER: usize = 13;

/// The frame in a buffer.
pub(super) fn read(buffer: &[u8; BUFFER]) -> CanFrame {
    let head = u32::from(buffer[0]);
    let extended = EXTENDED.is_set(head);
    let id = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]);
    let mut frame = CanFrame {
        id: if extended { id >> 3 } else { id >> 21 },
        extended,
        remote: REMOTE.is_set(head),
        code: CODE.get(head) as u8,
        bytes: [0; 8],
    };
    let (data, length) = (if extended { 5 } else { 3 }, frame.length());
    frame.bytes[..length].copy_from_slice(&buffer[data..data + length]);
    frame
}

/// A frame as it stands in the receive buffer.
pub(super) fn write(frame: &CanFrame) -> Vec<u8> {
    let head = EXTENDED.put(frame.extended.into()) | REMOTE.put(frame.remote.into()) | CODE.put(frame.code.into());
    let mut bytes = vec![head as u8];
    bytes.extend(identifier(frame));
    bytes.extend(frame.data());
    bytes
}

/// The identifier with the bit of remote frames behind it, as the buffer and the filter have it.
fn identifier(frame: &CanFrame) -> Vec<u8> {
    let remote = u32::from(frame.remote);
    if frame.extended {
        (frame.id << 3 | remote << 2).to_be_bytes().to_vec()
    } else {
        ((frame.id << 5 | remote << 4) as u16).to_be_bytes().to_vec()
    }
}

/// Whether a frame passes the filter, of a code and a mask whose set bits do not matter.
pub(super) fn passes(frame: &CanFrame, single: bool, code: [u8; 4], mask: [u8; 4]) -> bool {
    let (id, data) = (identifier(frame), frame.data());
    let byte = |place: usize| data.get(place).copied();
    // Pairs of a byte of the frame and the bits of it that count, for each byte of the code.
    let agrees = |pairs: &[(usize, Option<u8>, u8)]| {
        pairs
            .iter()
            .all(|(place, byte, counts)| byte.is_none_or(|byte| (byte ^ code[*place]) & !mask[*place] & counts == 0))
    };
    let nibbles = (byte(0).map(|byte| byte >> 4), byte(0).map(|byte| byte & 0xF));
    match (single, frame.extended) {
        (true, false) => {
            agrees(&[(0, Some(id[0]), 0xFF), (1, Some(id[1]), 0xF0), (2, byte(0), 0xFF), (3, byte(1), 0xFF)])
        }
        (true, true) => {
            agrees(&[(0, Some(id[0]), 0xFF), (1, Some(id[1]), 0xFF), (2, Some(id[2]), 0xFF), (3, Some(id[3]), 0xFC)])
        }
        // The first of two filters also looks at the first byte of the data, in two halves.
        (false, false) => {
            agrees(&[(0, Some(id[0]), 0xFF), (1, Some(id[1]), 0xF0), (1, nibbles.0, 0x0F), (3, nibbles.1, 0x0F)])
                || agrees(&[(2, Some(id[0]), 0xFF), (3, Some(id[1]), 0xF0)])
        }
        (false, true) => {
            agrees(&[(0, Some(id[0]), 0xFF), (1, Some(id[1]), 0xFF)])
                || agrees(&[(2, Some(id[0]), 0xFF), (3, Some(id[1]), 0xFF)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER, passes, read, write};
    use espalier_core::CanFrame;

    fn frame(text: &str) -> CanFrame {
        text.parse().unwrap()
    }

    #[test]
    fn frames_stand_in_buffers_as_the_manual_says() {
        let bytes = write(&frame("5A5#1122"));
        assert_eq!(bytes, [0x02, 0xB4, 0xA0, 0x11, 0x22]);
        assert_eq!(write(&frame("12345678#R3")), [0xC3, 0x91, 0xA2, 0xB3, 0xC4]);
        for text in ["5A5#1122", "7FF#", "12345678#R3", "1FFFFFFF#0102030405060708", "001#R"] {
            let mut buffer = [0; BUFFER];
            let bytes = write(&frame(text));
            buffer[..bytes.len()].copy_from_slice(&bytes);
            assert_eq!(read(&buffer), frame(text));
        }
    }

    #[test]
    fn the_filter_is_one_of_four_bytes_or_two_of_two() {
        // 0x123 with any data; with 0x11 as its first byte; as a data frame only.
        let any = [0x00, 0x1F, 0xFF, 0xFF];
        for (text, code, mask, accepted) in [
            ("123#", [0x24, 0x60, 0, 0], any, true),
            ("122#", [0x24, 0x60, 0, 0], any, false),
            ("123#11", [0x24, 0x60, 0x11, 0], [0, 0x1F, 0, 0xFF], true),
            ("123#12", [0x24, 0x60, 0x11, 0], [0, 0x1F, 0, 0xFF], false),
            ("123#", [0x24, 0x60, 0x11, 0], [0, 0x1F, 0, 0xFF], true),
            ("123#R", [0x24, 0x60, 0, 0], [0, 0x0F, 0xFF, 0xFF], false),
            ("12345678#", [0x91, 0xA2, 0xB3, 0xC0], [0, 0, 0, 7], true),
            ("12345679#", [0x91, 0xA2, 0xB3, 0xC0], [0, 0, 0, 7], false),
        ] {
            assert_eq!(passes(&frame(text), true, code, mask), accepted, "{text} {code:x?} {mask:x?}");
        }
        // Either 0x123 with a first byte of 0xAB, or any of 0x400 to 0x407.
        let (code, mask) = ([0x24, 0x6A, 0x80, 0x0B], [0x00, 0x10, 0x00, 0xF0]);
        for (text, accepted) in
            [("123#AB", true), ("123#AC", false), ("123#BB", false), ("400#", true), ("407#R", true), ("408#", false)]
        {
            assert_eq!(passes(&frame(text), false, code, mask), accepted, "{text}");
        }
        let (code, mask) = ([0x91, 0xA2, 0xFF, 0xFF], [0; 4]);
        for (text, accepted) in [("12345678#", true), ("12340000#", false), ("1FFFFFFF#", true)] {
            assert_eq!(passes(&frame(text), false, code, mask), accepted, "{text}");
        }
    }
}
