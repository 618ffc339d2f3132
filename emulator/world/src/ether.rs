//! The air with several antennas in it.
//!
//! Access points and stations that a test adds live in [`Air`]. This carries what the boards' radios send to that and to each
//! other: every radio that is tuned to a frame's channel hears it, and a frame for one radio is acknowledged by whom it is for.

use std::collections::BTreeMap;

use espalier_core::Time;
use espalier_net::{Air, AirFrame, Delivery, Rate, SharedFrame, Tuning};

use crate::LOOKAHEAD;
use crate::workers::{Cell, lock};

/// Signal strength between boards, in dBm: a few metres.
const RSSI: i8 = -40;

/// A frame of a board's radio.
#[derive(Clone, Debug)]
pub(crate) struct RadioFrame {
    pub bytes: SharedFrame,
    pub tuning: Tuning,
    pub rate: Rate,
}

/// Whom an acknowledgement is for.
#[derive(Clone, Debug)]
enum Sender {
    Board { place: usize, serial: u64 },
    Air(AirFrame),
}

espalier_core::persist! {
    value RadioFrame { bytes, tuning, rate }
    enum Sender { Board { place, serial }, Air(frame) }
    value Ether { air, on_air, unacknowledged, receptions, to_lan }
}

#[derive(Clone, Debug)]
pub(crate) struct Ether {
    pub air: Air,
    /// Frames of boards, by the end of the frame, the board and its number there.
    on_air: BTreeMap<(Time, usize, u64), RadioFrame>,
    /// Frames that a board may acknowledge, with the time at which they were delivered.
    unacknowledged: BTreeMap<u64, (Time, Sender)>,
    receptions: u64,
    /// Frames that bridging access points have taken for the LAN.
    to_lan: Vec<(Time, Vec<u8>)>,
}

impl Ether {
    pub fn new(seed: u64) -> Ether {
        Ether {
            air: Air::new(seed),
            on_air: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            receptions: 0,
            to_lan: Vec::new(),
        }
    }

    /// Whether all that boards have sent is from one of `boards` boards.
    pub fn fits(&self, boards: usize) -> bool {
        let waits = |(_, sender): &(Time, Sender)| matches!(sender, Sender::Board { place, .. } if *place >= boards);
        self.on_air.keys().all(|(_, place, _)| *place < boards) && !self.unacknowledged.values().any(waits)
    }

    /// A board sends a frame, whose last bit is on the air at `end`.
    pub fn send(&mut self, place: usize, serial: u64, end: Time, frame: RadioFrame) {
        self.on_air.insert((end, place, serial), frame);
    }

    /// A board has acknowledged a frame that was delivered to it; returns the board that waits for that, and the frame's number
    /// there.
    pub fn acknowledge(&mut self, reception: u64) -> Option<(usize, u64)> {
        let (_, sender) = self.unacknowledged.remove(&reception)?;
        match sender {
            Sender::Board { place, serial } => Some((place, serial)),
            Sender::Air(frame) => {
                self.air.report(frame, true);
                None
            }
        }
    }

    /// All boards have come to `now`: what they have not acknowledged by then they never will.
    pub fn expire(&mut self, now: Time) {
        let is_late = |at: &Time| *at + LOOKAHEAD <= now;
        while let Some((reception, (at, _))) = self.unacknowledged.first_key_value()
            && is_late(at)
        {
            let reception = *reception;
            if let Some((_, Sender::Air(frame))) = self.unacknowledged.remove(&reception) {
                self.air.report(frame, false);
            }
        }
    }

    /// When something next happens here by itself.
    pub fn deadline(&self) -> Option<Time> {
        let sent = self.on_air.keys().next().map(|(end, ..)| *end);
        let reports = self.unacknowledged.values().next().map(|(at, _)| *at + LOOKAHEAD);
        self.air.deadline().into_iter().chain(sent).chain(reports).min()
    }

    /// Lets happen what happens by `until`, and hands over to the boards what reaches them by then.
    pub fn advance(&mut self, until: Time, boards: &[Cell]) {
        loop {
            let own = self.air.deadline().filter(|at| *at <= until);
            let sent = self.on_air.first_key_value().map(|(key, _)| key.0).filter(|at| *at <= until);
            match (own, sent) {
                (own, Some(end)) if own.is_none_or(|own| end <= own) => self.end_frame(boards),
                (Some(own), _) => self.air.advance(own),
                _ => break,
            }
            self.hand_over(boards);
        }
        self.air.advance(until);
    }

    /// Takes what has come out of bridging access points for the LAN, with its time.
    pub fn take_for_lan(&mut self) -> Vec<(Time, Vec<u8>)> {
        std::mem::take(&mut self.to_lan)
    }

    /// The frame of a board that ends next has reached all other boards.
    fn end_frame(&mut self, boards: &[Cell]) {
        let Some(((end, place, serial), frame)) = self.on_air.pop_first() else { return };
        let RadioFrame { bytes, tuning, rate } = frame;
        let carried = self.air.carry_from_board(&bytes, tuning, rate, end);
        if carried.acknowledged {
            lock(&boards[place]).deliver(end, Delivery::Acknowledgement { serial });
        }
        if carried.lost {
            return;
        }
        let at = end + carried.delay;
        let reception = self.next_reception();
        for (other, board) in boards.iter().enumerate() {
            if other != place {
                lock(board).deliver(at, Delivery::Radio { bytes: bytes.clone(), tuning, rssi: RSSI, rate, reception });
            }
        }
        if carried.wants_acknowledgement {
            self.unacknowledged.insert(reception, (at, Sender::Board { place, serial }));
        }
    }

    /// Brings what has arrived at the antennas by now to the boards.
    fn hand_over(&mut self, boards: &[Cell]) {
        let now = self.air.now();
        while let Some(frame) = self.air.take_for_board(now) {
            let reception = self.next_reception();
            let AirFrame { channel, rssi, rate, .. } = frame;
            let tuning = channel.into();
            for board in boards {
                let bytes = frame.bytes.clone();
                lock(board).deliver(now, Delivery::Radio { bytes, tuning, rssi, rate, reception });
            }
            if frame.wants_acknowledgement() {
                self.unacknowledged.insert(reception, (now, Sender::Air(frame)));
            }
        }
        while let Some(frame) = self.air.take_for_lan() {
            self.to_lan.push((now, frame));
        }
    }

    fn next_reception(&mut self) -> u64 {
        self.receptions += 1;
        self.receptions
    }
}
