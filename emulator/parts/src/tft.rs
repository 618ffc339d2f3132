//! Colour displays with an ST7789V (Sitronix, "ST7789V" 1.6) or an ILI9341 (Ilitek, "ILI9341" V1.11) on SPI with a D/C line, or on a
//! parallel bus.
//!
//! Both keep 240 x 320 pixels and speak the display command set of MIPI. Nothing can be read from the modules; gamma, brightness and
//! partial mode do not show.

use std::sync::Arc;

use espalier_core::{Picture, Pixmap, Rgb, Signal, Time};

use crate::display::Shown;
use crate::parallel::ParallelBus;
use crate::part::{PadUse, Part, PartError, SpiPart, Value, Wiring};

const WIDTH: usize = 240;
const HEIGHT: usize = 320;

const SWRESET: u8 = 0x01;
const SLPIN: u8 = 0x10;
const SLPOUT: u8 = 0x11;
const INVOFF: u8 = 0x20;
const INVON: u8 = 0x21;
const DISPOFF: u8 = 0x28;
const DISPON: u8 = 0x29;
const CASET: u8 = 0x2A;
const RASET: u8 = 0x2B;
const RAMWR: u8 = 0x2C;
const VSCRDEF: u8 = 0x33;
const MADCTL: u8 = 0x36;
const VSCSAD: u8 = 0x37;
const COLMOD: u8 = 0x3A;
const RAMWRC: u8 = 0x3C;

/// Bits of MADCTL.
const MY: u8 = 1 << 7;
const MX: u8 = 1 << 6;
const MV: u8 = 1 << 5;
const BGR: u8 = 1 << 3;

const RESET: usize = 0;
const FIRST_OF_BUS: usize = 1;

/// Construction and mounting of a module's glass.
///
/// ```
/// use espalier_parts::{Tft, TftConfig};
///
/// // The 240x240 glass of many ST7789 modules, at row 80 of the controller's memory.
/// let config = TftConfig { width: 240, height: 240, first: (0, 80), mirrored: false, inverted: true, bgr: false };
/// assert_eq!(Tft::new(config).picture().height(), 240);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TftConfig {
    /// Pixels from left to right and from top to bottom.
    pub width: u16,
    pub height: u16,
    /// The column and the row of the controller at which the glass begins.
    pub first: (u16, u16),
    /// Column 0 of the controller is at the right.
    pub mirrored: bool,
    /// The glass is dark where the controller says light, as IPS glass is, so that firmware has to send INVON.
    pub inverted: bool,
    /// Its colours are in the order blue, green, red, so that firmware has to set BGR.
    pub bgr: bool,
}

/// A module.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{SpiPart, Tft, TftConfig};
///
/// # let config = TftConfig { width: 240, height: 320, first: (0, 0), mirrored: false, inverted: false, bgr: false };
/// let mut display = Tft::new(config);
/// display.receive(0x29, false, Time::ZERO); // DISPON, with D/C low
/// assert_eq!(display.picture().width(), 240);
/// ```
#[derive(Clone, Debug)]
pub struct Tft {
    config: TftConfig,
    /// Pixel by pixel as they were sent, row by row of the controller.
    ram: Arc<Vec<Rgb>>,
    command: u8,
    arguments: Vec<u8>,
    /// First and last column, first and last row, as the host counts them.
    columns: (u16, u16),
    rows: (u16, u16),
    place: (u16, u16),
    madctl: u8,
    colmod: u8,
    inversion: bool,
    on: bool,
    asleep: bool,
    /// Rows at the top that do not scroll, rows that do, and the row that is shown first of these.
    scroll: (u16, u16, u16),
    changed: Time,
    /// Its bus, unless that is SPI.
    parallel: Option<ParallelBus>,
}

espalier_core::persist! {
    state Tft {
        ram, command, arguments, columns, rows, place, madctl, colmod, inversion, on, asleep, scroll, changed, parallel
    } fixed { config } if Tft::is_sound;
}

impl Tft {
    /// A module after power-on.
    ///
    /// # Panics
    /// If its glass is larger than what the controller drives.
    pub fn new(config: TftConfig) -> Tft {
        let fits = |first: u16, size: u16, limit: usize| usize::from(first) + usize::from(size) <= limit;
        let (x, y) = config.first;
        assert!(fits(x, config.width, WIDTH) && fits(y, config.height, HEIGHT), "no controller drives such glass");
        Tft {
            config,
            ram: Arc::new(vec![Rgb::default(); WIDTH * HEIGHT]),
            command: 0,
            arguments: Vec::new(),
            columns: (0, WIDTH as u16 - 1),
            rows: (0, HEIGHT as u16 - 1),
            place: (0, 0),
            madctl: 0,
            colmod: 0x66,
            inversion: false,
            on: false,
            asleep: true,
            scroll: (0, HEIGHT as u16, 0),
            changed: Time::ZERO,
            parallel: None,
        }
    }

