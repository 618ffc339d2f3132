//! Actions of a person or a script on a running board. The page, QMP and the command `espalier` all send these, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use espalier_core::{Signal, Span, Time};
use espalier_net::AirError;
use espalier_soc::{Machine, PartError, UnknownPart};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::picture::shown_as_png;
use crate::surroundings::Away;

/// Length of a short press.
const TAP: Span = Span::from_millis(100);
/// A press that is let go of earlier lasts so long, for firmware that looks at its buttons now and then.
const SHORTEST_PRESS: Span = Span::from_millis(50);
/// The longest press that ends by itself, and the longest step, in milliseconds.
const LONGEST_MILLISECONDS: u64 = 10_000;
/// Pins that are recorded at once.
const MOST_WATCHED: usize = 16;
/// Properties that a finger changes.
const PRESSED: [&str; 2] = ["pressed", "touched"];

/// Something to do with a board. In JSON, `do` has its name: `{"do": "press", "part": "a"}`.
///
/// ```
/// use espalier_page::Action;
///
/// let press: Action = serde_json::from_str(r#"{"do": "press", "part": "a"}"#)?;
/// assert_eq!(press, Action::Press { part: "a".to_owned(), pressed: None, milliseconds: None });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Presses a button or a touch pad: until it is let go of, for a time, or for a moment.
    Press {
        /// The name of the part.
        part: String,
        /// Whether it is pressed from now on; without it, it is pressed for a while.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pressed: Option<bool>,
        /// Length of the press in the board's time; otherwise 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
    },
    /// Sets a property of a part, such as the temperature that a sensor is at.
    Set {
        /// The name of the part.
        part: String,
        /// The name of the property.
        property: String,
        /// A number, a text, true or false, or a list of numbers.
        value: Value,
    },
    /// Reads a pin, or drives it from outside.
    Pin {
        /// Its number.
        gpio: usize,
        /// The level at which it is held, or that it is let go of; without it, nothing is changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<Level>,
    },
    /// Records what a pin carries, or ends that.
    Watch {
        /// Its number.
        gpio: usize,
        /// Whether it is recorded from now on.
        on: bool,
    },
    /// Sends text to a UART.
    Send {
        /// As it is; a line ends with `\r`.
        text: String,
        /// Number of the UART; otherwise the console, which is 0.
        #[serde(default, skip_serializing_if = "is_console")]
        uart: usize,
    },
    /// The picture on a display, as a PNG in Base64.
    Screen {
        /// The display's name; otherwise the first one of the board.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display: Option<String>,
    },
    /// All that is to be seen of the board.
    State,
    /// A pulse on EN.
    Reset,
    /// Stops the board where it is.
    Stop,
    /// Lets it go on.
    Cont,
    /// Stops it after so much of its time.
    Step {
        /// Length of the step.
        milliseconds: u64,
    },
    /// Runs it as fast as the host can, or at the pace of the host's clock.
    Fast {
        /// Whether it is fast.
        on: bool,
    },
    /// Cuts the board's Ethernet cable, or puts it back.
    Cable {
        /// Whether it is cut from now on.
        cut: bool,
    },
    /// Takes a network out of the air, or gives back one that was taken.
    Network {
        /// Its name.
        ssid: String,
        /// Whether it is in the air from now on.
        on: bool,
    },
    /// The peer on the board's network listens on a TCP port; connections get names.
    Listen {
        /// The port.
        port: u16,
    },
    /// The peer connects to a TCP port of the board, and says the name of the connection.
    Connect {
        /// The port.
        port: u16,
    },
    /// Sends text over a connection of the peer.
    PeerSend {
        /// The name of the connection.
        connection: String,
        /// As it is.
        text: String,
    },
    /// Ends a connection of the peer.
    PeerClose {
        /// The name of the connection.
        connection: String,
        /// With a reset, not in order.
        #[serde(default)]
        reset: bool,
    },
    /// Opens a UDP port of the peer.
    UdpOpen {
        /// The port.
        port: u16,
    },
    /// Sends a datagram to the board.
    UdpSend {
        /// The UDP port of the peer that sends it.
        from: u16,
        /// The port of the board.
        port: u16,
        /// As it is.
        text: String,
    },
    /// Has a scenario that is recorded expect what is there now.
    Expect {
        /// The kind of observation.
        what: Expected,
        /// Of a picture: its name; otherwise it gets one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Of a picture: the display, otherwise the first one of the board.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display: Option<String>,
        /// Of a pin: its number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gpio: Option<u8>,
    },
}

