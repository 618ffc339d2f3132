//! The interface between a chip and the machine that runs it.

use espalier_core::{Bus, CodeState, Core, Frequency, GuestMemory, Persist, Time};
use espalier_peripherals::ResetCause;

use super::Strap;
use crate::platform::block::Block;
use crate::platform::{Origin, Platform};

/// Where and when a core accesses its bus.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    pub origin: Origin,
    /// Guest time when the run started, and the clock of the core.
    pub start: Time,
    pub clock: Frequency,
}

/// A core's bus, with what the machine looks at while it searches for loops that poll.
pub trait ChipBus: Bus {
    /// Guest time at the start of the run.
    fn start(&self) -> Time;

    fn set_start(&mut self, start: Time);

    /// The clock of the core.
    fn clock(&self) -> Frequency;

    /// The word at an aligned address if there is memory. Reading it has no effect.
    fn memory_word(&self, address: u32) -> Option<u32>;

    /// The word at an aligned address if reading it has no effect and gives the same value from the start of the run until the next event,
    /// and before which time.
    fn steady_word(&mut self, address: u32) -> Option<(u32, Time)>;

    /// A core that is observed has read these bytes, or executed them. Where they are in flash, the flash chip is told.
    fn note_read(&mut self, address: u32, length: u32) {
        let _ = (address, length);
    }

    /// Returns the value read at an aligned address without memory after a store of `value`, if the store has no other effect.
    fn plain_write(&self, address: u32, value: u32) -> Option<u32>;
}

/// A network that the board is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Lan,
    Air,
    /// The ports of a board that is one of several.
    Ports,
}

/// The driver of a pad inside the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadFunction {
    /// The signal that the matrix routes to it.
    Matrix,
    /// A signal past the matrix, by its number in the matrix.
    Signal(u32),
    /// Nothing that is followed.
    None,
}

/// A chip without its cores: a table of blocks, memories, and what is truly its own.
///
/// The platform in it does what is the same on every chip; a chip answers how interrupts are routed, which reset reaches what and
/// what its clocks are.
pub trait Chip: Clone + Persist + Send + Sync + Sized + 'static {
    type Core: Core + Clone + Persist;
    /// Its name.
    const NAME: &'static str;
    /// The bus of a core for one run.
    type Bus<'a>: ChipBus
    where
        Self: 'a;

    /// Every block of the chip. Of equal deadlines, that of the block which comes first falls due first.
    const TABLE: &'static [Block<Self>];

    fn platform(&self) -> &Platform;

    fn platform_mut(&mut self) -> &mut Platform;

    /// Tells its ROM from others.
    fn rom_digest(&self) -> u32;

    /// The platform, and the memory as DMA reaches it.
    fn with_memory(&mut self) -> (&mut Platform, &mut dyn GuestMemory);

    fn bus(&mut self, access: Access) -> Self::Bus<'_>;

    /// The state of the code of all cores.
    fn code_state(&self) -> CodeState;

    /// True if `core` has a clock and nothing holds it.
    fn core_runs(&self, core: usize) -> bool;

    /// Where `core` starts after its next reset.
    fn reset_vector(&self, core: usize) -> u32;

    /// Sets the level of an interrupt source. True if it changed.
    fn set_source(&mut self, source: usize, level: bool) -> bool;

    /// Sets the levels of several interrupt sources: bit n is that of the n-th. True if one changed.
    fn set_sources(&mut self, sources: &[usize], levels: u32) -> bool {
        let mut changed = false;
        for (line, source) in sources.iter().enumerate() {
            changed |= self.set_source(*source, levels >> line & 1 != 0);
        }
        changed
    }

    /// The levels of a core's interrupt inputs, as the chip routes its sources.
    fn route(&self, core: usize) -> u32;

    /// The cycles of `clock` for which the core that has just run waits for memory.
    fn take_stall(&mut self, clock: Frequency) -> u64 {
        let _ = clock;
        0
    }

    /// Returns the driver of a pad inside the chip.
    fn pad_function(&self, pin: usize) -> PadFunction {
        let _ = pin;
        PadFunction::Matrix
    }

    /// The pad that is connected to the input `signal` past the matrix.
    fn direct_input(&self, signal: u32) -> Option<usize> {
        let _ = signal;
        None
    }

    /// The way in which the chip's own resistor pulls a pad: true is up.
    fn pull(&self, pin: usize) -> Option<bool> {
        let _ = pin;
        None
    }

    /// Whether the input buffer of a pad is on. Blocks hear a pad whose buffer is off as low.
    fn input_enabled(&self, pin: usize) -> bool {
        let _ = pin;
        true
    }

    /// The level that a pad has while its own output does not drive it; `held` if something drives it and not a resistor.
    fn set_pad(&mut self, pin: usize, level: bool, held: bool);

    /// Sets the voltage of the supply.
    fn set_supply(&mut self, millivolts: u32, now: Time) {
        let _ = (millivolts, now);
    }

    /// The levels of some pads were set.
    fn pads_changed(&mut self, now: Time) {
        let _ = now;
    }

    /// The voltages of pads are about to change.
    fn before_pads_change(&mut self, now: Time) {
        let _ = now;
    }

    /// Carries frames between the chip and a network whose time has come.
    fn advance_network(&mut self, network: Network, now: Time);

    /// Samples the strapping pins for the next reset of the chip.
    fn set_strap(&mut self, strap: Strap);

    /// The pad that chooses between flash and download at reset, low for download.
    fn boot_pad(&self) -> usize;

    /// One core is reset for `cause`.
    fn reset_core(&mut self, cause: ResetCause, core: usize, now: Time);

    /// Everything in the scope of `cause` starts over, which is more than one core.
    fn reset(&mut self, cause: ResetCause, now: Time);

    /// The power goes and comes back: memories lose what they hold.
    fn power_cycle(&mut self);

    /// A word that software keeps through a reset.
    fn reset_note(&self) -> u32 {
        0
    }

    /// A finger touches a pad, or leaves it. Pads without a sensor feel nothing.
    fn set_touched(&mut self, gpio: u8, touched: bool) {
        let _ = (gpio, touched);
    }

    /// The voltage that the chip itself gives to a pad, in microvolts.
    fn analog_out(&self, pin: usize, now: Time) -> Option<u32> {
        let _ = (pin, now);
        None
    }

    /// The fuses as they are burnt, whatever is protected.
    fn efuses(&self) -> Vec<u8>;

    /// Gives the chip other fuses. Bytes beyond those that it has are ignored.
    fn set_efuses(&mut self, image: &[u8]);
}
