//! The commands, one by one.

use espalier_core::{Bitmap, I2cTarget};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use super::{ADDRESS, NOW, SH1106, SSD1306, Wire, assert_same, drawing};
use crate::oled::{ComPins, Controller, Oled, OledConfig};

/// Rows whose leftmost pixel is lit.
fn left_edge(picture: &Bitmap) -> Vec<u32> {
    (0..picture.height()).filter(|y| picture.get(0, *y)).collect()
}

/// SSD1306 datasheet, chapter 10.1.3.
#[test]
fn addressing_modes_fill_the_window() {
    let wire = Wire::new(SSD1306).on();
    let cells = |wire: &Wire| -> Vec<(usize, u8)> {
        let oled = wire.0.borrow();
        (0..).zip(oled.gddram().to_vec()).filter(|(_, byte)| *byte != 0).collect()
    };
    let cell = |page: usize, column: usize, byte: u8| (128 * page + column, byte);
    wire.command(&[0x20, 0x00, 0x21, 126, 127, 0x22, 2, 3]);
    wire.data(&[1, 2, 3, 4, 5]);
    assert_eq!(cells(&wire), [cell(2, 126, 5), cell(2, 127, 2), cell(3, 126, 3), cell(3, 127, 4)]);
    wire.command(&[0x20, 0x01, 0x21, 126, 127, 0x22, 2, 3]);
    wire.data(&[1, 2, 3, 4, 5]);
    assert_eq!(cells(&wire), [cell(2, 126, 5), cell(2, 127, 3), cell(3, 126, 2), cell(3, 127, 4)]);
    wire.data(&[0; 3]);
    wire.command(&[0x20, 0x02, 0xB5, 0x0D, 0x17]);
    wire.data(&[7, 8, 9, 10]);
    // 7 at 125, then 126 and 127, then the start column of the page again.
    assert_eq!(cells(&wire)[1..], [cell(5, 125, 10), cell(5, 126, 8), cell(5, 127, 9)]);
}

/// u8g2 selects horizontal addressing and sets pages and columns all the same.
#[test]
fn pointers_can_be_set_in_horizontal_mode() {
    let wire = Wire::new(SSD1306).on();
    wire.command(&[0x20, 0x00, 0xB3, 0x05, 0x12]);
    wire.data(&[0xAA]);
    assert_eq!(wire.0.borrow().gddram()[3 * 128 + 0x25], 0xAA);
}

/// MicroPython's `ssd1306.py` sends every byte of a command in a transaction of its own.
#[test]
fn commands_may_be_split_and_mixed_with_data() {
    let wire = Wire::new(SSD1306).on();
    for byte in [0x81, 0x42] {
        wire.send(&[0x80, byte]);
    }
    assert_eq!(wire.0.borrow().contrast(), 0x42);
    // Co: each byte has its own control byte, and the last one opens a stream.
    wire.send(&[0x80, 0xB1, 0xC0, 0x11, 0x80, 0xB2, 0x40, 0x22, 0x33]);
    let oled = wire.0.borrow();
    assert_eq!((oled.gddram()[128], oled.gddram()[256 + 1], oled.gddram()[256 + 2]), (0x11, 0x22, 0x33));
}

/// SSD1306 datasheet, chapter 10.1.8: data that is already in the RAM does not move.
#[test]
fn the_ssd1306_remaps_what_comes_later() {
    let wire = Wire::new(SSD1306).on();
    wire.data(&[0x01]);
    wire.command(&[0xA0]);
    assert_eq!(left_edge(&wire.picture()), [0]);
    assert_eq!(wire.0.borrow().gddram()[127], 0x01);
    wire.command(&[0xB1, 0x00, 0x10]);
    wire.data(&[0x01]);
    assert!(wire.picture().get(127, 8));
    let wire = Wire::new(SH1106).on();
    wire.command(&[0x02, 0x10]);
    wire.data(&[0x01]);
    assert_eq!(left_edge(&wire.picture()), [0]);
    wire.command(&[0xA0]);
    assert!(wire.picture().get(127, 0) && wire.0.borrow().gddram()[2] == 0x01);
}

