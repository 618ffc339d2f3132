//! From RAM to glass: which bit lights which pixel.

use espalier_core::Bitmap;

use super::{ComPins, OledConfig, PAGES};

/// Common lines of the controller, and rows of its RAM.
const ROWS: usize = 8 * PAGES;

/// Settings of commands that decide how the RAM is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    pub on: bool,
    pub all_on: bool,
    pub inverted: bool,
    /// A1: column 0 belongs to the last segment.
    pub segments_remapped: bool,
    /// C8: the rows are scanned from the last to the first.
    pub scan_remapped: bool,
    pub start_line: u8,
    pub offset: u8,
    /// Rows that are driven, less one.
    pub multiplex: u8,
    /// The common pads are used alternately from both sides of the chip.
    pub alternate_pads: bool,
    /// The two sides are exchanged.
    pub pads_exchanged: bool,
}

espalier_core::persist! {
    value Panel {
        on, all_on, inverted, segments_remapped, scan_remapped, start_line, offset, multiplex, alternate_pads,
        pads_exchanged
    }
}

impl Panel {
    /// As after power-on, for both controllers.
    pub(super) fn new() -> Panel {
        Panel {
            on: false,
            all_on: false,
            inverted: false,
            segments_remapped: false,
            scan_remapped: false,
            start_line: 0,
            offset: 0,
            multiplex: ROWS as u8 - 1,
            alternate_pads: true,
            pads_exchanged: false,
        }
    }

    pub(super) fn picture(&self, config: &OledConfig, ram: &[u8]) -> Bitmap {
        let mut picture = Bitmap::new(config.width.into(), config.height.into());
        if !self.on {
            return picture;
        }
        for y in 0..config.height {
            let Some(row) = self.row(config, y) else { continue };
            for x in 0..config.width {
                let Some(column) = self.column(config, x) else { continue };
                let bit = ram[row / 8 * config.controller.columns() + column] >> (row % 8) & 1 != 0;
                picture.set(x.into(), y.into(), self.all_on || bit != self.inverted);
            }
        }
        picture
    }

    /// The column of the RAM that pixel column `x` shows. With A1, the first visible one is at the left.
    fn column(&self, config: &OledConfig, x: u8) -> Option<usize> {
        let columns = config.controller.columns();
        let from_first = usize::from(config.visible_column) + usize::from(x);
        if self.segments_remapped {
            (from_first < columns).then_some(from_first)
        } else {
            (columns - 1).checked_sub(from_first)
        }
    }

    /// The row of the RAM that pixel row `y` shows; None if it is not driven (SSD1306 datasheet, tables 10-1 and 10-2).
    fn row(&self, config: &OledConfig, y: u8) -> Option<usize> {
        let driven = usize::from(self.multiplex) + 1;
        let common = self.common(config, y);
        let scanned = if self.scan_remapped { driven + ROWS - 1 - common } else { common };
        let row = (scanned + usize::from(self.offset)) % ROWS;
        (row < driven).then(|| (row + usize::from(self.start_line)) % ROWS)
    }

    /// The common line that drives pixel row `y`: the glass has line 0 at the bottom, and connects each line to the pad
    /// which the controller uses for it with the setting of COM pins that the glass is made for; with another setting the
    /// rows are mixed up.
    fn common(&self, config: &OledConfig, y: u8) -> usize {
        const SIDE: usize = ROWS / 2;
        let line = usize::from(config.height - 1 - y);
        let pad = match config.com_pins() {
            ComPins::Sequential => line,
            ComPins::Alternate => line % 2 * SIDE + line / 2,
        };
        let pad = if self.pads_exchanged { (pad + SIDE) % ROWS } else { pad };
        if self.alternate_pads { pad % SIDE * 2 + pad / SIDE } else { pad }
    }
}
