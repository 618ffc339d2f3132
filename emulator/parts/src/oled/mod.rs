//! OLED modules with an SSD1306 or an SH1106 (also sold as SSD1106) on I2C or on SPI with four wires.
//!
//! Follows the datasheets SSD1306 rev 1.1 (Solomon Systech) and SH1106 V2.3 (Sino Wealth).

mod cursor;
mod opcode;
mod panel;
mod part;
mod scroll;
#[cfg(test)]
mod tests;

use espalier_core::{Bitmap, I2cTarget, Time};

use cursor::{Cursor, Order};
use panel::Panel;
use scroll::Scroll;

/// Pages of eight rows.
const PAGES: usize = 8;

/// The controller of a module.
///
/// ```
/// use espalier_parts::Controller;
///
/// assert_eq!(Controller::Sh1106.columns(), 132);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// 128 columns; horizontal, vertical and page addressing.
    Ssd1306,
    /// 132 columns, page addressing; its RAM can be read.
    Sh1106,
}

espalier_core::persist!(
    enum Controller {
        Ssd1306,
        Sh1106,
    }
);

impl Controller {
    /// Columns of the RAM, and segment lines of the chip.
    pub const fn columns(self) -> usize {
        match self {
            Controller::Ssd1306 => 128,
            Controller::Sh1106 => 132,
        }
    }
}

/// Wiring of the glass of a module to the pads of the controller's common lines (SSD1306 datasheet, table 10-3).
///
/// ```
/// use espalier_parts::{ComPins, Controller, OledConfig};
///
/// let config = OledConfig {
///     controller: Controller::Ssd1306,
///     width: 128,
///     height: 32,
///     address: 0x3C,
///     visible_column: 0,
///     com_pins: Some(ComPins::Alternate), // unusual for glass of this size
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComPins {
    /// One pad after the other. Drivers send 0x02 with the command 0xDA.
    Sequential,
    /// The pads of both sides of the chip in turn. Drivers send 0x12.
    Alternate,
}

espalier_core::persist!(
    enum ComPins {
        Sequential,
        Alternate,
    }
);

impl ComPins {
    /// Returns the usual wiring of glass of this size: 128x32 and 96x16 are wired to one pad after the other, 128x64, 72x40,
    /// 64x48 and 64x32
    /// to both sides.
    const fn usual(width: u8, height: u8) -> ComPins {
        if height <= 32 && width >= 96 { ComPins::Sequential } else { ComPins::Alternate }
    }
}

/// The configuration of a module.
///
/// ```
/// use espalier_parts::{Controller, Oled, OledConfig};
///
/// let config = OledConfig {
///     controller: Controller::Sh1106,
///     width: 128,
///     height: 64,
///     address: 0x3C,
///     visible_column: 2,
///     com_pins: None,
/// };
/// assert_eq!(Oled::new(config).config().visible_column, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OledConfig {
    /// The chip on the glass.
    pub controller: Controller,
    /// Pixels from left to right.
    pub width: u8,
    /// Pixels from top to bottom, up to 64.
    pub height: u8,
    /// 7-bit address: 0x3C, or 0x3D with SA0 high.
    pub address: u8,
    /// The column that firmware finds at the left edge. Most SH1106 modules connect the middle 128 of the 132 segments,
    /// so theirs is 2; the mPython board's is 0.
    pub visible_column: u8,
    /// Wiring of the rows; `None` is the usual one for the size.
    pub com_pins: Option<ComPins>,
}

espalier_core::persist! {
    value OledConfig {
        controller, width, height, address, visible_column, com_pins
    } if OledConfig::is_possible;
}

impl OledConfig {
    fn is_possible(&self) -> bool {
        usize::from(self.height) <= 8 * PAGES
    }

    fn com_pins(&self) -> ComPins {
        self.com_pins.unwrap_or(ComPins::usual(self.width, self.height))
    }
}

