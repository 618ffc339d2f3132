//! Multicast DNS (RFC 6762): answers questions for those of the LAN's names that end in `.local`.

use std::net::Ipv4Addr;

use espalier_core::FlatMap;

use super::dns::{CLASS_IN, HEADER, QUESTION_NAME, Question, TYPE_A, flags};

pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub(super) const GROUP_MAC: [u8; 6] = [0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB];
pub(super) const PORT: u16 = 5353;

const DOMAIN: &str = ".local";
const TYPE_ANY: u16 = 255;
/// In a question, the asker wants the answer for itself (5.4); in an answer, older answers are wrong (10.2).
const TOP_BIT: u16 = 1 << 15;
const TTL_SECONDS: u32 = 120;
/// A resolver that knows nothing of multicast DNS must not keep an answer for longer (6.7).
const SHORT_TTL_SECONDS: u32 = 10;

/// An answer.
pub(super) struct Answer {
    pub(super) message: Vec<u8>,
    /// It goes to the group, not to the asker.
    pub(super) to_group: bool,
}

/// Answers the first question that asks for the address of a known name; None if there is none, as others may know the name.
pub(super) fn answer(query: &[u8], from_port: u16, names: &FlatMap<String, Ipv4Addr>) -> Option<Answer> {
    let header = query.get(..HEADER)?;
    let asked = u16::from_be_bytes([header[2], header[3]]);
    if asked & (flags::QR | flags::OPCODE_MASK) != 0 {
        return None;
    }
    let mut rest = &query[HEADER..];
    for _ in 0..u16::from_be_bytes([header[4], header[5]]) {
        let question = Question::parse(rest)?;
        rest = &rest[question.bytes.len()..];
        let fits = matches!(question.kind, TYPE_A | TYPE_ANY) && question.class & !TOP_BIT == CLASS_IN;
        if let Some(address) = names.get(&question.name).filter(|_| fits && question.name.ends_with(DOMAIN)) {
            // A query from another port is that of a simple resolver, which expects the answer of a DNS server (6.7).
            let simple = from_port != PORT;
            let to_group = !simple && question.class & TOP_BIT == 0;
            return Some(Answer { message: message(header, &question, *address, simple), to_group });
        }
    }
    None
}

fn message(header: &[u8], question: &Question<'_>, address: Ipv4Addr, simple: bool) -> Vec<u8> {
    let (name, _) = question.bytes.split_at(question.bytes.len() - 4);
    let mut bytes = if simple { header[..2].to_vec() } else { vec![0; 2] };
    let word = |value: u16, bytes: &mut Vec<u8>| bytes.extend(value.to_be_bytes());
    word(flags::QR | flags::AA, &mut bytes);
    for count in [u16::from(simple), 1, 0, 0] {
        word(count, &mut bytes);
    }
    bytes.extend(name);
    if simple {
        word(question.kind, &mut bytes);
        word(question.class & !TOP_BIT, &mut bytes);
        bytes.extend(QUESTION_NAME);
    }
    word(TYPE_A, &mut bytes);
    word(if simple { CLASS_IN } else { CLASS_IN | TOP_BIT }, &mut bytes);
    bytes.extend(if simple { SHORT_TTL_SECONDS } else { TTL_SECONDS }.to_be_bytes());
    word(4, &mut bytes);
    bytes.extend(address.octets());
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use espalier_core::FlatMap;

    use super::{PORT, answer};

    fn names() -> FlatMap<String, Ipv4Addr> {
        let address = |last| Ipv4Addr::new(10, 0, 2, last);
        FlatMap::from_iter([("server.local".to_owned(), address(7)), ("peer.lan".to_owned(), address(2))])
    }

    fn question(name: &[&str], kind: u8, class: u16) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            name.iter().flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
        bytes.extend([0, 0, kind]);
        bytes.extend(class.to_be_bytes());
        bytes
    }

    fn query(questions: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0xAB, 0xCD, 0, 0, 0, questions.len() as u8, 0, 0, 0, 0, 0, 0];
        bytes.extend(questions.concat());
        bytes
    }

    const SERVER: [&str; 2] = ["Server", "local"];

    /// RFC 6762, 6.7.
    #[test]
    fn a_simple_resolver_gets_its_question_back_with_the_answer() {
        let asked = query(&[question(&SERVER, 1, 1)]);
        let answered = answer(&asked, 50_000, &names()).unwrap();
        assert!(!answered.to_group);
        assert_eq!(answered.message[..12], [0xAB, 0xCD, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(answered.message[12..asked.len()], asked[12..]);
        assert_eq!(answered.message[asked.len()..], [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 10, 0, 4, 10, 0, 2, 7]);
    }

    /// RFC 6762, 5.4, 6 and 10.2.
    #[test]
    fn others_get_the_answer_over_the_group_unless_they_want_it_alone() {
        let asked = query(&[question(&["other", "local"], 1, 1), question(&SERVER, 255, 1)]);
        let answered = answer(&asked, PORT, &names()).unwrap();
        assert!(answered.to_group);
        assert_eq!(answered.message[..12], [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(answered.message[12..26], *b"\x06Server\x05local\x00");
        assert_eq!(answered.message[26..], [0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 2, 7]);
        let alone = answer(&query(&[question(&SERVER, 1, 0x8001)]), PORT, &names()).unwrap();
        assert!(!alone.to_group);
    }

    #[test]
    fn other_questions_are_left_to_others() {
        for asked in [question(&SERVER, 28, 1), question(&["peer", "lan"], 1, 1), question(&["local"], 1, 1), vec![3]] {
            assert!(answer(&query(&[asked]), PORT, &names()).is_none());
        }
        let mut response = query(&[question(&SERVER, 1, 1)]);
        response[2] |= 0x80;
        assert!(answer(&response, PORT, &names()).is_none());
        assert!(answer(&[0; 11], PORT, &names()).is_none());
    }
}