    pub(crate) fn make_st7789(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        Tft::make(wiring, false, true, false)
    }

    pub(crate) fn make_ili9341(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        Tft::make(wiring, true, false, true)
    }

    fn make(wiring: &mut Wiring<'_>, mirrored: bool, inverted: bool, bgr: bool) -> Result<Box<dyn Part>, PartError> {
        let parallel = match wiring.choice("bus", &["spi", "i8080"])? {
            Some(1) => Some(ParallelBus::make(wiring, FIRST_OF_BUS)?),
            _ => {
                wiring.spi(true)?;
                None
            }
        };
        wiring.optional_pad("reset", RESET, PadUse::Hears)?;
        let width = wiring.integer("width", 1..=WIDTH as i64)?.unwrap_or(WIDTH as i64);
        let height = wiring.integer("height", 1..=HEIGHT as i64)?.unwrap_or(HEIGHT as i64);
        let first_column = wiring.integer("first-column", 0..=WIDTH as i64 - width)?.unwrap_or(0);
        let first_row = wiring.integer("first-row", 0..=HEIGHT as i64 - height)?.unwrap_or(0);
        let config = TftConfig {
            width: width as u16,
            height: height as u16,
            first: (first_column as u16, first_row as u16),
            mirrored: wiring.flag("mirrored")?.unwrap_or(mirrored),
            inverted: wiring.flag("inverted")?.unwrap_or(inverted),
            bgr: wiring.flag("bgr")?.unwrap_or(bgr),
        };
        Ok(Box::new(Tft { parallel, ..Tft::new(config) }))
    }

    fn is_sound(&self) -> bool {
        let (top, moving, _) = self.scroll;
        self.ram.len() == WIDTH * HEIGHT && usize::from(top) + usize::from(moving) <= HEIGHT
    }

    /// Returns the visible picture.
    pub fn picture(&self) -> Pixmap {
        let TftConfig { width, height, first, mirrored, inverted, bgr } = self.config;
        let mut picture = Pixmap::new(width.into(), height.into());
        if !self.on || self.asleep {
            return picture;
        }
        let swapped = (self.madctl & BGR != 0) != bgr;
        for y in 0..height {
            let row = self.scrolled(usize::from(first.1 + y));
            for x in 0..width {
                let column = usize::from(first.0 + if mirrored { width - 1 - x } else { x });
                let Rgb { red, green, blue } = self.ram[row * WIDTH + column];
                let (red, blue) = if swapped { (blue, red) } else { (red, blue) };
                let turn = |channel: u8| if self.inversion != inverted { !channel } else { channel };
                picture.set(x.into(), y.into(), Rgb::new(turn(red), turn(green), turn(blue)));
            }
        }
        picture
    }

    /// The row of the RAM that is shown at a row of the controller.
    fn scrolled(&self, row: usize) -> usize {
        let (top, moving, start) = self.scroll;
        let (top, moving) = (usize::from(top), usize::from(moving));
        if moving == 0 || !(top..top + moving).contains(&row) {
            return row;
        }
        let offset = (usize::from(start) + moving - top % moving.max(1)) % moving;
        top + (row - top + offset) % moving
    }

    fn argument(&self, place: usize) -> u16 {
        let byte = |place: usize| self.arguments.get(place).copied().unwrap_or(0);
        u16::from_be_bytes([byte(place), byte(place + 1)])
    }

    fn take_argument(&mut self, byte: u8, now: Time) {
        /// Of the longest command that is modelled, or a pixel.
        const LONGEST: usize = 8;
        if matches!(self.command, RAMWR | RAMWRC) {
            self.arguments.push(byte);
            self.take_pixels(now);
            return;
        }
        if self.arguments.len() == LONGEST {
            return;
        }
        self.arguments.push(byte);
        let before = (self.madctl & BGR, self.scroll);
        match (self.command, self.arguments.len()) {
            (CASET, 4) => self.columns = (self.argument(0), self.argument(2)),
            (RASET, 4) => self.rows = (self.argument(0), self.argument(2)),
            (MADCTL, 1) => self.madctl = byte,
            (COLMOD, 1) => self.colmod = byte,
            (VSCRDEF, 4) => {
                let top = self.argument(0).min(HEIGHT as u16);
                self.scroll = (top, self.argument(2).min(HEIGHT as u16 - top), top);
            }
            (VSCSAD, 2) => self.scroll.2 = self.argument(0) % HEIGHT as u16,
            _ => {}
        }
        if before != (self.madctl & BGR, self.scroll) {
            self.changed = now;
        }
    }

