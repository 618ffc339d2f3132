//! A peripheral block as the wiring sees it.

use crate::persist::Persist;
use crate::register::Register;
use crate::serial::SerialPort;
use crate::signal::Signal;
use crate::surroundings::{OutputChange, PadMatrix, Surroundings};
use crate::time::{Frequency, Span, Time};
use crate::unmodelled::Unmodelled;

/// The extent to which a block is modelled, for the fidelity table.
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
/// A device sees word offsets from its own start, never an absolute address and never the CPU. After each access and each
/// [`advance`](Device::advance) the wiring lets it [`settle`](Device::settle), takes what its outputs and its interrupts that only
/// pulse have done, and asks for its interrupt levels and its deadline. What only one block has is taken from its concrete type by
/// the chip that has it. A snapshot keeps the state of every device.
pub trait Device: Persist {
    /// Every register of the block.
    fn registers(&self) -> &'static [Register];

    fn fidelity(&self) -> Fidelity;

    /// Software reads the word at `offset` (a multiple of four). Reading may change the device, as FIFOs do.
    ///
    /// # Errors
    /// If the model has no such register.
    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled>;

    /// Software writes the word at `offset` (a multiple of four).
    ///
    /// # Errors
    /// If the model has no such register, or the write, which was carried out, starts a function that the model lacks, such as a receiver
    /// that will never receive.
    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled>;

    /// The value that software reads where [`read`](Device::read) has no register: zero, unless the device stores unmodelled registers.
    fn stored(&self, offset: u32) -> u32 {
        let _ = offset;
        0
    }

    /// When the device next changes by itself. Asked for after each access and each `advance`.
    fn deadline(&self) -> Option<Time> {
        None
    }

    /// Guest time has come to `now`, which may be a little later than the deadline that the device gave.
    fn advance(&mut self, now: Time) {
        let _ = now;
    }

    /// Carries out what needs something outside of the block: DMA, transactions on buses, what a serial port sends.
    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        let _ = (surroundings, now);
    }

    /// Levels of the block's interrupt lines: bit n is its n-th line, in the order of the chip's interrupt sources.
    fn interrupts(&self) -> u32 {
        0
    }

    /// Takes the interrupts that only pulse and have pulsed: bit n is the n-th of them.
    fn take_edges(&mut self) -> u32 {
        0
    }

    /// Whether reading the word at `offset` from `now` on has no effect and gives the same value again, and up to when: before that
    /// time, before the device's deadline, and until something comes to the device from outside, or anything but such a word is
    /// accessed. A core that polls nothing else need not execute every round of it, and nothing has to be done after such a read. None
    /// is always right; [`Time::MAX`] if the value is not worked out from the time.
    fn steady_until(&self, offset: u32, now: Time) -> Option<Time> {
        let _ = (offset, now);
        None
    }

    /// Returns the value that the steady word at `offset` reads as once `value` was written to it, if the write has no other
    /// effect: no other
    /// word reads differently then, no other write is affected, and neither a level nor the deadline changes. `None` is always correct.
    fn plain_write(&self, offset: u32, value: u32) -> Option<u32> {
        let _ = (offset, value);
        None
    }

    /// The words of the block that read differently after a write to the word at `offset`, if that is all that the write does: it
    /// changes no level, no deadline, and nothing outside of the block. None is always right.
    fn quiet_write(&self, offset: u32) -> Option<[u32; 2]> {
        let _ = offset;
        None
    }

    /// The block's reset line was pulsed.
    fn reset(&mut self);

    /// The clock of the peripheral bus changes.
    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        let _ = (apb, now);
    }

    /// The clock of the peripheral bus stops, as in light sleep, or goes on.
    fn set_clock_gated(&mut self, gated: bool, now: Time) {
        let _ = (gated, now);
    }

    /// Sets which outputs are connected: bit n is output n. Changes of the others need not be kept.
    fn set_watched(&mut self, outputs: u64) {
        let _ = outputs;
    }

    /// Sets which of them a block or an interrupt listens to, so that the deadline has to cover their changes. The state that
    /// is visible from
    /// outside must not change when this is called.
    fn set_awaited(&mut self, outputs: u64) {
        let _ = outputs;
    }

    /// Returns the signal of an output as of the last access or advance.
    fn output(&self, output: usize) -> Signal {
        let _ = output;
        Signal::Level(false)
    }

    /// Takes the changes of the watched outputs, in the order of each output's time line.
    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        Vec::new()
    }

    /// The inputs from pads that matter to the block at present: bit n is input n.
    fn listening(&self) -> u64 {
        0
    }

    /// An input has been connected to a line that carries `signal`, which is no edge.
    fn connect_input(&mut self, input: usize, signal: Signal) {
        let _ = (input, signal);
    }

    /// The line at an input carries `signal` from `at` on.
    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        let _ = (input, signal, at);
    }

    /// Nothing drives the line at an input any more.
    fn release_input(&mut self, input: usize, at: Time) {
        let _ = (input, at);
    }

    /// Whether the inputs take a wave as one signal. Those of other blocks get each of its edges.
    fn takes_waves(&self) -> bool {
        false
    }

    /// The block as a serial port, if it is one.
    fn serial(&mut self) -> Option<&mut dyn SerialPort> {
        None
    }

    /// The block as the matrix between signals and pads, if it is that.
    fn matrix(&self) -> Option<&dyn PadMatrix> {
        None
    }

    /// From now on the targets on this I2C controller's bus hold SCL low for `stretch` in every byte: a fault to inject.
    fn set_stretch(&mut self, stretch: Span) {
        let _ = stretch;
    }

    /// Pulses and edges that were followed one by one so far, for those who want to know what that costs.
    fn steps(&self) -> u64 {
        0
    }
}
