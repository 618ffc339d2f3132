//! The DNS server (RFC 1035): knows the LAN's own names and nothing else.

use std::net::Ipv4Addr;

use espalier_core::FlatMap;

pub(super) const PORT: u16 = 53;

pub(super) const HEADER: usize = 12;
/// Longest name, with the length bytes of its labels (chapter 2.3.4).
const NAME_MAX: usize = 255;
/// A length byte with one of these bits set is no label's length but a pointer (chapter 4.1.4).
const POINTER_BITS: u8 = 0xC0;
/// Where the question's name stands, as a pointer to it.
pub(super) const QUESTION_NAME: [u8; 2] = [0xC0, HEADER as u8];
pub(super) const TYPE_A: u16 = 1;
pub(super) const CLASS_IN: u16 = 1;
const TTL_SECONDS: u32 = 60;

/// Flags of the header's second word (chapter 4.1.1).
pub(super) mod flags {
    pub const QR: u16 = 1 << 15;
    pub const OPCODE_MASK: u16 = 0xF << 11;
    pub const AA: u16 = 1 << 10;
    pub const RD: u16 = 1 << 8;
    pub const RA: u16 = 1 << 7;
    pub const FORMAT_ERROR: u16 = 1;
    pub const NAME_ERROR: u16 = 3;
    pub const NOT_IMPLEMENTED: u16 = 4;
}

/// Answers a query; None to what is no query.
pub(super) fn answer(query: &[u8], names: &FlatMap<String, Ipv4Addr>) -> Option<Vec<u8>> {
    let header = query.get(..HEADER)?;
    let asked = u16::from_be_bytes([header[2], header[3]]);
    if asked & flags::QR != 0 {
        return None;
    }
    let id = [header[0], header[1]];
    let echoed = asked & (flags::OPCODE_MASK | flags::RD);
    if asked & flags::OPCODE_MASK != 0 {
        return Some(response(id, echoed | flags::NOT_IMPLEMENTED, &[], None));
    }
    let questions = u16::from_be_bytes([header[4], header[5]]);
    let Some(question) = Question::parse(&query[HEADER..]).filter(|_| questions == 1) else {
        return Some(response(id, echoed | flags::FORMAT_ERROR, &[], None));
    };
    let found = names.get(&question.name).copied();
    let code = if found.is_some() { 0 } else { flags::NAME_ERROR };
    let address = found.filter(|_| (question.kind, question.class) == (TYPE_A, CLASS_IN));
    Some(response(id, echoed | flags::AA | code, question.bytes, address))
}

pub(super) struct Question<'a> {
    /// In lower case, without the dot at its end.
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) bytes: &'a [u8],
}

impl Question<'_> {
    pub(super) fn parse(bytes: &[u8]) -> Option<Question<'_>> {
        let mut name = String::new();
        let mut at = 0;
        loop {
            let length = *bytes.get(at)?;
            at += 1;
            if length == 0 {
                break;
            }
            if length & POINTER_BITS != 0 || at + usize::from(length) > NAME_MAX {
                return None;
            }
            let label = bytes.get(at..at + usize::from(length))?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
            at += usize::from(length);
        }
        let tail = bytes.get(at..at + 4)?;
        let kind = u16::from_be_bytes([tail[0], tail[1]]);
        let class = u16::from_be_bytes([tail[2], tail[3]]);
        Some(Question { name, kind, class, bytes: &bytes[..at + 4] })
    }
}

fn response(id: [u8; 2], flags: u16, question: &[u8], address: Option<Ipv4Addr>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + question.len() + 16);
    bytes.extend_from_slice(&id);
    bytes.extend_from_slice(&(flags | flags::QR | flags::RA).to_be_bytes());
    for count in [u16::from(!question.is_empty()), u16::from(address.is_some()), 0, 0] {
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    bytes.extend_from_slice(question);
    if let Some(address) = address {
        bytes.extend_from_slice(&QUESTION_NAME);
        bytes.extend_from_slice(&TYPE_A.to_be_bytes());
        bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
        bytes.extend_from_slice(&TTL_SECONDS.to_be_bytes());
        bytes.extend_from_slice(&4u16.to_be_bytes());
        bytes.extend_from_slice(&address.octets());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use espalier_core::FlatMap;

    use super::answer;

    const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

    fn names() -> FlatMap<String, Ipv4Addr> {
        FlatMap::from_iter([("peer.lan".to_string(), PEER)])
    }

    fn query(labels: &[&str], kind: u8) -> Vec<u8> {
        let mut bytes = vec![0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.extend_from_slice(&[0, 0, kind, 0, 1]);
        bytes
    }

    /// RFC 1035, 4.1: identifier, flags, question and answer.
    #[test]
    fn known_name_has_its_address() {
        let asked = query(&["Peer", "LAN"], 1);
        let answered = answer(&asked, &names()).unwrap();
        assert_eq!(answered[..12], [0xAB, 0xCD, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(answered[12..asked.len()], asked[12..]);
        assert_eq!(answered[asked.len()..], [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 2]);
    }

    #[test]
    fn unknown_names_types_and_opcodes() {
        let code = |bytes: &[u8]| answer(bytes, &names()).map(|answered| (answered[3] & 0xF, answered[7]));
        assert_eq!(code(&query(&["elsewhere", "com"], 1)), Some((3, 0)));
        assert_eq!(code(&query(&["peer", "lan"], 28)), Some((0, 0)));
        let mut status = query(&["peer", "lan"], 1);
        status[2] |= 2 << 3;
        assert_eq!(code(&status), Some((4, 0)));
        let mut response = query(&["peer", "lan"], 1);
        response[2] |= 0x80;
        assert_eq!(code(&response), None);
    }

    #[test]
    fn malformed_questions_are_format_errors() {
        for tail in [&[][..], &[5, b'a'], &[0xC0, 12, 0, 1, 0, 1], &[1, b'a', 0, 0]] {
            let mut bytes = query(&[], 1)[..12].to_vec();
            bytes.extend_from_slice(tail);
            assert_eq!(answer(&bytes, &names()).map(|answered| answered[3] & 0xF), Some(1), "{tail:?}");
        }
        assert_eq!(answer(&[0; 11], &names()), None);
    }
}
