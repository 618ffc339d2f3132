//! One step of a test. A step has exactly one action; each action is a key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::time::Time;

/// Declares the actions of a step once, for reading, for the schema and for what the runner gets.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $field:ident $key:literal $variant:ident($form:ty),)*) => {
        /// A step: one action, and perhaps `within` and `name`.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        #[schemars(transform = exactly_one_action)]
        pub struct Step {
            /// Name of the step in reports.
            pub name: Option<String>,
            /// Time limit of the step, in board time.
            pub within: Option<Time>,
            $($(#[doc = $doc])+ #[serde(rename = $key)] $field: Option<$form>,)*
        }

        /// The action of a step.
        #[derive(Clone, Debug)]
        pub enum Action {
            $($(#[doc = $doc])+ $variant($form),)*
        }

        /// The keys of actions.
        pub(crate) const ACTIONS: &[&str] = &[$($key),*];

        impl Step {
            /// Its action, or how many it has if that is not one.
            pub(crate) fn action(&self) -> Result<Action, Vec<&'static str>> {
                let mut found = Vec::new();
                let mut action = None;
                $(if let Some(form) = &self.$field {
                    found.push($key);
                    action = Some(Action::$variant(form.clone()));
                })*
                match (action, found.len()) {
                    (Some(action), 1) => Ok(action),
                    _ => Err(found),
                }
            }
        }
    };
}

actions! {
    /// Waits until the console shows this text, or matches a regular expression between slashes. Named groups, as in
    /// `/ip=(?<address>\S+)/`, become variables.
    expect "expect" Expect(String),
    /// Types a line on the console.
    send "send" Send(String),
    /// Types this on the console as it is, without a line end.
    type_bytes "type" Type(Bytes),
    /// The peer listens on a TCP port.
    listen "listen" Listen(Listen),
    /// Accepts a connection of the board; the text is the connection's name.
    accept "accept" Accept(Accept),
    /// The peer connects to a TCP port of the board.
    connect "connect" Connect(Connect),
    /// Sends bytes over a TCP connection.
    peer_send "peer-send" PeerSend(Bytes),
    /// Waits until the board has sent these bytes over a TCP connection.
    peer_expect "peer-expect" PeerExpect(Bytes),
    /// Closes the TCP connection of this name in order.
    peer_close "peer-close" PeerClose(String),
    /// Resets the TCP connection of this name.
    peer_reset "peer-reset" PeerReset(String),
    /// Cuts the peer's end of the TCP connection of this name off, so that the board hears nothing more of it.
    peer_vanish "peer-vanish" PeerVanish(String),
    /// Waits until the board has closed the TCP connection of this name.
    peer_expect_close "peer-expect-close" PeerExpectClose(String),
    /// Fails if the board has sent anything over the TCP connection of this name that no step has taken.
    peer_expect_nothing "peer-expect-nothing" PeerExpectNothing(String),
    /// The peer that was cut off hears and is heard again.
    peer_reappear "peer-reappear" PeerReappear(Yes),
    /// Opens a UDP port of the peer.
    udp_open "udp-open" UdpOpen(UdpOpen),
    /// Sends a datagram to the board.
    udp_send "udp-send" UdpSend(UdpSend),
    /// Waits for a datagram of the board.
    udp_expect "udp-expect" UdpExpect(UdpExpect),
    /// Pings the board.
    ping "ping" Ping(Yes),
    /// Presses the button of this name and holds it.
    press "press" Press(String),
    /// Releases the button of this name.
    release "release" Release(String),
    /// Presses the button of this name for a tenth of a second.
    click "click" Click(String),
    /// Touches the pad of this name and stays there.
    touch "touch" Touch(String),
    /// Takes the finger off the pad of this name.
    untouch "untouch" Untouch(String),
    /// Touches the pad of this name for a tenth of a second.
    tap "tap" Tap(String),
    /// Sets what sensors measure, by their names.
    set "set" Set(BTreeMap<String, SensorValue>),
    /// Sets properties of parts of the board: the part's name, then the property.
    part "part" Part(BTreeMap<String, BTreeMap<String, PropertyValue>>),
    /// Waits until properties of parts have these values: the part's name, then the property.
    expect_part "expect-part" ExpectPart(BTreeMap<String, BTreeMap<String, PropertyValue>>),
    /// Drives a pin of the chip from outside, or lets go of it.
    drive_pin "drive-pin" DrivePin(DrivePin),
    /// Waits until a pin of the chip is high or low.
    expect_pin "expect-pin" ExpectPin(ExpectPin),
    /// Sends text to a UART of the chip.
    uart_send "uart-send" UartSend(UartText),
    /// Waits until a UART of the chip has sent this text, or a match of a regular expression between slashes.
    uart_expect "uart-expect" UartExpect(UartText),
    /// Waits until the display has stayed unchanged for a moment, and compares it with the golden picture of this name.
    screen "screen" Screen(ScreenForm),
    /// Waits until the display shows the golden picture of this name.
    wait_for_screen "wait-for-screen" WaitForScreen(String),
    /// Waits until the coloured LEDs show these colours, such as `#ff8000`.
    leds "leds" Leds(Vec<String>),
    /// Waits until the buzzer plays a tone of this frequency in hertz.
    tone "tone" Tone(f64),
    /// Waits until the buzzer is silent.
    silence "silence" Silence(Yes),
    /// Cuts or restores the board's network cable.
    cable "cable" Cable(Cable),
    /// From now on this goes wrong on the board's cable, in both directions, and nothing else.
    faults "faults" Faults(FaultsForm),
    /// Puts a Wi-Fi network into the air.
    access_point "access-point" AccessPoint(AccessPointForm),
    /// Takes the Wi-Fi network of this name away.
    remove_access_point "remove-access-point" RemoveAccessPoint(String),
    /// The Wi-Fi network of this name throws the board out.
    deauthenticate "deauthenticate" Deauthenticate(String),
    /// A station joins the board's own Wi-Fi network.
    join "join" Join(Join),
    /// Pulls the reset line; the firmware starts anew.
    reset "reset" Reset(Yes),
    /// Takes the board's power away. What the flash chip was writing is torn, as the number draws it.
    cut_power "cut-power" CutPower(u64),
    /// Switches the board on, after its power was cut or without: then it was away for a moment.
    power_on "power-on" PowerOn(Yes),
    /// Writes the board into this file, from the folder of the scenario; `espalier run` and tests go on from it.
    save "save" Save(PathBuf),
    /// Lets the board run for this long.
    run_for "run-for" RunFor(Time),
    /// Runs a script on the board's MicroPython, to its end.
    script "script" Script(Script),
    /// Fails unless both texts are equal.
    equal "equal" Equal(Equal),
    /// Plays these steps several times. The variable `round` counts from 1.
    repeat "repeat" Repeat(Repeat),
    /// Each of these tests goes on from here, on a fork of the board.
    fork "fork" Fork(Vec<super::Placed<super::Test>>),
}

/// Reads a table as the long form and any other value as the short one, so that an error says what is wrong with the form that was
/// meant.
macro_rules! shorthand {
    ($name:ident, $short:ident($value:ty), $long:ident($form:ty), $expected:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct Either;

                impl<'de> Visitor<'de> for Either {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        <$form>::deserialize(MapAccessDeserializer::new(map)).map($name::$long)
                    }

                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$name, E> {
                        <$value>::deserialize(value.into_deserializer()).map($name::$short)
                    }

                    fn visit_f64<E: de::Error>(self, value: f64) -> Result<$name, E> {
                        <$value>::deserialize(value.into_deserializer()).map($name::$short)
                    }

                    fn visit_str<E: de::Error>(self, value: &str) -> Result<$name, E> {
                        <$value>::deserialize(value.into_deserializer()).map($name::$short)
                    }
                }

                deserializer.deserialize_any(Either)
            }
        }
    };
}

