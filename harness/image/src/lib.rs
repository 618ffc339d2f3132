//! Firmware images: what is in a file, and where it goes in flash.

mod app;
mod build;
mod elf;
mod error;
mod file;
mod merged;
mod partitions;
mod parts;
#[cfg(test)]
mod tests;
mod warning;

use std::fs::File;
use std::path::Path;

pub use app::{App, Description, Digest, Segment};
pub use build::{Build, find as find_build};
pub use error::ImageError;
use file::{Contents, contents};
pub use partitions::Partition;
pub use parts::Part;
pub use warning::ImageWarning;

/// Where the second-stage bootloader begins in the flash of an ESP32 (ESP-IDF programming guide, "Bootloader").
const BOOTLOADER_OFFSET: u32 = 0x1000;
/// Where the partition table is unless a project moves it.
const TABLE_OFFSET: u32 = 0x8000;
const ELF_MAGIC: &[u8] = b"\x7fELF";
/// `e_machine` of the Xtensa (ELF machine registry).
const ELF_XTENSA: u16 = 94;
const ELF_MACHINE_OFFSET: usize = 18;

/// The header's number for the ESP32.
const CHIP_ESP32: u16 = 0;

/// The name of the chip that an image header numbers `id`.
pub fn chip_name(id: u16) -> &'static str {
    match id {
        0 => "ESP32",
        2 => "ESP32-S2",
        5 => "ESP32-C3",
        9 => "ESP32-S3",
        12 => "ESP32-C2",
        13 => "ESP32-C6",
        16 => "ESP32-H2",
        18 => "ESP32-P4",
        20 => "ESP32-C61",
        23 => "ESP32-C5",
        _ => "unknown chip",
    }
}

/// The kind of an image's file.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// use espalier_image::Format;
///
/// assert_eq!(espalier_image::Image::read(path)?.format(), Format::Application);
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An application alone, as `idf.py build` and `espflash save-image` make it.
    Application,
    /// Bootloader, partition table and application in one, from this flash offset on.
    Merged {
        /// Where its first byte goes.
        offset: u32,
    },
    /// The linker's output.
    Elf,
}

/// A firmware image that was read and checked.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("hello.bin");
/// # std::fs::write(&path, b"hello")?;
/// let error = espalier_image::Image::read(&path).unwrap_err();
/// assert!(error.to_string().contains("is not firmware: it starts with 0x68"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    bytes: Vec<u8>,
    format: Format,
    app: App,
    partitions: Vec<Partition>,
    /// Warnings that do not depend on the board.
    warnings: Vec<ImageWarning>,
    /// The flash size that the bootloader of a merged image goes by.
    bootloader_flash: Option<u32>,
    /// Files beside the firmware.
    data: Vec<Part>,
}

impl Image {
    /// Reads firmware: an application's `.bin`, a merged image that starts at flash offset 0 or 0x1000, an ELF file, or the folder
    /// of a build of ESP-IDF, PlatformIO or Arduino, which may also be the folder of the project.
    ///
    /// An image that the chip's ROM would not start is an error. [`Image::warnings`] has the defects that do not prevent a start.
    ///
    /// # Errors
    /// If the file cannot be read, or is not firmware that the chip's ROM would start.
    pub fn read(path: impl AsRef<Path>) -> Result<Image, ImageError> {
        Image::read_with_table(path, None)
    }

    /// The same, with the partition table of a merged image at this flash offset. Otherwise it is looked for: at 0x8000, then at
    /// the start of every sector after that.
    ///
    /// # Errors
    /// If the file cannot be read, or is not firmware that the chip's ROM would start.
    pub fn read_with_table(path: impl AsRef<Path>, table: Option<u32>) -> Result<Image, ImageError> {
        let name = path.as_ref().display().to_string();
        if let Some(build) = build::find(path.as_ref())? {
            let (offset, bytes) = build::merge(&name, &build)?;
            return Image::merged(name, bytes, offset, table);
        }
        let bytes = File::open(path).and_then(contents);
        match bytes {
            Ok(Contents::Whole(bytes)) => Image::parse(name, bytes, table),
            Ok(Contents::Endless { limit, what }) => Err(ImageError::Endless { name, limit, what }),
            Err(source) => Err(ImageError::Read { name, source }),
        }
    }