/// A module.
///
/// ```
/// use espalier_core::{I2cTarget, Time};
/// use espalier_parts::{Controller, Oled, OledConfig};
///
/// # let config = OledConfig {
/// #     controller: Controller::Ssd1306,
/// #     width: 128,
/// #     height: 64,
/// #     address: 0x3C,
/// #     visible_column: 0,
/// #     com_pins: None,
/// # };
/// let mut oled = Oled::new(config);
/// oled.start(0x3C, false, Time::ZERO);
/// oled.write(0x00, Time::ZERO); // commands follow
/// oled.write(0xAF, Time::ZERO); // display on
/// oled.stop(Time::ZERO);
/// assert!(oled.is_on());
/// ```
#[derive(Clone, Debug)]
pub struct Oled {
    config: OledConfig,
    /// Page by page, in the order of column addresses.
    ram: Vec<u8>,
    cursor: Cursor,
    panel: Panel,
    contrast: u8,
    scroll: Scroll,
    link: Link,
    /// Whether the last control byte announced data.
    data_selected: bool,
    /// The next byte that a read of data returns: reads run one byte behind.
    latch: u8,
    command: Vec<u8>,
    unknown_commands: u64,
    changes: u64,
    last_change: Time,
}

espalier_core::persist! {
    state Oled {
        ram, cursor, panel, contrast, scroll, link, data_selected, latch, command, unknown_commands, changes,
        last_change
    } fixed { config } if Oled::is_sound;
}

/// Where the module is within a transaction (SSD1306 datasheet, chapter 8.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Idle,
    /// The next byte is a control byte.
    Control,
    /// One byte follows, then another control byte.
    Single,
    /// Only such bytes follow.
    Stream,
    Read,
}

espalier_core::persist!(
    enum Link {
        Idle,
        Control,
        Single,
        Stream,
        Read,
    }
);

/// Control byte: another one follows after the next byte.
const CONTINUATION: u8 = 1 << 7;
/// Control byte: data for the RAM follows, not commands.
const DATA: u8 = 1 << 6;
/// Status byte: the panel is off.
const STATUS_OFF: u8 = 1 << 6;
/// Bits of ADDRESSING_MODE's argument.
const ADDRESSING_MODE_BITS: u8 = 0x3;
/// Argument of COM_PINS: alternative configuration, and left/right remap.
const PADS_ALTERNATE: u8 = 1 << 4;
const PADS_EXCHANGED: u8 = 1 << 5;

impl Oled {
    /// A module that has just been powered. Its RAM is clear, although that of a real one is not.
    ///
    /// # Panics
    /// If `config` has more rows than a controller drives: our own fault.
    pub fn new(config: OledConfig) -> Oled {
        assert!(config.is_possible(), "{} rows are more than a controller has", config.height);
        Oled {
            config,
            ram: vec![0; PAGES * config.controller.columns()],
            cursor: Cursor::new(config.controller),
            panel: Panel::new(),
            contrast: match config.controller {
                Controller::Ssd1306 => 0x7F,
                Controller::Sh1106 => 0x80,
            },
            scroll: Scroll::default(),
            link: Link::Idle,
            data_selected: false,
            latch: 0,
            command: Vec::with_capacity(opcode::LONGEST),
            unknown_commands: 0,
            changes: 0,
            last_change: Time::ZERO,
        }
    }

    /// The reset pin was pulsed: everything but the RAM is as after power-on.
    pub fn reset(&mut self, now: Time) {
        let fresh = Oled::new(self.config);
        let was = std::mem::replace(self, fresh);
        self.changes = was.changes;
        self.last_change = was.last_change;
        self.unknown_commands = was.unknown_commands;
        self.ram = was.ram;
        self.panel.segments_remapped = was.panel.segments_remapped;
        self.remap_segments(false);
        if self.panel != was.panel {
            self.note_change(now);
        }
    }

    fn is_sound(&self) -> bool {
        self.ram.len() == PAGES * self.config.controller.columns()
    }