/// An action that has nothing to say beside its key: `true`.
#[derive(Clone, Copy, Debug)]
pub struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Yes, D::Error> {
        if bool::deserialize(deserializer)? { Ok(Yes) } else { Err(de::Error::custom("the value is `true`")) }
    }
}

impl JsonSchema for Yes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Yes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": true })
    }
}

/// Tells editors that a step has exactly one action.
fn exactly_one_action(schema: &mut Schema) {
    let alternatives: Vec<_> = ACTIONS.iter().map(|key| serde_json::json!({ "required": [key] })).collect();
    schema.insert("oneOf".to_owned(), alternatives.into());
}

/// Level or release of a pin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PinDrive {
    /// It is driven low.
    Low,
    /// It is driven high.
    High,
    /// It is let go of.
    Released,
}

/// A pin to drive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DrivePin {
    /// The number of its GPIO.
    pub pin: u8,
    /// Level to drive, or `release`.
    pub to: PinDrive,
}

/// The level of a pin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PinLevel {
    /// Low.
    Low,
    /// High.
    High,
}

/// A pin to wait for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectPin {
    /// The number of its GPIO.
    pub pin: u8,
    /// The level.
    pub level: PinLevel,
}

/// Text for a UART, or of one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UartText {
    /// The number of the UART.
    pub uart: u8,
    /// The text.
    pub text: String,
}

