//! A character display: an HD44780U (Hitachi, "HD44780U (LCD-II)", ADE-207-272) behind a PCF8574 (NXP, PCF8574 rev 5), as modules with
//! two or four rows have it.
//!
//! The expander's pins are, from P0: RS, R/W, E, the backlight, DB4 to DB7. Characters are those of the ROM's ASCII half; those that
//! firmware draws itself show as `\0` to `\7` in the text.

use espalier_core::{I2cTarget, Span, Time};

use crate::part::{Part, PartError, Value, Wiring};

const RS: u8 = 1;
const READ: u8 = 1 << 1;
const ENABLE: u8 = 1 << 2;
const BACKLIGHT: u8 = 1 << 3;
const DATA: u8 = 0xF0;
const ADDRESS: u8 = 0x27;

/// Execution times (table 6).
const SLOW: Span = Span::from_micros(1520);
const FAST: Span = Span::from_micros(37);

const DDRAM: usize = 0x80;
const CGRAM: usize = 64;
/// Characters of a line in the memory of two lines.
const LINE: usize = 40;
const BLANK: u8 = b' ';

/// The module.
///
/// ```
/// use espalier_parts::Hd44780;
///
/// let display = Hd44780::new(16, 2);
/// assert_eq!(display.lines(), vec![" ".repeat(16), " ".repeat(16)], "it is off after power-on");
/// ```
#[derive(Clone, Debug)]
pub struct Hd44780 {
    columns: usize,
    rows: usize,
    /// The byte last written to the expander.
    port: u8,
    /// The first nibble of a byte in four-bit mode.
    nibble: Option<u8>,
    /// The nibble that is read next is the lower one.
    low_next: bool,
    four_bits: bool,
    two_lines: bool,
    ddram: Vec<u8>,
    cgram: Vec<u8>,
    address: usize,
    in_cgram: bool,
    increments: bool,
    shifts: bool,
    shift: usize,
    on: bool,
    busy_until: Time,
    /// Bytes that came while the controller was busy, which a real one would lose.
    early: u64,
}

espalier_core::persist! {
    state Hd44780 {
        port, nibble, low_next, four_bits, two_lines, ddram, cgram, address, in_cgram, increments, shifts, shift, on, busy_until, early
    } fixed { columns, rows } if Hd44780::is_sound;
}

