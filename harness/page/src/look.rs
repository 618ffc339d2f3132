//! The visible state of a board at one moment, as JSON, without the parts that a client has seen before.
//!
//! A client looks when it has dealt with what it saw last, so one that is slow misses pictures between two looks, and nothing waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use espalier_core::{Picture, Signal, Time};
use espalier_soc::Machine;
use serde_json::{Map, Value, json};

use crate::action::{base64, pressed_property, property_json, signal};
use crate::frames::{Medium, describe};
use crate::picture::{colour_bytes, packed_dots};
use crate::surroundings::Away;

/// Pads have smaller numbers.
const PADS: usize = 64;
/// Changes of a pin that one look tells; of more, the last ones.
const MOST_EDGES: usize = 500;
/// Frames of each medium that one look tells; of more, the last ones.
const MOST_FRAMES: usize = 200;
/// Bytes of each record of frames that is kept for the page, and for download from it.
pub const CAPTURE: usize = 4 << 20;
/// Keys of a part that are pads, in the order in which they are told.
const PAD_KEYS: [&str; 13] =
    ["gpio", "scl", "sda", "sck", "mosi", "miso", "cs", "dc", "reset", "backlight", "data", "interrupt", "square-wave"];

/// State of a board that a client has seen.
#[derive(Debug, Default)]
pub struct Look {
    sections: Map<String, Value>,
    pictures: BTreeMap<String, (Picture, bool)>,
    /// Frames of the network and of the air.
    frames: [u64; 2],
    edges: BTreeMap<usize, u64>,
}

/// Changes since the last look.
#[derive(Debug, Default)]
pub struct Seen {
    /// Sections that have changed, by their names.
    sections: Map<String, Value>,
    /// Frames of the network and of the air since the last look, as pcap files, and how many were lost before they were seen.
    frames: [(Vec<u8>, u64); 2],
    /// The factory address of the board.
    mac: [u8; 6],
}

impl Seen {
    /// Returns the changes as JSON, frames in a line each. It takes a while and needs no machine.
    pub fn told(self) -> Map<String, Value> {
        let Seen { mut sections, frames, mac } = self;
        let media = [("network", Medium::Network), ("air", Medium::Air)];
        for ((name, medium), (file, lost)) in media.into_iter().zip(frames) {
            let mut frames = describe(&file, medium, mac);
            let excess = frames.len().saturating_sub(MOST_FRAMES);
            frames.drain(..excess);
            if !frames.is_empty() {
                sections.insert(name.to_owned(), json!({"left-out": lost + excess as u64, "frames": frames}));
            }
        }
        sections
    }
}

/// State of the run, which the machine does not know.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// False while it is paused or halted.
    pub running: bool,
    /// Whether it runs as fast as it can instead of at the pace of the host's clock.
    pub fast: bool,
    /// Why it is halted, if it is.
    pub halted: Option<&'a str>,
    /// The board's address on the LAN of a world; its machine knows that of a LAN of its own.
    pub address: Option<Ipv4Addr>,
    /// Networks that were taken out of the air.
    pub away: &'a Away,
    /// Sections that the board's owner adds, or puts in place of those of the machine.
    pub more: Option<&'a Map<String, Value>>,
}

impl Look {
    /// Returns the changes since the last time.
    pub fn at(&mut self, machine: &mut Machine, standing: &Standing<'_>, watched: &BTreeSet<usize>) -> Seen {
        let mut sections = Map::new();
        sections.insert("board".to_owned(), board(machine));
        sections.insert("state".to_owned(), state(machine, standing));
        sections.insert("parts".to_owned(), parts(machine));
        sections.insert("leds".to_owned(), leds(machine));
        sections.insert("tone".to_owned(), tone(machine));
        sections.insert("pads".to_owned(), pads(machine));
        sections.insert("networks".to_owned(), standing.away.networks(machine.air()));
        sections.insert("cable".to_owned(), cable(machine.lan().cable_is_cut()));
        sections.insert("unmodelled".to_owned(), unmodelled(machine));
        sections.extend(standing.more.into_iter().flat_map(Map::clone));
        sections.retain(|name, value| self.sections.get(name) != Some(value));
        self.sections.extend(sections.clone());
        if let Some(displays) = self.displays(machine) {
            sections.insert("displays".to_owned(), displays);
        }
        if let Some(edges) = self.edges(machine, watched) {
            sections.insert("edges".to_owned(), edges);
        }
        Seen { sections, frames: self.frames(machine), mac: machine.board().mac }
    }