/// A port to listen on.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Listen {
    /// The port.
    Port(u16),
    /// The port, and more.
    Form(ListenForm),
}

shorthand!(Listen, Port(u16), Form(ListenForm), "a port, or a table with `port`");

/// A port to listen on, and more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ListenForm {
    /// The port.
    pub port: u16,
    /// Its name in later steps; otherwise `listener`.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// The listener: a station by its name, or the peer in the Wi-Fi network of this name; otherwise the peer on the LAN.
    pub via: Option<String>,
}

/// A connection to accept.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Accept {
    /// Name of the connection in later steps.
    Name(String),
    /// The name, and more.
    Form(AcceptForm),
}

shorthand!(Accept, Name(String), Form(AcceptForm), "the name of the connection, or a table with `as`");

/// A connection to accept, and more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcceptForm {
    /// Name of the connection in later steps.
    #[serde(rename = "as")]
    pub name: String,
    /// The listener; otherwise the last one.
    pub from: Option<String>,
}

/// A connection to open.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Connect {
    /// The port of the board.
    Port(u16),
    /// The port, and more.
    Form(ConnectForm),
}

shorthand!(Connect, Port(u16), Form(ConnectForm), "a port, or a table with `port`");

/// A connection to open, and more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectForm {
    /// The port of the board.
    pub port: u16,
    /// The address of the board; otherwise the one that it got from DHCP.
    pub address: Option<String>,
    /// Name of the connection in later steps; otherwise `socket`.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// The end that connects: a station by its name, or the peer in the Wi-Fi network of this name; otherwise the peer on the LAN.
    pub via: Option<String>,
}

/// Bytes on a connection.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Bytes {
    /// Text, in UTF-8, on the connection that was opened last.
    Text(String),
    /// Bytes, and on which connection.
    Form(BytesForm),
}

shorthand!(Bytes, Text(String), Form(BytesForm), "text, or a table with `text`, `hex` or `file`");

/// Bytes, and on which connection. One of `text`, `hex` and `file` is given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BytesForm {
    /// The connection; otherwise the one that was opened last.
    pub on: Option<String>,
    /// Text, in UTF-8.
    pub text: Option<String>,
    /// Bytes in hexadecimal; spaces are ignored.
    pub hex: Option<String>,
    /// The content of a file, from the folder of the scenario.
    pub file: Option<PathBuf>,
}

/// A UDP port of the peer.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum UdpOpen {
    /// The port.
    Port(u16),
    /// The port, and more.
    Form(ListenForm),
}

shorthand!(UdpOpen, Port(u16), Form(ListenForm), "a port, or a table with `port`");

/// A datagram to the board.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UdpSend {
    /// The port of the board.
    pub port: u16,
    /// The UDP port of the peer that sends it; otherwise the last one that was opened.
    pub on: Option<String>,
    /// Text, in UTF-8.
    pub text: Option<String>,
    /// Bytes in hexadecimal; spaces are ignored.
    pub hex: Option<String>,
}

/// A datagram of the board.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum UdpExpect {
    /// Text, in UTF-8, on the UDP port that was opened last.
    Text(String),
    /// Bytes, and on which port.
    Form(BytesForm),
}

shorthand!(UdpExpect, Text(String), Form(BytesForm), "text, or a table with `text`, `hex` or `file`");

/// The value of a part's property.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "true or false, a number, a text or a list of numbers")]
pub enum PropertyValue {
    /// As in `pressed = true`.
    Flag(bool),
    /// As in `inputs = 3`.
    Integer(i64),
    /// As in `temperature = 21.5`.
    Number(f64),
    /// As in `time = "2024-02-29 23:59:58"`.
    Text(String),
    /// As in `acceleration = [0.0, 0.0, 1.0]`.
    Numbers(Vec<f64>),
}

