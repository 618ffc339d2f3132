//! Signals of pins as a file for logic analysers: a value change dump (IEEE 1364, section 18), which PulseView and GTKWave read.

mod decode;

use std::io;

use espalier_core::{Span, Time};
use vcd::{IdCode, SimulationCommand, TimescaleUnit, Value, VarType, Writer};

use crate::error::Cause;
use crate::pins::{Captured, Edges};
use crate::session::Result;

/// Nanoseconds of a tick of board time, as a fraction.
const NANOS: (u128, u128) = (1_000_000_000, 480_000_000);

/// A capture could not be written as a file.
///
/// ```
/// let source = std::io::Error::other("no space");
/// assert_eq!(espalier::CaptureError { source }.to_string(), "the capture could not be written: no space");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the capture could not be written: {source}")]
pub struct CaptureError {
    /// Why.
    pub source: io::Error,
}

impl Cause for CaptureError {}

/// A protocol whose words are written beside its pins.
#[derive(Clone, Copy, Debug)]
enum Decoder {
    Uart { pin: usize, baud: u32 },
    I2c { scl: usize, sda: usize },
    Spi { sck: usize, data: usize, cs: Option<usize> },
}

impl Decoder {
    /// The name of its words in the file.
    fn name(self) -> String {
        match self {
            Decoder::Uart { pin, .. } => format!("GPIO{pin}_uart"),
            Decoder::I2c { scl, sda } => format!("GPIO{scl}_GPIO{sda}_i2c"),
            Decoder::Spi { data, .. } => format!("GPIO{data}_spi"),
        }
    }

    /// Its words, each with its beginning; none if one of its pins was not captured.
    fn words(self, captured: &[(usize, Captured)]) -> Option<Vec<(Time, String)>> {
        let line = |pin: usize| captured.iter().find(|(known, _)| *known == pin).map(|(_, line)| line);
        Some(match self {
            Decoder::Uart { pin, baud } => bytes(line(pin)?, baud),
            Decoder::I2c { scl, sda } => decode::i2c(line(scl)?, line(sda)?),
            Decoder::Spi { sck, data, cs: None } => decode::spi(line(sck)?, line(data)?, None),
            Decoder::Spi { sck, data, cs: Some(cs) } => decode::spi(line(sck)?, line(data)?, Some(line(cs)?)),
        })
    }
}

/// The signals of some pins since [`Board::capture_pins`](crate::Board::capture_pins).
///
/// ```no_run
/// use espalier::{Board, Units};
///
/// # async fn test(board: Board) -> espalier::Result<()> {
/// let capture = board.capture_pins([1, 26])?.uart(1, 115_200);
/// board.run_for(100.ms()).await?;
/// std::fs::write("target/run.vcd", capture.vcd()?).expect("a folder");
/// # Ok(())
/// # }
/// ```
pub struct PinCapture {
    pins: Vec<(usize, Edges)>,
    decoders: Vec<Decoder>,
}

impl PinCapture {
    pub(crate) fn new(pins: Vec<(usize, Edges)>) -> PinCapture {
        PinCapture { pins, decoders: Vec::new() }
    }

    /// Writes the bytes beside the pin that a UART sends there, in frames of eight bits without parity.
    #[must_use]
    pub fn uart(mut self, pin: usize, baud: u32) -> PinCapture {
        self.decoders.push(Decoder::Uart { pin, baud: baud.max(1) });
        self
    }

    /// Writes the conditions and bytes of an I2C bus beside its pins, such as `start`, `0x3c_write_ack`, `0x40_ack`, `stop`.
    #[must_use]
    pub fn i2c(mut self, scl: usize, sda: usize) -> PinCapture {
        self.decoders.push(Decoder::I2c { scl, sda });
        self
    }

    /// Writes the bytes beside a data pin of SPI. The data is sampled as SCK rises (modes 0 and 3), while `cs` is low if it is given.
    #[must_use]
    pub fn spi(mut self, sck: usize, data: usize, cs: Option<usize>) -> PinCapture {
        self.decoders.push(Decoder::Spi { sck, data, cs });
        self
    }

    /// The file: a wire for each pin, called as the pin, and a string for each UART, I2C bus and data line of SPI. Of each pin [`MOST_EDGES`](crate::MOST_EDGES) edges are
    /// written at most; a comment says so where there were more.
    ///
    /// # Errors
    /// If the pins cannot be read.
    pub fn vcd(&self) -> Result<Vec<u8>> {
        let mut captured = Vec::new();
        for (pin, edges) in &self.pins {
            captured.push((*pin, edges.first()?));
        }
        Ok(self.write(&captured).map_err(|source| CaptureError { source })?)
    }

