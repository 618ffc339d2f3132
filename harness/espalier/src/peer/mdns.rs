//! One question and its answer in multicast DNS (RFC 6762), which has the format of DNS (RFC 1035).

use std::net::Ipv4Addr;

const TYPE_A: u16 = 1;
/// The class "Internet". Its upper bit asks for an answer to the asker alone (RFC 6762, 5.4).
const CLASS_IN: u16 = 1;
const UNICAST_WANTED: u16 = 1 << 15;
const HEADER: usize = 12;
/// A length byte with these bits is the first of a pointer (RFC 1035, 4.1.4).
const POINTER: u8 = 0xC0;
/// Pointers that a name may have; more are a loop.
const POINTERS_MAX: usize = 16;

/// Asks for the IPv4 address of `name`.
pub(super) fn question(name: &str) -> Vec<u8> {
    // Identifier and flags are zero; there is one question.
    let mut message = vec![0; HEADER];
    message[5] = 1;
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        message.push(label.len() as u8);
        message.extend(label);
    }
    message.push(0);
    message.extend(TYPE_A.to_be_bytes());
    message.extend((CLASS_IN | UNICAST_WANTED).to_be_bytes());
    message
}

/// The address of `name` that a message gives, if it does.
pub(super) fn answer(message: &[u8], name: &str) -> Option<Ipv4Addr> {
    let questions = word(message, 4)?;
    let records = (0..3).map(|section| word(message, 6 + 2 * section).map(usize::from)).sum::<Option<usize>>()?;
    let mut at = HEADER;
    for _ in 0..questions {
        at = name_at(message, at)?.1 + 4;
    }
    for _ in 0..records {
        let (owner, end) = name_at(message, at)?;
        let length = usize::from(word(message, end + 8)?);
        let data = message.get(end + 10..end + 10 + length)?;
        if word(message, end)? == TYPE_A
            && owner.eq_ignore_ascii_case(name.trim_end_matches('.'))
            && let Ok(octets) = <[u8; 4]>::try_from(data)
        {
            return Some(octets.into());
        }
        at = end + 10 + length;
    }
    None
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

/// The name at a segment, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut labels, mut end) = (Vec::new(), None);
    for _ in 0..POINTERS_MAX {
        loop {
            let length = *message.get(at)?;
            if length & POINTER == POINTER {
                end = end.or(Some(at + 2));
                at = usize::from(word(message, at)? & 0x3FFF);
                break;
            }
            if length == 0 {
                return Some((labels.join("."), end.unwrap_or(at + 1)));
            }
            labels.push(String::from_utf8_lossy(message.get(at + 1..at + 1 + usize::from(length))?).into_owned());
            at += 1 + usize::from(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{HEADER, answer, question};

    #[test]
    fn an_answer_is_found_behind_the_question() {
        let mut message = question("esp32.local");
        assert_eq!(message[HEADER..], *b"\x05esp32\x05local\x00\x00\x01\x80\x01");
        // Two answers: another type, then the address, whose name points at the question's.
        message[7] = 2;
        message.extend(b"\xC0\x0C\x00\x1C\x80\x01\x00\x00\x00\x78\x00\x01\x00");
        message.extend(b"\xC0\x0C\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\xC0\xA8\x04\x64");
        assert_eq!(answer(&message, "ESP32.local."), Some(Ipv4Addr::new(192, 168, 4, 100)));
        assert_eq!(answer(&message, "esp32"), None);
        for length in 0..message.len() {
            assert_eq!(answer(&message[..length], "esp32.local"), None);
        }
    }

    #[test]
    fn names_that_point_at_themselves_end() {
        let mut message = vec![0; HEADER];
        message[7] = 1;
        message.extend(b"\xC0\x0C\x00\x01\x00\x01");
        assert_eq!(answer(&message, "esp32.local"), None);
    }
}
