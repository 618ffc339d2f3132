//! The TOML file of a board, as it is written: its keys and their types, and nothing about what they mean. Whether there can be such a
//! board is the business of `espalier-soc`, whose `boards/mpython.toml` describes the whole format, key by key.
//!
//! It is a crate of its own because reading happens once for a board. Deserialising is much code that every crate compiles anew in its
//! own optimisation, and that of the emulator costs a first build several seconds.

mod part;

use std::net::Ipv4Addr;

use espalier_parts::PartEntry;
use serde::Deserialize;

use part::Entry;

/// A text is not the file of a board. The message shows the line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(String);

/// The file of a board.
#[derive(Default)]
pub struct BoardFile {
    pub name: Option<String>,
    pub extends: Option<String>,
    pub flash: Option<Flash>,
    pub chip: Option<Chip>,
    pub ethernet: Option<Ethernet>,
    pub parts: Vec<PartEntry>,
    pub access_points: Vec<AccessPoint>,
    pub wires: Vec<Wire>,
    pub flash_content: Vec<Content>,
}

impl BoardFile {
    /// Reads the file.
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown key or a value of a wrong type.
    pub fn parse(text: &str) -> Result<BoardFile, FormatError> {
        let keys: Keys = toml::from_str(text).map_err(|error| FormatError(error.to_string()))?;
        Ok(BoardFile {
            name: keys.name,
            extends: keys.extends,
            flash: keys.flash,
            chip: keys.chip,
            ethernet: keys.ethernet,
            parts: keys.part.into_iter().map(|entry| entry.read(text)).collect(),
            access_points: keys.access_point,
            wires: keys.wire,
            flash_content: keys.flash_content,
        })
    }
}

/// The keys of the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Keys {
    name: Option<String>,
    extends: Option<String>,
    flash: Option<Flash>,
    chip: Option<Chip>,
    ethernet: Option<Ethernet>,
    part: Vec<Entry>,
    access_point: Vec<AccessPoint>,
    wire: Vec<Wire>,
    flash_content: Vec<Content>,
}

/// `[flash]`
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flash {
    pub size: FlashSize,
}

/// The sizes of a flash chip.
#[derive(Clone, Copy, Default, Deserialize)]
pub enum FlashSize {
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

/// `chip = "esp32c3"`, or a table with more about the chip.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "ChipEntry")]
pub struct Chip {
    pub kind: ChipName,
    pub mac: Option<String>,
    pub rom: Rom,
    pub psram: Option<String>,
    pub timing: TimingName,
    pub efuses: Option<String>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the name of a chip, or a table with `kind`, `mac`, `rom`, `psram`, `timing` and `efuses`"
)]
enum ChipEntry {
    Kind(ChipName),
    Table(ChipTable),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ChipTable {
    kind: ChipName,
    mac: Option<String>,
    rom: Rom,
    psram: Option<String>,
    timing: TimingName,
    efuses: Option<String>,
}

impl From<ChipEntry> for Chip {
    fn from(entry: ChipEntry) -> Chip {
        match entry {
            ChipEntry::Kind(kind) => Chip { kind, ..Chip::default() },
            ChipEntry::Table(ChipTable { kind, mac, rom, psram, timing, efuses }) => {
                Chip { kind, mac, rom, psram, timing, efuses }
            }
        }
    }
}

/// The chips that files name.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChipName {
    #[default]
    Esp32,
    Esp32c3,
}

/// The times that a chip can keep.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimingName {
    #[default]
    Fast,
    Silicon,
}

/// The revisions of a ROM.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rom {
    Rev0,
    #[default]
    Rev3,
}

/// `[ethernet]`: the PHY at the chip's own Ethernet MAC.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ethernet {
    pub phy: Phy,
    /// Where most modules have it.
    #[serde(default = "phy_address")]
    pub address: u8,
}

/// The kinds of PHYs.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phy {
    Lan8720,
    Dp83848,
}

fn phy_address() -> u8 {
    1
}

/// `[[access-point]]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessPoint {
    pub ssid: String,
    pub password: Option<String>,
    pub channel: Option<u8>,
    pub rssi: Option<i8>,
    #[serde(default)]
    pub hidden: bool,
    pub bssid: Option<String>,
    pub gateway: Option<Ipv4Addr>,
}

/// `[[wire]]`: a wire between two pads.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    pub from: u8,
    pub to: u8,
}

/// `[[flash-content]]`: a file that is in the flash chip from the start.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    pub file: String,
    pub offset: u32,
}