    /// The displays that show something else.
    fn displays(&mut self, machine: &Machine) -> Option<Value> {
        let mut fresh = Vec::new();
        for name in machine.displays() {
            let Some(shown) = machine.display(Some(&name)) else { continue };
            let before = self.pictures.get(&name);
            if before.is_some_and(|(picture, on)| (picture, *on) == (&shown.picture, shown.on)) {
                continue;
            }
            let (width, height) = (shown.picture.width(), shown.picture.height());
            let (format, pixels) = match &shown.picture {
                Picture::Dots(dots) => ("dots", packed_dots(dots)),
                Picture::Colours(colours) => ("colours", colour_bytes(colours)),
            };
            fresh.push(json!({
                "name": name, "on": shown.on, "width": width, "height": height,
                "format": format, "pixels": base64(&pixels),
            }));
            self.pictures.insert(name, (shown.picture, shown.on));
        }
        (!fresh.is_empty()).then(|| fresh.into())
    }

    /// Returns the new edges of the pins that are recorded.
    fn edges(&mut self, machine: &mut Machine, watched: &BTreeSet<usize>) -> Option<Value> {
        self.edges.retain(|pin, _| watched.contains(pin));
        let mut fresh = Vec::new();
        for pin in watched.iter().copied() {
            let all = machine.probed_changes(pin);
            let before = self.edges.insert(pin, all);
            let skip = before.unwrap_or(0).max(all.saturating_sub(MOST_EDGES as u64));
            if before == Some(all) {
                continue;
            }
            let (first, changes) = machine.probed(pin, skip);
            let changes: Vec<Value> = changes.into_iter().map(|(at, signal)| change(at, signal)).collect();
            let skipped = skip - before.unwrap_or(0).min(skip);
            fresh.push(
                json!({"gpio": pin, "before": change(Time::ZERO, first), "skipped": skipped, "changes": changes}),
            );
        }
        (!fresh.is_empty()).then(|| fresh.into())
    }

    fn frames(&mut self, machine: &Machine) -> [(Vec<u8>, u64); 2] {
        let (lan, air) = (machine.lan(), machine.air());
        let counts = [(lan.captured(), lan.capture_dropped()), (air.captured(), air.capture_dropped())];
        let mut files = [(Vec::new(), 0), (Vec::new(), 0)];
        for (medium, (all, dropped)) in counts.into_iter().enumerate() {
            let seen = std::mem::replace(&mut self.frames[medium], all);
            if seen < all {
                let file = if medium == 0 { lan.capture_from(seen) } else { air.capture_from(seen) };
                files[medium] = (file, dropped.saturating_sub(seen));
            }
        }
        files
    }
}

/// Records the frames that the page shows and offers for download.
pub fn record(machine: &mut Machine) {
    machine.lan_mut().start_capture(CAPTURE);
    machine.air_mut().start_capture(CAPTURE);
}

/// Everything at once, for clients that do not come back.
pub fn state_of(machine: &mut Machine, standing: &Standing<'_>) -> Value {
    Look::default().at(machine, standing, &BTreeSet::new()).sections.into()
}

fn change(at: Time, carried: Signal) -> Value {
    let mut change = signal(carried, at);
    change["at"] = seconds(at);
    change
}

fn seconds(time: Time) -> Value {
    json!(time.since(Time::ZERO).as_secs_f64())
}

fn board(machine: &Machine) -> Value {
    let board = machine.board();
    let mac = board.mac.map(|byte| format!("{byte:02x}")).join(":");
    json!({
        "name": board.name,
        "mac": mac,
        "uarts": machine.uarts(),
        "wires": board.wires.iter().map(|wire| json!([wire.from, wire.to])).collect::<Value>(),
    })
}

fn state(machine: &Machine, standing: &Standing<'_>) -> Value {
    json!({
        "time": seconds(machine.now()),
        "running": standing.running,
        "fast": standing.fast,
        "halted": standing.halted,
        "address": standing.address.or_else(|| machine.lan().board_address()).map(|address| address.to_string()),
    })
}

/// The parts of the board: where they are connected, and what can be set or read of them.
fn parts(machine: &mut Machine) -> Value {
    let parts: Vec<(String, String)> = machine.parts().map(|(kind, name)| (kind.to_owned(), name.to_owned())).collect();
    parts
        .into_iter()
        .map(|(kind, name)| {
            let names = machine.properties(&name).unwrap_or_default();
            let mut properties = Map::new();
            for property in names {
                let value = machine.property(&name, property).ok().flatten();
                properties.insert((*property).to_owned(), value.map_or(Value::Null, |value| property_json(&value)));
            }
            let entry = machine.board().parts.iter().find(|entry| entry.name == name);
            let pins: Vec<Value> = PAD_KEYS
                .into_iter()
                .filter_map(|key| {
                    let property = entry?.properties.iter().find(|property| property.key == key)?;
                    Some(json!([key, property.value.integer(0..=PADS as i64).ok()?]))
                })
                .collect();
            let press = pressed_property(names);
            json!({"kind": kind, "name": name, "pins": pins, "properties": properties, "press": press})
        })
        .collect()
}

