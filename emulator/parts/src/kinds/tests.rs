//! Kinds, properties and what is wrong with them; a part that a user could have written.

use espalier_core::{AudioClock, Reader, Signal, Span, Time, Writer};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{BUILT_IN_KINDS, PartKinds};
use crate::Button;
use crate::part::{Connection, Drive, PadUse, Part, PartEntry, PartError, Value, ValueError, Wiring};

/// A switch that opens when it is too hot.
#[derive(Clone, Debug)]
struct Thermostat {
    limit: f64,
    celsius: f64,
}

espalier_core::persist!(state Thermostat { celsius } fixed { limit });

impl Thermostat {
    fn make(wiring: &mut Wiring<'_>) -> Result<Thermostat, PartError> {
        wiring.pad("contact", 0, PadUse::Drives)?;
        let limit = wiring.number("limit", 0.0..=100.0)?.unwrap_or(60.0);
        Ok(Thermostat { limit, celsius: 20.0 })
    }
}

impl Part for Thermostat {
    fn power_cycle(&mut self, _now: Time) {}

    fn drive(&self, _terminal: usize) -> Drive {
        if self.celsius > self.limit { Drive::Released } else { Drive::Low }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["celsius"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.celsius = value.number(-50.0..=150.0)?;
        Ok(())
    }
}

fn kinds() -> PartKinds {
    let mut kinds = PartKinds::default();
    kinds.add("thermostat", Thermostat::make);
    kinds
}

#[test]
fn a_kind_of_a_user_is_made_by_its_name() {
    let entry = PartEntry::new("thermostat", "boiler").with("contact", 4).with("limit", 40);
    let (mut part, connections) = kinds().make(&entry).unwrap();
    let pad = Connection::Pad { terminal: 0, key: "contact", gpio: 4, uses: PadUse::Drives };
    assert_eq!(connections, [pad]);
    assert_eq!(part.drive(0), Drive::Low);
    let cold = part.fork();
    part.set("celsius", &Value::from(41.5), Time::ZERO).unwrap();
    assert_eq!((part.drive(0), cold.drive(0)), (Drive::Released, Drive::Low));
    let mut to = Writer::new();
    part.save(&mut to);
    let (mut loaded, _) = kinds().make(&entry).unwrap();
    loaded.restore(&mut Reader::new(&to.into_bytes())).unwrap();
    assert_eq!(loaded.drive(0), Drive::Released);
}

#[test]
fn values_that_do_not_fit_are_reported_with_the_allowed_ones() {
    let error = |entry: PartEntry| kinds().make(&entry).unwrap_err().to_string();
    let thermostat = || PartEntry::new("thermostat", "boiler");
    assert_eq!(error(thermostat()), "thermostat \"boiler\": contact is missing");
    assert_eq!(
        error(thermostat().with("contact", 4).with("limit", 400)),
        "thermostat \"boiler\": limit is 400, not a number from 0 to 100"
    );
    assert_eq!(
        error(thermostat().with("contact", 4).with("limits", 40)),
        "thermostat \"boiler\": unknown key limits; it has contact, limit"
    );
    let unknown = error(PartEntry::new("toaster", "t"));
    assert!(unknown.starts_with("toaster \"t\": there is no such kind of part; there are analog, "), "{unknown}");
    assert!(unknown.ends_with("thermostat, touch, ws2812"), "{unknown}");
}

/// No kind can be left out of the order in which it is looked for.
#[test]
fn kinds_are_in_the_order_of_their_names() {
    assert!(BUILT_IN_KINDS.is_sorted_by_key(|(name, _)| *name));
}

#[test]
fn a_button_holds_its_pad_with_a_resistor_until_it_is_pressed() {
    for (active, released, pressed) in [(false, Drive::PullUp, Drive::Low), (true, Drive::PullDown, Drive::High)] {
        let mut button = Button::new(active);
        assert_eq!(button.drive(0), released);
        button.set("pressed", &true.into(), Time::ZERO).unwrap();
        assert_eq!((button.drive(0), button.get("pressed", Time::ZERO)), (pressed, Some(Value::Flag(true))));
        let error = button.set("pressed", &2.into(), Time::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "2, not true or false");
    }
}

/// An entry with what every built-in kind may ask for; each takes the keys that it knows.
fn possible(kind: &str, name: &str) -> PartEntry {
    let common = |entry: PartEntry| entry.with("scl", 22).with("sda", 21);
    let entry = PartEntry::new(kind, name);
    match kind {
        "analog" | "button" | "buzzer" | "touch" | "ws2812" => entry.with("gpio", 4),
        "can" => entry.with("tx", 5).with("rx", 4),
        "ds18b20" => entry.with("data", 4),
        "button-matrix" | "led-matrix" => {
            entry.with("rows", [4.0, 5.0, 18.0, 19.0]).with("columns", [21.0, 22.0, 23.0, 25.0])
        }
        "gps" => entry.with("txd", 4).with("rxd", 5),
        "i2s-microphone" => entry.with("sck", 4).with("ws", 5).with("dout", 34),
        "i2s-speaker" => entry.with("sck", 4).with("ws", 5).with("din", 18),
        "pdm-microphone" => entry.with("clk", 4).with("data", 34),
        "pdm-speaker" => entry.with("clk", 4).with("din", 18),
        "speaker" => entry.with("left", 25).with("right", 26),
        "sdcard" | "max7219" => entry.with("sck", 18).with("mosi", 23).with("miso", 19).with("cs", 5),
        "st7789" | "ili9341" => entry.with("sck", 18).with("mosi", 23).with("cs", 5).with("dc", 16),
        _ => common(entry),
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Flag),
        any::<i64>().prop_map(Value::Integer),
        (-10_i64..300).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Number),
        "[a-z0-9 :-]{0,20}".prop_map(Value::Text),
        prop::collection::vec(any::<f64>(), 0..5).prop_map(Value::Numbers),
    ]
}

