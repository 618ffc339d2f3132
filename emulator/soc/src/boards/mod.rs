//! The definition of a board around the chip.
//!
//! Boards are TOML files. Those that come with Espalier lie in `emulator/soc/boards`; `mpython.toml` there describes the whole
//! format, key by key. Files of users are equal to them ([`BoardDefinition::load`]).

mod check;
mod content;
mod error;
mod file;
mod wire;

use std::path::Path;
use std::sync::Arc;

use espalier_core::Timing;
use espalier_net::AccessPoint;
use espalier_parts::{PartEntry, PartKinds};
use espalier_peripherals::PhyKind;

use crate::rom::RomRevision;

pub use content::FlashContent;
pub use error::{BoardError, BoardErrorKind};
pub use wire::Wire;

/// The boards that can be chosen by name, with their files.
const BUILT_IN: [(&str, &str); 3] = [
    ("esp32-devkit", include_str!("../../boards/esp32-devkit.toml")),
    ("esp32c3-devkit", include_str!("../../boards/esp32c3-devkit.toml")),
    ("mpython", include_str!("../../boards/mpython.toml")),
];
/// File extension of board files.
const EXTENSION: &str = "toml";

/// A kind of chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChipKind {
    /// Two Xtensa cores.
    #[default]
    Esp32,
    /// One RISC-V core. From reset through the mask ROM to its serial download mode.
    Esp32c3,
}

impl ChipKind {
    /// Returns the chip's name in board files.
    pub fn name(self) -> &'static str {
        match self {
            ChipKind::Esp32 => "esp32",
            ChipKind::Esp32c3 => "esp32c3",
        }
    }

    /// Whether the chip has a pad of this number.
    pub fn has_pad(self, pin: usize) -> bool {
        u8::try_from(pin).is_ok_and(check::pads_of(self).exist.holds)
    }

    /// Whether a wire may lead to a pad of this number.
    ///
    /// # Errors
    /// If it may not; the error says which pads are allowed.
    pub fn check_wire(self, pin: usize) -> Result<(), &'static str> {
        check::wired(self, u8::try_from(pin).unwrap_or(u8::MAX))
    }

    /// The pads that the chip has, for messages.
    pub fn pad_names(self) -> &'static str {
        let allowed = check::pads_of(self).exist.allowed;
        allowed.strip_prefix("a pin of the chip: ").unwrap_or(allowed)
    }
}

espalier_core::persist!(
    enum ChipKind {
        Esp32,
        Esp32c3,
    }
);

/// The chip's own Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EthernetPort {
    pub phy: PhyKind,
    /// The PHY's address on the management bus.
    pub address: u8,
}

espalier_core::persist!(value EthernetPort { phy, address });

/// A board: the chip's options and the parts around it.
#[derive(Clone, Debug)]
pub struct BoardDefinition {
    /// For messages.
    pub name: String,
    pub chip: ChipKind,
    /// Size of the flash chip in bytes: 2, 4, 8 or 16 MiB.
    pub flash_size: u32,
    /// Size of the PSRAM in bytes, if there is one: 2, 4 or 8 MiB.
    pub psram_size: Option<u32>,
    /// The PHY at the chip's own Ethernet MAC. Without one the board has OpenCores' MAC in its place, as QEMU's machine has.
    pub ethernet: Option<EthernetPort>,
    /// Factory MAC address in eFuse; the chip derives the addresses of its interfaces from it.
    pub mac: [u8; 6],
    pub rom: RomRevision,
    /// The cycles that instructions and memory take.
    pub timing: Timing,
    /// An image of eFuses: the words of blocks 0 to 3 as they are burnt, the lowest byte first, 124 bytes, as Espressif's QEMU keeps them.
    /// One without a factory MAC is burnt on top of what the factory has burnt; one with it has all fuses of the chip.
    pub efuses: Option<Arc<[u8]>>,
    /// The parts around the chip.
    pub parts: Vec<PartEntry>,
    /// The kinds of parts that there are.
    pub kinds: PartKinds,
    /// Wi-Fi networks that are in the air from the start.
    pub access_points: Vec<AccessPoint>,
    /// Wires between pads; those that share one form a net.
    pub wires: Vec<Wire>,
    /// The initial content of the flash chip.
    pub flash_content: Vec<FlashContent>,
}

espalier_core::persist! {
    value BoardDefinition {
        name, chip, flash_size, psram_size, ethernet, mac, rom, timing, efuses, parts, kinds, access_points, wires,
        flash_content
    }
}

/// The first of the boards that come with Espalier: a development kit.
impl Default for BoardDefinition {
    fn default() -> BoardDefinition {
        let (name, text) = BUILT_IN[0];
        BoardDefinition::from_toml(text, Path::new(name)).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The time of this name, as in board files and on command lines: `fast` or `silicon`.
pub fn timing_named(name: &str) -> Option<Timing> {
    match name {
        "fast" => Some(Timing::Fast),
        "silicon" => Some(Timing::Silicon),
        _ => None,
    }
}

impl BoardDefinition {
    /// The name of the board that is the default.
    pub const DEFAULT: &str = BUILT_IN[0].0;

    /// The names that [`by_name`](BoardDefinition::by_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The board of this name that comes with Espalier.
    ///
    /// # Errors
    /// If there is none; the message names those that there are.
    pub fn by_name(name: &str) -> Result<BoardDefinition, BoardError> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| BoardErrorKind::UnknownName { names: names_text() }.at(name))?;
        BoardDefinition::from_toml(text, Path::new(name))
    }

