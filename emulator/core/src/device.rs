//! What every peripheral block is to the wiring.

use crate::persist::Persist;
use crate::register::Register;
use crate::time::Time;

/// Software touched a register, or started a function of a block, that the model does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("register is not modelled")]
pub struct Unmodelled;

/// How much of a block is modelled, as the fidelity table says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fidelity {
    /// Behaves as the reference manual describes, as far as software can see.
    Modelled,
    /// Behaves so except for what the text names.
    Partial(&'static str),
    /// Only there to be counted.
    Stub,
}

/// A peripheral block: registers in, effects out.
///
/// A device sees word offsets from its own start, never an absolute address and never the CPU. Effects other than interrupt
/// levels (bytes sent, a transfer to do, a pin that moved) are taken from the concrete type by the wiring after each write
/// and each [`advance`](Device::advance). A snapshot keeps the state of every device.
pub trait Device: Persist {
    /// Every register of the block.
    fn registers(&self) -> &'static [Register];

    fn fidelity(&self) -> Fidelity;

    /// Software reads the word at `offset` (a multiple of four). Reading may change the device, as FIFOs do.
    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled>;

    /// Software writes the word at `offset` (a multiple of four). The error also says that the write, which was carried out, starts
    /// what the model does not have, such as a receiver that will never receive.
    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled>;

    /// When the device next changes by itself. Asked for after each access and each `advance`.
    fn deadline(&self) -> Option<Time> {
        None
    }

    /// Guest time has come to `now`, which may be a little later than the deadline that the device gave.
    fn advance(&mut self, now: Time) {
        let _ = now;
    }

    /// Levels of the block's interrupt lines: bit n is its n-th line, in the order of the chip's interrupt sources.
    fn interrupts(&self) -> u32 {
        0
    }

    /// The block's reset line was pulsed.
    fn reset(&mut self);
}
