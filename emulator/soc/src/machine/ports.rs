//! A machine that is one of several in a world.

use espalier_core::Time;
use espalier_net::{Delivery, Sent};

use super::{Machine, Strap};

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

    /// Leaves the board without power until `at`, and switches it on then.
    pub fn power_on_at(&mut self, at: Time, strap: Strap) {
        self.run.now = self.run.now.max(at);
        self.power_on(strap);
    }
}