    /// Returns the configuration of the module.
    pub fn config(&self) -> &OledConfig {
        &self.config
    }

    /// Returns the visible picture. The module is mounted as they usually are: with the segments remapped (A1) and the rows scanned
    /// backwards (C8), row 0 of the RAM is at the top and the first visible column at the left. Brightness does not show.
    pub fn picture(&self) -> Bitmap {
        self.panel.picture(&self.config, &self.ram)
    }

    /// The RAM, page by page, each in the order of column addresses; bit 0 is the topmost row of a page.
    pub fn gddram(&self) -> &[u8] {
        &self.ram
    }

    /// Whether the panel is switched on.
    pub fn is_on(&self) -> bool {
        self.panel.on
    }

    /// Contrast, 0 to 255.
    pub fn contrast(&self) -> u8 {
        self.contrast
    }

    /// Whether a scroll command is active.
    pub fn is_scrolling(&self) -> bool {
        self.scroll.is_active()
    }

    /// Number of writes that have changed the RAM or its presentation.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// When the last of the [`changes`](Oled::changes) was; zero if there was none.
    pub fn last_change(&self) -> Time {
        self.last_change
    }

    /// Number of received command bytes that the controller does not have.
    pub fn unknown_commands(&self) -> u64 {
        self.unknown_commands
    }

    fn note_change(&mut self, now: Time) {
        self.changes += 1;
        self.last_change = now;
    }

    fn write_data(&mut self, byte: u8, now: Time) {
        if let Some(index) = self.cursor.index()
            && self.ram[index] != byte
        {
            self.ram[index] = byte;
            self.note_change(now);
        }
        self.cursor.advance_after_write();
    }

    /// The first read after an address was set gives a stale byte (SH1106 datasheet, "Dummy read").
    fn read_data(&mut self) -> u8 {
        let byte = self.latch;
        self.latch = self.cursor.index().map_or(0, |index| self.ram[index]);
        self.cursor.advance_after_read();
        byte
    }

    /// The low bits are not in the datasheets; firmware tells the controllers apart by them.
    fn status(&self) -> u8 {
        let identity = match self.config.controller {
            Controller::Ssd1306 => 0x03,
            Controller::Sh1106 => 0x08,
        };
        identity | if self.panel.on { 0 } else { STATUS_OFF }
    }

    /// Commands may be spread over any number of transactions.
    fn write_command_byte(&mut self, byte: u8, now: Time) {
        self.command.push(byte);
        let opcode = self.command[0];
        match opcode::arguments(self.config.controller, opcode) {
            None => {
                self.unknown_commands += 1;
                self.command.clear();
            }
            Some(count) if self.command.len() > count => {
                let command = std::mem::take(&mut self.command);
                let before = self.panel;
                self.execute(opcode, &command[1..], now);
                if self.panel != before {
                    self.note_change(now);
                }
            }
            Some(_) => {}
        }
    }

