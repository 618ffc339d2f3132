//! Frames of the board by their number, and what happens to single ones of them: what an explorer tries, one after the other.

mod summary;

use std::collections::BTreeMap;

use espalier_core::{Span, Time};

/// Frames of each direction that are remembered, and how many bytes of each.
const COUNTED_MAX: usize = 1024;
const HEAD: usize = 128;

/// The fault of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameFault {
    /// It never arrives. In the air, nor does any of its repetitions.
    Drop,
    /// It arrives twice. In the air its acknowledgement gets lost, so that its sender repeats it.
    Duplicate,
    /// It is late by so much, and with it the frames behind it.
    Delay(Span),
    /// It is late by so much, and the frames behind it overtake it.
    Reorder(Span),
    /// It arrives, and right behind it all networks in the air send their stations away.
    Deauthenticate,
}

espalier_core::persist!(
    enum FrameFault {
        Drop,
        Duplicate,
        Delay(span),
        Reorder(span),
        Deauthenticate,
    }
);

/// Where frames of the board are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameLink {
    /// Its Ethernet cable.
    Cable,
    /// Between the access points and the LAN: what is in the air goes through as it is, and here is the network behind it.
    Bridge,
    /// The air: beacons, probes, acknowledgements and repetitions are not counted.
    Air,
}

espalier_core::persist!(
    enum FrameLink {
        Cable,
        Bridge,
        Air,
    }
);

/// The faults of single frames, by their numbers, which count from zero in each direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FramePlan {
    /// Of frames that the board sends.
    pub from_board: BTreeMap<u64, FrameFault>,
    /// Of frames for the board.
    pub to_board: BTreeMap<u64, FrameFault>,
}

espalier_core::persist!(value FramePlan { from_board, to_board });

/// A frame that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedFrame {
    /// When it was sent.
    pub at: Time,
    /// Length in bytes.
    pub length: usize,
    /// A few words on it, such as "TCP 49152 > 5001 SYN".
    pub summary: String,
}

/// The frames of both directions that were counted, the first ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedFrames {
    /// Frames that the board has sent.
    pub from_board: Vec<CountedFrame>,
    /// Frames for the board.
    pub to_board: Vec<CountedFrame>,
}

/// Both directions of a link.
#[derive(Clone, Debug)]
pub(crate) struct Watches {
    pub(crate) from_board: Watch,
    pub(crate) to_board: Watch,
}

espalier_core::persist!(value Watches { from_board, to_board });

impl Watches {
    pub(crate) fn new(plan: FramePlan) -> Watches {
        Watches { from_board: Watch::new(plan.from_board), to_board: Watch::new(plan.to_board) }
    }

    pub(crate) fn counted(&self, link: FrameLink) -> CountedFrames {
        CountedFrames { from_board: self.from_board.counted(link), to_board: self.to_board.counted(link) }
    }
}

/// Counts the frames of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    faults: BTreeMap<u64, FrameFault>,
    count: u64,
    /// The first ones: when they were sent, their lengths and beginnings.
    first: Vec<(Time, usize, Vec<u8>)>,
    /// Frames do not overtake the one that was delayed.
    not_before: Time,
    /// Mark of the last frame and its repetitions, and whether they get lost.
    last: Option<(Vec<u8>, bool)>,
}

espalier_core::persist!(value Watch { faults, count, first, not_before, last });

impl Watch {
    fn new(faults: BTreeMap<u64, FrameFault>) -> Watch {
        Watch { faults, count: 0, first: Vec::new(), not_before: Time::ZERO, last: None }
    }

    /// Counts a frame, and says what happens to it.
    pub(crate) fn count(&mut self, frame: &[u8], now: Time) -> Option<FrameFault> {
        if self.first.len() < COUNTED_MAX {
            self.first.push((now, frame.len(), frame[..frame.len().min(HEAD)].to_vec()));
        }
        let fault = self.faults.get(&self.count).copied();
        self.count += 1;
        fault
    }

    /// The same where senders repeat frames: `mark` is what a repetition has in common with its frame. It gets lost if that was lost.
    pub(crate) fn count_once(&mut self, frame: &[u8], mark: &[u8], now: Time) -> Option<FrameFault> {
        match &self.last {
            Some((last, lost)) if last == mark => lost.then_some(FrameFault::Drop),
            _ => {
                let fault = self.count(frame, now);
                self.last = Some((mark.to_vec(), fault == Some(FrameFault::Drop)));
                fault
            }
        }
    }

    /// When the copies of a frame arrive that would arrive at `arrival`.
    pub(crate) fn arrivals(&mut self, fault: Option<FrameFault>, arrival: Time) -> [Option<Time>; 2] {
        let in_order = arrival.max(self.not_before);
        match fault {
            None | Some(FrameFault::Deauthenticate) => [Some(in_order), None],
            Some(FrameFault::Drop) => [None, None],
            Some(FrameFault::Duplicate) => [Some(in_order), Some(in_order)],
            Some(FrameFault::Delay(span)) => {
                self.not_before = in_order + span;
                [Some(self.not_before), None]
            }
            Some(FrameFault::Reorder(span)) => [Some(in_order + span), None],
        }
    }

    fn counted(&self, link: FrameLink) -> Vec<CountedFrame> {
        let summary = match link {
            FrameLink::Cable | FrameLink::Bridge => summary::ethernet,
            FrameLink::Air => summary::air,
        };
        let counted = self.first.iter();
        counted.map(|(at, length, head)| CountedFrame { at: *at, length: *length, summary: summary(head) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use espalier_core::{Span, Time};

    use super::{FrameFault, FrameLink, Watch};

    #[test]
    fn each_fault_meets_the_frame_of_its_number() {
        let late = Span::from_millis(5);
        let faults = [FrameFault::Drop, FrameFault::Duplicate, FrameFault::Reorder(late), FrameFault::Delay(late)];
        let mut watch = Watch::new(BTreeMap::from_iter((1..).zip(faults)));
        let mut arrivals = Vec::new();
        for number in 0..6 {
            let now = Time::from_micros(number * 1000);
            let fault = watch.count(&[number as u8], now);
            arrivals.extend(watch.arrivals(fault, now).into_iter().flatten().map(|at| (number, at.as_micros())));
        }
        // The last one may not overtake the one that was delayed before it.
        assert_eq!(arrivals, [(0, 0), (2, 2000), (2, 2000), (3, 8000), (4, 9000), (5, 9000)]);
        assert_eq!(watch.counted(FrameLink::Cable).len(), 6);
    }
}
