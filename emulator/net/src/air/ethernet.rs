//! Ethernet frames as they stand in 802.11 data frames: RFC 1042 encapsulation.

use espalier_ieee80211::{CCMP_HEADER, FrameBuilder, MacAddress, TemporalKey, seal};

/// LLC and SNAP header before the EtherType (RFC 1042).
const SNAP: [u8; 6] = [0xAA, 0xAA, 0x03, 0, 0, 0];
const ETHERTYPE_AT: usize = 12;
const ETHERNET_HEADER: usize = 14;
/// EtherTypes start here; below are lengths (IEEE 802.3, 3.2.6).
const ETHERTYPE_MIN: u16 = 0x0600;

/// An Ethernet frame taken apart.
pub(super) struct Split<'a> {
    pub destination: MacAddress,
    pub source: MacAddress,
    /// EtherType and payload.
    rest: &'a [u8],
}

/// The CCMP header and the key of a frame that is to be protected.
pub(super) type Protection = ([u8; CCMP_HEADER], TemporalKey);

impl Split<'_> {
    /// Ends the data frame that `header` begins, which is marked as protected if it is to be: the Ethernet frame is its body. `None` if
    /// it is longer than a protected frame can be.
    pub fn finish(&self, header: FrameBuilder, protection: Option<Protection>) -> Option<Vec<u8>> {
        let Some((ccmp_header, key)) = protection else {
            return Some(header.bytes(&SNAP).bytes(self.rest).build());
        };
        let mut frame = header.bytes(&ccmp_header).bytes(&SNAP).bytes(self.rest).build();
        let code = seal(&mut frame, &key)?;
        frame.extend(code);
        Some(frame)
    }
}

/// Takes an Ethernet frame apart; `None` if it is too short or has no EtherType.
pub(super) fn split(ethernet: &[u8]) -> Option<Split<'_>> {
    let (header, _) = ethernet.split_at_checked(ETHERNET_HEADER)?;
    let address = |at: usize| Some(MacAddress(header[at..at + 6].try_into().ok()?));
    if u16::from_be_bytes([header[ETHERTYPE_AT], header[ETHERTYPE_AT + 1]]) < ETHERTYPE_MIN {
        return None;
    }
    Some(Split { destination: address(0)?, source: address(6)?, rest: &ethernet[ETHERTYPE_AT..] })
}

/// The Ethernet frame of a data frame's body; `None` if the body is not RFC 1042.
pub(super) fn join(destination: MacAddress, source: MacAddress, body: &[u8]) -> Option<Vec<u8>> {
    let rest = body.strip_prefix(&SNAP)?;
    (rest.len() >= 2).then(|| [&destination.0, &source.0, rest].concat())
}

/// The body of a data frame that carries `payload`.
pub(super) fn encapsulate(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&SNAP, &ethertype.to_be_bytes()[..], payload].concat()
}

/// Returns the bytes after the EtherType in a data frame's body.
pub(super) fn payload(body: &[u8]) -> &[u8] {
    body.get(SNAP.len() + 2..).unwrap_or(&[])
}

/// EtherType of a data frame's body.
pub(super) fn ethertype(body: &[u8]) -> Option<u16> {
    let [high, low, ..] = *body.strip_prefix(&SNAP)? else { return None };
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use espalier_ieee80211::{Control, FrameBuilder, FrameType, MacAddress, Mpdu, subtype};

    use super::{join, split};

    #[test]
    fn an_ethernet_frame_survives_the_air() {
        let ethernet: Vec<u8> = [&[1u8; 6][..], &[2; 6], &[0x08, 0x00], b"payload"].concat();
        let parts = split(&ethernet).unwrap();
        let control = Control::new(FrameType::Data, subtype::DATA);
        let frame = parts.finish(FrameBuilder::new(control, [MacAddress::BROADCAST; 3], 0), None).unwrap();
        let body = Mpdu::new(&frame).unwrap().body();
        assert_eq!(join(parts.destination, parts.source, body).as_ref(), Some(&ethernet));
        assert!(split(&[0; 13]).is_none() && split(&[0; 20]).is_none());
    }
}
