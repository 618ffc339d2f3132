//! The medium between the boards, and the progress of time for all of them.

use espalier_core::Time;
use espalier_net::{AccessPoint, Delivery, Lan, Sent};
use espalier_soc::Machine;

use crate::cables::Cables;
use crate::ether::{Ether, RadioFrame};
use crate::pad_wires::PadWires;
use crate::workers::{self, Cell, Halt, lock};
use crate::{LOOKAHEAD, WIRE_WINDOW, WorldError};

#[derive(Clone)]
pub(crate) struct Between {
    pub ether: Ether,
    pub cables: Cables,
    pub pad_wires: PadWires,
}

espalier_core::persist!(value Between { ether, cables, pad_wires });

impl Between {
    pub fn new(seed: u64, lan: Lan) -> Between {
        Between { ether: Ether::new(seed), cables: Cables::new(lan), pad_wires: PadWires::default() }
    }

    /// Whether it is what is between these boards.
    pub fn fits(&self, boards: &[Machine]) -> bool {
        self.ether.fits(boards.len()) && self.cables.fits(boards.len()) && self.pad_wires.fit(boards)
    }

    /// Puts a network into the air, unless it is there.
    ///
    /// # Errors
    /// If the network's settings contradict each other, or its address is taken.
    pub fn add_network(&mut self, network: AccessPoint) -> Result<(), WorldError> {
        if self.ether.air.networks().all(|present| *present != network) {
            self.ether.air.add_access_point(network)?;
        }
        Ok(())
    }

    /// Runs the boards from `now`, which goes on, to `limit`. Ends earlier with a board that has something to tell.
    pub fn run(
        &mut self,
        boards: &mut [Machine],
        now: &mut Time,
        limit: Time,
        threads: usize,
    ) -> Option<(usize, Halt)> {
        let window = if self.pad_wires.join_boards() { WIRE_WINDOW } else { LOOKAHEAD };
        workers::with(threads, boards, |workers, boards| {
            while *now < limit {
                // A board that executes may send at any time; while all rest, nothing happens before the first of these.
                let rests = boards.iter().map(|board| lock(board).rests_until().unwrap_or(*now)).min();
                let next = rests.into_iter().chain(self.ether.deadline()).chain(self.cables.deadline()).min();
                let start = next.unwrap_or(limit).max(*now);
                if start >= limit {
                    *now = limit;
                    break;
                }
                let end = start + window;
                for (at, frame) in self.ether.take_for_lan() {
                    self.cables.send_from_air(at, frame);
                }
                self.cables.advance(start, &mut self.ether.air, boards);
                self.ether.expire(start);
                self.ether.advance(end, boards);
                let halts = workers.run(end);
                *now = end;
                self.carry(boards, end);
                self.pad_wires.carry(boards);
                if let Some(halt) = halts.into_iter().next() {
                    return Some(halt);
                }
            }
            None
        })
    }

    /// Takes what the boards have sent until `now`.
    fn carry(&mut self, boards: &[Cell], now: Time) {
        for (place, board) in boards.iter().enumerate() {
            let all = lock(board).take_sent();
            for sent in all {
                match sent {
                    Sent::Radio { bytes, tuning, rate, end, serial } => {
                        self.ether.send(place, serial, end, RadioFrame { bytes: bytes.into(), tuning, rate });
                    }
                    Sent::Acknowledgement { reception, .. } => {
                        if let Some((sender, serial)) = self.ether.acknowledge(reception) {
                            lock(&boards[sender]).deliver(now, Delivery::Acknowledgement { serial });
                        }
                    }
                    Sent::Ethernet { at, bytes } => self.cables.send(place, at, bytes),
                }
            }
        }
    }
}
