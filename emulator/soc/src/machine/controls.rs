//! The parts of the board that a hand or the world acts on, by the names that the board's definition gives them.

use std::any::Any;

use espalier_core::{Rgb, Time};
use espalier_parts::{Button, Buzzer, Part, Potentiometer, Shown, Sound, TouchPad, Value, ValueError};

use super::Machine;

/// The board has no part of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("board {board} has no {what} {name:?}; {}", there_are(what, names))]
pub struct UnknownPart {
    pub board: String,
    /// The kind of part.
    pub what: &'static str,
    pub name: String,
    /// The names of the board's parts of this kind.
    pub names: Vec<String>,
}

fn there_are(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("it has no {what} at all"),
        names => format!("it has {}", names.join(", ")),
    }
}

/// A property of a part cannot be set or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    #[error(transparent)]
    Unknown(#[from] UnknownPart),
    #[error("part {part:?} has no property {property:?}; it has {}", allowed.join(", "))]
    UnknownProperty { part: String, property: String, allowed: Vec<&'static str> },
    #[error("part {part:?}: {property} is {error}")]
    Value { part: String, property: String, error: ValueError },
}

fn is<T: Part>(part: &dyn Part) -> bool {
    let part: &dyn Any = part;
    part.is::<T>()
}

impl Machine {
    /// The names of the parts that `fits` accepts.
    fn names_of(&self, fits: impl Fn(&dyn Part) -> bool) -> Vec<String> {
        let parts = self.engine.platform().parts.iter();
        parts.filter(|(_, _, part)| fits(*part)).map(|(_, name, _)| name.to_owned()).collect()
    }

    fn check(&self, what: &'static str, name: &str, fits: impl Fn(&dyn Part) -> bool) -> Result<(), UnknownPart> {
        if self.engine.platform().parts.get(name).is_some_and(&fits) {
            return Ok(());
        }
        let (board, names) = (self.config.board.name.clone(), self.names_of(fits));
        Err(UnknownPart { board, what, name: name.to_owned(), names })
    }

    /// The part of this name, if it is a `T`.
    ///
    /// # Errors
    /// If the board has no such part.
    pub fn part<T: Part>(&mut self, name: &str) -> Result<&T, UnknownPart> {
        self.engine.follow_wires(self.run.now);
        self.check("part of this type", name, is::<T>)?;
        let part: &dyn Any = self.engine.platform().parts.get(name).expect("it was found");
        Ok(part.downcast_ref().expect("it is one"))
    }

    /// Acts on the part of this name, if it is a `T`. What it drives is followed afterwards.
    ///
    /// # Errors
    /// If the board has no such part.
    pub fn with_part<T: Part, R>(&mut self, name: &str, act: impl FnOnce(&mut T, Time) -> R) -> Result<R, UnknownPart> {
        self.act_on("part of this type", name, act)
    }

    fn act_on<T: Part, R>(
        &mut self,
        what: &'static str,
        name: &str,
        act: impl FnOnce(&mut T, Time) -> R,
    ) -> Result<R, UnknownPart> {
        self.engine.follow_wires(self.run.now);
        self.check(what, name, is::<T>)?;
        let part: &mut dyn Any = self.engine.platform_mut().parts.get_mut(name).expect("it was found");
        let done = act(part.downcast_mut().expect("it is one"), self.run.now);
        self.engine.follow_parts(self.run.now);
        Ok(done)
    }

    /// Acts on the part of this name, whatever its type.
    ///
    /// # Errors
    /// If the board has no such part.
    pub fn act_on_part(&mut self, name: &str, act: &mut dyn FnMut(&mut dyn Part, Time)) -> Result<(), UnknownPart> {
        self.engine.follow_wires(self.run.now);
        self.check("part", name, |_| true)?;
        let now = self.run.now;
        act(self.engine.platform_mut().parts.get_mut(name).expect("it was found"), now);
        self.engine.follow_parts(now);
        Ok(())
    }

    /// The names of the displays.
    pub fn displays(&self) -> Vec<String> {
        self.names_of(Part::is_display)
    }

    /// The properties of a part.
    ///
    /// # Errors
    /// If the board has no such part.
    pub fn properties(&self, name: &str) -> Result<&'static [&'static str], UnknownPart> {
        self.check("part", name, |_| true)?;
        Ok(self.engine.platform().parts.get(name).map(|part| part.properties()).unwrap_or_default())
    }

    fn check_property(&self, name: &str, property: &str) -> Result<(), PartError> {
        let allowed = self.properties(name)?;
        if allowed.contains(&property) {
            return Ok(());
        }
        let (part, property) = (name.to_owned(), property.to_owned());
        Err(PartError::UnknownProperty { part, property, allowed: allowed.to_vec() })
    }

    /// Sets a property of a part, such as the temperature that a sensor is at.
    ///
    /// # Errors
    /// If there is no such part or property, or the value is not possible.
    pub fn set_property(&mut self, name: &str, property: &str, value: &Value) -> Result<(), PartError> {
        self.engine.follow_wires(self.run.now);
        self.check_property(name, property)?;
        let now = self.run.now;
        let part = self.engine.platform_mut().parts.get_mut(name).expect("it was found");
        let set = part.set(property, value, now);
        self.engine.follow_parts(now);
        set.map_err(|error| PartError::Value { part: name.to_owned(), property: property.to_owned(), error })
    }

    /// Returns the value of a property of a part; `None` for a property that can only be set.
    ///
    /// # Errors
    /// If there is no such part or property.
    pub fn property(&mut self, name: &str, property: &str) -> Result<Option<Value>, PartError> {
        self.engine.follow_wires(self.run.now);
        self.check_property(name, property)?;
        Ok(self.engine.platform().parts.get(name).and_then(|part| part.get(property, self.run.now)))
    }

    /// The parts of the board: kind and name of each.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.engine.platform().parts.iter().map(|(kind, name, _)| (kind, name))
    }

    /// Whether there is a display of this name, or one at all.
    pub fn has_display(&self, name: Option<&str>) -> bool {
        let mut parts = self.engine.platform().parts.iter();
        parts.any(|(_, named, part)| part.is_display() && name.is_none_or(|name| name == named))
    }

    /// Returns the picture of the display of this name, or of the first one of the board; `None` if there is no such display.
    pub fn display(&self, name: Option<&str>) -> Option<Shown> {
        let mut parts = self.engine.platform().parts.iter();
        parts.find_map(|(_, named, part)| name.is_none_or(|name| name == named).then(|| part.display())?)
    }

    /// Returns the colours of LEDs, in the order of the chain, and when they last changed: those of this name, or the first ones of the
    /// board; `None` if there are no such LEDs.
    pub fn leds(&mut self, name: Option<&str>) -> Option<(Vec<Rgb>, Time)> {
        let now = self.run.now;
        self.engine.follow_wires(now);
        let mut parts = self.engine.platform().parts.iter();
        parts.find_map(|(_, named, part)| part.colours(now).filter(|_| name.is_none_or(|name| name == named)))
    }

    /// The names of the board's coloured LEDs.
    pub fn strips(&self) -> Vec<String> {
        let parts = self.engine.platform().parts.iter();
        let lit = parts.filter(|(_, _, part)| part.colours(self.run.now).is_some());
        lit.map(|(_, name, _)| name.to_owned()).collect()
    }

    /// The last 4096 tones that the board's buzzer has made since power-on, in order; the last one may go on. None if it has none.
    pub fn sounds(&mut self) -> Option<Vec<Sound>> {
        self.engine.follow_wires(self.run.now);
        self.engine.platform().parts.first::<Buzzer>().map(|buzzer| buzzer.sounds(self.run.now))
    }

    /// Whether the board has coloured LEDs.
    pub fn has_leds(&self) -> bool {
        self.engine.platform().parts.iter().any(|(_, _, part)| part.colours(self.run.now).is_some())
    }

    /// Whether the board has a buzzer.
    pub fn has_buzzer(&self) -> bool {
        self.engine.platform().parts.first::<Buzzer>().is_some()
    }

    /// Presses a button or lets go of it.
    ///
    /// # Errors
    /// If the board has no button of this name.
    pub fn set_button(&mut self, name: &str, pressed: bool) -> Result<(), UnknownPart> {
        self.act_on("button", name, |button: &mut Button, _| button.set_pressed(pressed))
    }

    /// Puts a finger on a touch pad, or takes it off.
    ///
    /// # Errors
    /// If the board has no touch pad of this name.
    pub fn set_touched(&mut self, name: &str, touched: bool) -> Result<(), UnknownPart> {
        self.act_on("touch pad", name, |pad: &mut TouchPad, _| pad.set_touched(touched))
    }

    /// The voltage that an analog sensor gives to its pin from now on, limited to 0 V and the chip's supply of 3.3 V.
    ///
    /// # Errors
    /// If the board has no analog sensor of this name.
    pub fn set_volts(&mut self, name: &str, volts: f64) -> Result<(), UnknownPart> {
        self.act_on("analog sensor", name, |sensor: &mut Potentiometer, _| sensor.set_volts(volts))
    }

    /// Sets the level of an analog sensor from now on, from 0 to 1: zero, or full range as its board's definition has it.
    ///
    /// # Errors
    /// If the board has no analog sensor of this name.
    pub fn set_level(&mut self, name: &str, level: f64) -> Result<(), UnknownPart> {
        self.act_on("analog sensor", name, |sensor: &mut Potentiometer, _| sensor.set_level(level))
    }

    /// Sets the acceleration at an accelerometer from now on, in g along its own axes. At rest that is 1 g, away from the ground.
    ///
    /// # Errors
    /// If the board has no accelerometer of this name, or the values are not possible.
    pub fn set_acceleration(&mut self, name: &str, g: [f64; 3]) -> Result<(), PartError> {
        self.check("sensor of acceleration", name, |part| part.properties().contains(&"acceleration"))?;
        self.set_property(name, "acceleration", &g.into())
    }

    /// The magnetic field around the board from now on, in gauss along the axes of a magnetometer.
    ///
    /// # Errors
    /// If the board has no magnetometer of this name, or the values are not possible.
    pub fn set_magnetic_field(&mut self, name: &str, gauss: [f64; 3]) -> Result<(), PartError> {
        self.check("sensor of magnetic fields", name, |part| part.properties().contains(&"field"))?;
        self.set_property(name, "field", &gauss.into())
    }
}
