//! DS3231: a clock with two alarms and a thermometer on I2C (Maxim, "DS3231 Extremely Accurate I2C-Integrated RTC", 19-5170 rev 10).
//!
//! The clock runs with guest time and is as exact. A battery keeps it and its registers through a loss of power.

use espalier_core::{I2cTarget, Span, Time};

use crate::calendar::Moment;
use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};

const SECONDS: u8 = 0x00;
const YEAR: u8 = 0x06;
const ALARM_1: u8 = 0x07;
const ALARM_2: u8 = 0x0B;
const CONTROL: u8 = 0x0E;
const STATUS: u8 = 0x0F;
const TEMPERATURE: u8 = 0x11;
const COUNT: u8 = 0x13;

/// CONTROL: no oscillator on the battery, a square wave or interrupts, its rate, the alarms' interrupts.
const EOSC: u8 = 1 << 7;
const CONV: u8 = 1 << 5;
const INTCN: u8 = 1 << 2;
const CONTROL_RESET: u8 = 0x1C;
/// STATUS: the oscillator has stopped, the 32 kHz output, the alarms.
const OSF: u8 = 1 << 7;
const STATUS_RESET: u8 = OSF | 1 << 3;
const ALARM_FLAGS: u8 = 3;
/// The bit of each alarm register that leaves it out of the comparison.
const MASK: u8 = 1 << 7;
/// DY/DT of the day's alarm register, and 12/24 of the hours.
const WEEKDAY: u8 = 1 << 6;
const TWELVE: u8 = 1 << 6;
const AFTERNOON: u8 = 1 << 5;
const SECOND: Span = Span::from_secs(1);

fn bcd(value: u8) -> u8 {
    ((value / 10) << 4) | (value % 10)
}

fn binary(bcd: u8) -> u8 {
    (bcd >> 4) * 10 + (bcd & 0xF)
}

/// Hours of a register with 12 or 24 hours (table "Timekeeping Registers").
fn hours(register: u8) -> u8 {
    if register & TWELVE == 0 {
        return binary(register & 0x3F);
    }
    binary(register & 0x1F) % 12 + if register & AFTERNOON != 0 { 12 } else { 0 }
}

/// The clock.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Ds3231, Part, Value};
///
/// let mut clock = Ds3231::new();
/// clock.set("time", &Value::from("2024-02-29 23:59:58"), Time::ZERO)?;
/// assert_eq!(clock.get("time", Time::ZERO), Some(Value::from("2024-02-29 23:59:58")));
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ds3231 {
    moment: Moment,
    /// The hours read in the form of 12.
    twelve: bool,
    /// When the present second began; None before the clock's first event.
    next: Option<Time>,
    /// Alarms, control, status and aging.
    registers: [u8; COUNT as usize],
    pointer: u8,
    choosing: bool,
    /// Copy of the clock for reading: it is made when a read begins.
    latched: [u8; 7],
    celsius: f64,
}

espalier_core::persist! {
    state Ds3231 { moment, twelve, next, registers, pointer, choosing, latched, celsius }
}

impl Default for Ds3231 {
    fn default() -> Ds3231 {
        Ds3231::new()
    }
}

impl Ds3231 {
    /// 7-bit address; there is no other.
    pub const ADDRESS: u8 = 0x68;

