//! DS18B20: a thermometer on one wire (Maxim, "DS18B20 Programmable Resolution 1-Wire Digital Thermometer", 19-7487 rev 6).
//!
//! Any number of them share a wire. The line is an open drain that the chip pulls low too; a part tells the chip's edges from its own
//! by what it drives itself.

use espalier_core::{Field, Signal, Span, Time};

use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};

/// Times of the wire (section "1-Wire Signaling"). A reset pulse has 480 us; firmware whose clock counts whole microseconds makes it
/// a little shorter, and no slot is longer than 120 us.
const RESET: Span = Span::from_micros(450);
const PRESENCE_WAIT: Span = Span::from_micros(30);
const PRESENCE: Span = Span::from_micros(120);
/// When a slot is sampled, and how long a zero is held, from the fall on.
const SAMPLE: Span = Span::from_micros(30);

const SEARCH: u8 = 0xF0;
const READ_ROM: u8 = 0x33;
const MATCH_ROM: u8 = 0x55;
const SKIP_ROM: u8 = 0xCC;
const ALARM_SEARCH: u8 = 0xEC;
const CONVERT: u8 = 0x44;
const WRITE_SCRATCHPAD: u8 = 0x4E;
const READ_SCRATCHPAD: u8 = 0xBE;
const COPY_SCRATCHPAD: u8 = 0x48;
const RECALL: u8 = 0xB8;
const READ_POWER: u8 = 0xB4;

const FAMILY: u8 = 0x28;
/// The configuration register (section "Configuration Register"): the resolution, and the bits that always read as one.
const R: Field = Field::new("R", 5, 6);
const CONFIGURATION_ONES: u8 = 0x1F;
const DATA: usize = 0;
/// T_H, T_L and configuration of a new device: 12 bits.
const SETTINGS: [u8; 3] = [0x4B, 0x46, 0x7F];
/// t_CONV of 9 bits (table 2); each further bit doubles it.
const CONVERSION: Span = Span::from_micros(93_750);

/// The device's use of the next slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for a reset pulse.
    Idle,
    /// It takes bits of a command for the ROM, of a ROM to compare with, of a command, of settings.
    RomCommand,
    Match,
    Command,
    Settings,
    /// It sends what is in `out`.
    Send,
    /// It searches: which bit, and whether that bit or its complement is sent, or the choice taken.
    Search {
        bit: u8,
        step: u8,
    },
    /// It converts, and read slots ask whether it is done.
    Converting,
}

espalier_core::persist!(
    enum State { Idle, RomCommand, Match, Command, Settings, Send, Search { bit, step }, Converting }
);

/// The event at the device's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    BeginPresence,
    EndPresence,
    /// The line is sampled, or a zero let go.
    Slot,
}

espalier_core::persist!(
    enum Next {
        BeginPresence,
        EndPresence,
        Slot,
    }
);

/// A thermometer.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Ds18b20, Part, Value};
///
/// let mut thermometer = Ds18b20::new(0x0000_0123_4567);
/// assert_eq!(thermometer.rom()[0], 0x28, "the family code comes first");
/// thermometer.set("temperature", &Value::Number(-10.5), Time::ZERO)?;
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ds18b20 {
    rom: [u8; 8],
    celsius: f64,
    /// The result of the last conversion, settings in the scratchpad, and those that outlast power.
    temperature: i16,
    settings: [u8; 3],
    kept: [u8; 3],
    state: State,
    input: u64,
    bits: u8,
    out: Vec<u8>,
    sent: usize,
    done: Time,
    level: bool,
    fallen: Time,
    pulling: bool,
    next: Option<(Time, Next)>,
}

espalier_core::persist! {
    state Ds18b20 {
        rom, celsius, temperature, settings, kept, state, input, bits, out, sent, done, level, fallen, pulling, next
    } if Ds18b20::is_sound;
}

/// CRC-8 of the wire: X8 + X5 + X4 + 1 (section "CRC Generation").
fn crc(bytes: &[u8]) -> u8 {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)).fold(0, |crc, bit| {
        let mix = (crc ^ bit) & 1 != 0;
        crc >> 1 ^ if mix { 0x8C } else { 0 }
    })
}

