//! From the TOML file of a board, and from those that it extends, to a board that is not checked yet.

use std::path::Path;

use espalier_board_file::{self as file, BoardFile, ChipName, Content, Ethernet, FlashSize, Phy, Rom, TimingName};
use espalier_core::Timing;
use espalier_net::AccessPoint;
use espalier_parts::{PartEntry, PartKinds, Value};
use espalier_peripherals::PhyKind;

use super::content::FlashContent;
use super::error::{BoardError, BoardErrorKind};
use super::wire::Wire;
use super::{BUILT_IN, BoardDefinition, ChipKind, EXTENSION, EthernetPort};
use crate::rom::RomRevision;

/// Number of boards that may extend one another.
pub const DEPTH: u32 = 8;
/// An address from the block that Espressif uses for modules; the last bytes tell boards apart.
const DEFAULT_MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10];

/// A file and those that it extends, with the files that they name.
pub struct Read {
    file: BoardFile,
    flash_content: Vec<FlashContent>,
}

fn flash_bytes(size: FlashSize) -> u32 {
    match size {
        FlashSize::Mb2 => 2 << 20,
        FlashSize::Mb4 => 4 << 20,
        FlashSize::Mb8 => 8 << 20,
        FlashSize::Mb16 => 16 << 20,
    }
}

fn port(ethernet: Ethernet) -> EthernetPort {
    let phy = match ethernet.phy {
        Phy::Lan8720 => PhyKind::Lan8720,
        Phy::Dp83848 => PhyKind::Dp83848,
    };
    EthernetPort { phy, address: ethernet.address }
}

/// The network that an entry of the file describes.
fn network(entry: &file::AccessPoint) -> Result<AccessPoint, BoardErrorKind> {
    let open = AccessPoint::new(&entry.ssid);
    let settings = AccessPoint {
        password: entry.password.clone(),
        channel: entry.channel.unwrap_or(open.channel),
        rssi: entry.rssi.unwrap_or(open.rssi),
        hidden: entry.hidden,
        bssid: entry.bssid.as_deref().map(|bssid| mac("access-point.bssid", bssid)).transpose()?,
        gateway: entry.gateway,
        ..open
    };
    match settings.check() {
        Ok(()) => Ok(settings),
        Err(source) => Err(BoardErrorKind::AccessPoint { ssid: settings.ssid, source }),
    }
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
pub fn read(text: &str, origin: &Path, depth: u32) -> Result<Read, BoardError> {
    if depth == 0 {
        return Err(BoardErrorKind::Depth { depth: DEPTH }.at(origin));
    }
    let mut file = BoardFile::parse(text).map_err(|error| BoardErrorKind::Format(error).at(origin))?;
    let folder = origin.parent().unwrap_or(Path::new(""));
    for property in file.parts.iter_mut().flat_map(|part| &mut part.properties) {
        // Paths in the file of a board are those from its folder.
        if let ("file", Value::Text(path)) = (property.key.as_str(), &mut property.value) {
            *path = folder.join(&path).to_string_lossy().into_owned();
        }
    }
    if let Some(path) = file.chip.as_mut().and_then(|chip| chip.efuses.as_mut()) {
        *path = folder.join(&path).to_string_lossy().into_owned();
    }
    let mut flash_content = Vec::new();
    for Content { file: name, offset } in std::mem::take(&mut file.flash_content) {
        let bytes = std::fs::read(folder.join(&name))
            .map_err(|source| BoardErrorKind::FlashContent { file: name.clone(), source }.at(origin))?;
        flash_content.push(FlashContent { file: name, offset, bytes: bytes.into() });
    }
    let base = file.extends.take();
    let read = Read { file, flash_content };
    match base {
        Some(base) => Ok(read.on_top_of(base_of(&base, folder, origin, depth - 1)?)),
        None => Ok(read),
    }
}

fn base_of(name: &str, folder: &Path, origin: &Path, depth: u32) -> Result<Read, BoardError> {
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

impl Read {
    /// Sections replace those of `base`, and a part the one of its name; entries of lists come after its own.
    fn on_top_of(self, base: Read) -> Read {
        fn joined<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
            first.extend(second);
            first
        }
        let (own, below) = (self.file, base.file);
        let file = BoardFile {
            name: own.name,
            extends: None,
            flash: own.flash.or(below.flash),
            chip: own.chip.or(below.chip),
            ethernet: own.ethernet.or(below.ethernet),
            parts: replaced(below.parts, own.parts),
            access_points: joined(below.access_points, own.access_points),
            wires: joined(below.wires, own.wires),
            flash_content: Vec::new(),
        };
        Read { file, flash_content: joined(base.flash_content, self.flash_content) }
    }

    /// The board, with defaults for what the file leaves out.
    pub fn definition(self, origin: &Path, kinds: &PartKinds) -> Result<BoardDefinition, BoardError> {
        let Read { file, flash_content } = self;
        let chip = file.chip.unwrap_or_default();
        let mac = chip.mac.as_deref().map_or(Ok(DEFAULT_MAC), |text| mac("chip.mac", text));
        let psram_size = chip.psram.as_deref().map(psram).transpose();
        let efuses = chip.efuses.map(|file| match std::fs::read(&file) {
            Ok(image) => Ok(image.into()),
            Err(source) => Err(BoardErrorKind::Efuses { file, source }.at(origin)),
        });
        let access_points: Result<Vec<_>, _> = file.access_points.iter().map(network).collect();
        let stem = || origin.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(BoardDefinition {
            name: file.name.unwrap_or_else(stem),
            chip: match chip.kind {
                ChipName::Esp32 => ChipKind::Esp32,
                ChipName::Esp32c3 => ChipKind::Esp32c3,
            },
            flash_size: flash_bytes(file.flash.unwrap_or_default().size),
            psram_size: psram_size.map_err(|kind| kind.at(origin))?,
            ethernet: file.ethernet.map(port),
            mac: mac.map_err(|kind| kind.at(origin))?,
            rom: match chip.rom {
                Rom::Rev0 => RomRevision::Rev0,
                Rom::Rev3 => RomRevision::Rev3,
            },
            timing: match chip.timing {
                TimingName::Fast => Timing::Fast,
                TimingName::Silicon => Timing::Silicon,
            },
            efuses: efuses.transpose()?,
            parts: file.parts,
            kinds: kinds.clone(),
            access_points: access_points.map_err(|kind| kind.at(origin))?,
            wires: file.wires.into_iter().map(|file::Wire { from, to }| Wire { from, to }).collect(),
            flash_content,
        })
    }
}
