//! The TOML file of a board, before it is checked.

use std::net::Ipv4Addr;
use std::path::Path;

use espalier_net::AccessPoint;
use espalier_parts::{ComPins, Controller, OledConfig};
use serde::Deserialize;

use super::error::{BoardError, BoardErrorKind};
use super::parts::{AnalogInput, Button, Buzzer, FlashContent, I2cSensor, Leds, OledPlacement, SensorKind, TouchPad};
use super::{BUILT_IN, BoardDefinition, ChipKind, EXTENSION};
use crate::rom::RomRevision;

/// How many boards may extend one another.
pub const DEPTH: u32 = 8;
/// An address from the block that Espressif uses for modules; the last bytes tell boards apart.
const DEFAULT_MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BoardFile {
    name: Option<String>,
    extends: Option<String>,
    flash: Option<Flash>,
    chip: Option<ChipEntry>,
    display: Option<Display>,
    button: Vec<Button>,
    leds: Option<Leds>,
    buzzer: Option<Buzzer>,
    analog: Vec<AnalogInput>,
    touch: Vec<TouchPad>,
    accelerometer: Option<Accelerometer>,
    magnetometer: Option<Magnetometer>,
    access_point: Vec<AccessPointEntry>,
    #[serde(rename = "flash-content")]
    content: Vec<Content>,
    /// The contents of the files in `content`, here and in the boards that this one extends.
    #[serde(skip)]
    flash_content: Vec<FlashContent>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Flash {
    size: FlashSize,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum FlashSize {
    #[serde(rename = "2MB")]
    Mb2,
    #[default]
    #[serde(rename = "4MB")]
    Mb4,
    #[serde(rename = "8MB")]
    Mb8,
    #[serde(rename = "16MB")]
    Mb16,
}

impl FlashSize {
    fn bytes(self) -> u32 {
        match self {
            FlashSize::Mb2 => 2 << 20,
            FlashSize::Mb4 => 4 << 20,
            FlashSize::Mb8 => 8 << 20,
            FlashSize::Mb16 => 16 << 20,
        }
    }
}

/// `chip = "esp32c3"`, or a table with more about the chip.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "the name of a chip, or a table with `kind`, `mac` and `rom`")]
enum ChipEntry {
    Kind(ChipKind),
    Table(Chip),
}

impl ChipEntry {
    fn table(self) -> Chip {
        match self {
            ChipEntry::Kind(kind) => Chip { kind, ..Chip::default() },
            ChipEntry::Table(chip) => chip,
        }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Chip {
    kind: ChipKind,
    mac: Option<String>,
    rom: Rom,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rom {
    Rev0,
    #[default]
    Rev3,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ControllerName {
    Ssd1306,
    Sh1106,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ComPinsName {
    Sequential,
    Alternate,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Display {
    controller: ControllerName,
    scl: u8,
    sda: u8,
    #[serde(default = "Display::default_address")]
    address: u8,
    #[serde(default)]
    visible_column: u8,
    #[serde(default = "Display::default_width")]
    width: u8,
    #[serde(default = "Display::default_height")]
    height: u8,
    com_pins: Option<ComPinsName>,
}

impl Display {
    fn default_address() -> u8 {
        0x3C
    }

    fn default_width() -> u8 {
        128
    }

    fn default_height() -> u8 {
        64
    }

    fn placement(&self) -> OledPlacement {
        let controller = match self.controller {
            ControllerName::Ssd1306 => Controller::Ssd1306,
            ControllerName::Sh1106 => Controller::Sh1106,
        };
        let config = OledConfig {
            controller,
            width: self.width,
            height: self.height,
            address: self.address,
            visible_column: self.visible_column,
            com_pins: self.com_pins.map(|pins| match pins {
                ComPinsName::Sequential => ComPins::Sequential,
                ComPinsName::Alternate => ComPins::Alternate,
            }),
        };
        OledPlacement { scl: self.scl, sda: self.sda, config }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccelerometerKind {
    #[default]
    Msa300,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accelerometer {
    #[serde(default)]
    kind: AccelerometerKind,
    scl: u8,
    sda: u8,
    #[serde(default = "Accelerometer::default_address")]
    address: u8,
}

impl Accelerometer {
    fn default_address() -> u8 {
        0x26
    }

    fn sensor(&self) -> I2cSensor {
        let kind = match self.kind {
            AccelerometerKind::Msa300 => SensorKind::Msa300,
        };
        I2cSensor { kind, scl: self.scl, sda: self.sda, address: self.address }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MagnetometerKind {
    #[default]
    Mmc5983ma,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Magnetometer {
    #[serde(default)]
    kind: MagnetometerKind,
    scl: u8,
    sda: u8,
    #[serde(default = "Magnetometer::default_address")]
    address: u8,
}

impl Magnetometer {
    fn default_address() -> u8 {
        0x30
    }

    fn sensor(&self) -> I2cSensor {
        let kind = match self.kind {
            MagnetometerKind::Mmc5983ma => SensorKind::Mmc5983ma,
        };
        I2cSensor { kind, scl: self.scl, sda: self.sda, address: self.address }
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessPointEntry {
    ssid: String,
    password: Option<String>,
    channel: Option<u8>,
    rssi: Option<i8>,
    #[serde(default)]
    hidden: bool,
    bssid: Option<String>,
    gateway: Option<Ipv4Addr>,
}

impl AccessPointEntry {
    fn settings(&self) -> Result<AccessPoint, BoardErrorKind> {
        let open = AccessPoint::new(&self.ssid);
        let settings = AccessPoint {
            password: self.password.clone(),
            channel: self.channel.unwrap_or(open.channel),
            rssi: self.rssi.unwrap_or(open.rssi),
            hidden: self.hidden,
            bssid: self.bssid.as_deref().map(|bssid| mac("access-point.bssid", bssid)).transpose()?,
            gateway: self.gateway,
            ..open
        };
        match settings.check() {
            Ok(()) => Ok(settings),
            Err(source) => Err(BoardErrorKind::AccessPoint { ssid: settings.ssid, source }),
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    file: String,
    offset: u32,
}

/// Six bytes in hexadecimal, with colons between them.
fn mac(key: &str, text: &str) -> Result<[u8; 6], BoardErrorKind> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|digits| {
            let plain = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| plain)
        })
        .collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| BoardErrorKind::Value {
        key: key.to_owned(),
        value: format!("{text:?}"),
        allowed: "six bytes such as \"24:0a:c4:00:01:10\"",
    })
}

/// The file at `origin`, on top of what it extends. Up to `depth` files may.
pub fn read(text: &str, origin: &Path, depth: u32) -> Result<BoardFile, BoardError> {
    if depth == 0 {
        return Err(BoardErrorKind::Depth { depth: DEPTH }.at(origin));
    }
    let mut file: BoardFile =
        toml::from_str(text).map_err(|error| BoardErrorKind::Format(Box::new(error)).at(origin))?;
    let folder = origin.parent().unwrap_or(Path::new(""));
    for Content { file: name, offset } in std::mem::take(&mut file.content) {
        let bytes = std::fs::read(folder.join(&name))
            .map_err(|source| BoardErrorKind::FlashContent { file: name.clone(), source }.at(origin))?;
        file.flash_content.push(FlashContent { file: name, offset, bytes: bytes.into() });
    }
    let Some(base) = file.extends.take() else { return Ok(file) };
    let base = base_of(&base, folder, origin, depth - 1)?;
    Ok(file.on_top_of(base))
}

fn base_of(name: &str, folder: &Path, origin: &Path, depth: u32) -> Result<BoardFile, BoardError> {
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == EXTENSION) {
        let path = folder.join(path);
        let text = std::fs::read_to_string(&path).map_err(|source| BoardErrorKind::Read { source }.at(&path))?;
        return read(&text, &path, depth);
    }
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => read(text, Path::new(name), depth),
        None => Err(BoardErrorKind::Value {
            key: "extends".to_owned(),
            value: format!("{name:?}"),
            allowed: "the name of a board that comes with Espalier or the path of a .toml file",
        }
        .at(origin)),
    }
}

impl BoardFile {
    /// Sections replace those of `base`; entries of lists come after its own.
    fn on_top_of(self, base: BoardFile) -> BoardFile {
        fn joined<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
            first.extend(second);
            first
        }
        BoardFile {
            name: self.name,
            extends: None,
            flash: self.flash.or(base.flash),
            chip: self.chip.or(base.chip),
            display: self.display.or(base.display),
            button: joined(base.button, self.button),
            leds: self.leds.or(base.leds),
            buzzer: self.buzzer.or(base.buzzer),
            analog: joined(base.analog, self.analog),
            touch: joined(base.touch, self.touch),
            accelerometer: self.accelerometer.or(base.accelerometer),
            magnetometer: self.magnetometer.or(base.magnetometer),
            access_point: joined(base.access_point, self.access_point),
            content: Vec::new(),
            flash_content: joined(base.flash_content, self.flash_content),
        }
    }

    /// The board, with defaults for what the file leaves out.
    pub fn definition(self, origin: &Path) -> Result<BoardDefinition, BoardError> {
        let chip = self.chip.map(ChipEntry::table).unwrap_or_default();
        let mac = chip.mac.as_deref().map_or(Ok(DEFAULT_MAC), |text| mac("chip.mac", text));
        let access_points: Result<Vec<_>, _> = self.access_point.iter().map(AccessPointEntry::settings).collect();
        let stem = || origin.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(BoardDefinition {
            name: self.name.unwrap_or_else(stem),
            chip: chip.kind,
            flash_size: self.flash.unwrap_or_default().size.bytes(),
            mac: mac.map_err(|kind| kind.at(origin))?,
            rom: match chip.rom {
                Rom::Rev0 => RomRevision::Rev0,
                Rom::Rev3 => RomRevision::Rev3,
            },
            oled: self.display.as_ref().map(Display::placement),
            buttons: self.button,
            leds: self.leds,
            buzzer: self.buzzer,
            analog: self.analog,
            touch: self.touch,
            accelerometer: self.accelerometer.as_ref().map(Accelerometer::sensor),
            magnetometer: self.magnetometer.as_ref().map(Magnetometer::sensor),
            access_points: access_points.map_err(|kind| kind.at(origin))?,
            flash_content: self.flash_content,
        })
    }
}
