//! Kinds, properties and what is wrong with them; a part that a user could have written.

use espalier_core::{Reader, Time, Writer};

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
fn what_does_not_fit_is_told_with_what_would() {
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