impl Hd44780 {
    /// A display after power-on.
    pub fn new(columns: usize, rows: usize) -> Hd44780 {
        Hd44780 {
            columns,
            rows,
            port: 0xFF,
            nibble: None,
            low_next: false,
            four_bits: false,
            two_lines: false,
            ddram: vec![BLANK; DDRAM],
            cgram: vec![0; CGRAM],
            address: 0,
            in_cgram: false,
            increments: true,
            shifts: false,
            shift: 0,
            on: false,
            busy_until: Time::ZERO,
            early: 0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(ADDRESS)?;
        let columns = wiring.integer("columns", 8..=40)?.unwrap_or(16);
        let rows = wiring.integer("rows", 1..=4)?.unwrap_or(2);
        Ok(Box::new(Hd44780::new(columns as usize, rows as usize)))
    }

    fn is_sound(&self) -> bool {
        self.ddram.len() == DDRAM && self.cgram.len() == CGRAM && self.address < DDRAM && self.shift < LINE
    }

    /// The rows as they are seen, blank while the display is off.
    pub fn lines(&self) -> Vec<String> {
        (0..self.rows).map(|row| (0..self.columns).map(|column| self.character(row, column)).collect()).collect()
    }

    /// The backlight.
    pub fn is_lit(&self) -> bool {
        self.port & BACKLIGHT != 0
    }

    /// Bytes that came before the controller had done with the last one.
    pub fn early(&self) -> u64 {
        self.early
    }

    /// The pattern of a character that firmware has drawn: eight rows of five dots.
    pub fn pattern(&self, character: usize) -> &[u8] {
        &self.cgram[character % 8 * 8..][..8]
    }

    fn character(&self, row: usize, column: usize) -> char {
        // The third and fourth rows of a module go on where the first two end.
        let (line, column) = (row % 2, column + row / 2 * self.columns);
        let code = self.ddram[line * 0x40 + (column + self.shift) % LINE];
        match code {
            _ if !self.on => ' ',
            // The ROM A00 has a yen sign and arrows there.
            b'\\' => '¥',
            0x7E => '→',
            0x7F => '←',
            0..=7 | 0x20..=0x7D => char::from(code),
            8..=15 => char::from(code - 8),
            0xDF => '°',
            _ => '\u{FFFD}',
        }
    }

    /// E has fallen with these levels at the bus.
    fn latch(&mut self, port: u8, now: Time) {
        let nibble = port & DATA;
        if port & READ != 0 {
            self.low_next = self.four_bits && !self.low_next;
            return;
        }
        if !self.four_bits {
            self.take(port & RS != 0, nibble, now);
            return;
        }
        match self.nibble.take() {
            None => self.nibble = Some(nibble),
            Some(high) => self.take(port & RS != 0, high | nibble >> 4, now),
        }
    }

    fn take(&mut self, data: bool, byte: u8, now: Time) {
        if now < self.busy_until {
            self.early += 1;
        }
        self.busy_until = now + if !data && byte < 4 { SLOW } else { FAST };
        if data { self.store(byte) } else { self.command(byte) }
    }

    fn store(&mut self, byte: u8) {
        if self.in_cgram {
            self.cgram[self.address % CGRAM] = byte;
        } else {
            self.ddram[self.address] = byte;
            if self.shifts {
                self.shift_display(!self.increments);
            }
        }
        self.step(self.increments);
    }

    fn step(&mut self, forward: bool) {
        let next = if forward { self.address + 1 } else { self.address + DDRAM - 1 } % DDRAM;
        self.address = match (self.in_cgram, self.two_lines, next) {
            (true, ..) => next % CGRAM,
            (false, true, 0x28..=0x3F) => {
                if forward {
                    0x40
                } else {
                    0x27
                }
            }
            (false, true, 0x68..=0x7F) => {
                if forward {
                    0x00
                } else {
                    0x67
                }
            }
            (_, _, next) => next,
        };
    }

    fn shift_display(&mut self, right: bool) {
        self.shift = if right { self.shift + LINE - 1 } else { self.shift + 1 } % LINE;
    }

    /// Table 6.
    fn command(&mut self, byte: u8) {
        match byte.leading_zeros() {
            0 => (self.address, self.in_cgram) = (usize::from(byte & 0x7F), false),
            1 => (self.address, self.in_cgram) = (usize::from(byte & 0x3F), true),
            2 => {
                self.four_bits = byte & 0x10 == 0;
                self.two_lines = byte & 0x08 != 0;
                self.nibble = None;
            }
            3 => match (byte & 0x08 != 0, byte & 0x04 != 0) {
                (true, right) => self.shift_display(right),
                (false, right) => self.step(right),
            },
            4 => self.on = byte & 0x04 != 0,
            5 => (self.increments, self.shifts) = (byte & 0x02 != 0, byte & 0x01 != 0),
            6 => (self.address, self.in_cgram, self.shift) = (0, false, 0),
            7 => {
                self.ddram.fill(BLANK);
                (self.address, self.in_cgram, self.shift, self.increments) = (0, false, 0, true);
            }
            _ => {}
        }
    }

    /// Returns the levels of DB7 to DB4 while E is high and R/W asks for a read.
    fn answer(&self, now: Time) -> u8 {
        let byte = match self.port & RS {
            0 => u8::from(now < self.busy_until) << 7 | self.address as u8 & 0x7F,
            _ if self.in_cgram => self.cgram[self.address % CGRAM],
            _ => self.ddram[self.address],
        };
        if self.low_next { byte << 4 } else { byte & DATA }
    }
}

impl Part for Hd44780 {
    fn power_cycle(&mut self, _now: Time) {
        *self = Hd44780::new(self.columns, self.rows);
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["text", "backlight"]
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(match property {
            "text" => self.lines().join("\n").as_str().into(),
            _ => self.is_lit().into(),
        })
    }
}

/// PCF8574, section 8: each byte that is written goes to the pins, each that is read comes from them.
impl I2cTarget for Hd44780 {
    fn start(&mut self, _address: u8, _read: bool, _now: Time) -> bool {
        true
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        let before = std::mem::replace(&mut self.port, byte);
        if before & ENABLE != 0 && byte & ENABLE == 0 {
            // The bus has the levels at which E falls.
            self.latch(byte & !ENABLE | before & (RS | READ), now);
        }
        true
    }