/// The measured value of a sensor.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum SensorValue {
    /// The level of an analog sensor, from 0 to 1.
    Level(f64),
    /// In a unit.
    Form(SensorForm),
}

shorthand!(
    SensorValue,
    Level(f64),
    Form(SensorForm),
    "a level from 0 to 1, or a table with `volts`, `g`, `gauss` or `tilt`"
);

/// The measured value of a sensor, in a unit. One key is given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SensorForm {
    /// The voltage at an analog sensor's pin.
    pub volts: Option<f64>,
    /// Acceleration along x, y and z, in g.
    pub g: Option<[f64; 3]>,
    /// Magnetic field along x, y and z, in gauss.
    pub gauss: Option<[f64; 3]>,
    /// Pitch and roll of a board that lies still, in degrees.
    pub tilt: Option<[f64; 2]>,
}

/// The picture that the display must show.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum ScreenForm {
    /// The golden picture of this name.
    Golden(String),
    /// The golden picture, and how it is compared.
    Compare(CompareForm),
}

shorthand!(ScreenForm, Golden(String), Compare(CompareForm), "the name of a golden picture, or a table with `golden`");

/// Limits for comparing the display with a golden picture.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CompareForm {
    /// The name of the golden picture.
    pub golden: String,
    /// The display, by its name, if it is not the first one of the board.
    pub display: Option<String>,
    /// The part of the display that is compared; masks count from its upper left pixel.
    pub region: Option<Mask>,
    /// Allowed difference of each channel of a colour, of 255.
    #[serde(default)]
    pub max_channel: u8,
    /// Time for which the display has to stay unchanged before it is compared.
    pub settled: Option<Time>,
    /// Regions that do not count.
    #[serde(default)]
    pub mask: Vec<Mask>,
    /// Number of pixels that may differ.
    #[serde(default)]
    pub max_pixels: usize,
    /// Allowed distance of a pixel from its equal.
    #[serde(default)]
    pub max_distance: u32,
}

/// A region of the display, in pixels.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mask {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// The state of a cable.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Cable {
    /// Nothing gets through.
    Cut,
    /// As it was.
    Restored,
}

/// Faults of a cable. Probabilities are from 0 to 1.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FaultsForm {
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Probability that a frame arrives twice.
    pub duplication: f64,
    /// Probability that one bit of a frame flips.
    pub corruption: f64,
    /// Probability that a frame is held back so that later ones overtake it.
    pub reordering: f64,
    /// Time for which frames are held back that others are to overtake.
    pub reordered_by: Option<Time>,
    /// Every frame is delayed by a random time up to this.
    pub jitter: Option<Time>,
}

/// A Wi-Fi network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessPointForm {
    /// Its name, 1 to 32 bytes.
    pub ssid: String,
    /// Its WPA2 passphrase, 8 to 63 characters; otherwise it is open.
    pub password: Option<String>,
    /// Its channel, 1 to 14.
    pub channel: Option<u8>,
    /// Signal strength at the board, in dBm.
    pub rssi: Option<i8>,
    /// Its name is not in its beacons.
    #[serde(default)]
    pub hidden: bool,
    /// The address of a router of its own; otherwise the board's LAN is behind it.
    pub gateway: Option<std::net::Ipv4Addr>,
}

/// A station that joins the board's Wi-Fi network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Join {
    /// The name of the board's network.
    pub ssid: String,
    /// Its passphrase.
    pub password: Option<String>,
    /// Name of the station in later steps; otherwise `station`.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

/// A MicroPython script. One of `file` and `code` is given.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Script {
    /// The script itself.
    Code(String),
    /// The script, and what it has to print.
    Form(ScriptForm),
}

shorthand!(Script, Code(String), Form(ScriptForm), "a script, or a table with `file` or `code`");

/// A MicroPython script, and what it has to print.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ScriptForm {
    /// A file with the script, from the folder of the scenario.
    pub file: Option<PathBuf>,
    /// The script itself.
    pub code: Option<String>,
    /// Text that its output contains, or a regular expression between slashes.
    pub prints: Option<String>,
    /// The variable that gets its output, without white space at its ends.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

/// Steps that are played several times.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Repeat {
    /// Number of times.
    pub times: u32,
    /// The steps.
    pub steps: Vec<super::Placed<Step>>,
}

/// Two texts that are equal.
pub type Equal = [String; 2];