impl Ds18b20 {
    /// A device with this serial number of 48 bits, at 25 degrees.
    pub fn new(serial: u64) -> Ds18b20 {
        let mut rom = [0; 8];
        rom[0] = FAMILY;
        rom[1..7].copy_from_slice(&serial.to_le_bytes()[..6]);
        rom[7] = crc(&rom[..7]);
        Ds18b20 {
            rom,
            celsius: 25.0,
            // 85 degrees until the first conversion.
            temperature: 85 * 16,
            settings: SETTINGS,
            kept: SETTINGS,
            state: State::Idle,
            input: 0,
            bits: 0,
            out: Vec::new(),
            sent: 0,
            done: Time::ZERO,
            level: true,
            fallen: Time::ZERO,
            pulling: false,
            next: None,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("data", DATA, PadUse::Shares)?;
        // Devices on one wire have to differ: without a number, their names make one.
        let named = wiring.name().bytes().fold(1_u64, |hash, byte| (hash * 31 + u64::from(byte)) & 0xFFFF_FFFF);
        let serial = wiring.integer("serial", 0..=0xFFFF_FFFF_FFFF)?.map_or(named, |serial| serial as u64);
        let mut part = Ds18b20::new(serial);
        wiring.read("temperature", |value| part.set("temperature", value, Time::ZERO))?;
        Ok(Box::new(part))
    }

    fn is_sound(&self) -> bool {
        let searched = !matches!(self.state, State::Search { bit, .. } if bit >= 64);
        searched && self.bits < 64 && self.sent <= 8 * self.out.len()
    }

    /// Family, serial number and CRC, as the wire carries them.
    pub fn rom(&self) -> [u8; 8] {
        self.rom
    }

    fn scratchpad(&self) -> Vec<u8> {
        let [low, high] = self.temperature.to_le_bytes();
        let [th, tl, config] = self.settings;
        let mut bytes = vec![low, high, th, tl, config, 0xFF, 0x0C, 0x10];
        bytes.push(crc(&bytes));
        bytes
    }

    /// Bits of the result beyond nine.
    fn resolution(&self) -> u32 {
        R.get(self.settings[2].into())
    }

    fn rom_bit(&self, bit: u8) -> bool {
        self.rom[usize::from(bit / 8)] >> (bit % 8) & 1 != 0
    }

    fn begin(&mut self, state: State) {
        (self.state, self.input, self.bits) = (state, 0, 0);
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.begin(State::Send);
        (self.out, self.sent) = (bytes, 0);
    }

    /// The bit that the device gives to the slot that begins at `now`; None if it takes one.
    fn bit_to_send(&self, now: Time) -> Option<bool> {
        match self.state {
            State::Send => {
                let byte = self.out.get(self.sent / 8);
                Some(byte.is_none_or(|byte| byte >> (self.sent % 8) & 1 != 0))
            }
            State::Search { bit, step: 0 } => Some(self.rom_bit(bit)),
            State::Search { bit, step: 1 } => Some(!self.rom_bit(bit)),
            State::Converting => Some(now >= self.done),
            _ => None,
        }
    }

    /// A slot is over in which the device gave a bit.
    fn bit_was_sent(&mut self) {
        match &mut self.state {
            State::Send => self.sent = (self.sent + 1).min(8 * self.out.len()),
            State::Search { step, .. } => *step += 1,
            _ => {}
        }
    }

    fn take_bit(&mut self, one: bool, now: Time) {
        if let State::Search { bit, .. } = self.state {
            let stays = one == self.rom_bit(bit);
            let next = if bit == 63 { State::Command } else { State::Search { bit: bit + 1, step: 0 } };
            return self.begin(if stays { next } else { State::Idle });
        }
        self.input |= u64::from(one) << self.bits;
        self.bits += 1;
        match (self.state, self.bits) {
            (State::RomCommand, 8) => match self.input as u8 {
                SEARCH => self.begin(State::Search { bit: 0, step: 0 }),
                READ_ROM => self.send(self.rom.to_vec()),
                MATCH_ROM => self.begin(State::Match),
                SKIP_ROM => self.begin(State::Command),
                ALARM_SEARCH if self.is_alarmed() => self.begin(State::Search { bit: 0, step: 0 }),
                _ => self.begin(State::Idle),
            },
            (State::Match, 64) => {
                let matches = self.input.to_le_bytes() == self.rom;
                self.begin(if matches { State::Command } else { State::Idle });
            }
            (State::Command, 8) => self.command(self.input as u8, now),
            (State::Settings, 24) => {
                let [th, tl, config, ..] = self.input.to_le_bytes();
                self.settings = [th, tl, config & R.mask() as u8 | CONFIGURATION_ONES];
                self.begin(State::Idle);
            }
            (State::Idle, _) => self.bits = 0,
            _ => {}
        }
    }

    /// Whether the last result is not between the limits (section "Operation - Alarm Signaling").
    fn is_alarmed(&self) -> bool {
        let degrees = self.temperature >> 4;
        degrees >= i16::from(self.settings[0] as i8) || degrees <= i16::from(self.settings[1] as i8)
    }

    fn command(&mut self, command: u8, now: Time) {
        match command {
            CONVERT => {
                let dropped = 3 - self.resolution();
                let sixteenths = (self.celsius * 16.0).round() as i16;
                self.temperature = sixteenths >> dropped << dropped;
                self.done = now + CONVERSION * (1 << self.resolution());
                self.begin(State::Converting);
            }
            WRITE_SCRATCHPAD => self.begin(State::Settings),
            READ_SCRATCHPAD => self.send(self.scratchpad()),
            COPY_SCRATCHPAD => {
                self.kept = self.settings;
                self.begin(State::Idle);
            }
            RECALL => {
                self.settings = self.kept;
                self.send(Vec::new());
            }
            // It has a supply of its own.
            READ_POWER => self.send(Vec::new()),
            _ => self.begin(State::Idle),
        }
    }
}

impl Part for Ds18b20 {
    /// The settings that were copied, and the temperature, stay.
    fn power_cycle(&mut self, _now: Time) {
        let fresh = Ds18b20::new(0);
        *self = Ds18b20 { rom: self.rom, celsius: self.celsius, kept: self.kept, settings: self.kept, ..fresh };
    }

    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        let level = signal == Signal::Level(true);
        if level == self.level {
            return;
        }
        self.level = level;
        if self.pulling {
            // The fall and the rise are the device's own, or hidden behind it.
            return;
        }
        if level {
            if at.since(self.fallen) >= RESET {
                self.next = Some((at + PRESENCE_WAIT, Next::BeginPresence));
            }
            return;
        }
        self.fallen = at;
        // The fall of a reset pulse looks like that of a slot at first.
        if self.state != State::Idle {
            self.pulling = self.bit_to_send(at) == Some(false);
            self.next = Some((at + SAMPLE, Next::Slot));
        }
    }

