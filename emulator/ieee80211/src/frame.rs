//! MAC headers (9.2 and 9.3).

use crate::address::MacAddress;
use crate::element::Elements;

/// Bytes of a header with three addresses.
const HEADER: usize = 24;
/// Bytes of the shortest frames, ACK and CTS.
const SHORTEST: usize = 10;
const QOS_CONTROL: usize = 2;
const HT_CONTROL: usize = 4;

/// Types of frames (table 9-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    Management,
    Control,
    Data,
    Extension,
}

/// Subtypes of frames, as the four bits of the frame control field say it (table 9-1).
pub mod subtype {
    pub const ASSOCIATION_REQUEST: u8 = 0;
    pub const ASSOCIATION_RESPONSE: u8 = 1;
    pub const REASSOCIATION_REQUEST: u8 = 2;
    pub const REASSOCIATION_RESPONSE: u8 = 3;
    pub const PROBE_REQUEST: u8 = 4;
    pub const PROBE_RESPONSE: u8 = 5;
    pub const BEACON: u8 = 8;
    pub const DISASSOCIATION: u8 = 10;
    pub const AUTHENTICATION: u8 = 11;
    pub const DEAUTHENTICATION: u8 = 12;
    pub const ACTION: u8 = 13;
    pub const PS_POLL: u8 = 10;
    pub const DATA: u8 = 0;
    pub const NULL: u8 = 4;
    /// Set in the subtype of data frames with a QoS control field.
    pub const QOS: u8 = 8;
}

/// The frame control field (9.2.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control(pub u16);

impl Control {
    pub const TO_DS: u16 = 1 << 8;
    pub const FROM_DS: u16 = 1 << 9;
    pub const RETRY: u16 = 1 << 11;
    pub const POWER_MANAGEMENT: u16 = 1 << 12;
    pub const MORE_DATA: u16 = 1 << 13;
    pub const PROTECTED: u16 = 1 << 14;
    pub const ORDER: u16 = 1 << 15;

    /// A field without flags.
    pub const fn new(frame_type: FrameType, subtype: u8) -> Control {
        Control((frame_type as u16) << 2 | (subtype as u16) << 4)
    }

    pub fn frame_type(self) -> FrameType {
        match self.0 >> 2 & 3 {
            0 => FrameType::Management,
            1 => FrameType::Control,
            2 => FrameType::Data,
            _ => FrameType::Extension,
        }
    }

    pub fn subtype(self) -> u8 {
        (self.0 >> 4 & 0xF) as u8
    }

    /// True if all bits of `flags` are set.
    pub fn has(self, flags: u16) -> bool {
        self.0 & flags == flags
    }

    /// True for a management frame of this subtype.
    pub fn is_management(self, subtype: u8) -> bool {
        self.frame_type() == FrameType::Management && self.subtype() == subtype
    }

    fn has_qos(self) -> bool {
        self.frame_type() == FrameType::Data && self.subtype() & subtype::QOS != 0
    }
}

/// A frame of 802.11 (MPDU) that has been received, without its frame check sequence.
#[derive(Clone, Copy, Debug)]
pub struct Mpdu<'a> {
    bytes: &'a [u8],
}

impl<'a> Mpdu<'a> {
    /// `None` if `bytes` are too short for the header that they begin.
    pub fn new(bytes: &'a [u8]) -> Option<Mpdu<'a>> {
        if bytes.len() < SHORTEST {
            return None;
        }
        let frame = Mpdu { bytes };
        (bytes.len() >= frame.header_length()).then_some(frame)
    }

    pub fn control(self) -> Control {
        Control(u16::from_le_bytes([self.bytes[0], self.bytes[1]]))
    }

    /// Bytes up to the frame body.
    pub fn header_length(self) -> usize {
        let control = self.control();
        if control.frame_type() == FrameType::Control {
            return if control.subtype() == subtype::PS_POLL { 16 } else { SHORTEST };
        }
        let fourth = if control.has(Control::TO_DS | Control::FROM_DS) { 6 } else { 0 };
        let qos = if control.has_qos() { QOS_CONTROL } else { 0 };
        let ht = if control.has(Control::ORDER) && (control.has_qos() || control.frame_type() == FrameType::Management)
        {
            HT_CONTROL
        } else {
            0
        };
        HEADER + fourth + qos + ht
    }

    /// Address 1: who is to receive the frame.
    pub fn receiver(self) -> MacAddress {
        MacAddress::from_slice(&self.bytes[4..]).unwrap_or_default()
    }

    /// Address 2: who has sent the frame; ACK and CTS do not say it.
    pub fn transmitter(self) -> Option<MacAddress> {
        MacAddress::from_slice(self.bytes.get(10..)?)
    }

    /// Address 3.
    pub fn address3(self) -> Option<MacAddress> {
        MacAddress::from_slice(self.bytes.get(16..)?)
    }

    /// The network that the frame belongs to (table 9-30).
    pub fn bssid(self) -> Option<MacAddress> {
        let control = self.control();
        match (control.has(Control::TO_DS), control.has(Control::FROM_DS)) {
            (false, false) if control.frame_type() == FrameType::Control => None,
            (false, false) => self.address3(),
            (true, false) => Some(self.receiver()),
            (false, true) => self.transmitter(),
            (true, true) => None,
        }
    }

    /// Returns the bytes after the header.
    pub fn body(self) -> &'a [u8] {
        &self.bytes[self.header_length()..]
    }

