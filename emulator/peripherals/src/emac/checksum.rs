//! Checksums that the transmitter puts into IPv4 frames (TRM, section "Transmit Checksum Offload"; RFC 791, 793, 768, 792).

use crate::ethernet::{HEADER, kind};

/// The values of CIC: which checksums a descriptor asks for.
mod asked {
    pub const NOTHING: u32 = 0;
    pub const IP_HEADER: u32 = 1;
    /// The header's and the payload's, of which software has put the part of the pseudo-header in its place.
    pub const WITHOUT_PSEUDO_HEADER: u32 = 2;
}

const TYPE_IPV4: u16 = 0x0800;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

/// The sum of 16-bit words in ones' complement.
fn sum(bytes: &[u8], start: u32) -> u32 {
    let mut sum = start;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum
}

fn put(bytes: &mut [u8], at: usize, sum: u32) {
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// Puts into a frame what is asked for. Frames that are no whole IPv4 packets stay as they are.
pub(super) fn insert(frame: &mut [u8], what: u32) {
    if what == asked::NOTHING || frame.len() < HEADER + 20 || kind(frame) != TYPE_IPV4 {
        return;
    }
    let packet = &mut frame[HEADER..];
    let header = 4 * usize::from(packet[0] & 0xF);
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if packet[0] >> 4 != 4 || header < 20 || length < header || length > packet.len() {
        return;
    }
    let (ip, payload) = packet[..length].split_at_mut(header);
    let is_fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3FFF != 0;
    let place = match ip[9] {
        PROTOCOL_TCP => 16,
        PROTOCOL_UDP => 6,
        PROTOCOL_ICMP => 2,
        _ => usize::MAX - 2,
    };
    if what != asked::IP_HEADER && !is_fragment && place + 2 <= payload.len() {
        let mut begin = 0;
        if what == asked::WITHOUT_PSEUDO_HEADER {
            begin = u32::from(u16::from_be_bytes([payload[place], payload[place + 1]]));
        } else if ip[9] != PROTOCOL_ICMP {
            begin = sum(&ip[12..20], u32::from(ip[9]) + payload.len() as u32);
        }
        payload[place..place + 2].fill(0);
        let mut total = sum(payload, begin);
        if ip[9] == PROTOCOL_UDP && total == 0xFFFF {
            // Zero would say that there is no checksum.
            total = 0;
        }
        put(payload, place, total);
    }
    ip[10..12].fill(0);
    let total = sum(ip, 0);
    put(ip, 10, total);
}

#[cfg(test)]
mod tests {
    use super::{insert, sum};
    use crate::ethernet::HEADER;

    /// An Ethernet frame with a UDP packet in it whose checksums are wrong.
    fn frame(data: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00]);
        let length = 28 + data.len() as u16;
        frame.extend([
            0x45,
            0,
            (length >> 8) as u8,
            length as u8,
            0,
            1,
            0,
            0,
            64,
            17,
            0xDE,
            0xAD,
            10,
            0,
            2,
            1,
            10,
            0,
            2,
            2,
        ]);
        frame.extend([0x13, 0x88, 0x13, 0x89, 0, 8 + data.len() as u8, 0xBE, 0xEF]);
        frame.extend(data);
        frame
    }

    /// RFC 1071: a receiver's sum over all of it gives all ones.
    #[test]
    fn a_receiver_finds_both_checksums_right() {
        for data in [&b"even"[..], b"odd", b""] {
            let mut sent = frame(data);
            insert(&mut sent, 3);
            let packet = &sent[HEADER..];
            assert_eq!(sum(&packet[..20], 0), 0xFFFF);
            assert_eq!(sum(&packet[20..], sum(&packet[12..20], 17 + (packet.len() as u32 - 20))), 0xFFFF);
        }
    }

    #[test]
    fn only_what_is_asked_for_is_changed() {
        let original = frame(b"data");
        let (mut none, mut header) = (original.clone(), original.clone());
        insert(&mut none, 0);
        insert(&mut header, 1);
        assert_eq!(none, original);
        assert_eq!((sum(&header[HEADER..HEADER + 20], 0), &header[HEADER + 20..]), (0xFFFF, &original[HEADER + 20..]));
        // Software has summed up the pseudo-header: the same comes out.
        let (mut whole, mut rest) = (original.clone(), original.clone());
        let pseudo = sum(&original[HEADER + 12..HEADER + 20], 17 + 12) as u16;
        rest[HEADER + 26..HEADER + 28].copy_from_slice(&pseudo.to_be_bytes());
        insert(&mut whole, 3);
        insert(&mut rest, 2);
        assert_eq!(whole, rest);
    }

    #[test]
    fn frames_that_are_no_whole_packets_stay_as_they_are() {
        let mut cut = frame(b"data");
        cut.truncate(HEADER + 24);
        let mut short_header = frame(b"data");
        short_header[HEADER] = 0x44;
        let mut other = frame(b"data");
        other[12] = 0x86;
        for frame in [cut, short_header, other, vec![0; 3]] {
            let mut sent = frame.clone();
            insert(&mut sent, 3);
            assert_eq!(sent, frame);
        }
    }
}