/// Something that a scenario can expect of a board.
///
/// ```
/// let what: espalier_page::Expected = serde_json::from_str("\"screen\"")?;
/// assert_eq!(what, espalier_page::Expected::Screen);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// The picture on a display.
    Screen,
    /// The colours of the LEDs.
    Leds,
    /// The tone of the buzzer, or its silence.
    Tone,
    /// The level of a pin.
    Pin,
}

fn is_console(uart: &usize) -> bool {
    *uart == 0
}

/// Level to which a pin is driven from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The supply's voltage.
    High,
    /// Ground.
    Low,
    /// Nothing drives it from outside any more.
    Released,
}

/// Why something cannot be done with a board.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The board is no more.
    #[error("the board has been shut down")]
    Gone,
    /// There is no such part or property, or the value is not possible.
    #[error(transparent)]
    Part(#[from] PartError),
    /// A part that no finger can press.
    #[error("part {part:?} cannot be pressed; those that can are {}", names(pressable))]
    NotPressable {
        /// Its name.
        part: String,
        /// Parts that can be.
        pressable: Vec<String>,
    },
    /// There is no such network, neither in the air nor taken away.
    #[error(transparent)]
    Air(#[from] AirError),
    /// A value of no kind that a property can have.
    #[error("{value} is not a value of a property: a number, a text, true, false, or a list of numbers")]
    Value {
        /// As it was given.
        value: Value,
    },
    /// The chip has no such pin.
    #[error("the chip has no GPIO {gpio}; it has {pads}")]
    NoPin {
        /// Its number.
        gpio: usize,
        /// Pins of the chip.
        pads: &'static str,
    },
    /// Too many pins are recorded.
    #[error("{MOST_WATCHED} pins are recorded already, and no more can be; end the record of another one")]
    Watched,
    /// The board has no such display.
    #[error("the board has no display {}; it has {}", display.as_deref().unwrap_or("at all"), names(displays))]
    NoDisplay {
        /// The name that was asked for.
        display: Option<String>,
        /// Displays of the board.
        displays: Vec<String>,
    },
    /// The board has no such UART.
    #[error("the board has no UART {uart}; it has {count}, from 0 on")]
    NoUart {
        /// Its number.
        uart: usize,
        /// Number of UARTs.
        count: usize,
    },
    /// A time that is too short or too long.
    #[error("{milliseconds} ms is not possible: from 1 to {LONGEST_MILLISECONDS} are")]
    Duration {
        /// As it was given.
        milliseconds: u64,
    },
    /// A board that is halted cannot go on.
    #[error("the board is halted and goes on after a reset only: {reason}")]
    Halted {
        /// Why.
        reason: String,
    },
    /// The peer is played by programs that ports lead to.
    #[error(
        "the peer of this board is what its ports are forwarded to; `espalier run --live` and `espalier record` have one to act with"
    )]
    NoPeer,
    /// No scenario is recorded.
    #[error("no scenario is recorded here; `espalier record` does")]
    NotRecorded,
    /// Its owner could not do it.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// A debugger decides when the board runs.
    #[error("a debugger holds the board; it decides when it runs")]
    Debugged,
}

impl From<UnknownPart> for ActionError {
    fn from(error: UnknownPart) -> ActionError {
        ActionError::Part(error.into())
    }
}