    /// The elements after `fixed` bytes of the body.
    pub fn elements(self, fixed: usize) -> Elements<'a> {
        Elements(self.body().get(fixed..).unwrap_or(&[]))
    }

    /// All bytes of the frame.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// Puts a frame together.
#[derive(Clone, Debug)]
pub struct FrameBuilder {
    bytes: Vec<u8>,
}

impl FrameBuilder {
    /// A header with three addresses; duration and fragment number are zero.
    pub fn new(control: Control, addresses: [MacAddress; 3], sequence: u16) -> FrameBuilder {
        let mut bytes = control.0.to_le_bytes().to_vec();
        bytes.extend([0, 0]);
        addresses.iter().for_each(|address| bytes.extend(address.0));
        bytes.extend((sequence << 4).to_le_bytes());
        FrameBuilder { bytes }
    }

    /// Appends bytes of the body.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> FrameBuilder {
        self.bytes.extend(bytes);
        self
    }

    /// Appends an element. A body of more than 255 bytes is cut.
    #[must_use]
    pub fn element(mut self, id: u8, body: &[u8]) -> FrameBuilder {
        let body = &body[..body.len().min(usize::from(u8::MAX))];
        self.bytes.extend([id, body.len() as u8]);
        self.bytes.extend(body);
        self
    }

    pub fn build(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, FrameBuilder, FrameType, Mpdu, subtype};
    use crate::{MacAddress, element_id};

    #[test]
    fn built_frames_are_read_back() {
        let addresses = [MacAddress::BROADCAST, MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])];
        let bytes = FrameBuilder::new(Control::new(FrameType::Management, subtype::BEACON), addresses, 7)
            .bytes(&[0; 12])
            .element(element_id::SSID, b"home")
            .build();
        let frame = Mpdu::new(&bytes).unwrap();
        assert!(frame.control().is_management(subtype::BEACON));
        assert_eq!(frame.receiver(), MacAddress::BROADCAST);
        assert_eq!(frame.bssid(), Some(addresses[2]));
        assert_eq!(frame.elements(12).get(element_id::SSID), Some(&b"home"[..]));
    }

    /// Table 9-30: where the BSSID stands depends on the direction.
    #[test]
    fn the_bssid_of_data_depends_on_its_direction() {
        let addresses = [1, 2, 3].map(|last| MacAddress([2, 0, 0, 0, 0, last]));
        let data = Control::new(FrameType::Data, subtype::DATA);
        for (flags, index) in [(0, 2), (Control::TO_DS, 0), (Control::FROM_DS, 1)] {
            let bytes = FrameBuilder::new(Control(data.0 | flags), addresses, 0).build();
            assert_eq!(Mpdu::new(&bytes).unwrap().bssid(), Some(addresses[index]));
        }
    }

    #[test]
    fn qos_data_has_a_longer_header() {
        let control = Control::new(FrameType::Data, subtype::DATA | subtype::QOS);
        let bytes = FrameBuilder::new(control, [MacAddress::BROADCAST; 3], 0).build();
        assert!(Mpdu::new(&bytes).is_none());
        let bytes = [bytes, vec![0, 0, 9]].concat();
        assert_eq!(Mpdu::new(&bytes).unwrap().body(), [9]);
    }

    #[test]
    fn every_prefix_of_a_frame_is_read_or_refused() {
        for first in 0..=u8::MAX {
            for length in 0..40 {
                let mut bytes = vec![0xFF; length];
                if let Some(byte) = bytes.first_mut() {
                    *byte = first;
                }
                if let Some(frame) = Mpdu::new(&bytes) {
                    let _ = (frame.bssid(), frame.body(), frame.elements(2).count());
                }
            }
        }
    }
}