    /// The board has the resistor that a wire needs.
    fn drive(&self, _terminal: usize) -> Drive {
        if self.pulling { Drive::Low } else { Drive::PullUp }
    }

    fn deadline(&self) -> Option<Time> {
        self.next.map(|(at, _)| at)
    }

    fn advance(&mut self, now: Time) {
        let Some((at, next)) = self.next.take_if(|(at, _)| *at <= now) else { return };
        match next {
            Next::BeginPresence => {
                self.begin(State::RomCommand);
                self.pulling = true;
                self.next = Some((at + PRESENCE, Next::EndPresence));
            }
            Next::EndPresence => {
                self.pulling = false;
                // The rise that comes now is the device's own.
                self.fallen = now;
            }
            Next::Slot => {
                if self.bit_to_send(self.fallen).is_some() {
                    self.pulling = false;
                    self.bit_was_sent();
                } else {
                    self.take_bit(self.level, now);
                }
            }
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["temperature"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.celsius = value.number(-55.0..=125.0)?;
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.celsius.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chip that makes the signals of the wire itself, with some devices on it.
    struct Bus {
        devices: Vec<Ds18b20>,
        low: bool,
        now: Time,
    }

    impl Bus {
        fn new(serials: &[u64]) -> Bus {
            Bus { devices: serials.iter().map(|serial| Ds18b20::new(*serial)).collect(), low: false, now: Time::ZERO }
        }

        fn level(&self) -> bool {
            !self.low && self.devices.iter().all(|device| device.drive(DATA) != Drive::Low)
        }

        /// All devices see the level, until none changes it any more.
        fn follow(&mut self) {
            for _ in 0..4 {
                let (level, now) = (self.level(), self.now);
                self.devices.iter_mut().for_each(|device| device.sense(DATA, Signal::Level(level), now));
            }
        }

        fn pass(&mut self, micros: u64) {
            let end = self.now + Span::from_micros(micros);
            while let Some(due) = self.devices.iter().filter_map(Ds18b20::deadline).min().filter(|due| *due <= end) {
                self.now = due;
                self.devices.iter_mut().for_each(|device| device.advance(due));
                self.follow();
            }
            self.now = end;
        }

        fn drive(&mut self, low: bool, micros: u64) {
            self.low = low;
            self.follow();
            self.pass(micros);
        }

        /// True if a device is there.
        fn reset(&mut self) -> bool {
            self.drive(true, 500);
            self.drive(false, 70);
            let present = !self.level();
            self.pass(410);
            present
        }

        fn bit(&mut self, one: bool) -> bool {
            self.drive(true, if one { 6 } else { 60 });
            self.drive(false, 9);
            let level = self.level();
            self.pass(if one { 55 } else { 10 });
            level
        }

        fn send(&mut self, bytes: &[u8]) {
            for bit in bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 != 0)) {
                self.bit(bit);
            }
        }

        fn receive(&mut self, count: usize) -> Vec<u8> {
            (0..count).map(|_| (0..8).fold(0, |byte, bit| byte | u8::from(self.bit(true)) << bit)).collect()
        }
    }

    /// Sections "CRC Generation" (the ROM of application note 27) and "Read ROM".
    #[test]
    fn it_identifies_itself() {
        assert_eq!(crc(&[0x02, 0x1C, 0xB8, 0x01, 0x00, 0x00, 0x00]), 0xA2);
        let mut bus = Bus::new(&[0x1122_3344_5566]);
        assert!(bus.reset());
        bus.send(&[READ_ROM]);
        let rom = bus.receive(8);
        assert_eq!(rom[..7], [FAMILY, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        assert_eq!(crc(&rom), 0);
        assert!(!Bus::new(&[]).reset());
    }

    /// Table 1, and section "Operation - Measuring Temperature".
    #[test]
    fn a_conversion_takes_its_time_and_gives_sixteenths() {
        for (celsius, code) in [(125.0, 0x07D0), (25.0625, 0x0191), (-0.5, -8), (-55.0, -880)] {
            let mut bus = Bus::new(&[1]);
            bus.devices[0].set("temperature", &Value::Number(celsius), bus.now).unwrap();
            bus.reset();
            bus.send(&[SKIP_ROM, CONVERT]);
            assert!(!bus.bit(true), "it converts");
            bus.pass(750_000);
            assert!(bus.bit(true));
            bus.reset();
            bus.send(&[SKIP_ROM, READ_SCRATCHPAD]);
            let scratchpad = bus.receive(9);
            assert_eq!(i16::from_le_bytes([scratchpad[0], scratchpad[1]]), code);
            assert_eq!(crc(&scratchpad), 0);
        }
    }

    /// Section "Search ROM", as application note 187 walks it: the first conflict is taken with zero.
    #[test]
    fn devices_on_one_wire_are_distinguished() {
        let mut bus = Bus::new(&[0b01, 0b10]);
        bus.reset();
        bus.send(&[SEARCH]);
        let mut rom = [0_u8; 8];
        for place in 0..64 {
            let (bit, complement) = (bus.bit(true), bus.bit(true));
            let chosen = bit && !complement;
            rom[place / 8] |= u8::from(chosen) << (place % 8);
            bus.bit(chosen);
        }
        assert_eq!(rom, bus.devices[1].rom());
        let second = bus.devices[1].rom();
        bus.reset();
        bus.send(&[MATCH_ROM]);
        bus.send(&second);
        bus.send(&[WRITE_SCRATCHPAD, 30, 10, 0x1F]);
        assert_eq!((bus.devices[0].settings, bus.devices[1].settings), (SETTINGS, [30, 10, 0x1F]));
    }
}
