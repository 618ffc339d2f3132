//! Wires between pads of different boards.
//!
//! Pads that wires join, on whichever boards, are one net. Each board tells of its drive on its part of a net, all drivers and
//! resistors, and that reaches the other boards [`WIRE_DELAY`] later; there it counts as if it were on the board. Waves are told as
//! such. The bytes of a UART cross as the edges of their frames, and the receiving block samples those: so rates that differ, inversion,
//! breaks and two drivers on one wire have the effects that they have on copper. Boards that are on one net come to one level, each after the delay.

use espalier_core::Time;
use espalier_soc::{FarEnd, Machine, WireChange};

use crate::workers::{Cell, lock};
use crate::{WIRE_DELAY, WorldError};

/// Boards' nets have numbers by the place of the board and the first of its pads.
const PADS_MAX: u64 = 64;

/// A net of one board, by its first pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    place: usize,
    pin: usize,
}

impl End {
    fn number(self) -> u64 {
        self.place as u64 * PADS_MAX + self.pin as u64
    }
}

espalier_core::persist! {
    value End { place, pin }
    value PadWires { wires, nets }
}

/// The wires of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct PadWires {
    /// Wires between different boards: pads of the two.
    wires: Vec<(End, End)>,
    /// The nets that they make together with the wires on the boards.
    nets: Vec<Vec<End>>,
}

impl PadWires {
    /// Whether boards are joined: then they can run alone for less time.
    pub fn join_boards(&self) -> bool {
        !self.nets.is_empty()
    }

    /// Joins two pads, by the places of their boards. The boards stand at `now`.
    ///
    /// # Errors
    /// If a board has no such pad, both are the same, or the flash chip is there.
    pub fn join(
        &mut self,
        boards: &mut [Machine],
        names: &[String],
        [one, other]: [(usize, usize); 2],
        now: Time,
    ) -> Result<(), WorldError> {
        for (place, pin) in [one, other] {
            boards[place].check_wire(pin).map_err(|allowed| WorldError::NoPad {
                board: names[place].clone(),
                pin,
                allowed,
            })?;
        }
        let (from, to) = (one.1 as u8, other.1 as u8);
        if one == other {
            return Err(WorldError::ToItself { board: names[one.0].clone(), pin: one.1 });
        }
        if one.0 == other.0 {
            boards[one.0].join_pads(from, to);
        } else {
            let [one, other] = [one, other].map(|(place, pin)| End { place, pin });
            self.wires.push((one, other));
        }
        self.connect(boards, now);
        Ok(())
    }

    /// The nets of boards that wires between boards make one.
    fn nets(&self, boards: &[Machine]) -> Vec<Vec<End>> {
        let first = |end: &End| {
            let pin = boards[end.place].net_of(end.pin).next().unwrap_or(end.pin);
            End { pin, ..*end }
        };
        let mut nets: Vec<Vec<End>> = Vec::new();
        for (one, other) in &self.wires {
            let mut joined = vec![first(one), first(other)];
            nets.retain(|net| {
                let apart = net.iter().all(|end| !joined[..2].contains(end));
                if !apart {
                    joined.extend(net);
                }
                apart
            });
            joined.sort();
            joined.dedup();
            nets.push(joined);
        }
        nets.retain(|net| net.len() > 1);
        nets
    }

    /// The far ends of the wires of the board at `place`, in order.
    fn far_ends(&self, place: usize) -> Vec<FarEnd> {
        let of_net = |net: &Vec<End>| {
            let own: Vec<End> = net.iter().copied().filter(|end| end.place == place).collect();
            let far = |own: End| net.iter().filter(move |end| **end != own).map(move |end| (own, *end));
            own.into_iter().flat_map(far).map(|(own, end)| FarEnd { pin: own.pin, number: end.number() }).collect()
        };
        let mut ends: Vec<FarEnd> = self.nets.iter().flat_map(|net| -> Vec<FarEnd> { of_net(net) }).collect();
        ends.sort();
        ends
    }

    /// Connects the boards anew, and has each tell what it does.
    fn connect(&mut self, boards: &mut [Machine], now: Time) {
        self.nets = self.nets(boards);
        for (place, board) in boards.iter_mut().enumerate() {
            let ends = self.far_ends(place);
            if !board.wire_ends().eq(ends.iter().copied()) {
                board.connect_wire_ends(&ends);
            }
        }
        for end in self.nets.iter().flatten() {
            let drive = boards[end.place].wire_drive(end.pin);
            for other in self.others(*end) {
                let far = FarEnd { pin: other.pin, number: end.number() };
                boards[other.place].hear_wire(now + WIRE_DELAY, far, drive.delayed(WIRE_DELAY));
            }
        }
    }

    /// The nets that are one with this one.
    fn others(&self, end: End) -> impl Iterator<Item = End> {
        let nets = self.nets.iter().filter(move |net| net.contains(&end));
        nets.flatten().copied().filter(move |other| *other != end)
    }

    /// Takes the changes of the boards' drives on their wires, and sends them on their way.
    pub fn carry(&self, boards: &[Cell]) {
        if !self.join_boards() {
            return;
        }
        for (place, board) in boards.iter().enumerate() {
            let changes = lock(board).take_wire_changes();
            for WireChange { pin, drive, at } in changes {
                let end = End { place, pin };
                for other in self.others(end) {
                    let far = FarEnd { pin: other.pin, number: end.number() };
                    lock(&boards[other.place]).hear_wire(at + WIRE_DELAY, far, drive.delayed(WIRE_DELAY));
                }
            }
        }
    }

    /// Whether these are wires of these boards.
    pub fn fit(&self, boards: &[Machine]) -> bool {
        let ends = || self.wires.iter().flat_map(|(one, other)| [one, other]);
        let possible = |end: &End| boards.get(end.place).is_some_and(|board| board.check_wire(end.pin).is_ok());
        ends().all(possible)
            && self.nets == self.nets(boards)
            && boards.iter().enumerate().all(|(place, board)| board.wire_ends().eq(self.far_ends(place)))
    }
}
