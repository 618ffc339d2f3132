//! JTAG pins as the driver sees them, whatever kind of board they belong to.

use std::sync::Weak;

use espalier_core::Span;

use crate::driver::{Driver, JtagCycle};
use crate::session::Shared;

/// Pins that a driver can clock.
pub(crate) trait Pins: Send {
    /// Clocks the pins and returns the level of TDO in each cycle; `None` if the board is gone.
    fn clock(&mut self, period: Span, cycles: &[JtagCycle]) -> Option<Vec<bool>>;
    /// Lets board time go on without a cycle.
    fn pause(&mut self, span: Span);
}

/// The pins of a board that tests hold.
impl Pins for Weak<Shared> {
    fn clock(&mut self, period: Span, cycles: &[JtagCycle]) -> Option<Vec<bool>> {
        Some(self.upgrade()?.lock().driver.jtag(period, cycles))
    }

    fn pause(&mut self, span: Span) {
        if let Some(shared) = self.upgrade() {
            shared.lock().driver.jtag_pause(span);
        }
    }
}

/// The pins of a board that only the probe has.
impl Pins for Box<dyn Driver> {
    fn clock(&mut self, period: Span, cycles: &[JtagCycle]) -> Option<Vec<bool>> {
        Some(self.as_mut().jtag(period, cycles))
    }

    /// Cores that still run should not get far.
    fn pause(&mut self, _: Span) {}
}