    /// A clock that has never been set: 2000-01-01 00:00:00, and its oscillator flag says so.
    pub fn new() -> Ds3231 {
        let mut registers = [0; COUNT as usize];
        registers[usize::from(CONTROL)] = CONTROL_RESET;
        registers[usize::from(STATUS)] = STATUS_RESET;
        Ds3231 {
            moment: Moment::FIRST,
            twelve: false,
            next: Some(Time::ZERO + SECOND),
            registers,
            pointer: 0,
            choosing: false,
            latched: [0; 7],
            celsius: 25.0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(Ds3231::ADDRESS)?;
        wiring.optional_pad("int", 0, PadUse::Drives)?;
        let mut clock = Ds3231::new();
        for key in PROPERTIES {
            wiring.read(key, |value| clock.set(key, value, Time::ZERO))?;
        }
        Ok(Box::new(clock))
    }

    fn register(&self, register: u8) -> u8 {
        self.registers[usize::from(register)]
    }

    fn time_registers(&self) -> [u8; 7] {
        let Moment { second, minute, hour, weekday, day, month, year } = self.moment;
        let hour = match (self.twelve, hour) {
            (false, hour) => bcd(hour),
            (true, hour) => {
                let half = if hour >= 12 { AFTERNOON } else { 0 };
                TWELVE | half | bcd(if hour % 12 == 0 { 12 } else { hour % 12 })
            }
        };
        [bcd(second), bcd(minute), hour, weekday, bcd(day), bcd(month), bcd(year)]
    }

    fn write_time(&mut self, register: u8, byte: u8, now: Time) {
        let moment = &mut self.moment;
        match register {
            SECONDS => {
                moment.second = binary(byte & 0x7F).min(59);
                // The countdown chain starts anew.
                self.next = Some(now + SECOND);
            }
            1 => moment.minute = binary(byte & 0x7F).min(59),
            2 => {
                self.twelve = byte & TWELVE != 0;
                moment.hour = hours(byte).min(23);
            }
            3 => moment.weekday = (byte & 7).max(1),
            4 => moment.day = binary(byte & 0x3F).clamp(1, 31),
            5 => moment.month = binary(byte & 0x1F).clamp(1, 12),
            _ => moment.year = binary(byte).min(99),
        }
    }

    /// Table "Alarm Mask Bits": whether an alarm whose registers begin at `first` matches.
    fn matches(&self, first: u8, with_seconds: bool) -> bool {
        let Moment { second, minute, hour, weekday, day, .. } = self.moment;
        let mut register = first;
        let mut next = || {
            let value = self.registers[usize::from(register)];
            register += 1;
            value
        };
        let seconds = if with_seconds { next() } else { 0 };
        let (minutes, hour_register, date) = (next(), next(), next());
        let equal = |register: u8, found: bool| register & MASK != 0 || found;
        let date_found = match date & WEEKDAY {
            0 => binary(date & 0x3F) == day,
            _ => date & 0xF == weekday,
        };
        equal(seconds, binary(seconds & 0x7F) == second)
            && equal(minutes, binary(minutes & 0x7F) == minute)
            && equal(hour_register, hours(hour_register & !MASK) == hour)
            && equal(date, date_found)
    }

    /// Quarters of a degree, in the upper ten bits.
    fn temperature(&self) -> [u8; 2] {
        (((self.celsius * 4.0).round() as i16) << 6).to_be_bytes()
    }

    fn read_register(&self, register: u8) -> u8 {
        match register {
            SECONDS..=YEAR => self.latched[usize::from(register)],
            TEMPERATURE..COUNT => self.temperature()[usize::from(register - TEMPERATURE)],
            register => self.register(register),
        }
    }
}

const PROPERTIES: &[&str] = &["time", "temperature"];

impl Part for Ds3231 {
    /// The battery keeps everything but the bus.
    fn power_cycle(&mut self, now: Time) {
        self.choosing = false;
        if self.register(CONTROL) & EOSC != 0 {
            self.registers[usize::from(STATUS)] |= OSF;
            self.next = Some(now + SECOND);
        }
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    /// INT/SQW is an open drain. The square wave is that of 1 Hz, and of nothing where a faster one is chosen.
    fn drive(&self, _terminal: usize) -> Drive {
        let control = self.register(CONTROL);
        let active = control & INTCN != 0 && control & self.register(STATUS) & ALARM_FLAGS != 0;
        if active { Drive::Low } else { Drive::Released }
    }

    fn deadline(&self) -> Option<Time> {
        self.next
    }

    fn advance(&mut self, now: Time) {
        let Some(next) = self.next.filter(|next| *next <= now) else { return };
        self.next = Some((next + SECOND).max(now + Span::from_micros(1)));
        self.moment = self.moment.next();
        let flags = u8::from(self.matches(ALARM_1, true))
            | u8::from(self.moment.second == 0 && self.matches(ALARM_2, false)) << 1;
        self.registers[usize::from(STATUS)] |= flags;
    }

    fn properties(&self) -> &'static [&'static str] {
        PROPERTIES
    }