fn leds(machine: &mut Machine) -> Value {
    let names: Vec<String> = machine.parts().map(|(_, name)| name.to_owned()).collect();
    let mut all = Vec::new();
    for name in names {
        if let Some((colours, _)) = machine.leds(Some(&name)) {
            let colours: Vec<Value> = colours.iter().map(|led| json!([led.red, led.green, led.blue])).collect();
            all.push(json!({"name": name, "colours": colours}));
        }
    }
    all.into()
}

/// The tone that the buzzer plays, null while it is silent; a board without a buzzer has no tone.
fn tone(machine: &mut Machine) -> Value {
    let Some(sounds) = machine.sounds() else { return json!({"buzzer": false}) };
    let playing = sounds.last().filter(|sound| sound.end.is_none());
    let hertz = playing.map(|sound| 1.0 / sound.period.as_secs_f64());
    let duty = playing.map(|sound| sound.high.as_secs_f64() / sound.period.as_secs_f64());
    json!({"buzzer": true, "hertz": hertz, "duty": duty})
}

fn pads(machine: &mut Machine) -> Value {
    let now = machine.now();
    let pads = (0..PADS).filter(|pin| machine.has_pad(*pin)).collect::<Vec<_>>().into_iter();
    pads.map(|pin| {
        let mut pad = signal(machine.pad(pin), now);
        pad["gpio"] = json!(pin);
        pad
    })
    .collect()
}

/// The Ethernet cable of the board.
pub fn cable(cut: bool) -> Value {
    json!({"cut": cut})
}

fn unmodelled(machine: &Machine) -> Value {
    let blocks: Vec<String> = machine.unmodelled_blocks().iter().map(ToString::to_string).collect();
    json!({"blocks": blocks, "dropped": machine.dropped()})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Look, Standing, state_of};
    use crate::surroundings::Away;
    use espalier_core::Span;
    use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};

    const RUNNING: Standing<'_> =
        Standing { running: true, fast: false, halted: None, address: None, away: Away::NONE, more: None };

    fn machine() -> Machine {
        let board = BoardDefinition::load("mpython").unwrap();
        let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
        machine.power_on(Strap::Download);
        machine
    }

    fn names(sections: &serde_json::Map<String, serde_json::Value>) -> BTreeSet<&str> {
        sections.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_second_look_sees_what_has_changed() {
        let (mut machine, mut look, none) = (machine(), Look::default(), BTreeSet::new());
        let first = look.at(&mut machine, &RUNNING, &none).sections;
        let all = ["board", "cable", "displays", "leds", "networks", "pads", "parts", "state", "tone", "unmodelled"];
        assert_eq!(names(&first), BTreeSet::from(all));
        assert_eq!(first["displays"][0]["width"], 128);
        assert_eq!(first["parts"][1]["pins"][0][1], 0, "{}", first["parts"]);
        assert!(look.at(&mut machine, &RUNNING, &none).sections.is_empty());
        machine.set_button("a", true).unwrap();
        let changed = look.at(&mut machine, &RUNNING, &none).sections;
        assert_eq!(names(&changed), BTreeSet::from(["pads", "parts"]));
        assert_eq!(changed["parts"][1]["properties"]["pressed"], true);
    }

    #[test]
    fn pins_that_are_recorded_show_their_edges_once() {
        let (mut machine, mut look, pins) = (machine(), Look::default(), BTreeSet::from([0]));
        machine.attach_probe(0);
        look.at(&mut machine, &RUNNING, &pins);
        machine.set_button("a", true).unwrap();
        machine.run_for(Span::from_millis(1));
        machine.set_button("a", false).unwrap();
        let seen = look.at(&mut machine, &RUNNING, &pins).sections;
        let levels: Vec<u64> = seen["edges"][0]["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| edge["level"].as_u64().unwrap())
            .collect();
        assert_eq!(levels, [0, 1], "{}", seen["edges"]);
        assert!(!look.at(&mut machine, &RUNNING, &pins).sections.contains_key("edges"));
    }

    #[test]
    fn looking_changes_nothing() {
        let mut machines = [machine(), machine()];
        let mut look = Look::default();
        for _ in 0..20 {
            look.at(&mut machines[0], &RUNNING, &BTreeSet::new());
            state_of(&mut machines[0], &RUNNING);
            machines.iter_mut().for_each(|machine| {
                machine.run_for(Span::from_millis(1));
            });
        }
        assert_eq!(machines[0].trace_hash(), machines[1].trace_hash());
    }
}
