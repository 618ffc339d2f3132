//! Connections of a block of the chip beside its registers, to the wiring and from it.

use crate::audio::AudioTarget;
use crate::outside::{GuestMemory, I2cTarget, SpiTarget};
use crate::sd::SdTarget;
use crate::signal::Signal;
use crate::time::Time;

/// The surroundings of a block while it carries out an operation that an access or the passing of time has started.
pub trait Surroundings {
    /// The chip's memory, for blocks that are DMA masters.
    fn memory(&mut self) -> &mut dyn GuestMemory;

    /// Returns the target of a transaction of this SPI controller, if any, and the memory for its DMA. `chip_select` is the line of the
    /// controller that is low; software may drive others.
    fn spi(&mut self, chip_select: Option<usize>) -> (Option<&mut dyn SpiTarget>, &mut dyn GuestMemory);

    /// The bus that the pads of this I2C controller lead to. None where nothing is wired: then nothing acknowledges.
    fn i2c(&mut self) -> Option<&mut dyn I2cTarget>;

    /// The devices that hear what this controller of serial audio sends; None where nothing is wired.
    fn audio_out(&mut self) -> Option<&mut dyn AudioTarget> {
        None
    }

    /// The devices that it hears.
    fn audio_in(&mut self) -> Option<&mut dyn AudioTarget> {
        None
    }

    /// Returns the card at a slot of this SD host with the number of data lines that lead to it, and the memory for its DMA.
    fn sd(&mut self, slot: usize) -> (Option<(&mut dyn SdTarget, usize)>, &mut dyn GuestMemory) {
        let _ = slot;
        (None, self.memory())
    }

    /// Frames that this serial port has sent, each with its end.
    fn transmit(&mut self, sent: Vec<(Time, u8)>);
}

/// An output of a block changes what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputChange {
    /// Number of the block's output.
    pub output: usize,
    pub at: Time,
    pub signal: Signal,
}

crate::persist!(value OutputChange { output, at, signal });

/// The matrix that connects the signals of blocks to pads.
pub trait PadMatrix {
    /// The signal that drives a pad.
    fn out_signal(&self, pin: usize) -> u32;

    /// Whether the matrix inverts what drives the pad.
    fn is_inverted(&self, pin: usize) -> bool;

    /// The pad that feeds the input `signal` of a block, and whether the matrix inverts it; None if no pad does.
    fn in_signal(&self, signal: u32) -> Option<(usize, bool)>;

    /// The level of a pad.
    fn level(&self, pin: usize) -> bool;

    /// The level that software drives onto a pad; `None` if it releases it.
    fn output(&self, pin: usize) -> Option<bool>;

    /// Whether the driver of a pad is on for the signal of a block.
    fn is_enabled(&self, pin: usize) -> bool {
        let _ = pin;
        true
    }

    /// Whether the driver of a pad only ever pulls low.
    fn is_open_drain(&self, pin: usize) -> bool {
        let _ = pin;
        false
    }

    /// The level that the input `signal` of a block always has, if the matrix gives it a constant.
    fn constant(&self, signal: u32) -> Option<bool> {
        let _ = signal;
        None
    }

    /// Whether the input `signal` of a block goes past the matrix.
    fn is_direct(&self, signal: u32) -> bool {
        let _ = signal;
        false
    }

    /// The pads whose edges or levels the matrix notes: bit n is pad n.
    fn sensed(&self) -> u64 {
        0
    }

    /// The sensed pads whose next edge interrupts or wakes.
    fn awaited(&self) -> u64 {
        self.sensed()
    }
}