    /// The board of this name, or that of a TOML file if `board` is the path of one: it ends in `.toml`.
    ///
    /// # Errors
    /// If there is no such board or file, or if the file does not describe a board.
    pub fn load(board: &str) -> Result<BoardDefinition, BoardError> {
        BoardDefinition::load_with(board, &PartKinds::default())
    }

    /// The same with other kinds of parts.
    ///
    /// # Errors
    /// As [`load`](BoardDefinition::load).
    pub fn load_with(board: &str, kinds: &PartKinds) -> Result<BoardDefinition, BoardError> {
        let path = Path::new(board);
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            return BoardDefinition::by_name(board).map(|board| BoardDefinition { kinds: kinds.clone(), ..board });
        }
        let text = std::fs::read_to_string(path).map_err(|source| BoardErrorKind::Read { source }.at(path))?;
        BoardDefinition::from_toml_with(&text, path, kinds)
    }

    /// The board with one part more, in place of the one of its name if there is one.
    ///
    /// # Errors
    /// If the part does not fit. The message names the key, the value and what is possible.
    pub fn with_part(mut self, part: PartEntry) -> Result<BoardDefinition, BoardError> {
        match self.parts.iter_mut().find(|there| there.name == part.name) {
            Some(there) => *there = part,
            None => self.parts.push(part),
        }
        self.check().map_err(|kind| kind.at(&self.name))?;
        Ok(self)
    }

    /// The same board in another time.
    ///
    /// # Errors
    /// If what it has cannot be.
    pub fn timed(self, timing: Timing) -> Result<BoardDefinition, BoardError> {
        let board = BoardDefinition { timing, ..self };
        match board.check() {
            Ok(()) => Ok(board),
            Err(kind) => Err(kind.at(&board.name)),
        }
    }

    /// The same board whose chip has the eFuses of an image, see [`efuses`](BoardDefinition::efuses).
    ///
    /// ```
    /// use espalier_soc::{BoardDefinition, EFUSE_IMAGE_BYTES};
    ///
    /// // The last word of block 0: DISABLE_JTAG.
    /// let mut image = [0; EFUSE_IMAGE_BYTES];
    /// image[24] = 1 << 6;
    /// let board = BoardDefinition::default().with_efuses(&image)?;
    /// assert!(board.with_efuses(b"a key").is_err());
    /// # Ok::<(), espalier_soc::BoardError>(())
    /// ```
    ///
    /// # Errors
    /// If the image does not have the size of the chip's eFuses, or if it is for another chip than the ESP32.
    pub fn with_efuses(self, image: &[u8]) -> Result<BoardDefinition, BoardError> {
        let board = BoardDefinition { efuses: Some(image.into()), ..self };
        match board.check() {
            Ok(()) => Ok(board),
            Err(kind) => Err(kind.at(&board.name)),
        }
    }

    /// The same board with these bytes more in its flash chip from the start, from `offset` on.
    ///
    /// # Errors
    /// If they go beyond the end of the flash chip.
    pub fn with_flash_content(mut self, offset: u32, bytes: &[u8]) -> Result<BoardDefinition, BoardError> {
        let file = format!("{} bytes at {offset:#x}", bytes.len());
        self.flash_content.push(FlashContent { file, offset, bytes: bytes.into() });
        match self.check() {
            Ok(()) => Ok(self),
            Err(kind) => Err(kind.at(&self.name)),
        }
    }

    /// Whether there can be such a board.
    pub(crate) fn check(&self) -> Result<(), BoardErrorKind> {
        check::check(self)
    }

    /// The board that `text` describes. `origin` is where it comes from: errors name it, and the paths in it are seen from
    /// its folder.
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown key, a value that is not possible or a pin that is used twice, or if a file
    /// that it names cannot be read. The message names the key, the value and what is possible.
    pub fn from_toml(text: &str, origin: &Path) -> Result<BoardDefinition, BoardError> {
        BoardDefinition::from_toml_with(text, origin, &PartKinds::default())
    }

    /// The same with other kinds of parts.
    ///
    /// # Errors
    /// As [`from_toml`](BoardDefinition::from_toml).
    pub fn from_toml_with(text: &str, origin: &Path, kinds: &PartKinds) -> Result<BoardDefinition, BoardError> {
        let board = file::read(text, origin, file::DEPTH)?.definition(origin, kinds)?;
        board.check().map_err(|kind| kind.at(origin))?;
        Ok(board)
    }
}

fn names_text() -> String {
    BoardDefinition::names().collect::<Vec<_>>().join(", ")
}
