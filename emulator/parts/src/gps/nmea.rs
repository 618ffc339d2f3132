//! The sentences of NMEA 0183 that a GPS receiver sends and the proprietary ones that it takes (u-blox, "u-blox 6 Receiver Description
//! including Protocol Specification", GPS.G6-SW-10018, chapter "NMEA Protocol").

use super::Sky;
use crate::calendar::Moment;

/// The longest sentence that is taken; NMEA allows 82 characters.
pub const LONGEST: usize = 128;
/// Kilometres per hour of a knot.
const KNOT: f64 = 1.852;
/// Dilution of precision: of the position, horizontal, vertical; and without a fix.
const DILUTION: [f64; 3] = [1.94, 1.18, 1.54];
const NO_DILUTION: f64 = 99.99;
/// Height of the geoid above the ellipsoid, in metres.
const SEPARATION: f64 = 48.0;
/// Satellites in a GSV sentence, and places for them in GSA.
const GROUP: usize = 4;
const PLACES: usize = 12;
/// The satellites in view: number, elevation, azimuth, signal in dBHz.
pub const SATELLITES: [(u8, u8, u16, u8); PLACES] = [
    (23, 38, 230, 44),
    (29, 71, 156, 47),
    (7, 29, 116, 41),
    (8, 9, 81, 36),
    (9, 34, 274, 42),
    (18, 25, 309, 44),
    (26, 82, 187, 47),
    (28, 43, 56, 46),
    (10, 7, 189, 33),
    (5, 5, 220, 31),
    (15, 12, 20, 30),
    (21, 15, 340, 35),
];

/// A sentence that the receiver sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rmc,
    Vtg,
    Gga,
    Gsa,
    Gsv,
    Gll,
}

impl Kind {
    /// In the order in which they are sent.
    pub const ALL: [Kind; 6] = [Kind::Rmc, Kind::Vtg, Kind::Gga, Kind::Gsa, Kind::Gsv, Kind::Gll];

    /// The kind of a name such as `GGA`.
    pub fn of(name: &str) -> Option<Kind> {
        let names = ["RMC", "VTG", "GGA", "GSA", "GSV", "GLL"];
        names.iter().position(|known| *known == name).map(|place| Kind::ALL[place])
    }
}

/// The exclusive or of the characters between `$` and `*`.
fn checksum(body: &str) -> u8 {
    body.bytes().fold(0, |sum, byte| sum ^ byte)
}

/// A sentence with its frame.
fn framed(body: &str) -> String {
    format!("${body}*{:02X}\r\n", checksum(body))
}

/// The fields of a sentence, if its frame is whole.
pub fn fields(sentence: &str) -> Option<Vec<&str>> {
    let (body, sum) = sentence.trim_end().strip_prefix('$')?.rsplit_once('*')?;
    (u8::from_str_radix(sum, 16) == Ok(checksum(body))).then(|| body.split(',').collect())
}

/// An angle as degrees and minutes, with as many digits of degrees as `width`, and the letter of its direction.
fn angle(degrees: f64, width: usize, letters: [char; 2]) -> String {
    const PARTS: u64 = 100_000;
    let parts = (degrees.abs() * 60.0 * PARTS as f64).round() as u64;
    let (minutes, rest) = (parts / PARTS, parts % PARTS);
    let letter = letters[usize::from(degrees < 0.0)];
    format!("{:0width$}{:02}.{rest:05},{letter}", minutes / 60, minutes % 60)
}