/// SSD1306 datasheet, tables 10-1 and 10-2.
#[test]
fn start_line_offset_and_multiplex_move_rows() {
    let wire = Wire::new(SSD1306).on();
    for page in 0..8 {
        wire.command(&[0xB0 + page, 0x00, 0x10]);
        wire.data(&[if page == 1 { 0x01 } else { 0x00 }]);
    }
    assert_eq!(left_edge(&wire.picture()), [8]);
    wire.command(&[0x40 + 5]);
    assert_eq!(left_edge(&wire.picture()), [3]);
    wire.command(&[0x40, 0xD3, 6]);
    assert_eq!(left_edge(&wire.picture()), [2]);
    wire.command(&[0xD3, 10]);
    assert_eq!(left_edge(&wire.picture()), [62]);
    wire.command(&[0xC0, 0xD3, 0]);
    assert_eq!(left_edge(&wire.picture()), [55]);
    // 48 rows: with C8 line 0 shows row 47, so the 16 upper lines are not driven.
    wire.command(&[0xC8, 0xA8, 47]);
    assert_eq!(left_edge(&wire.picture()), [24]);
    wire.command(&[0xA5]);
    assert_eq!(left_edge(&wire.picture()), (16..64).collect::<Vec<u32>>());
    wire.command(&[0xA4, 0xA7]);
    assert_eq!(left_edge(&wire.picture()).len(), 47);
}

/// Drivers send 0xDA with the wiring of their glass; a board file can say that its glass is wired otherwise.
#[test]
fn glass_is_wired_as_drivers_of_its_size_expect() {
    let rows = |width, height, com_pins, sent| {
        let wire = Wire::new(OledConfig { width, height, com_pins, ..SSD1306 }).on();
        wire.command(&[0xA8, height - 1, 0xDA, sent, 0x20, 0, 0x22, 0, 7, 0x21, 0, 127]);
        // Row n of the RAM has its first n pixels lit.
        let bytes =
            (0..8 * 128).map(|at| (0..8).fold(0, |byte, bit| byte | u8::from(at % 128 < at / 128 * 8 + bit) << bit));
        wire.data(&bytes.collect::<Vec<_>>());
        let picture = wire.picture();
        let lit = |y| (0..u32::from(width)).filter(|x| picture.get(*x, y)).count();
        (0..u32::from(height)).map(lit).collect::<Vec<_>>()
    };
    for (width, height, sent) in
        [(128, 64, 0x12), (128, 32, 0x02), (96, 16, 0x02), (72, 40, 0x12), (64, 48, 0x12), (64, 32, 0x12)]
    {
        let straight: Vec<usize> = (0..usize::from(height)).map(|row| row.min(usize::from(width))).collect();
        assert_eq!(rows(width, height, None, sent), straight, "{width}x{height}");
        assert_ne!(rows(width, height, None, sent ^ 0x10), straight, "{width}x{height}");
        let other = if sent == 0x12 { ComPins::Sequential } else { ComPins::Alternate };
        assert_eq!(rows(width, height, Some(other), sent ^ 0x10), straight, "{width}x{height}, wired otherwise");
    }
}

/// SSD1306 datasheet, table 10-3: the glass is wired for one setting of the COM pins.
#[test]
fn com_pins_that_do_not_fit_mix_up_the_rows() {
    let tall = Wire::new(SSD1306).on();
    tall.data(&[0xFF]);
    assert_eq!(left_edge(&tall.picture()), (0..8).collect::<Vec<u32>>());
    tall.command(&[0xDA, 0x02]);
    assert_eq!(left_edge(&tall.picture()), [0, 2, 4, 6, 8, 10, 12, 14]);
    let short = Wire::new(OledConfig { height: 32, ..SSD1306 }).on();
    short.command(&[0xA8, 31, 0xDA, 0x02]);
    short.data(&[0xFF]);
    assert_eq!(left_edge(&short.picture()), (0..8).collect::<Vec<u32>>());
    short.command(&[0xDA, 0x12]);
    assert_ne!(left_edge(&short.picture()), (0..8).collect::<Vec<u32>>());
}

