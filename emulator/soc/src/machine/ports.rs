//! A machine that is one of several in a world.

use std::sync::Arc;

use espalier_core::Time;
use espalier_net::{Delivery, Sent};

use super::{Machine, Strap};
use crate::boards::Wire;
use crate::platform::{FarEnd, WireChange, WireDrive, pads};

impl Machine {
    /// From now on the board's antenna and its Ethernet cable lead to its ports: what reaches it is delivered there, and its own
    /// [`lan`](Machine::lan) and [`air`](Machine::air) are cut off.
    pub fn open_ports(&mut self) {
        self.engine.platform_mut().ports.get_or_insert_default();
    }

    /// Whether its antenna and its cable lead to its ports.
    pub fn has_open_ports(&self) -> bool {
        self.engine.platform().ports.is_some()
    }

    /// Something will reach the board's ports at `at`.
    pub fn deliver(&mut self, at: Time, delivery: Delivery) {
        self.engine.platform_mut().deliver(at, delivery);
    }

    /// Until when the board may run alone: a slice ends there, whatever limit [`run_until`](Machine::run_until) has.
    pub fn set_boundary(&mut self, at: Time) {
        self.engine.platform_mut().set_boundary(at);
    }

    /// Takes what the board has sent through its ports since the last call.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        self.engine.platform_mut().take_sent()
    }

    /// The pads that wires of the board join with a pad, from the first one on.
    pub fn net_of(&self, pin: usize) -> impl Iterator<Item = usize> + use<> {
        pads(self.engine.platform().pads.wired_with(pin))
    }

    /// Whether a wire may lead to a pad of this number.
    ///
    /// # Errors
    /// If it may not; the error says which pads are allowed.
    pub fn check_wire(&self, pin: usize) -> Result<(), &'static str> {
        self.board().chip.check_wire(pin)
    }

    /// Joins two of the board's pads by a wire.
    pub fn join_pads(&mut self, one: u8, other: u8) {
        Arc::make_mut(&mut self.config).board.wires.push(Wire { from: one, to: other });
        self.engine.platform_mut().pads.join(usize::from(one), usize::from(other));
        self.engine.follow_wires(self.run.now);
    }

    /// From now on wires lead from the board to these far ends, each from the first pad of a net, and to no others.
    pub fn connect_wire_ends(&mut self, ends: &[FarEnd]) {
        self.engine.connect_wire_ends(ends, self.run.now);
    }

    /// The far ends of wires that lead off the board, in order.
    pub fn wire_ends(&self) -> impl Iterator<Item = FarEnd> {
        self.engine.platform().wire_ends.far()
    }

    /// The board's drive on the net of a pad.
    pub fn wire_drive(&self, pin: usize) -> WireDrive {
        self.engine.wire_drive(pin)
    }

    /// The drive of a far end changes, which arrives at `at`.
    pub fn hear_wire(&mut self, at: Time, end: FarEnd, drive: WireDrive) {
        let platform = self.engine.platform_mut();
        platform.wire_ends.deliver(at, end, drive);
        platform.renew_wire_ends();
    }

    /// Takes the changes of the board's drives on the wires that lead off it since the last call.
    pub fn take_wire_changes(&mut self) -> Vec<WireChange> {
        if self.engine.platform().wire_ends.first() == 0 {
            return Vec::new();
        }
        if !self.run.off {
            self.engine.follow_wire_ends(self.run.now);
        }
        self.engine.platform_mut().wire_ends.take_changes()
    }

    /// Leaves the board without power until `at`, and switches it on then.
    pub fn power_on_at(&mut self, at: Time, strap: Strap) {
        self.run.now = self.run.now.max(at);
        self.power_on(strap);
    }
}
