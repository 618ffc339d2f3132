use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_6X10;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Pixel, Point, Primitive, Size};
use embedded_graphics::primitives::{Circle, Line, PrimitiveStyle, Rectangle};
use embedded_graphics::text::Text;
use embedded_graphics::{Drawable, draw_target::DrawTargetExt};
use espalier_core::{Bitmap, I2cTarget, Time};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use super::{Controller, Oled, OledConfig};

const ADDRESS: u8 = 0x3C;
const NOW: Time = Time::from_micros(7);

/// The driver crates' side of the bus.
#[derive(Clone)]
struct Wire(Rc<RefCell<Oled>>);

impl Wire {
    fn new(config: OledConfig) -> Wire {
        Wire(Rc::new(RefCell::new(Oled::new(config))))
    }

    fn send(&self, bytes: &[u8]) {
        let mut oled = self.0.borrow_mut();
        assert!(oled.start(ADDRESS, false, NOW));
        for byte in bytes {
            assert!(oled.write(*byte, NOW));
        }
        oled.stop(NOW);
    }

    fn command(&self, bytes: &[u8]) {
        self.send(&[&[0x00], bytes].concat());
    }

    fn data(&self, bytes: &[u8]) {
        self.send(&[&[0x40], bytes].concat());
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        let mut oled = self.0.borrow_mut();
        assert!(oled.start(ADDRESS, true, NOW));
        let bytes = (0..count).map(|_| oled.read(NOW)).collect();
        oled.stop(NOW);
        bytes
    }

    fn picture(&self) -> Bitmap {
        self.0.borrow().picture()
    }

    /// Switches on with the usual orientation.
    fn on(self) -> Wire {
        self.command(&[0xA1, 0xC8, 0xAF]);
        self
    }
}

impl embedded_hal::i2c::ErrorType for Wire {
    type Error = Infallible;
}

impl embedded_hal::i2c::I2c for Wire {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [embedded_hal::i2c::Operation<'_>],
    ) -> Result<(), Infallible> {
        assert_eq!(address, ADDRESS);
        for operation in operations {
            match operation {
                embedded_hal::i2c::Operation::Write(bytes) => self.send(bytes),
                embedded_hal::i2c::Operation::Read(bytes) => bytes.copy_from_slice(&self.receive(bytes.len())),
            }
        }
        Ok(())
    }
}

impl embedded_hal_02::blocking::i2c::Write for Wire {
    type Error = Infallible;

    fn write(&mut self, address: u8, bytes: &[u8]) -> Result<(), Infallible> {
        assert_eq!(address, ADDRESS);
        self.send(bytes);
        Ok(())
    }
}

/// A plain canvas to compare with.
struct Canvas(Bitmap);

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) {
                self.0.set(x, y, color.is_on());
            }
        }
        Ok(())
    }
}

/// A drawing without any symmetry.
fn draw<D: DrawTarget<Color = BinaryColor>>(target: &mut D)
where
    D::Error: std::fmt::Debug,
{
    let line = PrimitiveStyle::with_stroke(BinaryColor::On, 1);
    let filled = PrimitiveStyle::with_fill(BinaryColor::On);
    Text::new("espalier", Point::new(1, 9), MonoTextStyle::new(&FONT_6X10, BinaryColor::On)).draw(target).unwrap();
    Line::new(Point::new(0, 31), Point::new(50, 12)).into_styled(line).draw(target).unwrap();
    Circle::new(Point::new(20, 14), 15).into_styled(line).draw(target).unwrap();
    Rectangle::new(Point::new(3, 20), Size::new(7, 5)).into_styled(filled).draw(target).unwrap();
    // Reaches into each corner, whatever the size.
    let area = target.bounding_box();
    let corner = area.bottom_right().unwrap();
    target.translated(corner).draw_iter([Pixel(Point::zero(), BinaryColor::On)]).unwrap();
    Line::new(Point::new(corner.x, 0), Point::new(corner.x - 9, 3)).into_styled(line).draw(target).unwrap();
}

fn drawing(width: u32, height: u32) -> Bitmap {
    let mut canvas = Canvas(Bitmap::new(width, height));
    draw(&mut canvas);
    canvas.0
}

/// The picture turned clockwise by a quarter, `quarters` times.
fn turned(picture: &Bitmap, quarters: u32) -> Bitmap {
    if quarters == 0 {
        return picture.clone();
    }
    let mut turned_once = Bitmap::new(picture.height(), picture.width());
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            turned_once.set(picture.height() - 1 - y, x, picture.get(x, y));
        }
    }
    turned(&turned_once, quarters - 1)
}

fn assert_same(actual: &Bitmap, expected: &Bitmap, what: &str) {
    assert_eq!((actual.width(), actual.height()), (expected.width(), expected.height()), "{what}");
    let rows = |picture: &Bitmap| -> String {
        let pixels = picture.pixels().chunks(picture.width() as usize);
        pixels.map(|row| row.iter().map(|lit| if *lit { '#' } else { '.' }).chain(['\n']).collect::<String>()).collect()
    };
    assert!(actual == expected, "{what}\n{}\nshould be\n{}", rows(actual), rows(expected));
}

const SSD1306: OledConfig =
    OledConfig { controller: Controller::Ssd1306, width: 128, height: 64, address: ADDRESS, visible_column: 0 };
