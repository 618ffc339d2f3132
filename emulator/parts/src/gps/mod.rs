//! A GPS receiver that speaks NMEA on a UART: a u-blox NEO-6M (u-blox, "NEO-6 Data Sheet", GPS.G6-HW-09005, and the protocol
//! specification that [`nmea`] names).
//!
//! It has its fix at once, and reports once per second of guest time. The test sets position, time and what it receives. It takes
//! the messages `PUBX,40` (rates of sentences) and `PUBX,41` (baud rate); the binary protocol UBX is not spoken.

mod nmea;

use espalier_core::{Signal, Span, Time};

use crate::calendar::Moment;
use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};
use crate::serial_line::SerialLine;
use nmea::{Kind, LONGEST, SATELLITES, fields, sentences};

/// Terminals: the module's output and its input.
const TXD: usize = 0;
const RXD: usize = 1;
/// After power-on (data sheet, section "Default Configuration").
const BAUD: u32 = 9600;
const BAUDS: std::ops::RangeInclusive<u32> = 4800..=230_400;
/// The port of the UART in messages.
const PORT: &str = "1";
const SECOND: Span = Span::from_secs(1);
/// Bytes that wait to be sent; a sentence that finds no place is dropped.
const BUFFER: usize = 1024;
/// Fewest satellites for a position, and for a height.
const FLAT: usize = 3;
const SOLID: usize = 4;

/// The receiver's surroundings and movement.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sky {
    /// In degrees; north and east are positive.
    latitude: f64,
    longitude: f64,
    /// Above the sea, in metres.
    altitude: f64,
    /// In km/h, and degrees from north.
    speed: f64,
    course: f64,
    /// The number of satellites that it could see, and whether its antenna is covered.
    satellites: usize,
    covered: bool,
}

espalier_core::persist! {
    value Sky { latitude, longitude, altitude, speed, course, satellites, covered } if Sky::is_sound;
}

impl Default for Sky {
    fn default() -> Sky {
        Sky {
            latitude: 47.285_24,
            longitude: 8.565_25,
            altitude: 499.6,
            speed: 0.0,
            course: 0.0,
            satellites: 8,
            covered: false,
        }
    }
}

impl Sky {
    fn is_sound(&self) -> bool {
        self.satellites <= SATELLITES.len()
    }

    fn in_view(&self) -> &'static [(u8, u8, u16, u8)] {
        if self.covered { &[] } else { &SATELLITES[..self.satellites] }
    }

    /// 2 for a position, 3 for one with a height.
    fn fix(&self) -> Option<u8> {
        match self.in_view().len() {
            SOLID.. => Some(3),
            FLAT => Some(2),
            _ => None,
        }
    }
}

/// The receiver.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Gps, Part, Value};
///
/// let mut gps = Gps::new();
/// gps.set("latitude", &Value::from(-33.8568), Time::ZERO)?;
/// gps.set("satellites", &Value::from(2), Time::ZERO)?;
/// assert_eq!(gps.get("fix", Time::ZERO), Some(Value::Flag(false)), "three make a position");
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gps {
    sky: Sky,
    moment: Moment,
    /// It has had a fix since power-on, so it knows the time.
    knows_time: bool,
    /// The beginning of the next second.
    next: Time,
    line: SerialLine,
    /// Seconds between the sentences of each kind, and those that have passed; zero seconds are never.
    rates: [(u8, u8); Kind::ALL.len()],
    sentence: Vec<u8>,
    dropped: u64,
}

espalier_core::persist! {
    state Gps { sky, moment, knows_time, next, line, rates, sentence, dropped }
}

impl Default for Gps {
    fn default() -> Gps {
        Gps::new()
    }
}

const PROPERTIES: &[&str] = &["latitude", "longitude", "altitude", "speed", "course", "satellites", "fix", "time"];

