//! Packet capture: of Ethernet on the board's ports, and of what is in the air.
//!
//! A capture holds the last frames up to a number of bytes and counts those that it had to drop.

use std::collections::VecDeque;
use std::sync::Arc;

use espalier_core::Time;

use crate::frame::SharedFrame;

/// Magic number of a classic pcap file with nanosecond stamps, in the byte order of the file.
const MAGIC_NANOSECONDS: u32 = 0xA1B2_3C4D;
const VERSION: (u16, u16) = (2, 4);
const SNAP_LENGTH: u32 = 65_535;
/// Bytes of a frame's header in the file.
const RECORD: usize = 16;

/// The kind of header of a capture's frames, by its number in the file's header (the LINKTYPE registry of tcpdump.org).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum LinkType {
    #[default]
    Ethernet = 1,
    /// A radiotap header, then a frame of 802.11.
    Radiotap = 127,
}

espalier_core::persist!(
    enum LinkType {
        Ethernet,
        Radiotap,
    }
);

#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    link_type: LinkType,
    running: bool,
    limit: usize,
    /// Shared with clones of the LAN until one of them records more.
    frames: Arc<VecDeque<(Time, SharedFrame)>>,
    /// Bytes of `frames`.
    size: usize,
    dropped: u64,
}

espalier_core::persist!(value Capture { link_type, running, limit, frames, size, dropped });

impl Capture {
    pub(crate) fn of(link_type: LinkType) -> Capture {
        Capture { link_type, ..Capture::default() }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Records from now on, and holds the last frames that fit into `limit` bytes with their headers.
    pub(crate) fn start(&mut self, limit: usize) {
        (self.running, self.limit) = (true, limit);
    }

    /// Records no more.
    pub(crate) fn stop(&mut self) {
        self.running = false;
    }

    pub(crate) fn record(&mut self, at: Time, frame: &SharedFrame) {
        if !self.running {
            return;
        }
        let frames = Arc::make_mut(&mut self.frames);
        frames.push_back((at, frame.clone()));
        self.size += RECORD + frame.len();
        while self.size > self.limit
            && let Some((_, oldest)) = frames.pop_front()
        {
            self.size -= RECORD + oldest.len();
            self.dropped += 1;
        }
    }

    /// Frames that were recorded so far, those that were dropped included.
    pub(crate) fn recorded(&self) -> u64 {
        self.dropped + self.frames.len() as u64
    }

    /// Frames that are not in the file any more.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The capture from a frame on as a pcap file (draft-ietf-opsawg-pcap), stamped with guest time since power-on.
    pub(crate) fn to_pcap(&self, first: u64) -> Vec<u8> {
        let skipped = usize::try_from(first.saturating_sub(self.dropped)).unwrap_or(usize::MAX).min(self.frames.len());
        let mut file = Vec::new();
        file.extend_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
        file.extend_from_slice(&VERSION.0.to_le_bytes());
        file.extend_from_slice(&VERSION.1.to_le_bytes());
        for word in [0, 0, SNAP_LENGTH, self.link_type as u32] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for (at, frame) in self.frames.range(skipped..) {
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
    use super::{Capture, RECORD};
    use espalier_core::Time;

    #[test]
    fn file_is_a_classic_pcap() {
        let mut capture = Capture::default();
        capture.record(Time::ZERO, &vec![1; 60].into());
        capture.start(1000);
        capture.record(Time::from_micros(3_000_250), &vec![7; 60].into());
        let file = capture.to_pcap(0);
        let words: Vec<u32> = file[..40].chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        assert_eq!(words, [0xA1B2_3C4D, 0x0004_0002, 0, 0, 65_535, 1, 3, 250_000, 60, 60]);
        assert_eq!(file[40..], [7; 60]);
    }

    #[test]
    fn the_oldest_frames_are_dropped_and_counted() {
        let mut capture = Capture::default();
        capture.start(10 * (60 + RECORD));
        for n in 0..100 {
            capture.record(Time::ZERO, &vec![n; 60].into());
        }
        assert_eq!((capture.recorded(), capture.dropped(), capture.frames.len()), (100, 90, 10));
        assert_eq!(capture.to_pcap(0).len(), 24 + 10 * (60 + RECORD));
        let last = capture.to_pcap(99);
        assert_eq!((last.len(), last.last()), (24 + 60 + RECORD, Some(&99)));
        assert_eq!(capture.to_pcap(100).len(), 24);
    }
}
