//! The TOML file of a board, before it is checked.

use std::net::Ipv4Addr;
use std::path::Path;

use espalier_core::Timing;
use espalier_net::AccessPoint;
use espalier_parts::{PartEntry, PartKinds, Value};
use espalier_peripherals::PhyKind;
use serde::Deserialize;

use super::content::FlashContent;
use super::entries::Entry;
use super::error::{BoardError, BoardErrorKind};
use super::wire::Wire;
use super::{BUILT_IN, BoardDefinition, ChipKind, EXTENSION, EthernetPort};
use crate::rom::RomRevision;

/// Number of boards that may extend one another.
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
    ethernet: Option<Ethernet>,
    part: Vec<Entry>,
    /// The parts in `part`, here and in the boards that this one extends.
    #[serde(skip)]
    parts: Vec<PartEntry>,
    access_point: Vec<AccessPointEntry>,
    wire: Vec<Wire>,
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
#[serde(untagged, expecting = "the name of a chip, or a table with `kind`, `mac`, `rom`, `psram` and `timing`")]
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
    psram: Option<String>,
    timing: TimingName,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TimingName {
    #[default]
    Fast,
    Silicon,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rom {
    Rev0,
    #[default]
    Rev3,
}

/// The PHY at the chip's own Ethernet MAC.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ethernet {
    phy: Phy,
    /// Where most modules have it.
    #[serde(default = "phy_address")]
    address: u8,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phy {
    Lan8720,
    Dp83848,
}

fn phy_address() -> u8 {
    1
}

impl Ethernet {
    fn port(self) -> EthernetPort {
        let phy = match self.phy {
            Phy::Lan8720 => PhyKind::Lan8720,
            Phy::Dp83848 => PhyKind::Dp83848,
        };
        EthernetPort { phy, address: self.address }
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

/// The sizes of a PSRAM.
const PSRAM_SIZES: [(&str, u32); 3] = [("2MB", 2 << 20), ("4MB", 4 << 20), ("8MB", 8 << 20)];

/// The bytes of a PSRAM.
fn psram(text: &str) -> Result<u32, BoardErrorKind> {
    let size = PSRAM_SIZES.iter().find(|(name, _)| *name == text);
    size.map(|(_, bytes)| *bytes).ok_or_else(|| BoardErrorKind::Value {
        key: "chip.psram".to_owned(),
        value: format!("{text:?}"),
        allowed: "\"2MB\", \"4MB\" or \"8MB\"",
    })
}

/// The file at `origin`, on top of what it extends. Up to `depth` files may.
pub fn read(text: &str, origin: &Path, depth: u32) -> Result<BoardFile, BoardError> {
    if depth == 0 {
        return Err(BoardErrorKind::Depth { depth: DEPTH }.at(origin));
    }
    let mut file: BoardFile =
        toml::from_str(text).map_err(|error| BoardErrorKind::Format(Box::new(error)).at(origin))?;
    file.parts = std::mem::take(&mut file.part).into_iter().map(|entry| entry.read(text)).collect();
    let folder = origin.parent().unwrap_or(Path::new(""));
    for property in file.parts.iter_mut().flat_map(|part| &mut part.properties) {
        // Paths in the file of a board are those from its folder.
        if let ("file", Value::Text(path)) = (property.key.as_str(), &mut property.value) {
            *path = folder.join(&path).to_string_lossy().into_owned();
        }
    }
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

/// The parts of `base` with those of `own`, which replace the ones of their names.
fn replaced(base: Vec<PartEntry>, own: Vec<PartEntry>) -> Vec<PartEntry> {
    let mut parts: Vec<PartEntry> =
        base.into_iter().map(|part| own.iter().find(|mine| mine.name == part.name).cloned().unwrap_or(part)).collect();
    let inherited = parts.len();
    for part in own {
        if !parts[..inherited].contains(&part) {
            parts.push(part);
        }
    }
    parts
}

impl BoardFile {
    /// Sections replace those of `base`, and a part the one of its name; entries of lists come after its own.
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
            ethernet: self.ethernet.or(base.ethernet),
            part: Vec::new(),
            parts: replaced(base.parts, self.parts),
            access_point: joined(base.access_point, self.access_point),
            wire: joined(base.wire, self.wire),
            content: Vec::new(),
            flash_content: joined(base.flash_content, self.flash_content),
        }
    }

    /// The board, with defaults for what the file leaves out.
    pub fn definition(self, origin: &Path, kinds: &PartKinds) -> Result<BoardDefinition, BoardError> {
        let chip = self.chip.map(ChipEntry::table).unwrap_or_default();
        let mac = chip.mac.as_deref().map_or(Ok(DEFAULT_MAC), |text| mac("chip.mac", text));
        let psram_size = chip.psram.as_deref().map(psram).transpose();
        let access_points: Result<Vec<_>, _> = self.access_point.iter().map(AccessPointEntry::settings).collect();
        let stem = || origin.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(BoardDefinition {
            name: self.name.unwrap_or_else(stem),
            chip: chip.kind,
            flash_size: self.flash.unwrap_or_default().size.bytes(),
            psram_size: psram_size.map_err(|kind| kind.at(origin))?,
            ethernet: self.ethernet.map(Ethernet::port),
            mac: mac.map_err(|kind| kind.at(origin))?,
            rom: match chip.rom {
                Rom::Rev0 => RomRevision::Rev0,
                Rom::Rev3 => RomRevision::Rev3,
            },
            timing: match chip.timing {
                TimingName::Fast => Timing::Fast,
                TimingName::Silicon => Timing::Silicon,
            },
            parts: self.parts,
            kinds: kinds.clone(),
            access_points: access_points.map_err(|kind| kind.at(origin))?,
            wires: self.wire,
            flash_content: self.flash_content,
        })
    }
}