impl Gps {
    /// A receiver under an open sky, from 2024-01-01 00:00:00 on.
    pub fn new() -> Gps {
        Gps {
            sky: Sky::default(),
            moment: Moment { year: 24, ..Moment::FIRST },
            knows_time: false,
            next: Time::ZERO + SECOND,
            line: SerialLine::new(BAUD),
            rates: [(1, 0); Kind::ALL.len()],
            sentence: Vec::new(),
            dropped: 0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("txd", TXD, PadUse::Drives)?;
        wiring.optional_pad("rxd", RXD, PadUse::Hears)?;
        let mut gps = Gps::new();
        for key in PROPERTIES {
            wiring.read(key, |value| gps.set(key, value, Time::ZERO))?;
        }
        Ok(Box::new(gps))
    }

    /// A second begins.
    fn report(&mut self, now: Time) {
        self.moment = self.moment.next();
        self.knows_time |= self.sky.fix().is_some();
        let moment = self.knows_time.then_some(self.moment);
        for (kind, (every, passed)) in Kind::ALL.iter().zip(&mut self.rates) {
            *passed = passed.saturating_add(1);
            if *every == 0 || *passed < *every {
                continue;
            }
            *passed = 0;
            for sentence in sentences(*kind, &self.sky, moment) {
                if self.line.pending() + sentence.len() <= BUFFER {
                    self.line.send(sentence.as_bytes(), now);
                } else {
                    self.dropped += 1;
                }
            }
        }
    }

    fn hear(&mut self) {
        while let Some(byte) = self.line.take() {
            if byte == b'$' {
                self.sentence.clear();
            }
            if self.sentence.len() < LONGEST {
                self.sentence.push(byte);
            }
            if byte == b'\r' {
                let sentence = String::from_utf8_lossy(&std::mem::take(&mut self.sentence)).into_owned();
                self.obey(&fields(&sentence).unwrap_or_default());
            }
        }
    }

    /// Section "Proprietary Messages".
    fn obey(&mut self, fields: &[&str]) {
        match fields {
            ["PUBX", "40", name, _ddc, every, ..] => {
                if let Some(kind) = Kind::of(name)
                    && let Ok(every) = every.parse()
                {
                    self.rates[kind as usize] = (every, 0);
                }
            }
            ["PUBX", "41", PORT, _input, _output, baud, ..] => {
                if let Some(baud) = baud.parse().ok().filter(|baud| BAUDS.contains(baud)) {
                    self.line.set_baud(baud);
                }
            }
            _ => {}
        }
    }
}

impl Part for Gps {
    /// Where it is and what time it is stays; its settings do not.
    fn power_cycle(&mut self, now: Time) {
        *self = Gps { sky: self.sky, moment: self.moment, next: now + SECOND, ..Gps::new() };
    }

    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        self.line.sense(signal, at);
        self.hear();
    }

    fn drive(&self, _terminal: usize) -> Drive {
        if self.line.level() { Drive::High } else { Drive::Low }
    }

    fn deadline(&self) -> Option<Time> {
        Some(self.line.deadline().map_or(self.next, |due| due.min(self.next)))
    }

