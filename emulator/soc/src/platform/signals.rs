//! Signals of the pad matrix, by which a chip's table connects blocks to pads.

/// Signals of the pad matrix that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    pub first: u32,
    pub count: usize,
}

impl Signals {
    pub const fn new(first: u32, count: usize) -> Signals {
        Signals { first, count }
    }

    /// Returns the index of `signal` among these signals.
    pub fn position(self, signal: u32) -> Option<usize> {
        let index = signal.checked_sub(self.first)? as usize;
        (index < self.count).then_some(index)
    }
}

/// The signals of a controller of serial audio in the matrix of pads.
#[derive(Clone, Copy, Debug)]
pub struct AudioSignals {
    /// The bit clocks of its transmitter and of its receiver.
    pub sck: [u32; 2],
    /// The word selects of both.
    pub ws: [u32; 2],
    pub data_out: u32,
    pub data_in: u32,
}

/// The signals of a SPI controller in the matrix of pads.
#[derive(Clone, Copy, Debug)]
pub struct SpiSignals {
    pub clock: u32,
    /// From the device.
    pub q: u32,
    /// To the device.
    pub d: u32,
    pub chip_selects: [u32; 3],
}

/// The lines of one slot of a SD host, by the numbers that IO_MUX gives them.
#[derive(Clone, Copy, Debug)]
pub struct SdSignals {
    pub clock: u32,
    pub command: u32,
    pub data: [u32; 4],
}
