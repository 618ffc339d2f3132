//! Packet capture: of Ethernet on the board's ports, and of what is in the air.

use std::sync::Arc;

use espalier_core::Time;

use crate::fault::Frame;

/// Magic number of a classic pcap file with nanosecond stamps, in the byte order of the file.
const MAGIC_NANOSECONDS: u32 = 0xA1B2_3C4D;
const VERSION: (u16, u16) = (2, 4);
const SNAP_LENGTH: u32 = 65_535;

/// What a capture's frames begin with, by its number in the file's header (the LINKTYPE registry of tcpdump.org).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum LinkType {
    #[default]
    Ethernet = 1,
    /// A radiotap header, then a frame of 802.11.
    Radiotap = 127,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    link_type: LinkType,
    running: bool,
    /// Shared with clones of the LAN until one of them records more.
    frames: Arc<Vec<(Time, Frame)>>,
}

impl Capture {
    pub(crate) fn of(link_type: LinkType) -> Capture {
        Capture { link_type, ..Capture::default() }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    pub(crate) fn set_running(&mut self, running: bool) {
        self.running = running;
    }

    pub(crate) fn record(&mut self, at: Time, frame: &Frame) {
        if self.running {
            Arc::make_mut(&mut self.frames).push((at, frame.clone()));
        }
    }

    /// The capture as a pcap file (draft-ietf-opsawg-pcap), stamped with guest time since power-on.
    pub(crate) fn to_pcap(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(24 + self.frames.iter().map(|(_, frame)| 16 + frame.len()).sum::<usize>());
        file.extend_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
        file.extend_from_slice(&VERSION.0.to_le_bytes());
        file.extend_from_slice(&VERSION.1.to_le_bytes());
        for word in [0, 0, SNAP_LENGTH, self.link_type as u32] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for (at, frame) in self.frames.iter() {
            let since_start = std::time::Duration::from(at.since(Time::ZERO));
            let stored = &frame[..frame.len().min(SNAP_LENGTH as usize)];
            for word in
                [since_start.as_secs() as u32, since_start.subsec_nanos(), stored.len() as u32, frame.len() as u32]
            {
                file.extend_from_slice(&word.to_le_bytes());
            }
            file.extend_from_slice(stored);
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::Capture;
    use espalier_core::Time;

    #[test]
    fn file_is_a_classic_pcap() {
        let mut capture = Capture::default();
        capture.record(Time::ZERO, &vec![1; 60].into());
        capture.set_running(true);
        capture.record(Time::from_micros(3_000_250), &vec![7; 60].into());
        let file = capture.to_pcap();
        let words: Vec<u32> = file[..40].chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        assert_eq!(words, [0xA1B2_3C4D, 0x0004_0002, 0, 0, 65_535, 1, 3, 250_000, 60, 60]);
        assert_eq!(file[40..], [7; 60]);
    }
}
