//! The parallel bus of displays after the Intel 8080 ("8080-I" in the datasheets of ST7789V, section 8.4, and ILI9341, section 7.1): a datum
//! on 8 or 16 lines is taken when WR rises while CS is low; DC tells data from commands. Nothing is read back, so there is no RD.

use espalier_core::{Signal, Time};

use crate::part::{PadUse, PartError, ValueError, Wiring};

/// Lines of the widest bus.
const MOST_LINES: usize = 16;
/// Lines of a byte.
const BYTE: usize = 8;
/// Terminals, from the first one of the bus on. A part without CS is always selected.
const CS: usize = 0;
const DC: usize = 1;
const WR: usize = 2;
const FIRST_DATA: usize = 3;

/// A part's end of the bus. Its terminals are `first` and those that follow.
#[derive(Clone, Debug)]
pub struct ParallelBus {
    first: usize,
    lines: usize,
    selected: bool,
    data: bool,
    strobe: bool,
    levels: u16,
}

espalier_core::persist!(value ParallelBus { first, lines, selected, data, strobe, levels });

/// A datum that was written to the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datum {
    pub data: bool,
    levels: u16,
    wide: bool,
}

impl Datum {
    /// Its bytes, the higher one first. Only pixels use the upper lines of a wide bus.
    pub fn bytes(self, is_pixel: bool) -> impl Iterator<Item = u8> {
        self.levels.to_be_bytes().into_iter().skip(usize::from(!(self.wide && is_pixel)))
    }
}

impl ParallelBus {
    /// Reads `wr`, `dc`, `cs` (which may be left out) and `data`, a list of 8 or 16 pads from D0 on.
    pub fn make(wiring: &mut Wiring<'_>, first: usize) -> Result<ParallelBus, PartError> {
        wiring.optional_pad("cs", first + CS, PadUse::Hears)?;
        wiring.pad("dc", first + DC, PadUse::Hears)?;
        wiring.pad("wr", first + WR, PadUse::Hears)?;
        let lines = wiring.pads("data", first + FIRST_DATA, MOST_LINES, PadUse::Hears)?.len();
        if lines == BYTE || lines == MOST_LINES {
            return Ok(ParallelBus { first, lines, selected: true, data: false, strobe: false, levels: 0 });
        }
        Err(wiring.wrong("data", ValueError::new(format!("{lines} pads"), "8 or 16 of them")))
    }

    /// A line carries `signal` from `at` on. Returns what this writes to the part.
    pub fn sense(&mut self, terminal: usize, signal: Signal, at: Time) -> Option<Datum> {
        let level = signal.level_at(at);
        match terminal.checked_sub(self.first)? {
            CS => self.selected = !level,
            DC => self.data = level,
            WR => {
                let rises = !std::mem::replace(&mut self.strobe, level) && level;
                let datum = Datum { data: self.data, levels: self.levels, wide: self.lines > BYTE };
                return (rises && self.selected).then_some(datum);
            }
            line => {
                let bit = 1 << (line - FIRST_DATA).min(MOST_LINES - 1);
                self.levels = if level { self.levels | bit } else { self.levels & !bit };
            }
        }
        None
    }
}
