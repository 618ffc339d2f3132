//! A part that a test has written, with state of its own and no pads.

use espalier::part::{Part, PartError, Time, Value, ValueError, Wiring, persist};

#[derive(Clone, Debug, Default)]
pub struct Tally {
    count: i64,
}

persist!(state Tally { count });

impl Tally {
    pub fn make(_: &mut Wiring<'_>) -> Result<Tally, PartError> {
        Ok(Tally::default())
    }
}

impl Part for Tally {
    fn power_cycle(&mut self, _now: Time) {}

    fn properties(&self) -> &'static [&'static str] {
        &["count"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.count = value.integer(0..=1000)?;
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(Value::Integer(self.count))
    }
}
