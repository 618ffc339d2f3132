//! Signals of the pad matrix, by which a chip's table connects blocks to pads.

/// Signals of the pad matrix that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    pub first: u32,
    pub count: usize,
    /// Signals elsewhere, which are counted after these.
    more: &'static [u32],
}

impl Signals {
    pub const fn new(first: u32, count: usize) -> Signals {
        Signals { first, count, more: &[] }
    }

    /// The same with others after them.
    pub const fn with(mut self, more: &'static [u32]) -> Signals {
        self.more = more;
        self
    }

    /// Returns the index of `signal` among these signals.
    pub fn position(self, signal: u32) -> Option<usize> {
        if let Some(place) = self.more.iter().position(|known| *known == signal) {
            return Some(self.count + place);
        }
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
    /// Word select and bit clock of the transmitter again, as outputs.
    pub clocks: &'static [u32],
    /// The output of serial data, which is the last one of the parallel outputs.
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