/// An event for a part.
#[derive(Clone, Debug)]
enum Event {
    Start(bool),
    Write(u8),
    Read,
    Stop,
    Select,
    Exchange(u8, bool),
    Deselect,
    Audio(i32, u64),
    Sense(usize, Signal),
    Set(usize, Value),
    Pass(u64),
    Power,
}

fn event() -> impl Strategy<Value = Event> {
    let pulses = (1_u64..100_000, 0_u64..100_000, 0_u64..100_000).prop_map(|(period, high, rise)| {
        Signal::pulses(Span::from_ticks(period), Span::from_ticks(high), Time::from_ticks(rise))
    });
    prop_oneof![
        2 => any::<bool>().prop_map(Event::Start),
        8 => any::<u8>().prop_map(Event::Write),
        4 => Just(Event::Read),
        2 => Just(Event::Stop),
        1 => Just(Event::Select),
        8 => (any::<u8>(), any::<bool>()).prop_map(|(byte, data)| Event::Exchange(byte, data)),
        1 => Just(Event::Deselect),
        2 => (any::<i32>(), any::<u64>()).prop_map(|(sample, ticks)| Event::Audio(sample, ticks)),
        6 => (0_usize..3, any::<bool>()).prop_map(|(terminal, level)| Event::Sense(terminal, Signal::Level(level))),
        1 => (0_usize..3, pulses).prop_map(|(terminal, signal)| Event::Sense(terminal, signal)),
        2 => (0_usize..4, value()).prop_map(|(property, value)| Event::Set(property, value)),
        4 => (0_u64..3_000_000).prop_map(Event::Pass),
        1 => Just(Event::Power),
    ]
}

