//! GPIO and the GPIO matrix (ESP32 TRM, chapter "IO_MUX and GPIO Matrix").
//!
//! The block knows the level that everything but its own outputs gives to each pad, and what software drives. Which resistor pulls an
//! undriven pad, what peripherals drive through the matrix and what is wired to the pad is the wiring's business.

mod device;
mod matrix;
mod registers;
#[cfg(test)]
mod tests;

use espalier_core::Registers;

use matrix::Masks;
pub use matrix::{InputSource, SIGNAL_GPIO};
use registers::{REGISTERS, reg};

/// Pads of the chip, counting those that do not exist.
pub const PINS: usize = 40;

/// Pads 34 to 39 have no output driver.
const OUTPUTS: u64 = (1 << 34) - 1;

/// GPIO.
///
/// Interrupt lines, from bit 0: GPIO_INTR and GPIO_NMI of the PRO CPU, then GPIO_INTR and GPIO_NMI of the APP CPU. The
/// interrupt matrix of each CPU sees only its own pair.
#[derive(Clone, Debug)]
pub struct Gpio {
    registers: Registers,
    masks: Masks,
    /// Levels that the pads have while their own outputs do not drive them.
    external: u64,
    /// Pads that something outside holds low, against which no output of the chip prevails.
    held_low: u64,
    /// Pads whose input buffers are on: software and blocks read the others as low.
    inputs: u64,
    /// Levels that the inputs had when interrupts were last looked for.
    levels: u64,
    changes: u64,
    /// The matrix connects an input to something else.
    rewired: bool,
    strap: u32,
}

espalier_core::persist!(state Gpio { registers, masks, external, held_low, inputs, levels, changes, rewired, strap });

impl Default for Gpio {
    fn default() -> Gpio {
        Gpio::new()
    }
}

impl Gpio {
    /// The block after reset, with every pad low.
    pub fn new() -> Gpio {
        let registers = Registers::new(&REGISTERS);
        Gpio {
            masks: Masks::of(&registers),
            registers,
            external: 0,
            held_low: 0,
            inputs: u64::MAX,
            levels: 0,
            changes: 0,
            rewired: false,
            strap: 0,
        }
    }

    /// Sets the sampled strapping pins of power-on: from bit 5 down MTDI, GPIO0, GPIO2, GPIO4, MTDO, GPIO5. The value stays
    /// over resets.
    pub fn set_strap(&mut self, strap: u32) {
        self.strap = strap & registers::STRAP_MASK;
    }

    /// The sampled straps.
    pub fn strap(&self) -> u32 {
        self.strap
    }

    /// The outside gives `level` to a pad. It matters as long as the chip does not drive the pad itself. A pad that does not
    /// exist is ignored.
    pub fn set_input(&mut self, pin: usize, level: bool) {
        self.set_pad(pin, level, false);
    }

    /// The same; `held` says that a low level is one that a driver forces upon the pad, whatever the pad's own output does.
    pub fn set_pad(&mut self, pin: usize, level: bool, held: bool) {
        if pin < PINS {
            let put = |mask: u64, set: bool| mask & !(1 << pin) | u64::from(set) << pin;
            let (external, held_low) = (put(self.external, level), put(self.held_low, held && !level));
            if (external, held_low) != (self.external, self.held_low) {
                (self.external, self.held_low) = (external, held_low);
                self.sense();
            }
        }
    }

    /// Switches the input buffers of the pads: bit n is GPIO n. They are on after reset, as a chip without such switches has them.
    pub fn set_inputs_enabled(&mut self, pads: u64) {
        if pads != self.inputs {
            self.changes |= (pads ^ self.inputs) & self.masks.sensed();
            self.inputs = pads;
            self.sense();
        }
    }

    /// The level of a pad: what software drives, or else what the outside gives.
    pub fn level(&self, pin: usize) -> bool {
        pin < PINS && self.pads() >> pin & 1 != 0
    }

    /// The level that software drives onto a pad; None if it does not, because the output is disabled, because an open-drain
    /// output is released, or because the pad belongs to a peripheral (see [`out_signal`](Self::out_signal)).
    pub fn output(&self, pin: usize) -> Option<bool> {
        if pin >= PINS {
            return None;
        }
        let (driven, level) = self.drive();
        (driven >> pin & 1 != 0).then_some(level >> pin & 1 != 0)
    }

