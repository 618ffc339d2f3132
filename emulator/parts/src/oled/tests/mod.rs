//! Fixtures of the modules' tests: a wire to a module, and a canvas to compare its picture with.

mod commands;
mod drivers;

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

const SSD1306: OledConfig = OledConfig {
    controller: Controller::Ssd1306,
    width: 128,
    height: 64,
    address: ADDRESS,
    visible_column: 0,
    com_pins: None,
};
const SH1106: OledConfig = OledConfig { controller: Controller::Sh1106, visible_column: 2, ..SSD1306 };
