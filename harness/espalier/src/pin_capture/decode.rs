//! Words of I2C and SPI that the levels of pins make (NXP, UM10204, chapter 3.1; SPI in its modes 0 and 3).

use espalier_core::Time;

use crate::pins::Captured;

/// The edges of several lines in their order, each with its line and the level behind it.
fn edges(lines: &[&Captured]) -> Vec<(Time, usize, bool)> {
    let of = |(line, captured): (usize, &&Captured)| {
        captured.edges.iter().map(move |edge| (edge.at, line, edge.rises)).collect::<Vec<_>>()
    };
    let mut edges: Vec<_> = lines.iter().enumerate().flat_map(of).collect();
    edges.sort_by_key(|(at, line, _)| (*at, *line));
    edges
}

/// The conditions and bytes on an I2C bus: `start`, `0x3c_write_ack`, `0x40_ack`, `0xff_nack`, `stop`, each with its beginning.
pub(super) fn i2c(scl: &Captured, sda: &Captured) -> Vec<(Time, String)> {
    let (mut clock, mut data) = (scl.level, sda.level);
    let mut found = Vec::new();
    // The bits since a START with the beginning of the byte; none while the bus is free.
    let mut bits: Option<(Vec<bool>, Time)> = None;
    let mut address = false;
    for (at, line, level) in edges(&[scl, sda]) {
        if line == 1 {
            data = level;
            if clock {
                // SDA that changes while SCL is high is no bit.
                found.push((at, if level { "stop" } else { "start" }.to_owned()));
                bits = (!level).then_some((Vec::new(), at));
                address = true;
            }
            continue;
        }
        clock = level;
        let Some((byte, begin)) = bits.as_mut().filter(|_| level) else { continue };
        if byte.is_empty() {
            *begin = at;
        }
        byte.push(data);
        if byte.len() == 9 {
            let value = byte[..8].iter().fold(0_u8, |value, bit| value << 1 | u8::from(*bit));
            let answer = if byte[8] { "nack" } else { "ack" };
            let direction = if value & 1 != 0 { "read" } else { "write" };
            let first = std::mem::take(&mut address);
            let word = if first { format!("{:#04x}_{direction}", value >> 1) } else { format!("{value:#04x}") };
            found.push((*begin, format!("{word}_{answer}")));
            byte.clear();
        }
    }
    found
}

/// The bytes on a data line of SPI, which are sampled as the clock rises, while chip select is low if there is one.
pub(super) fn spi(clock: &Captured, data: &Captured, select: Option<&Captured>) -> Vec<(Time, String)> {
    let lines: Vec<&Captured> = [Some(clock), select].into_iter().flatten().collect();
    let mut selected = select.is_none_or(|select| !select.level);
    let (mut byte, mut count, mut begin) = (0_u8, 0, clock.from);
    let mut found = Vec::new();
    for (at, line, level) in edges(&lines) {
        if line == 1 {
            selected = !level;
            (byte, count) = (0, 0);
        } else if level && selected {
            if count == 0 {
                begin = at;
            }
            byte = byte << 1 | u8::from(data.level_at(at));
            count += 1;
            if count == 8 {
                found.push((begin, format!("{byte:#04x}")));
                (byte, count) = (0, 0);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;

    use super::{i2c, spi};
    use crate::pins::{Captured, Edge};

    /// A line with these levels, one in each microsecond.
    fn line(levels: &str) -> Captured {
        let mut edges = Vec::new();
        let bits: Vec<bool> = levels.chars().filter(|level| *level != ' ').map(|level| level == '1').collect();
        for (micros, pair) in bits.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
            edges.push(Edge { at: Time::from_micros(micros as u64 + 1), rises: pair[1] });
        }
        Captured { from: Time::ZERO, level: bits[0], edges, more: false }
    }

    fn words(found: Vec<(Time, String)>) -> Vec<String> {
        found.into_iter().map(|(_, word)| word).collect()
    }

    /// Three levels for each bit: SDA is there before SCL rises, and stays until it has fallen.
    fn bus(bytes: &[(u8, bool)]) -> (Captured, Captured) {
        let (mut scl, mut sda) = ("111".to_owned(), "110".to_owned());
        for (byte, nack) in bytes {
            for bit in (0..8).rev().map(|bit| byte >> bit & 1 != 0).chain([*nack]) {
                scl += "010";
                sda += if bit { "111" } else { "000" };
            }
        }
        (line(&(scl + "0111")), line(&(sda + "0001")))
    }

    #[test]
    fn conditions_and_bytes_of_i2c_are_read_from_levels() {
        let (scl, sda) = bus(&[(0x78, false), (0x40, false), (0xA5, true)]);
        assert_eq!(words(i2c(&scl, &sda)), ["start", "0x3c_write_ack", "0x40_ack", "0xa5_nack", "stop"]);
        let (scl, sda) = bus(&[(0x79, false)]);
        assert_eq!(words(i2c(&scl, &sda)), ["start", "0x3c_read_ack", "stop"]);
    }

    #[test]
    fn bytes_of_spi_are_read_while_it_is_selected() {
        let clock = line(&format!("00 {} 00 {} 0", "01".repeat(8), "01".repeat(8)));
        let data = line(&format!("11 {} 00 {} 0", "1100110000110011", "1".repeat(16)));
        assert_eq!(words(spi(&clock, &data, None)), ["0xa5", "0xff"]);
        let select = line(&format!("10 {} 01 {} 1", "0".repeat(16), "1".repeat(16)));
        assert_eq!(words(spi(&clock, &data, Some(&select))), ["0xa5"]);
    }
}