/// SH1106 datasheet: the pointer stops after column 131, and the RAM can be read and modified.
#[test]
fn the_sh1106_reads_its_ram() {
    let wire = Wire::new(SH1106).on();
    wire.command(&[0xB0, 0x00, 0x18]);
    wire.data(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(wire.0.borrow().gddram()[126..134], [0, 0, 1, 2, 3, 4, 0, 0]);
    wire.command(&[0x00, 0x18]);
    wire.send(&[0x40]);
    assert_eq!(wire.receive(4)[1..], [1, 2, 3]);
    // Read, modify, write: reads do not move the pointer, writes do, and the end goes back.
    wire.command(&[0x00, 0x18, 0xE0]);
    for _ in 0..2 {
        wire.send(&[0x40]);
        let byte = wire.receive(2)[1];
        wire.data(&[byte | 0x80]);
    }
    wire.command(&[0xEE]);
    wire.data(&[0x55]);
    assert_eq!(wire.0.borrow().gddram()[128..131], [0x55, 0x82, 3]);
}

/// The mPython board's firmware writes every page from column 0.
#[test]
fn the_mpython_panel_begins_at_column_0() {
    let wire = Wire::new(OledConfig { visible_column: 0, ..SH1106 }).on();
    let expected = drawing(128, 64);
    for page in 0..8_u8 {
        let column = |x| (0..8).fold(0, |byte, bit| byte | u8::from(expected.get(x, u32::from(page) * 8 + bit)) << bit);
        wire.command(&[0xB0 | page, 0x00, 0x10]);
        wire.data(&(0..128).map(column).collect::<Vec<u8>>());
    }
    assert_same(&wire.picture(), &expected, "upright");
    wire.command(&[0xA0, 0xC0]);
    assert_eq!(wire.picture().get(127, 63), expected.get(4, 0), "the other end of the segments");
}

/// Firmware tells the controllers apart by the low bits of the status.
#[test]
fn status_tells_whether_the_panel_is_on() {
    for (config, off, on) in [(SSD1306, 0x43, 0x03), (SH1106, 0x48, 0x08)] {
        let wire = Wire::new(config);
        assert_eq!(wire.receive(1), [off]);
        assert_eq!(wire.on().receive(1), [on]);
    }
    assert!(!Oled::new(SSD1306).start(0x3D, false, NOW));
}

#[test]
fn changes_are_counted_once() {
    let wire = Wire::new(SSD1306).on();
    let before = wire.0.borrow().changes();
    wire.data(&[1, 0, 2]);
    wire.command(&[0xB0, 0x00, 0x10, 0xA6, 0xAF, 0x81, 0x10]);
    wire.data(&[1, 0, 2]);
    assert_eq!(wire.0.borrow().changes() - before, 2);
    assert_eq!(wire.0.borrow().last_change(), NOW);
    wire.command(&[0xA7]);
    assert_eq!(wire.0.borrow().changes() - before, 3);
    wire.command(&[0xF0, 0x8E]);
    assert_eq!(wire.0.borrow().unknown_commands(), 2);
}

#[test]
fn reset_keeps_what_the_ram_shows() {
    let wire = Wire::new(SSD1306).on();
    wire.data(&[0x0F]);
    let before = wire.picture();
    wire.0.borrow_mut().reset(NOW);
    assert!(!wire.0.borrow().is_on());
    let shown = wire.on();
    shown.command(&[0xB7]);
    assert!(shown.picture() == before, "the pixels are where they were");
}

/// Scroll commands have arguments that must not be taken for commands.
#[test]
fn scroll_commands_have_their_length() {
    let wire = Wire::new(SSD1306).on();
    let before = wire.picture();
    wire.command(&[0x26, 0x00, 0xAE, 0xAE, 0xAE, 0x00, 0xFF, 0x29, 0xAE, 0xAE, 0xAE, 0xAE, 0xAE, 0xA3, 0xAE, 0xAE]);
    wire.command(&[0x2F]);
    assert!(wire.0.borrow().is_scrolling() && wire.0.borrow().is_on());
    wire.command(&[0x2E, 0x8D, 0x14, 0xD5, 0x80, 0xD9, 0xF1, 0xDB, 0x40, 0xAD, 0x30]);
    assert!(!wire.0.borrow().is_scrolling() && wire.0.borrow().unknown_commands() == 0);
    assert!(wire.picture() == before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever firmware sends, there is a picture, and no count says that nothing changed when it did.
    #[test]
    fn any_stream_yields_a_picture(
        sh1106 in any::<bool>(),
        height in 1_u8..=64,
        visible_column in any::<u8>(),
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..40),
    ) {
        let controller = if sh1106 { Controller::Sh1106 } else { Controller::Ssd1306 };
        let mut oled = Oled::new(OledConfig { controller, height, visible_column, ..SSD1306 });
        for (read, bytes) in messages {
            let (picture, ram, changes) = (oled.picture(), oled.gddram().to_vec(), oled.changes());
            oled.start(ADDRESS, read, NOW);
            for byte in bytes {
                if read {
                    oled.read(NOW);
                } else {
                    oled.write(byte, NOW);
                }
            }
            oled.stop(NOW);
            prop_assert_eq!((oled.picture().width(), oled.picture().height()), (128, u32::from(height)));
            let changed = oled.picture() != picture || oled.gddram() != ram;
            prop_assert!(!changed || oled.changes() > changes);
        }
    }
}
