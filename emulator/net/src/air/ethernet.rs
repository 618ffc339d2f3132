//! Ethernet frames as they stand in 802.11 data frames: RFC 1042 encapsulation.

use espalier_ieee80211::MacAddress;

/// LLC and SNAP header before the EtherType (RFC 1042).
const SNAP: [u8; 6] = [0xAA, 0xAA, 0x03, 0, 0, 0];
const ETHERNET_HEADER: usize = 14;
/// EtherTypes start here; below are lengths (IEEE 802.3, 3.2.6).
const ETHERTYPE_MIN: u16 = 0x0600;

/// Destination, source, and what a data frame's body says of an Ethernet frame.
pub(super) struct Split {
    pub destination: MacAddress,
    pub source: MacAddress,
    pub body: Vec<u8>,
}

/// Takes an Ethernet frame apart; `None` if it is too short or has no EtherType.
pub(super) fn split(ethernet: &[u8]) -> Option<Split> {
    let (header, payload) = ethernet.split_at_checked(ETHERNET_HEADER)?;
    let address = |at: usize| Some(MacAddress(header[at..at + 6].try_into().ok()?));
    if u16::from_be_bytes([header[12], header[13]]) < ETHERTYPE_MIN {
        return None;
    }
    let body = [&SNAP, &header[12..], payload].concat();
    Some(Split { destination: address(0)?, source: address(6)?, body })
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
    use super::{join, split};

    #[test]
    fn an_ethernet_frame_survives_the_air() {
        let ethernet: Vec<u8> = [&[1u8; 6][..], &[2; 6], &[0x08, 0x00], b"payload"].concat();
        let parts = split(&ethernet).unwrap();
        assert_eq!(join(parts.destination, parts.source, &parts.body), Some(ethernet));
        assert!(split(&[0; 13]).is_none() && split(&[0; 20]).is_none());
    }
}
