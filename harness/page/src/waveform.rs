//! Waveforms of pins as a value change dump (IEEE 1364, section 18), which PulseView and GTKWave read.

use std::collections::BTreeSet;
use std::io;

use espalier_core::{Signal, Time};
use espalier_soc::Machine;
use vcd::{IdCode, SimulationCommand, TimescaleUnit, Value, Writer};

/// Edges of a pin that are written; of more, the first ones.
const MOST_EDGES: usize = 200_000;
/// Nanoseconds of a tick, as a fraction.
const NANOS: (u128, u128) = (1_000_000_000, 480_000_000);

/// Waveform of a pin.
struct Wave {
    pin: usize,
    before: Signal,
    changes: Vec<(Time, Signal)>,
}

/// The file with what these pins have carried, as far as their probes have kept it.
pub(crate) fn vcd(machine: &mut Machine, pins: &BTreeSet<usize>) -> Vec<u8> {
    let now = machine.now();
    let waves = pins.iter().map(|pin| {
        let (before, changes) = machine.probed(*pin, 0);
        Wave { pin: *pin, before, changes }
    });
    write(&waves.collect::<Vec<_>>(), now).expect("memory takes every byte")
}

fn write(waves: &[Wave], now: Time) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file);
    writer.timescale(1, TimescaleUnit::NS)?;
    writer.add_module("board")?;
    let mut edges: Vec<(Time, IdCode, bool)> = Vec::new();
    let mut first = Vec::new();
    for Wave { pin, before, changes } in waves {
        let wire = writer.add_wire(1, &format!("GPIO{pin}"))?;
        let from = changes.first().map_or(now, |(at, _)| *at);
        let level = before.level_at(from);
        first.push((wire, level));
        edges.extend(levels(changes, level, now).map(|(at, level)| (at, wire, level)).take(MOST_EDGES));
    }
    writer.upscope()?;
    writer.enddefinitions()?;
    writer.timestamp(0)?;
    writer.begin(SimulationCommand::Dumpvars)?;
    for (wire, level) in first {
        writer.change_scalar(wire, value(level))?;
    }
    writer.end()?;
    edges.sort_by_key(|(at, ..)| *at);
    let mut last = 0;
    for (at, wire, level) in edges {
        let nanos = (u128::from(at.ticks()) * NANOS.0 / NANOS.1) as u64;
        if nanos != last {
            writer.timestamp(nanos)?;
            last = nanos;
        }
        writer.change_scalar(wire, value(level))?;
    }
    Ok(file)
}

fn value(level: bool) -> Value {
    if level { Value::V1 } else { Value::V0 }
}

/// Each change of the level, pulses edge by edge.
fn levels(changes: &[(Time, Signal)], mut level: bool, now: Time) -> impl Iterator<Item = (Time, bool)> {
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let edges = changes.iter().zip(ends).flat_map(|((from, signal), end)| {
        let mut at = Some((*from, signal.level_at(*from)));
        std::iter::from_fn(move || {
            let edge = at.filter(|(at, _)| *at <= end)?;
            at = signal.next_edge(edge.0);
            Some(edge)
        })
    });
    edges.filter(move |(_, next)| std::mem::replace(&mut level, *next) != *next)
}

#[cfg(test)]
mod tests {
    use super::{Wave, levels, write};
    use espalier_core::{Signal, Span, Time};

    #[test]
    fn a_file_has_levels_and_the_edges_of_pulses() {
        let at = |micros| Time::from_micros(micros);
        let pulses = Signal::pulses(Span::from_micros(10), Span::from_micros(4), at(100));
        let changes = [(at(50), Signal::Level(true)), (at(60), Signal::Level(false)), (at(100), pulses)];
        let edges: Vec<(u64, bool)> =
            levels(&changes, false, at(115)).map(|(at, level)| (at.as_micros(), level)).collect();
        assert_eq!(edges, [(50, true), (60, false), (100, true), (104, false), (110, true), (114, false)]);
        let file = write(&[Wave { pin: 4, before: Signal::Level(false), changes: changes.to_vec() }], at(115)).unwrap();
        let text = String::from_utf8(file).unwrap();
        assert!(text.contains("$var wire 1 ! GPIO4 $end") && text.contains("#104000\n0!\n"), "{text}");
    }
}
