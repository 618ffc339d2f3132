//! Command bytes of the controllers (SSD1306 datasheet, chapter 9; SH1106 datasheet, "Commands").

use super::Controller;

pub(super) const COLUMN_LOW: u8 = 0x00;
pub(super) const COLUMN_LOW_LAST: u8 = 0x0F;
pub(super) const COLUMN_HIGH: u8 = 0x10;
pub(super) const COLUMN_HIGH_LAST: u8 = 0x1F;
pub(super) const ADDRESSING_MODE: u8 = 0x20;
pub(super) const COLUMN_WINDOW: u8 = 0x21;
pub(super) const PAGE_WINDOW: u8 = 0x22;
pub(super) const FADE_AND_BLINK: u8 = 0x23;
pub(super) const SCROLL_RIGHT: u8 = 0x26;
pub(super) const SCROLL_LEFT: u8 = 0x27;
pub(super) const SCROLL_UP_RIGHT: u8 = 0x29;
pub(super) const SCROLL_UP_LEFT: u8 = 0x2A;
pub(super) const SCROLL_STOP: u8 = 0x2E;
pub(super) const SCROLL_START: u8 = 0x2F;
pub(super) const PUMP_VOLTAGE: u8 = 0x30;
pub(super) const PUMP_VOLTAGE_LAST: u8 = 0x33;
pub(super) const START_LINE: u8 = 0x40;
pub(super) const START_LINE_LAST: u8 = 0x7F;
pub(super) const CONTRAST: u8 = 0x81;
pub(super) const CHARGE_PUMP: u8 = 0x8D;
pub(super) const SEGMENTS_NORMAL: u8 = 0xA0;
pub(super) const SEGMENTS_REMAPPED: u8 = 0xA1;
pub(super) const SCROLL_AREA: u8 = 0xA3;
pub(super) const ALL_ON_OFF: u8 = 0xA4;
pub(super) const ALL_ON: u8 = 0xA5;
pub(super) const INVERSION_OFF: u8 = 0xA6;
pub(super) const INVERSION_ON: u8 = 0xA7;
pub(super) const MULTIPLEX: u8 = 0xA8;
/// DC-DC converter of the SH1106; source of the segment current of later SSD1306.
pub(super) const SUPPLY: u8 = 0xAD;
pub(super) const DISPLAY_OFF: u8 = 0xAE;
pub(super) const DISPLAY_ON: u8 = 0xAF;
pub(super) const PAGE: u8 = 0xB0;
pub(super) const PAGE_LAST: u8 = 0xB7;
pub(super) const SCAN_NORMAL: u8 = 0xC0;
pub(super) const SCAN_NORMAL_LAST: u8 = 0xC7;
pub(super) const SCAN_REMAPPED: u8 = 0xC8;
pub(super) const SCAN_REMAPPED_LAST: u8 = 0xCF;
pub(super) const OFFSET: u8 = 0xD3;
pub(super) const CLOCK: u8 = 0xD5;
pub(super) const ZOOM: u8 = 0xD6;
pub(super) const PRECHARGE: u8 = 0xD9;
pub(super) const COM_PINS: u8 = 0xDA;
pub(super) const VCOMH: u8 = 0xDB;
pub(super) const READ_MODIFY_WRITE: u8 = 0xE0;
pub(super) const NOP: u8 = 0xE3;
pub(super) const READ_MODIFY_WRITE_END: u8 = 0xEE;

/// Bytes of the longest command.
pub(super) const LONGEST: usize = 7;

/// Number of bytes that follow `opcode`; `None` if the controller has no such command.
pub(super) fn arguments(controller: Controller, opcode: u8) -> Option<usize> {
    common(opcode).or_else(|| match controller {
        Controller::Ssd1306 => ssd1306(opcode),
        Controller::Sh1106 => sh1106(opcode),
    })
}

fn common(opcode: u8) -> Option<usize> {
    match opcode {
        COLUMN_LOW..=COLUMN_HIGH_LAST | START_LINE..=START_LINE_LAST | PAGE..=PAGE_LAST => Some(0),
        SEGMENTS_NORMAL | SEGMENTS_REMAPPED | SCAN_NORMAL..=SCAN_REMAPPED_LAST => Some(0),
        ALL_ON_OFF | ALL_ON | INVERSION_OFF | INVERSION_ON | DISPLAY_OFF | DISPLAY_ON | NOP => Some(0),
        CONTRAST | MULTIPLEX | OFFSET | CLOCK | PRECHARGE | COM_PINS | VCOMH | SUPPLY => Some(1),
        _ => None,
    }
}

fn ssd1306(opcode: u8) -> Option<usize> {
    match opcode {
        SCROLL_STOP | SCROLL_START => Some(0),
        ADDRESSING_MODE | FADE_AND_BLINK | CHARGE_PUMP | ZOOM => Some(1),
        COLUMN_WINDOW | PAGE_WINDOW | SCROLL_AREA => Some(2),
        SCROLL_UP_RIGHT | SCROLL_UP_LEFT => Some(5),
        SCROLL_RIGHT | SCROLL_LEFT => Some(6),
        _ => None,
    }
}

fn sh1106(opcode: u8) -> Option<usize> {
    match opcode {
        PUMP_VOLTAGE..=PUMP_VOLTAGE_LAST | READ_MODIFY_WRITE | READ_MODIFY_WRITE_END => Some(0),
        _ => None,
    }
}
