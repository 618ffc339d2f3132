//! Faults of the board's cable.

use espalier_core::{Span, Time};

use crate::LanError;
use crate::frame::SharedFrame;
use crate::rng::Rng;

/// Faults of one direction of the board's cable. The default has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// Nothing gets through.
    pub cut: bool,
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Probability that a frame arrives twice.
    pub duplication: f64,
    /// Probability that one bit of a frame flips behind the receiver's frame check, as in a broken switch. (A bit that
    /// flips on the wire is a lost frame.)
    pub corruption: f64,
    /// Probability that a frame is held back for `reordered_by`, so that later frames can overtake it.
    pub reordering: f64,
    pub reordered_by: Span,
    /// Every frame is delayed by a random time of at most this much. This keeps frames in order.
    pub jitter: Span,
}

espalier_core::persist!(value Faults { cut, loss, duplication, corruption, reordering, reordered_by, jitter });

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            cut: false,
            loss: 0.0,
            duplication: 0.0,
            corruption: 0.0,
            reordering: 0.0,
            reordered_by: Span::from_millis(1),
            jitter: Span::ZERO,
        }
    }
}

/// Faults of both directions of the board's cable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultConfig {
    pub from_board: Faults,
    pub to_board: Faults,
}

espalier_core::persist!(value FaultConfig { from_board, to_board });

impl FaultConfig {
    /// The same faults in both directions.
    pub fn both(faults: Faults) -> FaultConfig {
        FaultConfig { from_board: faults.clone(), to_board: faults }
    }

    /// A cable that was cut.
    pub fn cut() -> FaultConfig {
        FaultConfig::both(Faults { cut: true, ..Faults::default() })
    }

    pub(crate) fn check(&self) -> Result<(), LanError> {
        for faults in [&self.from_board, &self.to_board] {
            for (fault, probability) in [
                ("loss", faults.loss),
                ("duplication", faults.duplication),
                ("corruption", faults.corruption),
                ("reordering", faults.reordering),
            ] {
                if !(0.0..=1.0).contains(&probability) {
                    return Err(LanError::Probability { fault });
                }
            }
        }
        Ok(())
    }
}

/// Bytes around a frame on the wire: preamble, start-of-frame delimiter, frame check sequence.
const OVERHEAD: usize = 8 + 4;
/// A transmitter pads shorter frames to this, frame check sequence not counted.
const SHORTEST: usize = 60;
/// Byte times that pass between two frames.
const GAP: usize = 12;
const NANOS_PER_BYTE: u64 = 80;

/// One direction of the board's cable: 100 Mbit/s, one frame after the other, and what goes wrong on it.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) faults: Faults,
    rng: Rng,
    latency: Span,
    /// When the wire is free for the next frame.
    free: Time,
    /// Jitter does not let frames overtake each other.
    last_arrival: Time,
}

espalier_core::persist!(value Lane { faults, rng, latency, free, last_arrival });

impl Lane {
    pub(crate) fn new(seed: u64, stream: u64, latency: Span) -> Lane {
        let rng = Rng::new(seed, stream);
        Lane { faults: Faults::default(), rng, latency, free: Time::ZERO, last_arrival: Time::ZERO }
    }

    /// Sends `frame` when the wire is free, from `ready` on. Says when which copies arrive at the other end.
    pub(crate) fn carry(
        &mut self,
        frame: SharedFrame,
        ready: Time,
    ) -> impl Iterator<Item = (Time, SharedFrame)> + use<> {
        let start = ready.max(self.free);
        let end = start + byte_times(frame.len().max(SHORTEST) + OVERHEAD);
        self.free = end + byte_times(GAP);
        self.spoil(frame, end + self.latency).into_iter().flatten()
    }