    fn write(&self, captured: &[(usize, Captured)]) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file);
        writer.timescale(1, TimescaleUnit::NS)?;
        for (pin, captured) in captured.iter().filter(|(_, captured)| captured.more) {
            writer.comment(&format!("GPIO{pin} had more edges after {}", captured.end()))?;
        }
        writer.add_module("board")?;
        let mut wires = Vec::new();
        for (pin, _) in captured {
            wires.push(writer.add_wire(1, &format!("GPIO{pin}"))?);
        }
        let mut changes: Vec<(Time, Change)> = Vec::new();
        for ((_, captured), wire) in captured.iter().zip(&wires) {
            changes.extend(captured.edges.iter().map(|edge| (edge.at, Change::Level(*wire, edge.rises))));
        }
        for decoder in &self.decoders {
            let Some(words) = decoder.words(captured) else { continue };
            let var = writer.add_var(VarType::String, 0, &decoder.name(), None)?;
            changes.extend(words.into_iter().map(|(at, text)| (at, Change::Text(var, text))));
        }
        writer.upscope()?;
        writer.enddefinitions()?;
        writer.timestamp(0)?;
        writer.begin(SimulationCommand::Dumpvars)?;
        for ((_, captured), wire) in captured.iter().zip(&wires) {
            writer.change_scalar(*wire, value(captured.level))?;
        }
        writer.end()?;
        changes.sort_by_key(|(at, _)| *at);
        let start = captured.iter().map(|(_, captured)| captured.from).min().unwrap_or(Time::ZERO);
        let mut last = 0;
        for (at, change) in changes {
            let nanos = (u128::from(at.since(start).ticks()) * NANOS.0 / NANOS.1) as u64;
            if nanos != last {
                writer.timestamp(nanos)?;
                last = nanos;
            }
            match change {
                Change::Level(wire, level) => writer.change_scalar(wire, value(level))?,
                Change::Text(var, text) => writer.change_string(var, &text)?,
            }
        }
        Ok(file)
    }
}

enum Change {
    Level(IdCode, bool),
    Text(IdCode, String),
}

fn value(level: bool) -> Value {
    if level { Value::V1 } else { Value::V0 }
}

/// The bytes on a line that idles high, each with the start of its frame, as text without spaces: `A`, `\r`, or `framing` where the stop
/// bit is low.
fn bytes(line: &Captured, baud: u32) -> Vec<(Time, String)> {
    const DATA_BITS: u64 = 8;
    let second = Span::from_secs(1).ticks();
    let half_bits = |count: u64| Span::from_ticks(second * count / (2 * u64::from(baud)));
    let mut found = Vec::new();
    let mut free = line.from;
    for edge in line.edges.iter().filter(|edge| !edge.rises) {
        if edge.at < free {
            continue;
        }
        let sample = |bit: u64| line.level_at(edge.at + half_bits(2 * bit + 1));
        let byte = (0..DATA_BITS).fold(0, |byte, bit| byte | u8::from(sample(bit + 1)) << bit);
        let stop = sample(DATA_BITS + 1);
        // A frame that is not over yet is in no record.
        if edge.at + half_bits(2 * DATA_BITS + 3) > line.end() + half_bits(2 * DATA_BITS) {
            break;
        }
        free = edge.at + half_bits(2 * DATA_BITS + 3);
        let text = if stop { byte.escape_ascii().to_string().replace(' ', "\\x20") } else { "framing".to_owned() };
        found.push((edge.at, text));
    }
    found
}

#[cfg(test)]
mod tests {
    use espalier_core::{Span, Time};
    use vcd::{Command, Parser, Value};

    use super::bytes;
    use crate::pins::{Captured, Edge};
    use crate::{Board, Model, Units};

    /// The levels of bytes at 9600 baud, from a millisecond on.
    fn line(text: &[u8]) -> Captured {
        let bit = Span::from_ticks(50_000);
        let (mut at, mut level, mut edges) = (Time::from_micros(1000), true, Vec::new());
        for byte in text {
            let bits = std::iter::once(false).chain((0..8).map(|bit| byte >> bit & 1 != 0)).chain([true]);
            for bit_level in bits {
                if bit_level != level {
                    level = bit_level;
                    edges.push(Edge { at, rises: level });
                }
                at += bit;
            }
        }
        Captured { from: Time::ZERO, level: true, edges, more: false }
    }

    #[test]
    fn bytes_are_read_from_levels() {
        let found: Vec<String> = bytes(&line(b"Hi U\r"), 9600).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, ["H", "i", "\\x20", "U", "\\r"]);
        assert_ne!(bytes(&line(b"Hi"), 4800).first().map(|(_, text)| text.as_str()), Some("H"));
    }

    #[tokio::test]
    async fn written_captures_are_read_back() {
        let board = Board::builder().model(Model::DevKit).name("vcd").start().await.unwrap();
        let capture = board.capture_pins([18, 1]).unwrap().uart(1, 115_200);
        for level in [true, false, true] {
            board.pin(18).drive(level).unwrap();
            board.run_for(1.ms()).await.unwrap();
        }
        board.console().expect("rst:0x1").await.unwrap();
        board.run_for(20.ms()).await.unwrap();
        let file = capture.vcd().unwrap();
        let mut parser = Parser::new(file.as_slice());
        let header = parser.parse_header().unwrap();
        let code = |name: &str| header.find_var(&["board", name]).expect(name).code;
        let (pin, tx, text) = (code("GPIO18"), code("GPIO1"), code("GPIO1_uart"));
        let commands: Vec<Command> = parser.map(|command| command.unwrap()).collect();
        let levels = |of| {
            commands.iter().filter_map(move |command| match command {
                Command::ChangeScalar(id, value) if *id == of => Some(*value),
                _ => None,
            })
        };
        assert_eq!(levels(pin).collect::<Vec<_>>(), [Value::V0, Value::V1, Value::V0, Value::V1]);
        assert!(levels(tx).count() > 100);
        let said: String = commands
            .iter()
            .filter_map(|command| match command {
                Command::ChangeString(id, text_) if *id == text => Some(text_.as_str()),
                _ => None,
            })
            .collect();
        assert!(said.contains("rst:0x1"), "{said}");
        let times = commands.iter().filter_map(|command| match command {
            Command::Timestamp(at) => Some(*at),
            _ => None,
        });
        assert!(times.collect::<Vec<_>>().is_sorted());
    }
}