/// Sentences of one kind: several, if not all satellites fit into one.
pub fn sentences(kind: Kind, sky: &Sky, moment: Option<Moment>) -> Vec<String> {
    let fix = sky.fix();
    let time =
        moment.map_or(String::new(), |moment| format!("{:02}{:02}{:02}.00", moment.hour, moment.minute, moment.second));
    let date = moment.map_or(String::new(), |moment| format!("{:02}{:02}{:02}", moment.day, moment.month, moment.year));
    let place = || format!("{},{}", angle(sky.latitude, 2, ['N', 'S']), angle(sky.longitude, 3, ['E', 'W']));
    // A receiver that stands has no course.
    let course = if sky.speed > 0.0 { format!("{:.2}", sky.course) } else { String::new() };
    let knots = sky.speed / KNOT;
    let used = sky.in_view();
    let body = match kind {
        Kind::Rmc if fix.is_some() => format!("GPRMC,{time},A,{},{knots:.3},{course},{date},,,A", place()),
        Kind::Rmc => format!("GPRMC,{time},V,,,,,,,{date},,,N"),
        Kind::Vtg if fix.is_some() => format!("GPVTG,{course},T,,M,{knots:.3},N,{:.3},K,A", sky.speed),
        Kind::Vtg => "GPVTG,,,,,,,,,N".to_owned(),
        Kind::Gga if fix.is_some() => format!(
            "GPGGA,{time},{},1,{:02},{:.2},{:.1},M,{SEPARATION:.1},M,,",
            place(),
            used.len(),
            DILUTION[1],
            sky.altitude,
        ),
        Kind::Gga => format!("GPGGA,{time},,,,,0,00,{NO_DILUTION},,,,,,"),
        Kind::Gsa => {
            let tracked = used.iter().filter(|_| fix.is_some()).map(|(number, ..)| format!("{number:02}"));
            let places: Vec<String> = tracked.chain(std::iter::repeat(String::new())).take(PLACES).collect();
            let [position, horizontal, vertical] = if fix.is_some() { DILUTION } else { [NO_DILUTION; 3] };
            let mode = fix.unwrap_or(1);
            format!("GPGSA,A,{mode},{},{position:.2},{horizontal:.2},{vertical:.2}", places.join(","))
        }
        Kind::Gsv => {
            let groups = used.chunks(GROUP).map(|group| {
                let one = |(number, elevation, azimuth, signal): &(u8, u8, u16, u8)| {
                    format!(",{number:02},{elevation:02},{azimuth:03},{signal:02}")
                };
                group.iter().map(one).collect::<String>()
            });
            let mut groups: Vec<String> = groups.collect();
            if groups.is_empty() {
                groups.push(String::new());
            }
            let (count, in_view) = (groups.len(), used.len());
            let numbered = groups.iter().enumerate();
            return numbered
                .map(|(place, group)| framed(&format!("GPGSV,{count},{},{in_view:02}{group}", place + 1)))
                .collect();
        }
        Kind::Gll if fix.is_some() => format!("GPGLL,{},{time},A,A", place()),
        Kind::Gll => format!("GPGLL,,,,,{time},V,N"),
    };
    vec![framed(&body)]
}

#[cfg(test)]
mod tests {
    use super::{Kind, Sky, angle, fields, sentences};
    use crate::calendar::Moment;

    fn one(kind: Kind, sky: &Sky, moment: Option<Moment>) -> String {
        sentences(kind, sky, moment).concat()
    }

    /// The examples of the protocol specification, and sentences of a receiver that was just switched on.
    #[test]
    fn sentences_are_those_of_the_specification() {
        let sky = Sky {
            latitude: 47.0 + 17.114_37 / 60.0,
            longitude: 8.0 + 33.915_22 / 60.0,
            speed: 0.004 * 1.852,
            course: 77.52,
            ..Sky::default()
        };
        let moment = Moment { second: 59, minute: 35, hour: 8, weekday: 1, day: 9, month: 12, year: 2 };
        let rmc = "$GPRMC,083559.00,A,4717.11437,N,00833.91522,E,0.004,77.52,091202,,,A*57\r\n";
        assert_eq!(one(Kind::Rmc, &sky, Some(moment)), rmc);
        let satellites = Sky { satellites: 10, ..sky };
        let gsv = sentences(Kind::Gsv, &satellites, None);
        assert_eq!(gsv[0], "$GPGSV,3,1,10,23,38,230,44,29,71,156,47,07,29,116,41,08,09,081,36*7F\r\n");
        assert_eq!((gsv.len(), gsv[2].starts_with("$GPGSV,3,3,10,10,07,189,33,05,")), (3, true));
        assert_eq!(one(Kind::Vtg, &sky, None), "$GPVTG,77.52,T,,M,0.004,N,0.007,K,A*09\r\n");
        let covered = Sky { covered: true, ..sky };
        for (kind, expected) in [
            (Kind::Rmc, "$GPRMC,,V,,,,,,,,,,N*53\r\n"),
            (Kind::Vtg, "$GPVTG,,,,,,,,,N*30\r\n"),
            (Kind::Gga, "$GPGGA,,,,,,0,00,99.99,,,,,,*48\r\n"),
            (Kind::Gsa, "$GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99*30\r\n"),
            (Kind::Gsv, "$GPGSV,1,1,00*79\r\n"),
            (Kind::Gll, "$GPGLL,,,,,,V,N*64\r\n"),
        ] {
            assert_eq!(one(kind, &covered, None), expected);
        }
    }

    #[test]
    fn angles_are_rounded_as_a_whole() {
        assert_eq!(angle(-0.999_999_999, 2, ['N', 'S']), "0100.00000,S");
        assert_eq!(angle(179.5, 3, ['E', 'W']), "17930.00000,E");
    }

    #[test]
    fn a_sentence_with_a_wrong_checksum_is_none() {
        let known = "$PUBX,40,GLL,0,0,0,0,0,0*5C\r\n";
        assert_eq!(fields(known).map(|fields| fields[2].to_owned()).as_deref(), Some("GLL"));
        for broken in ["$PUBX,40,GLL,0,1,0,0,0,0*5C", "PUBX*00", "$PUBX", "$*", ""] {
            assert_eq!(fields(broken), None, "{broken}");
        }
    }
}