const SH1106: OledConfig = OledConfig { controller: Controller::Sh1106, visible_column: 2, ..SSD1306 };

mod ssd1306_crate {
    use super::{OledConfig, SSD1306, Wire, assert_same, draw, drawing, turned};
    use ssd1306::mode::DisplayConfig;
    use ssd1306::prelude::{
        Brightness, DisplayRotation, DisplaySize, DisplaySize64x48, DisplaySize72x40, DisplaySize96x16,
        DisplaySize128x32, DisplaySize128x64,
    };
    use ssd1306::{I2CDisplayInterface, Ssd1306};

    const ROTATIONS: [DisplayRotation; 4] =
        [DisplayRotation::Rotate0, DisplayRotation::Rotate90, DisplayRotation::Rotate180, DisplayRotation::Rotate270];

    fn check<S: DisplaySize + Copy>(size: S) {
        let config = OledConfig { width: S::WIDTH, height: S::HEIGHT, visible_column: S::OFFSETX, ..SSD1306 };
        let (width, height) = (u32::from(S::WIDTH), u32::from(S::HEIGHT));
        for (quarters, rotation) in ROTATIONS.into_iter().enumerate() {
            let wire = Wire::new(config);
            let interface = I2CDisplayInterface::new(wire.clone());
            let mut display = Ssd1306::new(interface, size, rotation).into_buffered_graphics_mode();
            display.init().unwrap();
            draw(&mut display);
            display.flush().unwrap();
            let upright = if quarters % 2 == 0 { drawing(width, height) } else { drawing(height, width) };
            let expected = turned(&upright, quarters as u32);
            assert_same(&wire.picture(), &expected, &format!("{width}x{height} turned {quarters} quarters"));
            assert_eq!(wire.0.borrow().unknown_commands(), 0);
        }
    }

    #[test]
    fn draws_on_every_size_in_every_rotation() {
        check(DisplaySize128x64);
        check(DisplaySize128x32);
        check(DisplaySize96x16);
    }

    /// These sizes sit in the middle of the columns, which the driver counts from the other end when it is turned.
    #[test]
    fn draws_on_narrow_glass() {
        check(DisplaySize64x48);
        check(DisplaySize72x40);
    }

    /// The terminal mode uses page addressing.
    #[test]
    fn writes_characters_page_by_page() {
        let wire = Wire::new(SSD1306);
        let interface = I2CDisplayInterface::new(wire.clone());
        let mut display = Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0).into_terminal_mode();
        display.init().unwrap();
        display.clear().unwrap();
        for character in "ab".chars() {
            display.print_char(character).unwrap();
        }
        let oled = wire.0.borrow();
        let lit: Vec<usize> = (0..oled.gddram().len()).filter(|index| oled.gddram()[*index] != 0).collect();
        assert!(!lit.is_empty() && lit.iter().all(|index| *index < 16), "two characters at the top left: {lit:?}");
    }

    #[test]
    fn inverts_switches_off_and_dims() {
        let wire = Wire::new(SSD1306);
        let interface = I2CDisplayInterface::new(wire.clone());
        let mut display =
            Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0).into_buffered_graphics_mode();
        display.init().unwrap();
        draw(&mut display);
        display.flush().unwrap();
        let lit = wire.picture().pixels().iter().filter(|lit| **lit).count();
        display.set_invert(true).unwrap();
        assert_eq!(wire.picture().pixels().iter().filter(|lit| !**lit).count(), lit);
        display.set_brightness(Brightness::BRIGHTEST).unwrap();
        assert_eq!(wire.0.borrow().contrast(), 0xFF);
        display.set_display_on(false).unwrap();
        assert!(!wire.0.borrow().is_on() && wire.picture().pixels().iter().all(|lit| !lit));
    }
}

mod sh1106_crate {
    use super::{OledConfig, SH1106, Wire, assert_same, draw, drawing, turned};
    use sh1106::Builder;
    use sh1106::displayrotation::DisplayRotation;
    use sh1106::displaysize::DisplaySize;
    use sh1106::mode::GraphicsMode;

    fn check(size: DisplaySize, config: OledConfig) {
        let (width, height) = (u32::from(config.width), u32::from(config.height));
        let rotations = [
            DisplayRotation::Rotate0,
            DisplayRotation::Rotate90,
            DisplayRotation::Rotate180,
            DisplayRotation::Rotate270,
        ];
        for (quarters, rotation) in rotations.into_iter().enumerate() {
            let wire = Wire::new(config);
            let mut display: GraphicsMode<_> =
                Builder::new().with_size(size).with_rotation(rotation).connect_i2c(wire.clone()).into();
            display.init().unwrap();
            draw(&mut display);
            display.flush().unwrap();
            let upright = if quarters % 2 == 0 { drawing(width, height) } else { drawing(height, width) };
            assert_same(&wire.picture(), &turned(&upright, quarters as u32), &format!("turned {quarters} quarters"));
        }
    }

    /// On I2C the crate always starts at column 2, also for the size that it calls `Display128x64NoOffset`.
    #[test]
    fn draws_on_every_size_in_every_rotation() {
        check(DisplaySize::Display128x64, SH1106);
        check(DisplaySize::Display128x32, OledConfig { height: 32, ..SH1106 });
    }
}

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