    fn take_pixels(&mut self, now: Time) {
        let five = |value: u16| (value << 3 | value >> 2) as u8;
        let six = |value: u16| (value << 2 | value >> 4) as u8;
        let four = |value: u16| (value << 4 | value) as u8;
        match (self.colmod & 7, self.arguments.as_slice()) {
            (3, [a, b, c]) => {
                let [a, b, c] = [*a, *b, *c].map(u16::from);
                let pixels = [(a >> 4, a & 0xF, b >> 4), (b & 0xF, c >> 4, c & 0xF)];
                self.arguments.clear();
                pixels.into_iter().for_each(|(r, g, b)| self.put(Rgb::new(four(r), four(g), four(b)), now));
            }
            (5, [high, low]) => {
                let pixel = u16::from_be_bytes([*high, *low]);
                self.arguments.clear();
                self.put(Rgb::new(five(pixel >> 11), six(pixel >> 5 & 0x3F), five(pixel & 0x1F)), now);
            }
            (6, [red, green, blue]) => {
                let [red, green, blue] = [*red, *green, *blue].map(|channel| six(u16::from(channel) >> 2));
                self.arguments.clear();
                self.put(Rgb::new(red, green, blue), now);
            }
            (3 | 5 | 6, _) => {}
            _ => self.arguments.clear(),
        }
    }

    /// Memory access (ILI9341, section 8.2.29; ST7789V, section 8.12): MV exchanges columns and rows, MX and MY turn their order.
    fn put(&mut self, colour: Rgb, now: Time) {
        let (column, row) = self.place;
        let (x, y) = if self.madctl & MV != 0 { (row, column) } else { (column, row) };
        let (x, y) = (usize::from(x), usize::from(y));
        if x < WIDTH && y < HEIGHT {
            let x = if self.madctl & MX != 0 { WIDTH - 1 - x } else { x };
            let y = if self.madctl & MY != 0 { HEIGHT - 1 - y } else { y };
            let place = y * WIDTH + x;
            if self.ram[place] != colour {
                Arc::make_mut(&mut self.ram)[place] = colour;
                self.changed = now;
            }
        }
        self.place = match (column >= self.columns.1, row >= self.rows.1) {
            (false, _) => (column + 1, row),
            (true, false) => (self.columns.0, row + 1),
            (true, true) => (self.columns.0, self.rows.0),
        };
    }

    fn take_command(&mut self, command: u8, now: Time) {
        self.command = command;
        self.arguments.clear();
        let before = (self.on, self.asleep, self.inversion);
        match command {
            SWRESET => self.reset(),
            SLPIN | SLPOUT => self.asleep = command == SLPIN,
            INVOFF | INVON => self.inversion = command == INVON,
            DISPOFF | DISPON => self.on = command == DISPON,
            RAMWR => self.place = (self.columns.0, self.rows.0),
            _ => {}
        }
        if before != (self.on, self.asleep, self.inversion) {
            self.changed = now;
        }
    }

    /// The RAM stays, and so do the lines of its bus.
    fn reset(&mut self) {
        let (ram, changed, parallel) = (self.ram.clone(), self.changed, self.parallel.clone());
        *self = Tft { ram, changed, parallel, ..Tft::new(self.config) };
    }
}

impl Part for Tft {
    fn power_cycle(&mut self, now: Time) {
        *self = Tft { changed: now, parallel: self.parallel.clone(), ..Tft::new(self.config) };
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        Some(self)
    }