    /// The peripheral output that the matrix brings to a pad; [`SIGNAL_GPIO`] is the pad's own GPIO output. The pad's IO_MUX
    /// function must be the matrix for it to matter.
    pub fn out_signal(&self, pin: usize) -> u32 {
        if pin < PINS { matrix::out_signal(&self.registers, pin) } else { SIGNAL_GPIO }
    }

    /// The lowest pad to which the matrix brings the peripheral output `signal`.
    pub fn out_signal_pin(&self, signal: u32) -> Option<usize> {
        (0..PINS).find(|pin| matrix::out_signal(&self.registers, *pin) == signal)
    }

    /// Whether the matrix inverts what it brings to a pad.
    pub fn is_inverted(&self, pin: usize) -> bool {
        pin < PINS && self.masks.out_inverted >> pin & 1 != 0
    }

    /// Whether the output of a pad only ever pulls low.
    pub fn is_open_drain(&self, pin: usize) -> bool {
        pin < PINS && self.masks.open_drain >> pin & 1 != 0
    }

    /// Where the peripheral input `signal` comes from. None if there is no such signal.
    pub fn in_signal(&self, signal: u32) -> Option<InputSource> {
        matrix::in_signal(&self.registers, signal)
    }

    /// The pad from which the matrix takes the peripheral input `signal`, if it takes it from a pad.
    pub fn in_signal_pin(&self, signal: u32) -> Option<usize> {
        match self.in_signal(signal)? {
            InputSource::Pin { pin, .. } => Some(pin),
            _ => None,
        }
    }

    /// The pads whose drive has changed since the last call: level, output enable or peripheral signal. Bit n is GPIO n.
    pub fn take_changes(&mut self) -> u64 {
        std::mem::take(&mut self.changes)
    }

    /// Whether the matrix connects an input to something else since the last call.
    pub fn take_rewired(&mut self) -> bool {
        std::mem::take(&mut self.rewired)
    }

    /// Whether a pad with WAKEUP_ENABLE has the level that wakes the chip from light sleep.
    pub fn wakes(&self) -> bool {
        let levels = self.read_levels();
        self.masks.wakeup & (levels & self.masks.high | !levels & self.masks.low) != 0
    }

    /// Pads that software drives, and the levels on them.
    fn drive(&self) -> (u64, u64) {
        let level = self.pair(reg::OUT, reg::OUT1) ^ self.masks.out_inverted;
        let enabled = self.pair(reg::ENABLE, reg::ENABLE1) ^ self.masks.enable_inverted;
        let released = self.masks.open_drain & level;
        (enabled & self.masks.simple & !released & OUTPUTS, level)
    }

    /// Pads whose drivers are on for the signal of a block.
    fn enabled(&self) -> u64 {
        let enabled = self.pair(reg::ENABLE, reg::ENABLE1) | !self.masks.enable_by_gpio;
        (enabled ^ self.masks.enable_inverted) & !self.masks.simple & OUTPUTS
    }

    /// Returns the settings of the pads that matter outside of this block.
    fn settings(&self) -> [u64; 3] {
        [self.enabled(), self.masks.open_drain & !self.masks.simple, self.masks.sensed()]
    }

    fn pads(&self) -> u64 {
        let (driven, level) = self.drive();
        (driven & level | !driven & self.external) & !self.held_low
    }

    /// The levels that software reads.
    fn read_levels(&self) -> u64 {
        self.pads() & self.inputs
    }

    fn status(&self) -> u64 {
        self.pair(reg::STATUS, reg::STATUS1)
    }

    /// Pads whose interrupt is enabled for a line and pending.
    fn pending(&self, line: usize) -> u64 {
        self.status() & self.masks.enabled[line]
    }

    /// Looks for interrupt conditions after pads or settings have changed.
    fn sense(&mut self) {
        let levels = self.read_levels();
        let changed = levels ^ self.levels;
        self.levels = levels;
        let masks = &self.masks;
        let edges = changed & (levels & masks.rising | !levels & masks.falling);
        let found = edges | levels & masks.high | !levels & masks.low;
        self.registers.modify(reg::STATUS, 0, found as u32);
        self.registers.modify(reg::STATUS1, 0, (found >> 32) as u32);
    }

    /// A pair of registers for GPIO0 to 31 and GPIO32 to 39.
    fn pair(&self, low: u32, high: u32) -> u64 {
        u64::from(self.registers.get(low)) | u64::from(self.registers.get(high)) << 32
    }
}
