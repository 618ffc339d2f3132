//! The LAN with the cables of several boards in it.

use std::collections::BTreeMap;

use espalier_core::Time;
use espalier_net::{Air, Delivery, Lan};

use crate::LOOKAHEAD;
use crate::workers::{Cell, lock};

/// The way of a frame into the switch.
#[derive(Clone, Debug)]
enum Entry {
    Cable(usize),
    AccessPoint,
}

espalier_core::persist! {
    enum Entry { Cable(place), AccessPoint }
    value Cables { lan, entering, entered }
}

#[derive(Clone, Debug)]
pub(crate) struct Cables {
    pub lan: Lan,
    /// Frames for the switch, by the time at which they were sent; those of one time in the order in which they were handed over.
    entering: BTreeMap<(Time, u64), (Entry, Vec<u8>)>,
    entered: u64,
}

impl Cables {
    pub fn new(mut lan: Lan) -> Cables {
        lan.plug_in_air();
        Cables { lan, entering: BTreeMap::new(), entered: 0 }
    }

    /// Whether each of `boards` boards has its cable. The first has one before there is a board.
    pub fn fits(&self, boards: usize) -> bool {
        self.lan.cables() == boards.max(1)
    }

    /// A board has sent a frame at `at`.
    pub fn send(&mut self, place: usize, at: Time, bytes: Vec<u8>) {
        self.enter(at, Entry::Cable(place), bytes);
    }

    /// An access point passes on what a station has sent.
    pub fn send_from_air(&mut self, at: Time, bytes: Vec<u8>) {
        self.enter(at, Entry::AccessPoint, bytes);
    }

    fn enter(&mut self, at: Time, entry: Entry, bytes: Vec<u8>) {
        self.entering.insert((at, self.entered), (entry, bytes));
        self.entered += 1;
    }

    /// When something next happens here by itself.
    pub fn deadline(&self) -> Option<Time> {
        let entering = self.entering.keys().next().map(|(at, _)| *at);
        self.lan.deadline().into_iter().chain(entering).min()
    }

    /// Lets happen what happens by `until`, and hands over what arrives: a frame reaches a board when it leaves the switch and has
    /// gone through the cable, which takes [`LOOKAHEAD`].
    pub fn advance(&mut self, until: Time, air: &mut Air, boards: &[Cell]) {
        loop {
            let own = self.lan.deadline().filter(|at| *at <= until);
            let entry = self.entering.first_entry().filter(|entry| entry.key().0 <= until);
            match (own, entry) {
                (own, Some(entry)) if own.is_none_or(|own| entry.key().0 <= own) => {
                    let ((at, _), (from, bytes)) = entry.remove_entry();
                    match from {
                        Entry::Cable(place) => self.lan.send_from_cable(place, bytes, at),
                        Entry::AccessPoint => self.lan.send_from_air(bytes, at),
                    }
                }
                (Some(own), _) => self.lan.advance(own),
                _ => break,
            }
            self.hand_over(air, boards);
        }
        self.lan.advance(until);
    }

    fn hand_over(&mut self, air: &mut Air, boards: &[Cell]) {
        let now = self.lan.now();
        for (place, board) in boards.iter().enumerate() {
            while let Some(bytes) = self.lan.take_for_cable(place, now) {
                lock(board).deliver(now + LOOKAHEAD, Delivery::Ethernet { bytes });
            }
        }
        while let Some(bytes) = self.lan.take_for_air(now) {
            // The air is ahead by one window.
            let at = air.now().max(now);
            air.send_from_lan(&bytes, at);
        }
    }
}
