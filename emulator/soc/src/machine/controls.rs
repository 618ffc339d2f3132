//! The parts of the board that a hand or the world acts on, by the names that the board's definition gives them.

use super::Machine;

/// The supply of the chip, which no pad goes above.
const SUPPLY_MICROVOLTS: f64 = 3_300_000.0;
/// The names of the sensors that every board has at most one of.
const ACCELEROMETER: &str = "accelerometer";
const MAGNETOMETER: &str = "magnetometer";

/// The board has no part of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("board {board} has no {what} {name:?}; {}", there_are(what, names))]
pub struct UnknownPart {
    pub board: String,
    /// The kind of part.
    pub what: &'static str,
    pub name: String,
    /// Those of this kind that there are.
    pub names: Vec<String>,
}

fn there_are(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("it has no {what} at all"),
        names => format!("it has {}", names.join(", ")),
    }
}

impl Machine {
    /// Presses a button or lets go of it.
    ///
    /// # Errors
    /// If the board has no button of this name.
    pub fn set_button(&mut self, name: &str, pressed: bool) -> Result<(), UnknownPart> {
        let buttons = &self.config.board.buttons;
        let Some(button) = buttons.iter().find(|button| button.name == name) else {
            return Err(self.unknown("button", name, buttons.iter().map(|button| &button.name)));
        };
        let (pin, level) = (usize::from(button.gpio), button.active_level.is_high() == pressed);
        self.drive_pin(pin, Some(level));
        Ok(())
    }

    /// What the accelerometer feels from now on, in g along its own axes. At rest that is 1 g, away from the ground.
    ///
    /// # Errors
    /// If the board has no accelerometer, or `name` is not "accelerometer".
    pub fn set_acceleration(&mut self, name: &str, g: [f64; 3]) -> Result<(), UnknownPart> {
        match self.engine.platform_mut().parts.accelerometer().filter(|_| name == ACCELEROMETER) {
            Some(sensor) => sensor.set_acceleration(g),
            None => return Err(self.unknown("sensor of acceleration", name, self.accelerometer_name().iter())),
        }
        Ok(())
    }

    /// The magnetic field around the board from now on, in gauss along the axes of its magnetometer.
    ///
    /// # Errors
    /// If the board has no magnetometer, or `name` is not "magnetometer".
    pub fn set_magnetic_field(&mut self, name: &str, gauss: [f64; 3]) -> Result<(), UnknownPart> {
        match self.engine.platform_mut().parts.magnetometer().filter(|_| name == MAGNETOMETER) {
            Some(sensor) => sensor.set_field(gauss),
            None => return Err(self.unknown("sensor of magnetic fields", name, self.magnetometer_name().iter())),
        }
        Ok(())
    }

    fn accelerometer_name(&self) -> Option<String> {
        self.config.board.accelerometer.map(|_| ACCELEROMETER.to_owned())
    }

    fn magnetometer_name(&self) -> Option<String> {
        self.config.board.magnetometer.map(|_| MAGNETOMETER.to_owned())
    }

    /// The voltage that an analog sensor gives to its pin from now on, limited to 0 V and the chip's supply of 3.3 V.
    ///
    /// # Errors
    /// If the board has no analog sensor of this name.
    pub fn set_volts(&mut self, name: &str, volts: f64) -> Result<(), UnknownPart> {
        let inputs = &self.config.board.analog;
        let Some(input) = inputs.iter().find(|input| input.name == name) else {
            return Err(self.unknown("analog sensor", name, inputs.iter().map(|input| &input.name)));
        };
        let pin = usize::from(input.gpio);
        let microvolts = (volts * 1e6).round().clamp(0.0, SUPPLY_MICROVOLTS) as u32;
        self.engine.set_microvolts(pin, microvolts, self.run.now);
        Ok(())
    }

    /// What an analog sensor measures from now on, from 0 to 1: nothing, or all that its board's definition calls full range.
    ///
    /// # Errors
    /// If the board has no analog sensor of this name.
    pub fn set_level(&mut self, name: &str, level: f64) -> Result<(), UnknownPart> {
        let input = self.config.board.analog.iter().find(|input| input.name == name);
        let full_scale = input.map_or(0.0, |input| f64::from(input.full_scale));
        self.set_volts(name, full_scale * level.clamp(0.0, 1.0))
    }

    /// Puts a finger on a touch pad, or takes it off.
    ///
    /// # Errors
    /// If the board has no touch pad of this name.
    pub fn set_touched(&mut self, name: &str, touched: bool) -> Result<(), UnknownPart> {
        let board_pads = &self.config.board.touch;
        let Some(pad) = board_pads.iter().find(|pad| pad.name == name) else {
            return Err(self.unknown("touch pad", name, board_pads.iter().map(|pad| &pad.name)));
        };
        self.engine.set_touched(pad.gpio, touched);
        Ok(())
    }

    fn unknown<'a>(&self, what: &'static str, name: &str, names: impl Iterator<Item = &'a String>) -> UnknownPart {
        UnknownPart {
            board: self.config.board.name.clone(),
            what,
            name: name.to_owned(),
            names: names.cloned().collect(),
        }
    }
}
