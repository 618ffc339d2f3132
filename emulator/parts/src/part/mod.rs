//! The interface between a part and its board: a model that gets the events of its buses and pads, and answers. Users write parts too.
//!
//! A part is pure state, as the chip's blocks are. It receives each event with guest time, and the board asks it afterwards for the
//! levels that it drives and for the time of its next change of its own. It numbers its pads itself, as terminals; the board's
//! description says which pads of the chip they are.

mod connection;
mod entry;
mod property;

use std::any::Any;
use std::fmt::Debug;

use espalier_core::{AudioTarget, I2cTarget, Persist, Rgb, SdTarget, Signal, Time};

pub use connection::{Connection, PadUse, SD_DATA, Wiring};
pub use entry::{PartEntry, PartError, Property};
pub use property::{Value, ValueError};

use crate::display::Shown;

/// The output of a part to a pad.
///
/// ```
/// use espalier_parts::{Drive, Part, Potentiometer};
///
/// assert_eq!(Potentiometer::new(3.3).drive(0), Drive::Microvolts(0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drive {
    /// Nothing.
    #[default]
    Released,
    Low,
    High,
    /// A resistor to ground.
    PullDown,
    /// A resistor to the supply.
    PullUp,
    /// A voltage, in microvolts.
    Microvolts(u32),
    /// A finger lies on it.
    Finger,
}

/// A model of something on the board. Every method has a default that does nothing, but for
/// [`power_cycle`](Part::power_cycle).
///
/// ```
/// use espalier_core::{Signal, Time};
/// use espalier_parts::{Drive, Part};
///
/// /// An inverter: terminal 0 is its input, terminal 1 its output.
/// #[derive(Clone, Debug, Default)]
/// struct Inverter {
///     input: bool,
/// }
///
/// espalier_core::persist!(state Inverter { input });
///
/// impl Part for Inverter {
///     fn power_cycle(&mut self, _now: Time) {
///         self.input = false;
///     }
///
///     fn sense(&mut self, _terminal: usize, signal: Signal, _at: Time) {
///         self.input = signal == Signal::Level(true);
///     }
///
///     fn drive(&self, terminal: usize) -> Drive {
///         match (terminal, self.input) {
///             (1, true) => Drive::Low,
///             (1, false) => Drive::High,
///             _ => Drive::Released,
///         }
///     }
/// }
///
/// let mut inverter = Inverter::default();
/// inverter.sense(0, Signal::Level(true), Time::ZERO);
/// assert_eq!(inverter.drive(1), Drive::Low);
/// ```
pub trait Part: ForkPart + Persist + Any + Debug + Send + Sync {
    /// The power went and has come back. What the world does to the part goes on, as a temperature does.
    fn power_cycle(&mut self, now: Time);

    /// The part as a target on an I2C bus.
    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        None
    }

    /// The part as a device on a SPI bus.
    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        None
    }

    /// The part as a device on a bus of serial audio.
    fn audio(&mut self) -> Option<&mut dyn AudioTarget> {
        None
    }

    /// The part as a card on an SD bus.
    fn sd(&mut self) -> Option<&mut dyn SdTarget> {
        None
    }

    /// The line at a terminal carries `signal` from `at` on.
    fn sense(&mut self, terminal: usize, signal: Signal, at: Time) {
        let _ = (terminal, signal, at);
    }

    /// Returns the output to a terminal. The board calls this after every event.
    fn drive(&self, terminal: usize) -> Drive {
        let _ = terminal;
        Drive::Released
    }

    /// Returns the pairs of terminals that switches of the part connect now, of those that it has with [`PadUse::Joins`]. The lines at
    /// them are one then, whatever else is on them. The board calls this after every event.
    fn closed(&self) -> Vec<(usize, usize)> {
        Vec::new()
    }

    /// When the part next changes by itself. Asked for after every event.
    fn deadline(&self) -> Option<Time> {
        None
    }

    /// Guest time has come to `now`, at or a little behind the deadline.
    fn advance(&mut self, now: Time) {
        let _ = now;
    }

    /// The properties that [`set`](Part::set) and [`get`](Part::get) know.
    fn properties(&self) -> &'static [&'static str] {
        &[]
    }

    /// The world or a test sets a property, one of [`properties`](Part::properties).
    ///
    /// # Errors
    /// If the value is not possible.
    fn set(&mut self, property: &str, value: &Value, now: Time) -> Result<(), ValueError> {
        let _ = (property, value, now);
        Err(ValueError::fixed())
    }

    /// Returns the value of a property.
    fn get(&self, property: &str, now: Time) -> Option<Value> {
        let _ = (property, now);
        None
    }

    /// Whether it is a display.
    fn is_display(&self) -> bool {
        self.display().is_some()
    }

    /// Returns the visible picture of a display.
    fn display(&self) -> Option<Shown> {
        None
    }

    /// Returns the colours of its LEDs, if it has some, and when they last changed.
    fn colours(&self, now: Time) -> Option<(Vec<Rgb>, Time)> {
        let _ = now;
        None
    }

    /// Number of its records that were dropped because they were not read in time, with their name in the plural.
    fn dropped(&self) -> Option<(u64, &'static str)> {
        None
    }
}

/// Copying a part whose type is not known. Every part that is [`Clone`] has it.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Button, ForkPart, Part, Value};
///
/// let mut button = Button::new(true);
/// let fork: Box<dyn Part> = button.fork();
/// button.set_pressed(true);
/// assert_eq!(fork.get("pressed", Time::ZERO), Some(Value::Flag(false)));
/// ```
pub trait ForkPart {
    /// A second part in the same state.
    fn fork(&self) -> Box<dyn Part>;
}

impl<T: Part + Clone> ForkPart for T {
    fn fork(&self) -> Box<dyn Part> {
        Box::new(self.clone())
    }
}

/// A device on a SPI bus, in bytes. One that also has a line for data or commands sees its level with each byte.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::SpiPart;
///
/// /// A shift register of eight bits.
/// #[derive(Default)]
/// struct ShiftRegister(u8);
///
/// impl SpiPart for ShiftRegister {
///     fn send(&mut self, _now: Time) -> u8 {
///         self.0
///     }
///
///     fn receive(&mut self, byte: u8, _data: bool, _now: Time) {
///         self.0 = byte;
///     }
/// }
///
/// let mut register = ShiftRegister::default();
/// register.receive(0xA5, true, Time::ZERO);
/// assert_eq!(register.send(Time::ZERO), 0xA5);
/// ```
pub trait SpiPart {
    /// Chip select has fallen.
    fn select(&mut self, now: Time) {
        let _ = now;
    }

    /// The byte that the device sends while the next one comes in.
    fn send(&mut self, now: Time) -> u8 {
        let _ = now;
        0xFF
    }

    /// A byte has come in. `data` is the level of D/C, true if the device has no such line.
    fn receive(&mut self, byte: u8, data: bool, now: Time);

    /// Chip select has risen.
    fn deselect(&mut self, now: Time) {
        let _ = now;
    }
}