    fn set(&mut self, property: &str, value: &Value, now: Time) -> Result<(), ValueError> {
        if property == "temperature" {
            self.celsius = value.number(-40.0..=85.0)?;
            return Ok(());
        }
        self.moment = Moment::of(value)?;
        self.next = Some(now + SECOND);
        self.registers[usize::from(STATUS)] &= !OSF;
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(match property {
            "temperature" => self.celsius.into(),
            _ => self.moment.to_string().as_str().into(),
        })
    }
}

impl I2cTarget for Ds3231 {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.choosing = !read;
        self.latched = self.time_registers();
        true
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        if std::mem::take(&mut self.choosing) {
            self.pointer = byte % COUNT;
            return true;
        }
        match self.pointer {
            register @ SECONDS..=YEAR => self.write_time(register, byte, now),
            CONTROL => self.registers[usize::from(CONTROL)] = byte & !CONV,
            // Flags can only be cleared.
            STATUS => {
                let flags = self.register(STATUS) & byte & (OSF | ALARM_FLAGS);
                self.registers[usize::from(STATUS)] = flags | byte & (1 << 3);
            }
            TEMPERATURE..COUNT => {}
            register => self.registers[usize::from(register)] = byte,
        }
        self.pointer = (self.pointer + 1) % COUNT;
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let byte = self.read_register(self.pointer);
        self.pointer = (self.pointer + 1) % COUNT;
        byte
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    const AT: u8 = Ds3231::ADDRESS;

    fn time(wire: &Wire<Ds3231>) -> String {
        match wire.part().get("time", wire.now()) {
            Some(Value::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_ds323x_crate_sets_and_reads_the_clock_and_its_alarm() {
        use ds323x::{DateTimeAccess, NaiveDate};
        let wire = Wire::new(Ds3231::new());
        let mut clock = ds323x::Ds323x::new_ds3231(wire.clone());
        assert!(clock.has_been_stopped().unwrap());
        let set = NaiveDate::from_ymd_opt(2023, 12, 31).unwrap().and_hms_opt(23, 59, 58).unwrap();
        clock.set_datetime(&set).unwrap();
        wire.pass(Span::from_secs(3));
        let later = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_hms_opt(0, 0, 1).unwrap();
        assert_eq!(clock.datetime().unwrap(), later);
        wire.part_mut().set("temperature", &Value::Number(-7.25), wire.now()).unwrap();
        assert!((clock.temperature().unwrap() + 7.25).abs() < 0.01);
        use ds323x::{Alarm1Matching, DayAlarm1, Hours};
        let alarm = DayAlarm1 { day: 1, hour: Hours::H24(0), minute: 0, second: 4 };
        clock.set_alarm1_day(alarm, Alarm1Matching::SecondsMatch).unwrap();
        clock.enable_alarm1_interrupts().unwrap();
        wire.pass(Span::from_secs(2));
        assert_eq!((clock.has_alarm1_matched().unwrap(), wire.part().drive(0)), (false, Drive::Released));
        wire.pass(Span::from_secs(1));
        assert_eq!((clock.has_alarm1_matched().unwrap(), wire.part().drive(0)), (true, Drive::Low));
        clock.clear_alarm1_matched_flag().unwrap();
        assert_eq!(wire.part().drive(0), Drive::Released);
    }

    /// Table "Timekeeping Registers".
    #[test]
    fn months_end_as_the_calendar_says_and_hours_have_two_forms() {
        let wire = Wire::new(Ds3231::new());
        for (set, then) in [
            ("2024-02-28 23:59:59", "2024-02-29 00:00:00"),
            ("2023-02-28 23:59:59", "2023-03-01 00:00:00"),
            ("2099-12-31 23:59:59", "2000-01-01 00:00:00"),
        ] {
            wire.part_mut().set("time", &set.into(), wire.now()).unwrap();
            wire.pass(SECOND);
            assert_eq!(time(&wire), then);
        }
        assert!(wire.send(AT, &[2, TWELVE | AFTERNOON | 0x12]));
        assert_eq!((time(&wire).as_str(), wire.registers(AT, 2)), ("2000-01-01 12:00:00", [0x72]));
        let error = wire.part_mut().set("time", &"2024-02-30 00:00:00".into(), wire.now()).unwrap_err();
        assert!(error.to_string().starts_with("\"2024-02-30 00:00:00\", not a time from 2000 to 2099"), "{error}");
    }
}
