//! The format of scenario files. These types are read from TOML and YAML alike, and the JSON Schema for editors is made from them.

mod action;
mod part;
mod placed;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

pub(crate) use action::ACTIONS;
pub use action::{
    Accept, AccessPointForm, Action, Bytes, BytesForm, Cable, Connect, DrivePin, ExpectPin, FaultsForm, Join, Listen,
    ListenForm, Mask, PinDrive, PinLevel, PropertyValue, Repeat, ScreenForm, Script, ScriptForm, SensorValue, Step,
    UartText, UdpExpect, UdpOpen, UdpSend, Yes,
};
pub use part::PartForm;
pub use placed::Placed;
pub use time::Time;

/// A scenario: a board, its firmware, and the tests that are run on it.
///
/// ```
/// let source = "board: mpython\nfirmware: firmware.bin\nsteps:\n  - expect: ready\n";
/// let scenario = espalier_scenario::Document::parse("boot.yaml", source)?.scenario;
/// assert_eq!((scenario.board.as_deref(), scenario.firmware.as_deref()), (Some("mpython"), Some("firmware.bin")));
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(description = "A scenario: a board, its firmware, and the tests that are run on it.")]
pub struct Scenario {
    /// Its name in reports; otherwise the name of the file.
    pub name: Option<String>,
    /// The board around the chip: `esp32-devkit`, which it is otherwise, `esp32c3-devkit`, `mpython`, or the path of a TOML file, from the
    /// folder of this file.
    pub board: Option<String>,
    /// Parts of the board, besides those that it has, as in its file; one replaces the part of its name.
    pub part: Vec<Placed<PartForm>>,
    /// The firmware: an application's .bin, a merged image, an ELF file, or the folder of a build; a path from the folder of
    /// this file.
    /// `ESPALIER_IMAGE` is used if it is not given.
    pub firmware: Option<String>,
    /// Where the partition table of the firmware is in flash, in bytes, if not at 0x8000.
    pub partition_table: Option<u32>,
    /// Seeds everything that is random.
    pub seed: u64,
    /// A failure when the firmware touches what the emulator does not model.
    pub strict: bool,
    /// Blocks that the firmware of a strict board may touch.
    pub allow: Vec<String>,
    /// The board may restart and panic. Otherwise a crash fails the test.
    pub allow_reset: bool,
    /// Console text, or /regular expressions/, that fail a test when a line has them.
    pub fail_on: Vec<String>,
    /// The folder of golden pictures, from the folder of this file; otherwise `goldens`.
    pub goldens: Option<PathBuf>,
    /// Default time limit of the steps, in board time; otherwise 10s.
    pub within: Option<Time>,
    /// Abilities that a board must have; on others the tests are skipped.
    pub needs: Vec<Need>,
    /// Wi-Fi networks that are in the air when the board is switched on.
    pub access_points: Vec<AccessPointForm>,
    /// Variables for `${name}` in texts.
    pub variables: BTreeMap<String, Value>,
    /// Every test is run with every combination of these values. `board` and `firmware` choose board and firmware, other names are
    /// variables.
    pub matrix: BTreeMap<String, Vec<Value>>,
    /// Steps after power-on, before every test. An emulated board takes them once and is forked for each test.
    pub setup: Vec<Placed<Step>>,
    /// The steps of the test, if the file has one test only.
    pub steps: Vec<Placed<Step>>,
    /// The tests, if the file has several.
    pub tests: Vec<Placed<Test>>,
}

/// One of several tests of a scenario.
///
/// ```
/// use espalier_scenario::{Document, Suite};
///
/// let source = "tests:\n  - name: boots\n    steps:\n      - run-for: 1ms\n";
/// let suite = Suite::new(&[Document::parse("board.yaml", source)?])?;
/// assert!(suite.tests()[0].name().ends_with("boots"));
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(description = "One of several tests of a scenario.")]
pub struct Test {
    /// Its name, which no other test of the file has.
    pub name: String,
    /// Abilities that a board must have, in addition to those of the scenario.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Variables, besides those of the scenario.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// The test is run once for each of these sets of variables.
    #[serde(default)]
    pub cases: Vec<BTreeMap<String, Value>>,
    /// A reason not to run it.
    pub skip: Option<String>,
    /// Steps of the test, in order.
    pub steps: Vec<Placed<Step>>,
}

/// The value of a variable.
///
/// ```
/// assert_eq!(espalier_scenario::Value::Integer(5001).to_string(), "5001");
/// ```
#[derive(Clone, Debug, JsonSchema, PartialEq)]
#[schemars(untagged)]
#[schemars(description = "The value of a variable.")]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, true or false")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_i64<E: de::Error>(self, integer: i64) -> Result<Value, E> {
                Ok(Value::Integer(integer))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Integer(integer) => write!(f, "{integer}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// Something that not every kind of board can do.
///
/// ```
/// let document = espalier_scenario::Document::parse("a.yaml", "needs: [virtual-time]\nsteps:\n  - run-for: 1ms\n")?;
/// assert_eq!(document.scenario.needs, [espalier_scenario::Need::VirtualTime]);
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[schemars(description = "Something that not every kind of board can do.")]
pub enum Need {
    /// Forking a running board.
    Fork,
    /// Time that passes only while a test waits.
    VirtualTime,
    /// Looking at the display.
    Screen,
    /// A peer that goes silent without closing its connections.
    VanishingPeer,
    /// Faults on the network.
    Faults,
    /// A peer whose ports refuse connections while nothing listens.
    Refusal,
    /// A Wi-Fi network that the board can join.
    Wifi,
    /// Networks and stations in the air that the test commands.
    Air,
    /// UDP and ping.
    Datagrams,
    /// Pressing buttons, touching pads, setting sensors.
    Controls,
    /// Looking at the coloured LEDs.
    Leds,
    /// Hearing the buzzer.
    Buzzer,
    /// Reading and driving pins.
    Pins,
    /// The UARTs beside the console.
    Uarts,
    /// Cutting the board's power.
    Power,
    /// Writing the board into a file.
    Snapshot,
}

/// The JSON Schema of scenario files (draft 2020-12), which editors complete and check them with.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Scenario);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
