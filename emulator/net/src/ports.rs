//! The ports of a board that is one of several in a world: what leaves it, and what will reach it, each with its time.
//!
//! A board whose LAN and air are its own needs none of this. In a world of several boards nothing reaches a board at once: a frame
//! takes its time in the air, a packet its time on the cable. So a board may run alone up to a boundary that the world sets, while
//! what it sends until then collects here. At the boundary the world takes that, and what it makes of it is due at later times.

use espalier_core::{FlatMap, Time};
use espalier_ieee80211::{Rate, Tuning};

use crate::frame::SharedFrame;

/// Acknowledgements that are kept for transmissions that have not ended: a radio has a handful of transmission slots.
const ACKNOWLEDGEMENTS_MAX: usize = 16;

/// A transmission of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Its radio sends a frame, without its frame check sequence, whose last bit is on the air at `end`.
    Radio { bytes: Vec<u8>, tuning: Tuning, rate: Rate, end: Time, serial: u64 },
    /// Its radio acknowledges a frame that reached it at `at`.
    Acknowledgement { at: Time, reception: u64 },
    /// A frame on its Ethernet cable, without its frame check sequence.
    Ethernet { at: Time, bytes: Vec<u8> },
}

/// Frames for a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A frame is at its antenna; `reception` is what an acknowledgement refers to.
    Radio { bytes: SharedFrame, tuning: Tuning, rssi: i8, rate: Rate, reception: u64 },
    /// The frame that it sent as number `serial` was acknowledged.
    Acknowledgement { serial: u64 },
    /// A frame on its Ethernet cable, without its frame check sequence.
    Ethernet { bytes: SharedFrame },
    /// Its Ethernet cable was cut, or is whole again.
    Link { up: bool },
}

/// The board's side of a world of several boards.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    sent: Vec<Sent>,
    /// Frames on their way, by arrival; those that arrive at the same time stay in the order in which they were handed over.
    due: FlatMap<(Time, u64), Delivery>,
    delivered: u64,
    boundary: Option<Time>,
    acknowledged: FlatMap<u64, ()>,
}

impl Ports {
    /// The board sends something.
    pub fn send(&mut self, sent: Sent) {
        self.sent.push(sent);
    }

    /// Takes what the board has sent since the last call.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Something will reach the board at `at`.
    pub fn deliver(&mut self, at: Time, delivery: Delivery) {
        self.due.insert((at, self.delivered), delivery);
        self.delivered += 1;
    }

    /// Takes what has reached the board by `now`, with the time at which it was due.
    pub fn take_due(&mut self, now: Time) -> Option<(Time, Delivery)> {
        self.due.first_key_value().filter(|((at, _), _)| *at <= now)?;
        let ((at, _), delivery) = self.due.pop_first()?;
        Some((at, delivery))
    }

    /// Drops the frames that have reached the board by `now`, when it has no power to receive them. The state of its cable is kept.
    pub fn drop_due(&mut self, now: Time) {
        let mut link = None;
        while let Some((at, delivery)) = self.take_due(now) {
            if matches!(delivery, Delivery::Link { .. }) {
                link = Some((at, delivery));
            }
        }
        if let Some((at, delivery)) = link {
            self.deliver(at, delivery);
        }
    }

    /// The frame that the radio sent as number `serial` was acknowledged.
    pub fn note_acknowledgement(&mut self, serial: u64) {
        self.acknowledged.insert(serial, ());
        if self.acknowledged.len() > ACKNOWLEDGEMENTS_MAX {
            self.acknowledged.pop_first();
        }
    }

    /// Whether the frame that the radio sent as number `serial`, and that has ended, was acknowledged.
    pub fn take_acknowledgement(&mut self, serial: u64) -> bool {
        self.acknowledged.remove(&serial).is_some()
    }

    /// Until when the board may run alone.
    pub fn set_boundary(&mut self, at: Time) {
        self.boundary = Some(at);
    }

    /// When the board has to look here again, after it has looked at `now`.
    pub fn deadline(&self, now: Time) -> Option<Time> {
        let due = self.due.keys().next().map(|(at, _)| *at);
        due.into_iter().chain(self.boundary.filter(|boundary| *boundary > now)).min()
    }
}

espalier_core::persist! {
    enum Sent { Radio { bytes, tuning, rate, end, serial }, Acknowledgement { at, reception }, Ethernet { at, bytes } }
    enum Delivery {
        Radio { bytes, tuning, rssi, rate, reception },
        Acknowledgement { serial },
        Ethernet { bytes },
        Link { up },
    }
    value Ports { sent, due, delivered, boundary, acknowledged }
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;

    use super::{ACKNOWLEDGEMENTS_MAX, Delivery, Ports};

    fn link(up: bool) -> Delivery {
        Delivery::Link { up }
    }

    #[test]
    fn due_frames_come_by_time_and_then_in_the_order_of_their_delivery() {
        let [early, late] = [5, 9].map(Time::from_micros);
        let mut ports = Ports::default();
        ports.deliver(late, link(true));
        ports.deliver(early, link(false));
        ports.deliver(early, link(true));
        assert_eq!(ports.deadline(Time::ZERO), Some(early));
        assert_eq!(ports.take_due(Time::from_micros(4)), None);
        assert_eq!(ports.take_due(late), Some((early, link(false))));
        assert_eq!(ports.take_due(late), Some((early, link(true))));
        assert_eq!(ports.take_due(late), Some((late, link(true))));
        assert_eq!(ports.take_due(late), None);
    }

    #[test]
    fn a_board_without_power_keeps_the_state_of_its_cable_alone() {
        let [early, late, later] = [5, 9, 12].map(Time::from_micros);
        let mut ports = Ports::default();
        for at in [early, late, later] {
            ports.deliver(at, link(at != early));
            ports.deliver(at, Delivery::Ethernet { bytes: vec![0; 60].into() });
        }
        ports.drop_due(late);
        assert_eq!(ports.take_due(late), Some((late, link(true))));
        assert_eq!(ports.take_due(late), None);
        assert_eq!(ports.take_due(later), Some((later, link(true))));
    }

    #[test]
    fn a_boundary_that_was_reached_is_none() {
        let boundary = Time::from_micros(50);
        let mut ports = Ports::default();
        ports.set_boundary(boundary);
        assert_eq!(ports.deadline(Time::from_micros(49)), Some(boundary));
        assert_eq!(ports.deadline(boundary), None);
    }

    #[test]
    fn acknowledgements_of_what_was_taken_back_do_not_collect() {
        let mut ports = Ports::default();
        (0..=ACKNOWLEDGEMENTS_MAX as u64).for_each(|serial| ports.note_acknowledgement(serial));
        assert!(!ports.take_acknowledgement(0));
        assert!(ports.take_acknowledgement(1));
        assert!(!ports.take_acknowledgement(1));
    }
}
