//! Controls that a hand acts on, and sensors that are a voltage: buttons, touch pads, analog inputs.

use espalier_core::Time;

use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};

/// The voltage of the supply, which no pad goes above.
const SUPPLY_VOLTS: f64 = 3.3;
const MICROVOLTS: f64 = 1e6;

/// A push button between its pad and a supply. While it is up, a resistor holds the pad at the other level.
///
/// ```
/// use espalier_parts::{Button, Drive, Part};
///
/// let mut button = Button::new(false); // low while it is pressed
/// assert_eq!(button.drive(0), Drive::PullUp);
/// button.set_pressed(true);
/// assert_eq!(button.drive(0), Drive::Low);
/// ```
#[derive(Clone, Debug)]
pub struct Button {
    /// The level of the pad while it is pressed.
    active: bool,
    pressed: bool,
}

espalier_core::persist!(state Button { pressed } fixed { active });

impl Button {
    const LINE: usize = 0;

    pub fn new(active: bool) -> Button {
        Button { active, pressed: false }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("gpio", Button::LINE, PadUse::Drives)?;
        let active = wiring.choice("active-level", &["low", "high"])? == Some(1);
        Ok(Box::new(Button::new(active)))
    }

    pub fn set_pressed(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    pub fn is_pressed(&self) -> bool {
        self.pressed
    }
}

impl Part for Button {
    /// The finger stays.
    fn power_cycle(&mut self, _now: Time) {}

    fn drive(&self, _terminal: usize) -> Drive {
        match (self.pressed, self.active) {
            (true, true) => Drive::High,
            (true, false) => Drive::Low,
            (false, true) => Drive::PullDown,
            (false, false) => Drive::PullUp,
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["pressed"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.pressed = value.flag()?;
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.pressed.into())
    }
}

/// A touch pad.
///
/// ```
/// use espalier_parts::{Drive, Part, TouchPad};
///
/// let mut pad = TouchPad::new();
/// pad.set_touched(true);
/// assert_eq!(pad.drive(0), Drive::Finger);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TouchPad {
    touched: bool,
}

espalier_core::persist!(state TouchPad { touched });

impl TouchPad {
    const PAD: usize = 0;

    pub fn new() -> TouchPad {
        TouchPad::default()
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("gpio", TouchPad::PAD, PadUse::Touch)?;
        Ok(Box::new(TouchPad::new()))
    }

    pub fn set_touched(&mut self, touched: bool) {
        self.touched = touched;
    }
}

impl Part for TouchPad {
    /// The finger stays.
    fn power_cycle(&mut self, _now: Time) {}

    fn drive(&self, _terminal: usize) -> Drive {
        if self.touched { Drive::Finger } else { Drive::Released }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["touched"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.touched = value.flag()?;
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.touched.into())
    }
}

/// A sensor that gives a voltage to a pad of an ADC.
///
/// ```
/// use espalier_parts::{Drive, Part, Potentiometer};
///
/// let mut light = Potentiometer::new(2.0); // volts at full range
/// light.set_level(0.5);
/// assert_eq!(light.drive(0), Drive::Microvolts(1_000_000));
/// ```
#[derive(Clone, Debug)]
pub struct Potentiometer {
    /// Volts at full range.
    full_scale: f64,
    volts: f64,
}

espalier_core::persist!(state Potentiometer { volts } fixed { full_scale });

impl Potentiometer {
    const WIPER: usize = 0;
    /// More volts than any sensor gives.
    const LARGEST: f64 = 1000.0;

    pub fn new(full_scale: f64) -> Potentiometer {
        Potentiometer { full_scale, volts: 0.0 }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("gpio", Potentiometer::WIPER, PadUse::Analog)?;
        let full_scale = wiring.read("full-scale", |value| {
            let positive = value.number(0.0..=Potentiometer::LARGEST)?;
            if positive > 0.0 { Ok(positive) } else { Err(ValueError::new(value, "a positive number of volts")) }
        })?;
        Ok(Box::new(Potentiometer::new(full_scale.unwrap_or(SUPPLY_VOLTS))))
    }

    /// Sets the voltage at its pad from now on, limited to 0 V and the chip's supply.
    pub fn set_volts(&mut self, volts: f64) {
        self.volts = volts.clamp(0.0, SUPPLY_VOLTS);
    }

    /// Sets the measured level from now on, from 0 to 1: zero, or full range.
    pub fn set_level(&mut self, level: f64) {
        self.set_volts(self.full_scale * level.clamp(0.0, 1.0));
    }
}

impl Part for Potentiometer {
    fn power_cycle(&mut self, _now: Time) {}

    fn drive(&self, _terminal: usize) -> Drive {
        Drive::Microvolts((self.volts * MICROVOLTS).round() as u32)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["volts", "level"]
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "volts" => self.set_volts(value.number(-Potentiometer::LARGEST..=Potentiometer::LARGEST)?),
            _ => self.set_level(value.number(0.0..=1.0)?),
        }
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(if property == "volts" { self.volts } else { self.volts / self.full_scale }.into())
    }
}