    fn read(&mut self, now: Time) -> u8 {
        match self.port & (ENABLE | READ) {
            asked if asked == ENABLE | READ => self.port & !DATA | self.answer(now) & self.port & DATA,
            _ => self.port,
        }
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    fn nibble(wire: &Wire<Hd44780>, bits: u8) {
        assert!(wire.send(ADDRESS, &[bits | BACKLIGHT | ENABLE, bits | BACKLIGHT]));
        wire.pass(Span::from_micros(50));
    }

    fn byte(wire: &Wire<Hd44780>, rs: u8, byte: u8) {
        nibble(wire, byte & DATA | rs);
        nibble(wire, byte << 4 | rs);
        wire.pass(Span::from_millis(2));
    }

    /// Figure 24: initialising by instruction, four bits.
    fn initialised(columns: usize, rows: usize) -> Wire<Hd44780> {
        let wire = Wire::new(Hd44780::new(columns, rows));
        for high in [0x30, 0x30, 0x30, 0x20] {
            nibble(&wire, high);
            wire.pass(Span::from_millis(5));
        }
        for command in [0x28, 0x08, 0x01, 0x06, 0x0C] {
            byte(&wire, 0, command);
        }
        wire
    }

    fn write(wire: &Wire<Hd44780>, text: &str) {
        text.bytes().for_each(|character| byte(wire, RS, character));
    }

    #[test]
    fn text_is_where_the_addresses_of_the_rows_are() {
        let wire = initialised(20, 4);
        for (row, start) in [0x00, 0x40, 0x14, 0x54].into_iter().enumerate() {
            byte(&wire, 0, 0x80 | start);
            write(&wire, &format!("row {row}"));
        }
        let lines = wire.part().lines();
        assert_eq!(lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), ["row 0", "row 1", "row 2", "row 3"]);
        assert_eq!((lines[0].len(), wire.part().is_lit(), wire.part().early()), (20, true, 0));
        byte(&wire, 0, 0x08);
        assert!(wire.part().lines().iter().all(|line| line.trim().is_empty()), "it is off");
    }

    /// Table 6: cursor or display shift, entry mode, CGRAM.
    #[test]
    fn the_display_shifts_and_has_characters_of_its_own() {
        let wire = initialised(8, 2);
        write(&wire, "abcdefghij");
        byte(&wire, 0, 0x18);
        assert_eq!(wire.part().lines()[0], "bcdefghi");
        byte(&wire, 0, 0x02);
        assert_eq!(wire.part().lines()[0], "abcdefgh");
        byte(&wire, 0, 0x40 | 8);
        (1..=8).for_each(|row| byte(&wire, RS, row));
        assert_eq!(wire.part().pattern(1), [1, 2, 3, 4, 5, 6, 7, 8]);
        byte(&wire, 0, 0x80);
        byte(&wire, RS, 1);
        assert_eq!(wire.part().lines()[0], "\u{1}bcdefgh");
    }

    /// Table 6, read busy flag and address; two nibbles.
    #[test]
    fn the_busy_flag_can_be_read() {
        let wire = initialised(16, 2);
        nibble(&wire, 0x00);
        assert!(wire.send(ADDRESS, &[0x10 | ENABLE, 0x10]), "clear");
        assert!(wire.send(ADDRESS, &[DATA | READ | ENABLE]));
        assert_eq!(wire.receive(ADDRESS, 1).unwrap()[0] & DATA, 0x80);
        wire.pass(SLOW);
        assert_eq!(wire.receive(ADDRESS, 1).unwrap()[0] & DATA, 0x00);
    }
}