    fn sense(&mut self, terminal: usize, signal: Signal, at: Time) {
        if terminal == RESET {
            if signal == Signal::Level(false) {
                self.reset();
                self.changed = at;
            }
        } else if let Some(datum) = self.parallel.as_mut().and_then(|bus| bus.sense(terminal, signal, at)) {
            let is_pixel = datum.data && matches!(self.command, RAMWR | RAMWRC);
            datum.bytes(is_pixel).for_each(|byte| self.receive(byte, datum.data, at));
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["on"]
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some((self.on && !self.asleep).into())
    }

    fn is_display(&self) -> bool {
        true
    }

    fn display(&self) -> Option<Shown> {
        Some(Shown {
            picture: Picture::Colours(self.picture()),
            memory: Vec::new(),
            changed: self.changed,
            on: self.on && !self.asleep,
        })
    }
}

impl SpiPart for Tft {
    fn receive(&mut self, byte: u8, data: bool, now: Time) {
        if data {
            self.take_argument(byte, now);
        } else {
            self.take_command(byte, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::rc::Rc;

    use embedded_graphics::Drawable;
    use embedded_graphics::pixelcolor::Rgb565;
    use embedded_graphics::prelude::{DrawTarget, Point, Primitive, RgbColor, Size};
    use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
    use embedded_hal::digital::{ErrorType, OutputPin};
    use mipidsi::interface::{Generic8BitBus, Generic16BitBus, ParallelInterface, SpiInterface};
    use mipidsi::models::{ILI9341Rgb565, Model, ST7789};
    use mipidsi::options::{ColorInversion, ColorOrder, Orientation, Rotation};

    use super::*;
    use crate::PartKinds;
    use crate::part::PartEntry;
    use crate::testing::Wire;

    const ST: TftConfig =
        TftConfig { width: 240, height: 320, first: (0, 0), mirrored: false, inverted: true, bgr: false };
    const ILI: TftConfig = TftConfig { mirrored: true, inverted: false, bgr: true, ..ST };

    /// Two rectangles without symmetry, at corners that depend on the size.
    fn draw<D: DrawTarget<Color = Rgb565>>(target: &mut D)
    where
        D::Error: std::fmt::Debug,
    {
        target.clear(Rgb565::BLACK).unwrap();
        let end = target.bounding_box().bottom_right().unwrap();
        for (at, size, colour) in [
            (Point::new(2, 3), Size::new(10, 20), Rgb565::RED),
            (Point::new(end.x - 4, end.y - 1), Size::new(5, 2), Rgb565::new(0, 63, 31)),
        ] {
            Rectangle::new(at, size).into_styled(PrimitiveStyle::with_fill(colour)).draw(target).unwrap();
        }
    }

    /// Returns the expected picture of this size.
    fn expected(width: u32, height: u32) -> Pixmap {
        let mut picture = Pixmap::new(width, height);
        let mut fill = |x: u32, y: u32, w: u32, h: u32, colour: Rgb| {
            (y..y + h).for_each(|y| (x..x + w).for_each(|x| picture.set(x, y, colour)));
        };
        fill(2, 3, 10, 20, Rgb::new(255, 0, 0));
        fill(width - 5, height - 2, 5, 2, Rgb::new(0, 255, 255));
        picture
    }

    fn drawn<M: Model<ColorFormat = Rgb565>>(model: M, config: TftConfig, rotation: Rotation, mirrored: bool) -> Pixmap
    where
        M::ColorFormat: mipidsi::interface::InterfacePixelFormat<u8>,
    {
        let wire = Wire::new(Tft::new(config));
        let mut buffer = [0; 512];
        let interface = SpiInterface::new(wire.clone(), wire.clone(), &mut buffer);
        let orientation = Orientation { rotation, mirrored };
        let inversion = if config.inverted { ColorInversion::Inverted } else { ColorInversion::Normal };
        let order = if config.bgr { ColorOrder::Bgr } else { ColorOrder::Rgb };
        let mut display = mipidsi::Builder::new(model, interface)
            .display_size(config.width, config.height)
            .display_offset(config.first.0, config.first.1)
            .orientation(orientation)
            .invert_colors(inversion)
            .color_order(order)
            .init(&mut wire.clone())
            .unwrap();
        draw(&mut display);
        let part = wire.part();
        assert!(part.display().is_some_and(|shown| shown.on));
        part.picture()
    }

    #[test]
    fn the_mipidsi_crate_draws_on_both() {
        assert!(drawn(ST7789, ST, Rotation::Deg0, false) == expected(240, 320));
        // The driver's picture is that of column 0 at the left: its mirrored one is upright on this glass.
        assert!(drawn(ILI9341Rgb565, ILI, Rotation::Deg0, true) == expected(240, 320));
    }

    /// A line of the parallel bus.
    #[derive(Clone)]
    struct Pin(Rc<RefCell<Box<dyn Part>>>, usize);

    impl ErrorType for Pin {
        type Error = Infallible;
    }

    impl OutputPin for Pin {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.borrow_mut().sense(self.1, Signal::Level(false), Time::ZERO);
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.borrow_mut().sense(self.1, Signal::Level(true), Time::ZERO);
            Ok(())
        }
    }

    #[test]
    fn the_mipidsi_crate_draws_over_parallel_buses() {
        for lines in [8_u8, 16] {
            let pads = Value::Numbers((12..12 + lines).map(f64::from).collect());
            let entry =
                PartEntry::new("ili9341", "panel").with("bus", "i8080").with("wr", 4).with("dc", 5).with("cs", 33);
            let (part, connections) = PartKinds::default().make(&entry.with("data", pads)).unwrap();
            assert_eq!(connections.len(), 3 + usize::from(lines));
            let part = Rc::new(RefCell::new(part));
            let pin = |terminal: usize| Pin(part.clone(), FIRST_OF_BUS + terminal);
            let delay = &mut Wire::new(Tft::new(ILI));
            let (dc, wr) = (pin(1), pin(2));
            let mut cs = pin(0);
            macro_rules! drawn_by {
                ($bus:ident: $($data:literal)*) => {{
                    let interface = ParallelInterface::new($bus::new(($(pin(3 + $data),)*)), dc, wr);
                    let builder = mipidsi::Builder::new(ILI9341Rgb565, interface).color_order(ColorOrder::Bgr);
                    let upright = Orientation { rotation: Rotation::Deg0, mirrored: true };
                    cs.set_low().unwrap();
                    let mut display = builder.orientation(upright).init(delay).unwrap();
                    draw(&mut display);
                    cs.set_high().unwrap();
                    // It is not selected any more.
                    display.clear(Rgb565::WHITE).unwrap();
                }};
            }
            match lines {
                8 => drawn_by!(Generic8BitBus: 0 1 2 3 4 5 6 7),
                _ => drawn_by!(Generic16BitBus: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
            }
            let shown = part.borrow().display().expect("a display");
            assert!(shown.picture == Picture::Colours(expected(240, 320)), "{lines} lines");
        }
        let entry = PartEntry::new("st7789", "panel").with("bus", "i8080").with("wr", 4).with("dc", 5);
        let error = PartKinds::default().make(&entry.with("data", [12.0, 13.0])).unwrap_err().to_string();
        assert_eq!(error, "st7789 \"panel\": data is 2 pads, not 8 or 16 of them");
    }

    #[test]
    fn a_picture_can_be_turned_and_the_glass_be_smaller() {
        let turned = drawn(ST7789, ST, Rotation::Deg90, false);
        let upright = expected(320, 240);
        for y in 0..240 {
            for x in 0..320 {
                assert_eq!(turned.get(239 - y, x), upright.get(x, y), "({x}, {y})");
            }
        }
        let small = TftConfig { width: 135, height: 240, first: (52, 40), ..ST };
        assert!(drawn(ST7789, small, Rotation::Deg0, false) == expected(135, 240));
    }

    fn send(tft: &mut Tft, command: u8, arguments: &[u8]) {
        tft.receive(command, false, Time::ZERO);
        arguments.iter().for_each(|byte| tft.receive(*byte, true, Time::ZERO));
    }

    /// ST7789V, sections 9.1.24 and 9.1.28 (vertical scrolling) and 8.8 (formats of pixels).
    #[test]
    fn rows_scroll_and_pixels_have_three_formats() {
        let mut tft = Tft::new(TftConfig { inverted: false, ..ST });
        send(&mut tft, SLPOUT, &[]);
        send(&mut tft, DISPON, &[]);
        send(&mut tft, COLMOD, &[0x55]);
        send(&mut tft, RASET, &[0, 10, 0, 10]);
        send(&mut tft, RAMWR, &[0xF8, 0x00, 0x07, 0xE0]);
        send(&mut tft, COLMOD, &[0x66]);
        send(&mut tft, RAMWRC, &[0x00, 0x00, 0xFC]);
        send(&mut tft, COLMOD, &[0x03]);
        send(&mut tft, RAMWRC, &[0xF0, 0x00, 0x80]);
        let row = |tft: &Tft, y: u32| -> Vec<Rgb> { (0..5).map(|x| tft.picture().get(x, y)).collect() };
        let colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 0), (0, 136, 0)];
        assert_eq!(row(&tft, 10), colours);
        send(&mut tft, VSCRDEF, &[0, 4, 1, 60 - 4, 0, 0]);
        send(&mut tft, VSCSAD, &[0, 9]);
        assert_eq!(row(&tft, 5), colours);
        send(&mut tft, SLPIN, &[]);
        assert_eq!(row(&tft, 5), [(0, 0, 0); 5]);
    }
}