    fn advance(&mut self, now: Time) {
        self.line.advance(now);
        self.hear();
        while self.next <= now {
            let second = self.next;
            self.next = second + SECOND;
            self.report(now);
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        PROPERTIES
    }

    fn set(&mut self, property: &str, value: &Value, now: Time) -> Result<(), ValueError> {
        let sky = &mut self.sky;
        match property {
            "latitude" => sky.latitude = value.number(-90.0..=90.0)?,
            "longitude" => sky.longitude = value.number(-180.0..=180.0)?,
            // The limits of operation (data sheet, table "GPS Performance").
            "altitude" => sky.altitude = value.number(-1000.0..=50_000.0)?,
            "speed" => sky.speed = value.number(0.0..=1800.0)?,
            "course" => sky.course = value.number(0.0..=360.0)?,
            "satellites" => sky.satellites = value.integer(0..=SATELLITES.len() as i64)? as usize,
            "fix" => sky.covered = !value.flag()?,
            _ => {
                self.moment = Moment::of(value)?;
                self.next = now + SECOND;
            }
        }
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        let sky = &self.sky;
        Some(match property {
            "latitude" => sky.latitude.into(),
            "longitude" => sky.longitude.into(),
            "altitude" => sky.altitude.into(),
            "speed" => sky.speed.into(),
            "course" => sky.course.into(),
            "satellites" => (sky.satellites as i64).into(),
            "fix" => sky.fix().is_some().into(),
            _ => self.moment.to_string().as_str().into(),
        })
    }

    fn dropped(&self) -> Option<(u64, &'static str)> {
        Some((self.dropped, "sentences"))
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{Gps, RXD, TXD};
    use crate::part::{Drive, Part};
    use crate::serial_line::SerialLine;

    /// A host at the other end of both wires.
    struct Host {
        gps: Gps,
        line: SerialLine,
        now: Time,
    }

    impl Host {
        fn new() -> Host {
            Host { gps: Gps::new(), line: SerialLine::new(9600), now: Time::ZERO }
        }

        /// Lets time pass and returns the lines that came.
        fn pass(&mut self, span: Span) -> Vec<String> {
            let end = self.now + span;
            self.gps.sense(RXD, Signal::Level(self.line.level()), self.now);
            while let Some(due) =
                self.gps.deadline().into_iter().chain(self.line.deadline()).min().filter(|due| *due <= end)
            {
                self.gps.advance(due);
                self.line.advance(due);
                self.gps.sense(RXD, Signal::Level(self.line.level()), due);
                self.line.sense(Signal::Level(self.gps.drive(TXD) == Drive::High), due);
            }
            self.now = end;
            let bytes: Vec<u8> = std::iter::from_fn(|| self.line.take()).collect();
            String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
        }
    }

    #[test]
    fn it_reports_once_per_second_and_only_what_was_asked_for() {
        let mut host = Host::new();
        assert_eq!(host.pass(Span::from_millis(990)), Vec::<String>::new());
        host.gps.set("time", &"2024-02-29 23:59:58".into(), host.now).unwrap();
        host.gps.set("speed", &18.52.into(), host.now).unwrap();
        host.gps.set("course", &90.into(), host.now).unwrap();
        let lines = host.pass(Span::from_millis(2900));
        let kinds: Vec<&str> = lines.iter().map(|line| &line[..6]).collect();
        let second = ["$GPRMC", "$GPVTG", "$GPGGA", "$GPGSA", "$GPGSV", "$GPGSV", "$GPGLL"];
        assert_eq!(kinds, [second, second].concat());
        assert!(lines[0].starts_with("$GPRMC,235959.00,A,4717.11440,N,00833.91500,E,10.000,90.00,290224,,,A*"));
        assert!(lines[7].starts_with("$GPRMC,000000.00,A,"), "{}", lines[7]);
        assert!(lines[7].contains(",010324,"), "{}", lines[7]);
        for name in ["VTG", "GSA", "GSV", "GLL"] {
            let body = format!("PUBX,40,{name},0,0,0,0,0,0");
            let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
            host.line.send(format!("${body}*{sum:02x}\r\n").as_bytes(), host.now);
        }
        host.pass(Span::from_millis(1000));
        let kinds: Vec<String> = host.pass(Span::from_millis(1000)).iter().map(|line| line[..6].to_owned()).collect();
        assert_eq!(kinds, ["$GPRMC", "$GPGGA"]);
        host.gps.set("fix", &false.into(), host.now).unwrap();
        let lines = host.pass(Span::from_millis(1000));
        assert!(lines[0].starts_with("$GPRMC,000003.00,V,,,,,,,010324,,,N*"), "it keeps the time: {}", lines[0]);
    }

    #[test]
    fn its_rate_is_set_by_a_message() {
        let mut host = Host::new();
        host.line.send(b"$PUBX,41,1,0007,0003,19200,0*25\r\n", host.now);
        host.pass(Span::from_millis(100));
        host.line.set_baud(19_200);
        assert_eq!(host.pass(Span::from_millis(1500)).len(), 7);
    }

    /// 4800 baud carry 480 bytes in a second, and its sentences have more.
    #[test]
    fn sentences_that_find_no_place_are_dropped_and_counted() {
        let mut host = Host::new();
        host.gps.line.set_baud(4800);
        host.line.set_baud(4800);
        host.gps.set("satellites", &12.into(), Time::ZERO).unwrap();
        // The last line of a pass may have come in part.
        for _ in 0..60 {
            let lines = host.pass(Span::from_secs(1));
            let whole = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
            assert!(whole.iter().all(|line| line.starts_with("$GP")), "{lines:?}");
        }
        assert!(host.gps.dropped().is_some_and(|(count, _)| count > 0));
    }
}