    /// The same from memory; `name` is for messages.
    ///
    /// # Errors
    /// If the bytes are not firmware that the chip's ROM would start.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Image, ImageError> {
        Image::parse(name.into(), bytes.into(), None)
    }

    fn parse(name: String, bytes: Vec<u8>, table: Option<u32>) -> Result<Image, ImageError> {
        if bytes.starts_with(ELF_MAGIC) {
            return Image::elf(name, bytes);
        }
        let Some(start) = bytes.first().copied() else { return Err(ImageError::Empty { name }) };
        if start != app::MAGIC {
            return match bytes.get(BOOTLOADER_OFFSET as usize) {
                Some(&app::MAGIC) => Image::merged(name, bytes, 0, table),
                _ => Err(ImageError::Unknown { name, start }),
            };
        }
        let first = App::read(&name, "the first image in it", 0, &bytes)?;
        if first.chip != CHIP_ESP32 {
            return Err(ImageError::WrongChip { name, id: first.chip });
        }
        if !first.is_application() {
            return Image::merged(name, bytes, BOOTLOADER_OFFSET, table);
        }
        let app = first.verified(&name, "the application in it")?;
        Ok(Image::new(name, bytes, Format::Application, app))
    }

    fn new(name: String, bytes: Vec<u8>, format: Format, app: App) -> Image {
        let (partitions, warnings, data) = (Vec::new(), Vec::new(), Vec::new());
        Image { name, bytes, format, app, partitions, warnings, bootloader_flash: None, data }
    }

    fn elf(name: String, bytes: Vec<u8>) -> Result<Image, ImageError> {
        let machine = bytes.get(ELF_MACHINE_OFFSET..ELF_MACHINE_OFFSET + 2);
        let machine = machine.map_or(0, |field| u16::from_le_bytes([field[0], field[1]]));
        if machine != ELF_XTENSA {
            return Err(ImageError::WrongMachine { name, machine });
        }
        // The size of the flash chip does not change the application.
        let parts = parts::of_elf(&name, &bytes, parts::DEFAULT_FLASH)?;
        let app = parts.last().map_or(&[][..], |part| &part.bytes);
        let what = "the image made of it";
        let app = App::read(&name, what, 0, app)?.verified(&name, what)?;
        Ok(Image::new(name, bytes, Format::Elf, app))
    }

    /// The same with `bytes` beside the firmware, from `offset` in flash on: a file system, a font, keys.
    pub fn with_data(mut self, offset: u32, bytes: impl Into<Vec<u8>>) -> Image {
        self.data.push(Part { offset, bytes: bytes.into() });
        self
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The application in it. If a merged image has no recognisable application, the image that the ROM starts.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The partitions of a merged image. The others get a partition table when they are placed.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// Warnings about it on a board with a flash chip of `flash_size` bytes.
    ///
    /// The board starts all the same, as the chip would.
    pub fn warnings(&self, flash_size: u32) -> Vec<ImageWarning> {
        let header = self.bootloader_flash.map(|size| (u64::from(size), "the flash chip of the bootloader's header"));
        let limits = [(u64::from(flash_size), "the board's flash chip")].into_iter().chain(header);
        let beyond = limits.min().and_then(|(limit, chip)| {
            let partition = self.partitions.iter().find(|partition| partition.end() > limit)?;
            let (name, label) = (self.name.clone(), partition.label.clone());
            Some(ImageWarning::BeyondFlash { name, label, end: partition.end(), chip: chip.to_owned(), limit })
        });
        self.warnings.iter().cloned().chain(beyond).collect()
    }

    /// Returns the contents of a flash chip of `flash_size` bytes, in the order of their offsets. An application alone gets the bootloader
    /// and the default partition table of espflash.
    ///
    /// # Errors
    /// If the image does not fit into the flash chip.
    pub fn parts(&self, flash_size: u32) -> Result<Vec<Part>, ImageError> {
        let mut parts = match self.format {
            Format::Merged { offset } => vec![Part { offset, bytes: self.bytes.clone() }],
            Format::Application => parts::of_application(&self.name, &self.bytes, flash_size)?,
            Format::Elf => parts::of_elf(&self.name, &self.bytes, flash_size)?,
        };
        parts.extend_from_slice(&self.data);
        parts.sort_by_key(|part| part.offset);
        if let Some([first, second]) =
            parts.array_windows().find(|[first, second]| first.end() > u64::from(second.offset))
        {
            let (name, first, second) = (self.name.clone(), (first.offset, first.end()), second.offset);
            return Err(ImageError::Overlap { name, first, second });
        }
        let end = parts.iter().map(Part::end).max().unwrap_or(0);
        if end > u64::from(flash_size) {
            let (name, place) = (self.name.clone(), "the flash chip".to_owned());
            return Err(ImageError::TooLarge { name, end, place, limit: u64::from(flash_size) });
        }
        Ok(parts)
    }
}
