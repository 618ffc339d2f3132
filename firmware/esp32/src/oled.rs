//! The mPython board's OLED: 128x64, SH1106 commands (Sino Wealth SH1106 data sheet, chapter "Commands").

use espalier_app::{Display, DisplayError};
use espalier_protocol::Frame;

use crate::i2c::{BusError, I2c, TRANSACTION_LENGTH};

const ADDRESS: u8 = 0x3C;
/// Column of the controller's memory at which the panel begins: its 128 columns lie in the middle of the 132.
const COLUMN_OFFSET: u8 = 2;

/// Control bytes: what follows are commands, or data.
const COMMANDS: u8 = 0x00;
const DATA: u8 = 0x40;

const PAGES: usize = 8;
const WIDTH: usize = Frame::WIDTH as usize;

const SET_LOWER_COLUMN: u8 = 0x00;
const SET_HIGHER_COLUMN: u8 = 0x10;
const SET_PAGE: u8 = 0xB0;
const DISPLAY_ON: u8 = 0xAF;

const INITIALISE: [u8; 25] = [
    0xAE, // display off
    0x20, 0x02, // page addressing (SSD1306; the SH1106 knows no other)
    0x40, // start line 0
    0xA1, // segment remap: column 127 is left
    0xA8, 0x3F, // multiplex ratio 64
    0xC8, // scan from COM63
    0xD3, 0x00, // display offset 0
    0xDA, 0x12, // alternative COM pins
    0xD5, 0x80, // clock
    0xD9, 0xF1, // precharge
    0xDB, 0x30, // VCOMH
    0x81, 0xFF, // contrast
    0xA4, // show the memory
    0xA6, // not inverted
    0x8D, 0x14, // charge pump (SSD1306)
    0x33, // charge pump voltage (SH1106)
];

/// One page: eight rows, a byte per column, the topmost pixel in the least significant bit.
type Page = [u8; WIDTH];

/// The OLED. It is only told what changed.
pub struct Oled {
    i2c: I2c,
    /// What the controller's memory holds, if that is known.
    shown: Option<[Page; PAGES]>,
}

impl Oled {
    /// An OLED that is initialised with the first frame.
    pub fn new(i2c: I2c) -> Oled {
        Oled { i2c, shown: None }
    }

    fn show(&mut self, frame: &Frame) -> Result<(), BusError> {
        let old = self.shown.take();
        if old.is_none() {
            self.send(COMMANDS, &INITIALISE)?;
        }
        let new = pages(frame);
        for (index, page) in new.iter().enumerate() {
            if old.as_ref().is_none_or(|old| old[index] != *page) {
                self.send_page(index as u8, page)?;
            }
        }
        if old.is_none() {
            self.send(COMMANDS, &[DISPLAY_ON])?;
        }
        self.shown = Some(new);
        Ok(())
    }

    fn send_page(&mut self, index: u8, page: &Page) -> Result<(), BusError> {
        let (low, high) = (COLUMN_OFFSET & 0xF, COLUMN_OFFSET >> 4);
        self.send(COMMANDS, &[SET_PAGE | index, SET_LOWER_COLUMN | low, SET_HIGHER_COLUMN | high])?;
        page.chunks(TRANSACTION_LENGTH - 1).try_for_each(|chunk| self.send(DATA, chunk))
    }

    fn send(&mut self, control: u8, bytes: &[u8]) -> Result<(), BusError> {
        let mut transaction = [control; TRANSACTION_LENGTH];
        transaction[1..=bytes.len()].copy_from_slice(bytes);
        self.i2c.write(ADDRESS, &transaction[..=bytes.len()])
    }
}

fn pages(frame: &Frame) -> [Page; PAGES] {
    core::array::from_fn(|page| {
        core::array::from_fn(|column| {
            let lit = |row: u32| frame.get(column as u32, page as u32 * 8 + row);
            (0..8).fold(0, |byte, row| byte | u8::from(lit(row)) << row)
        })
    })
}

impl Display for Oled {
    fn flush(&mut self, frame: &Frame) -> Result<(), DisplayError> {
        self.show(frame).map_err(|BusError| DisplayError)
    }
}