fn happen(part: &mut dyn Part, event: &Event, now: &mut Time) {
    match event {
        Event::Start(read) => drop(part.i2c().map(|target| target.start(0x50, *read, *now))),
        Event::Write(byte) => drop(part.i2c().map(|target| target.write(*byte, *now))),
        Event::Read => drop(part.i2c().map(|target| target.read(*now))),
        Event::Stop => part.i2c().into_iter().for_each(|target| target.stop(*now)),
        Event::Select => part.spi().into_iter().for_each(|device| device.select(*now)),
        Event::Exchange(byte, data) => {
            if let Some(device) = part.spi() {
                device.send(*now);
                device.receive(*byte, *data, *now);
            }
        }
        Event::Deselect => part.spi().into_iter().for_each(|device| device.deselect(*now)),
        Event::Audio(sample, ticks) => {
            let clock = AudioClock { first: *now, ticks: *ticks, frames: 1 };
            if let Some(device) = part.audio() {
                let mut frames = [[*sample, 0], [0, *sample]];
                device.hear(clock, &frames);
                device.speak(clock, &mut frames);
            }
            part.properties().iter().for_each(|property| drop(part.get(property, *now)));
        }
        Event::Sense(terminal, signal) => part.sense(*terminal, *signal, *now),
        Event::Set(property, value) => {
            if let Some(property) = part.properties().get(*property) {
                drop(part.set(property, value, *now));
            }
        }
        Event::Pass(micros) => {
            let end = *now + Span::from_micros(*micros);
            // A part that is due again and again at one time stands still.
            let mut calls = 0;
            while let Some(due) = part.deadline().filter(|due| *due <= end) {
                *now = due.max(*now);
                part.advance(*now);
                calls += 1;
                assert!(calls <= 2 * micros + 16, "{part:?} is called more than twice in a microsecond");
            }
            *now = end;
        }
        Event::Power => part.power_cycle(*now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever firmware and a test do to a part, it goes on, and a fork and a part from a snapshot go on in the same way.
    #[test]
    fn no_sequence_of_events_stops_a_part(
        kind in 0..BUILT_IN_KINDS.len(),
        before in prop::collection::vec(event(), 0..60),
        after in prop::collection::vec(event(), 0..40),
    ) {
        let entry = possible(BUILT_IN_KINDS[kind].0, "part");
        let kinds = PartKinds::default();
        let (mut part, _) = kinds.make(&entry).unwrap();
        let mut now = Time::from_micros(1);
        before.iter().for_each(|event| happen(&mut *part, event, &mut now));
        let mut to = Writer::new();
        part.save(&mut to);
        let (mut loaded, _) = kinds.make(&entry).unwrap();
        loaded.restore(&mut Reader::new(&to.into_bytes())).unwrap();
        let mut fork = part.fork();
        for other in [&mut part, &mut loaded, &mut fork] {
            let mut now = now;
            after.iter().for_each(|event| happen(&mut **other, event, &mut now));
        }
        for other in [&loaded, &fork] {
            prop_assert_eq!(part.display(), other.display());
            prop_assert_eq!(part.drive(0), other.drive(0));
            prop_assert_eq!(part.closed(), other.closed());
            prop_assert_eq!(part.deadline(), other.deadline());
        }
    }

    /// Whatever stands in a `[[part]]`, there is a part or an error that names it.
    #[test]
    fn no_entry_stops_its_kind(
        kind in 0..BUILT_IN_KINDS.len(),
        keys in prop::collection::vec((prop::sample::select(vec![
            "gpio", "scl", "sda", "address", "sck", "mosi", "miso", "cs", "dc", "reset", "width", "height", "count", "size", "data",
            "serial", "columns", "rows", "keys", "txd", "rxd", "tx", "rx", "bitrate", "latitude", "visible-column", "first-column", "first-row", "full-scale", "time", "temperature", "other",
        ]), value()), 0..12),
    ) {
        let mut entry = PartEntry::new(BUILT_IN_KINDS[kind].0, "part");
        for (key, value) in keys {
            entry = entry.with(key, value);
        }
        match PartKinds::default().make(&entry) {
            Ok((part, _)) => drop(part.display()),
            Err(error) => prop_assert!(error.to_string().contains("\"part\": "), "{}", error),
        }
    }
}