    fn spoil(&mut self, frame: SharedFrame, arrival: Time) -> [Option<(Time, SharedFrame)>; 2] {
        if self.faults.cut {
            return [None, None];
        }
        if self.faults == Faults::default() {
            let arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
            return [Some((arrival, frame)), None];
        }
        // The same number of draws for each frame, so that one fault's setting does not shift another's outcomes.
        let lost = self.rng.chance(self.faults.loss);
        let doubled = self.rng.chance(self.faults.duplication);
        let corrupted = self.rng.chance(self.faults.corruption);
        let held = self.rng.chance(self.faults.reordering);
        let delay = Span::from_ticks(self.rng.below(self.faults.jitter.ticks().saturating_add(1)));
        let bit = self.rng.next();
        let mut arrival = (arrival + delay).max(self.last_arrival);
        if held {
            arrival += self.faults.reordered_by;
        } else {
            self.last_arrival = arrival;
        }
        if lost {
            return [None, None];
        }
        let frame = if corrupted { flip(&frame, bit) } else { frame };
        [Some((arrival, frame.clone())), doubled.then_some((arrival, frame))]
    }
}

fn byte_times(bytes: usize) -> Span {
    Span::from_nanos(NANOS_PER_BYTE * bytes as u64)
}

fn flip(frame: &SharedFrame, random: u64) -> SharedFrame {
    let mut bytes = frame.to_vec();
    let bits = bytes.len() as u64 * 8;
    if bits != 0 {
        let bit = random % bits;
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::{FaultConfig, Faults, Lane, SharedFrame};
    use crate::LanError;
    use espalier_core::{Span, Time};

    fn lane(faults: Faults) -> Lane {
        Lane { faults, ..Lane::new(1, 0, Span::from_micros(100)) }
    }

    fn frame(length: usize) -> SharedFrame {
        vec![0; length].into()
    }

    /// IEEE 802.3, 4.4.2: at 100 Mbit/s a byte takes 80 ns; 8 bytes before, 4 behind and a gap of 12 between frames.
    #[test]
    fn frames_take_their_time_on_the_wire() {
        let mut lane = lane(Faults::default());
        let arrivals: Vec<_> = [1514, 10].into_iter().flat_map(|n| lane.carry(frame(n), Time::ZERO)).collect();
        let first = Span::from_nanos((1514 + 12) * 80);
        let second = Span::from_nanos((12 + 60 + 12) * 80);
        assert_eq!(arrivals[0].0, Time::ZERO + first + Span::from_micros(100));
        assert!(arrivals[1].0.since(arrivals[0].0).ticks().abs_diff(second.ticks()) <= 1);
    }

    #[test]
    fn faults_do_what_they_say() {
        let count = |faults: Faults| {
            let mut lane = lane(faults);
            (0..1000).map(|n| lane.carry(frame(60), Time::from_micros(n * 100)).count()).sum::<usize>()
        };
        assert_eq!(count(Faults { cut: true, ..Faults::default() }), 0);
        assert_eq!(count(Faults { loss: 1.0, ..Faults::default() }), 0);
        assert_eq!(count(Faults { duplication: 1.0, ..Faults::default() }), 2000);
        assert!((400..600).contains(&count(Faults { loss: 0.5, ..Faults::default() })));
        let mut broken = lane(Faults { corruption: 1.0, ..Faults::default() });
        let (_, spoilt) = broken.carry(frame(60), Time::ZERO).next().unwrap();
        assert_eq!(spoilt.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    }

    #[test]
    fn jitter_keeps_order_and_reordering_does_not() {
        let arrivals = |faults: Faults| {
            let mut lane = lane(faults);
            let times: Vec<_> =
                (0..200).flat_map(|n| lane.carry(frame(60), Time::from_micros(n * 10))).map(|(at, _)| at).collect();
            times
        };
        assert!(arrivals(Faults { jitter: Span::from_millis(1), ..Faults::default() }).is_sorted());
        assert!(!arrivals(Faults { reordering: 0.1, ..Faults::default() }).is_sorted());
    }

    #[test]
    fn impossible_probabilities_are_refused() {
        for loss in [-0.1, 1.1, f64::NAN] {
            let faults = FaultConfig::both(Faults { loss, ..Faults::default() });
            assert_eq!(faults.check(), Err(LanError::Probability { fault: "loss" }));
        }
    }
}