fn names(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The length of a press or a step that a client asks for.
///
/// # Errors
/// If it is too short or too long.
pub fn span(milliseconds: u64) -> Result<Span, ActionError> {
    match milliseconds {
        1..=LONGEST_MILLISECONDS => Ok(Span::from_millis(milliseconds)),
        _ => Err(ActionError::Duration { milliseconds }),
    }
}

/// Lasting actions on a board from outside: fingers on its parts, probes at its pins, and networks that were taken away.
#[derive(Debug, Default)]
pub struct Hands {
    /// Since when a part is pressed, by its name.
    down: BTreeMap<String, Time>,
    /// When a part is let go of.
    lifts: BTreeMap<String, Time>,
    watched: BTreeSet<usize>,
    /// The board's owner has probes at the pins, too.
    keeps_probes: bool,
    away: Away,
}

impl Hands {
    /// When the next finger is lifted.
    pub fn next(&self) -> Option<Time> {
        self.lifts.values().min().copied()
    }

    /// Pins that are watched no more keep their probes.
    pub fn keep_probes(&mut self) {
        self.keeps_probes = true;
    }

    /// The pins that are recorded.
    pub fn watched(&self) -> &BTreeSet<usize> {
        &self.watched
    }

    /// The networks that were taken away.
    pub fn away(&self) -> &Away {
        &self.away
    }

    /// Lifts the fingers whose time is over.
    pub fn lift(&mut self, machine: &mut Machine) {
        let now = machine.now();
        while let Some(part) = self.lifts.iter().find(|(_, at)| **at <= now).map(|(part, _)| part.clone()) {
            self.lifts.remove(&part);
            // It was pressed, so it can be let go of.
            let _ = set_pressed(machine, &part, false);
        }
    }

    /// Does it, unless it is about the board's time, which its owner decides on.
    pub fn perform(&mut self, machine: &mut Machine, action: Action) -> Result<Value, ActionError> {
        match action {
            Action::Press { part, pressed, milliseconds } => {
                self.press(machine, part, pressed, milliseconds)?;
            }
            Action::Set { part, property, value } => {
                machine.set_property(&part, &property, &property_value(value)?)?;
            }
            Action::Pin { gpio, level } => {
                check_pin(machine, gpio)?;
                match level {
                    None => {}
                    Some(Level::High) => machine.drive_pin(gpio, Some(true)),
                    Some(Level::Low) => machine.drive_pin(gpio, Some(false)),
                    Some(Level::Released) => machine.drive_pin(gpio, None),
                }
                let now = machine.now();
                return Ok(signal(machine.pad(gpio), now));
            }
            Action::Watch { gpio, on } => self.watch(machine, gpio, on)?,
            // The first cable is the board's, and always there.
            Action::Cable { cut } => machine.lan_mut().set_cable_cut(0, cut).map_err(AirError::from)?,
            Action::Network { ssid, on } => self.away.set(machine.air_mut(), &ssid, on)?,
            Action::Screen { display } => return screen(machine, display),
            Action::Listen { .. }
            | Action::Connect { .. }
            | Action::PeerSend { .. }
            | Action::PeerClose { .. }
            | Action::UdpOpen { .. }
            | Action::UdpSend { .. } => return Err(ActionError::NoPeer),
            Action::Expect { .. } => return Err(ActionError::NotRecorded),
            Action::Send { .. }
            | Action::State
            | Action::Reset
            | Action::Stop
            | Action::Cont
            | Action::Step { .. }
            | Action::Fast { .. } => {}
        }
        Ok(json!({}))
    }

    fn press(
        &mut self,
        machine: &mut Machine,
        part: String,
        pressed: Option<bool>,
        milliseconds: Option<u64>,
    ) -> Result<(), ActionError> {
        let now = machine.now();
        let length = milliseconds.map_or(Ok(TAP), span)?;
        if pressed == Some(false) {
            let earliest = self.down.remove(&part).map_or(now, |since| since + SHORTEST_PRESS);
            if earliest > now {
                self.lifts.insert(part, earliest);
                return Ok(());
            }
            self.lifts.remove(&part);
            return set_pressed(machine, &part, false);
        }
        set_pressed(machine, &part, true)?;
        self.down.insert(part.clone(), now);
        if pressed.is_none() || milliseconds.is_some() {
            self.lifts.insert(part, now + length);
        } else {
            self.lifts.remove(&part);
        }
        Ok(())
    }

    fn watch(&mut self, machine: &mut Machine, gpio: usize, on: bool) -> Result<(), ActionError> {
        check_pin(machine, gpio)?;
        if !on {
            self.watched.remove(&gpio);
            if !self.keeps_probes {
                machine.detach_probe(gpio);
            }
        } else if !self.watched.contains(&gpio) {
            if self.watched.len() == MOST_WATCHED {
                return Err(ActionError::Watched);
            }
            self.watched.insert(gpio);
            machine.attach_probe(gpio);
        }
        Ok(())
    }
}

/// The property that a finger changes, of those that a part has.
pub(crate) fn pressed_property(properties: &[&'static str]) -> Option<&'static str> {
    properties.iter().copied().find(|property| PRESSED.contains(property))
}

fn set_pressed(machine: &mut Machine, part: &str, pressed: bool) -> Result<(), ActionError> {
    let Some(property) = pressed_property(machine.properties(part)?) else {
        let all: Vec<String> = machine.parts().map(|(_, name)| name.to_owned()).collect();
        let can = |name: &String| machine.properties(name).is_ok_and(|known| pressed_property(known).is_some());
        return Err(ActionError::NotPressable {
            part: part.to_owned(),
            pressable: all.into_iter().filter(can).collect(),
        });
    };
    Ok(machine.set_property(part, property, &pressed.into())?)
}

fn check_pin(machine: &Machine, gpio: usize) -> Result<(), ActionError> {
    if machine.has_pad(gpio) { Ok(()) } else { Err(ActionError::NoPin { gpio, pads: machine.pad_names() }) }
}

fn screen(machine: &Machine, display: Option<String>) -> Result<Value, ActionError> {
    let Some(shown) = machine.display(display.as_deref()) else {
        return Err(ActionError::NoDisplay { display, displays: machine.displays() });
    };
    let (width, height) = (shown.picture.width(), shown.picture.height());
    Ok(json!({"width": width, "height": height, "png": base64(&shown_as_png(&shown.picture))}))
}

/// Returns the signal of a pin as JSON.
pub(crate) fn signal(signal: Signal, now: Time) -> Value {
    match signal {
        Signal::Level(level) => json!({"level": u8::from(level)}),
        Signal::Pulses { period, high, .. } => json!({
            "level": u8::from(signal.level_at(now)),
            "hertz": 1.0 / period.as_secs_f64(),
            "duty": high.as_secs_f64() / period.as_secs_f64(),
        }),
    }
}

/// A property's value out of JSON.
fn property_value(value: Value) -> Result<espalier_soc::PropertyValue, ActionError> {
    use espalier_soc::PropertyValue;
    let numbers = |list: &[Value]| list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    Ok(match &value {
        Value::Bool(flag) => PropertyValue::Flag(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => PropertyValue::Integer(integer),
            (None, Some(number)) => PropertyValue::Number(number),
            (None, None) => return Err(ActionError::Value { value }),
        },
        Value::String(text) => PropertyValue::Text(text.clone()),
        Value::Array(list) => match numbers(list) {
            Some(numbers) => PropertyValue::Numbers(numbers),
            None => return Err(ActionError::Value { value }),
        },
        Value::Null | Value::Object(_) => return Err(ActionError::Value { value }),
    })
}

/// A property's value as JSON.
pub(crate) fn property_json(value: &espalier_soc::PropertyValue) -> Value {
    use espalier_soc::PropertyValue;
    match value {
        PropertyValue::Flag(flag) => json!(flag),
        PropertyValue::Integer(integer) => json!(integer),
        PropertyValue::Number(number) => json!(number),
        PropertyValue::Text(text) => json!(text),
        PropertyValue::Numbers(numbers) => json!(numbers),
    }
}

/// Bytes in Base64 (RFC 4648).
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Action, ActionError, Hands, Level};
    use espalier_core::Span;
    use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};
    use serde_json::json;

    const BUTTON: usize = 0;

    fn machine() -> Machine {
        let board = BoardDefinition::load("mpython").unwrap();
        let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
        machine.power_on(Strap::Download);
        machine
    }

    fn press(pressed: Option<bool>, milliseconds: Option<u64>) -> Action {
        Action::Press { part: "a".to_owned(), pressed, milliseconds }
    }

    fn is_high(machine: &mut Machine, hands: &mut Hands) -> bool {
        let read = hands.perform(machine, Action::Pin { gpio: BUTTON, level: None }).unwrap();
        read["level"] == 1
    }

    #[test]
    fn a_press_lasts_in_the_time_of_the_board() {
        let (mut machine, mut hands) = (machine(), Hands::default());
        hands.perform(&mut machine, press(None, None)).unwrap();
        assert!(!is_high(&mut machine, &mut hands));
        assert_eq!(hands.next(), Some(machine.now() + Span::from_millis(100)));
        let lifts = hands.next().unwrap();
        while machine.now() < lifts {
            machine.run_until(lifts);
        }
        hands.lift(&mut machine);
        assert_eq!((is_high(&mut machine, &mut hands), hands.next()), (true, None));
    }

    #[test]
    fn a_press_that_ends_at_once_is_long_enough_to_be_noticed() {
        let (mut machine, mut hands) = (machine(), Hands::default());
        hands.perform(&mut machine, press(Some(true), None)).unwrap();
        assert_eq!(hands.next(), None, "it is held until it is let go of");
        hands.perform(&mut machine, press(Some(false), None)).unwrap();
        assert!(!is_high(&mut machine, &mut hands));
        assert_eq!(hands.next(), Some(machine.now() + Span::from_millis(50)));
        let lifts = hands.next().unwrap();
        while machine.now() < lifts {
            machine.run_until(lifts);
        }
        hands.lift(&mut machine);
        assert!(is_high(&mut machine, &mut hands));
    }

    #[test]
    fn pins_are_driven_and_read() {
        let (mut machine, mut hands) = (machine(), Hands::default());
        for (level, expected) in [(Level::Low, 0), (Level::High, 1)] {
            let read = hands.perform(&mut machine, Action::Pin { gpio: 25, level: Some(level) }).unwrap();
            assert_eq!(read, json!({"level": expected}));
        }
        hands.perform(&mut machine, Action::Pin { gpio: 25, level: Some(Level::Released) }).unwrap();
    }

    #[test]
    fn refusals_say_which_actions_are_possible() {
        let (mut machine, mut hands) = (machine(), Hands::default());
        let mut refused = |action: serde_json::Value| {
            let action: Action = serde_json::from_value(action).unwrap();
            hands.perform(&mut machine, action).unwrap_err().to_string()
        };
        let press = |part: &str| json!({"do": "press", "part": part});
        assert!(refused(press("c")).contains("has no part \"c\"; it has display, a, b"));
        assert!(refused(press("light")).ends_with("those that can are a, b, P, Y, T, H, O, N"));
        assert!(refused(json!({"do": "press", "part": "a", "milliseconds": 0})).starts_with("0 ms is not possible"));
        let set = |property: &str, value| json!({"do": "set", "part": "light", "property": property, "value": value});
        assert!(refused(set("lux", json!(1))).contains("has no property \"lux\"; it has volts, level"));
        assert!(refused(set("level", json!(2.5))).contains("level is 2.5, not a number from 0 to 1"));
        assert!(refused(set("level", json!({"a": 1}))).contains("is not a value of a property"));
        assert!(refused(json!({"do": "pin", "gpio": 20})).contains("has no GPIO 20; it has 0 to 19"));
        assert!(refused(json!({"do": "screen", "display": "left"})).ends_with("no display left; it has display"));
        for gpio in (0..=15).chain([15]) {
            hands.perform(&mut machine, Action::Watch { gpio, on: true }).unwrap();
        }
        let one_more = hands.perform(&mut machine, Action::Watch { gpio: 16, on: true });
        assert!(matches!(one_more, Err(ActionError::Watched)));
    }

    #[test]
    fn misspelt_actions_are_refused() {
        for action in [
            json!({"do": "pres", "part": "a"}),
            json!({"do": "press", "prat": "a"}),
            json!({"do": "press", "part": "a", "for": 1}),
            json!({"do": "pin", "gpio": -1}),
            json!({"do": "pin", "gpio": 1, "level": "middle"}),
            json!({"part": "a"}),
        ] {
            assert!(serde_json::from_value::<Action>(action.clone()).is_err(), "{action}");
        }
    }
}
