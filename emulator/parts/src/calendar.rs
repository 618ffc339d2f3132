//! Moments of the calendar, for parts that keep the time.

use std::fmt;

use crate::part::{Value, ValueError};

/// A moment of the calendar, in the years 2000 to 2099.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub second: u8,
    pub minute: u8,
    pub hour: u8,
    /// 1 to 7, whatever day that is to the user.
    pub weekday: u8,
    pub day: u8,
    pub month: u8,
    /// From 2000 on.
    pub year: u8,
}

espalier_core::persist!(value Moment { second, minute, hour, weekday, day, month, year });

impl Moment {
    /// The first moment that there is.
    pub const FIRST: Moment = Moment { second: 0, minute: 0, hour: 0, weekday: 1, day: 1, month: 1, year: 0 };

    fn days(self) -> u8 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.year.is_multiple_of(4) => 29,
            2 => 28,
            _ => 31,
        }
    }

    /// A second later.
    pub fn next(mut self) -> Moment {
        let step = |value: &mut u8, first: u8, last: u8| {
            let wraps = *value >= last;
            *value = if wraps { first } else { *value + 1 };
            wraps
        };
        let midnight = step(&mut self.second, 0, 59) && step(&mut self.minute, 0, 59) && step(&mut self.hour, 0, 23);
        if midnight {
            step(&mut self.weekday, 1, 7);
            let last = self.days();
            if step(&mut self.day, 1, last) && step(&mut self.month, 1, 12) {
                step(&mut self.year, 0, 99);
            }
        }
        self
    }

    /// The moment that a property is set to, as in `2024-02-29 23:59:58`.
    pub fn of(value: &Value) -> Result<Moment, ValueError> {
        let allowed = || ValueError::new(value, "a time from 2000 to 2099 such as \"2024-02-29 23:59:58\"");
        value.text().ok().and_then(Moment::parse).ok_or_else(allowed)
    }

    fn parse(text: &str) -> Option<Moment> {
        let numbers: Vec<u16> = text.split(['-', ' ', ':']).map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [year, month, day, hour, minute, second] = numbers.try_into().ok()?;
        let year = year.checked_sub(2000).filter(|year| *year < 100)? as u8;
        let known = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
        let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|number| number.min(255) as u8);
        let moment = Moment { second, minute, hour, weekday: 1, day, month, year };
        (known && (1..=moment.days()).contains(&day)).then_some(moment)
    }
}

/// As in `2024-02-29 23:59:58`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { second, minute, hour, weekday: _, day, month, year } = self;
        write!(f, "20{year:02}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}
