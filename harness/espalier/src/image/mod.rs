//! Firmware images: what is in a file, and where it goes in flash.

mod app;
mod error;
mod partitions;
mod parts;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use app::{App, Description, Segment};
pub use error::ImageError;
pub use partitions::Partition;
pub use parts::Part;

/// Where the second-stage bootloader begins in the flash of an ESP32 (ESP-IDF programming guide, "Bootloader").
const BOOTLOADER_OFFSET: u32 = 0x1000;
/// Where the partition table is unless a project moves it.
const TABLE_OFFSET: u32 = 0x8000;
/// What erased flash reads as.
const ERASED: u8 = 0xFF;

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

/// What kind of file an image is.
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
    /// What the linker made.
    Elf,
}

/// A firmware image that was read and checked.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    bytes: Vec<u8>,
    format: Format,
    app: App,
    partitions: Vec<Partition>,
    /// What lies beside the firmware.
    data: Vec<Part>,
}

impl Image {
    /// Reads a firmware file: an application's `.bin`, a merged image that starts at flash offset 0 or 0x1000, or an ELF
    /// file.
    pub fn read(path: impl AsRef<Path>) -> Result<Image, ImageError> {
        let name = path.as_ref().display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Image::from_bytes(name, bytes),
            Err(source) => Err(ImageError::Read { name, source }),
        }
    }

    /// The same from memory; `name` is for messages.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Image, ImageError> {
        let (name, bytes) = (name.into(), bytes.into());
        if bytes.starts_with(ELF_MAGIC) {
            return Image::elf(name, bytes);
        }
        let Some(start) = bytes.first().copied() else { return Err(ImageError::Empty { name }) };
        let bootloader = BOOTLOADER_OFFSET as usize;
        if start == ERASED && bytes.get(bootloader) == Some(&app::MAGIC) {
            return Image::merged(name, bytes, 0);
        }
        if start != app::MAGIC {
            return Err(ImageError::Unknown { name, start });
        }
        let first = App::read(&name, "the first image in it", 0, &bytes)?;
        if first.chip != CHIP_ESP32 {
            return Err(ImageError::WrongChip { name, id: first.chip });
        }
        if !first.is_application() {
            return Image::merged(name, bytes, BOOTLOADER_OFFSET);
        }
        Ok(Image { name, bytes, format: Format::Application, app: first, partitions: Vec::new(), data: Vec::new() })
    }

    fn merged(name: String, bytes: Vec<u8>, offset: u32) -> Result<Image, ImageError> {
        let from = |flash: u32| bytes.get((flash - offset) as usize..).unwrap_or_default();
        let loader =
            App::read(&name, "the bootloader", (BOOTLOADER_OFFSET - offset) as usize, from(BOOTLOADER_OFFSET))?;
        if loader.chip != CHIP_ESP32 {
            return Err(ImageError::WrongChip { name, id: loader.chip });
        }
        let partitions = partitions::read(from(TABLE_OFFSET));
        if partitions.is_empty() {
            return Err(ImageError::NoPartitionTable { name, at: TABLE_OFFSET });
        }
        let Some(boot) = partitions::boot(&partitions) else {
            return Err(ImageError::NoApplication { name, reason: "no partition is for one".to_owned() });
        };
        let place = boot.offset.checked_sub(offset).map_or(bytes.len(), |start| start as usize);
        let content = bytes.get(place..).unwrap_or_default();
        if content.first().is_some_and(|first| *first == ERASED) {
            let reason = format!("partition {:?} at {:#x} is empty", boot.label, boot.offset);
            return Err(ImageError::NoApplication { name, reason });
        }
        let what = format!("the application in partition {:?}", boot.label);
        let app = App::read(&name, &what, place, content)?;
        Ok(Image { name, bytes, format: Format::Merged { offset }, app, partitions, data: Vec::new() })
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
        let app = App::read(&name, "the image made of it", 0, app)?;
        Ok(Image { name, bytes, format: Format::Elf, app, partitions: Vec::new(), data: Vec::new() })
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

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The application in it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The partitions of a merged image. The others get a partition table when they are placed.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// What goes where in a flash chip of `flash_size` bytes, in the order of the places. An application alone gets the bootloader
    /// and the default partition table of espflash.
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