    fn execute(&mut self, opcode: u8, arguments: &[u8], now: Time) {
        let panel = &mut self.panel;
        match (opcode, arguments) {
            (opcode::COLUMN_LOW..=opcode::COLUMN_LOW_LAST, _) => {
                self.cursor.set_column_low(opcode - opcode::COLUMN_LOW);
            }
            (opcode::COLUMN_HIGH..=opcode::COLUMN_HIGH_LAST, _) => {
                self.cursor.set_column_high(opcode - opcode::COLUMN_HIGH);
            }
            (opcode::ADDRESSING_MODE, [mode]) => match mode & ADDRESSING_MODE_BITS {
                0 => self.cursor.order = Order::Horizontal,
                1 => self.cursor.order = Order::Vertical,
                2 => self.cursor.order = Order::Page,
                _ => {}
            },
            (opcode::COLUMN_WINDOW, [first, last]) => self.cursor.set_columns(*first, *last),
            (opcode::PAGE_WINDOW, [first, last]) => self.cursor.set_pages(*first, *last),
            (opcode::PAGE..=opcode::PAGE_LAST, _) => self.cursor.set_page(opcode - opcode::PAGE),
            (opcode::READ_MODIFY_WRITE, _) => self.cursor.begin_read_modify_write(),
            (opcode::READ_MODIFY_WRITE_END, _) => self.cursor.end_read_modify_write(),
            (opcode::START_LINE..=opcode::START_LINE_LAST, _) => panel.start_line = opcode - opcode::START_LINE,
            (opcode::CONTRAST, [contrast]) => self.contrast = *contrast,
            (opcode::SEGMENTS_NORMAL, _) => self.remap_segments(false),
            (opcode::SEGMENTS_REMAPPED, _) => self.remap_segments(true),
            (opcode::ALL_ON_OFF | opcode::ALL_ON, _) => panel.all_on = opcode == opcode::ALL_ON,
            (opcode::INVERSION_OFF | opcode::INVERSION_ON, _) => panel.inverted = opcode == opcode::INVERSION_ON,
            (opcode::DISPLAY_OFF | opcode::DISPLAY_ON, _) => panel.on = opcode == opcode::DISPLAY_ON,
            (opcode::MULTIPLEX, [rows]) => panel.multiplex = rows % (8 * PAGES as u8),
            (opcode::SCAN_NORMAL..=opcode::SCAN_NORMAL_LAST, _) => panel.scan_remapped = false,
            (opcode::SCAN_REMAPPED..=opcode::SCAN_REMAPPED_LAST, _) => panel.scan_remapped = true,
            (opcode::OFFSET, [rows]) => panel.offset = rows % (8 * PAGES as u8),
            (opcode::COM_PINS, [pins]) => {
                panel.alternate_pads = pins & PADS_ALTERNATE != 0;
                panel.pads_exchanged = pins & PADS_EXCHANGED != 0;
            }
            (opcode::SCROLL_RIGHT..=opcode::SCROLL_UP_LEFT | opcode::SCROLL_STOP | opcode::SCROLL_START, _)
            | (opcode::SCROLL_AREA, _) => self.scroll.command(opcode, arguments, now),
            // Clocks, voltages and the charge pump do not show in the picture.
            _ => {}
        }
    }

    /// The SSD1306 remaps when data is written: what stands in the RAM stays at its segment (datasheet, chapter 10.1.8),
    /// and so has another column address afterwards. The SH1106 remaps when the RAM is shown.
    fn remap_segments(&mut self, remapped: bool) {
        if self.config.controller == Controller::Ssd1306 && self.panel.segments_remapped != remapped {
            for page in self.ram.chunks_exact_mut(self.config.controller.columns()) {
                page.reverse();
            }
        }
        self.panel.segments_remapped = remapped;
    }
}

impl I2cTarget for Oled {
    fn start(&mut self, address: u8, read: bool, _now: Time) -> bool {
        let addressed = address == self.config.address;
        self.link = match (addressed, read) {
            (false, _) => Link::Idle,
            (true, false) => Link::Control,
            (true, true) => Link::Read,
        };
        addressed
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        match self.link {
            Link::Idle | Link::Read => return false,
            Link::Control => {
                self.data_selected = byte & DATA != 0;
                self.link = if byte & CONTINUATION != 0 { Link::Single } else { Link::Stream };
                return true;
            }
            Link::Single => self.link = Link::Control,
            Link::Stream => {}
        }
        if self.data_selected {
            self.write_data(byte, now);
        } else {
            self.write_command_byte(byte, now);
        }
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        match (self.config.controller, self.data_selected) {
            (Controller::Sh1106, true) => self.read_data(),
            // The SSD1306 gives out its RAM on parallel interfaces only.
            _ => self.status(),
        }
    }

    fn stop(&mut self, _now: Time) {
        self.link = Link::Idle;
    }
}
