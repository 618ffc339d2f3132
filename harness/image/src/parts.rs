//! Putting an application together with bootloader and partition table.

use espflash::Error as EspflashError;
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

use super::{ELF_MACHINE_OFFSET, ELF_MAGIC, ELF_XTENSA, ImageError, TABLE_OFFSET, elf, partitions};

/// The flash chip of most boards.
pub(super) const DEFAULT_FLASH: u32 = 4 << 20;

/// Bytes of the header of a 32-bit ELF file, and the fields that have to make sense in an empty one.
const ELF_HEADER: usize = 52;
const ELF_CLASS_32_LITTLE_ENDIAN_VERSION_1: [u8; 3] = [1, 1, 1];
const ELF_CLASS_OFFSET: usize = 4;
const ELF_HEADER_SIZE_OFFSET: usize = 40;

/// Bytes that go to one place in flash.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// for part in espalier_image::Image::read(path)?.parts(8 << 20)? {
///     println!("{} bytes at {:#x}, up to {:#x}", part.bytes.len(), part.offset, part.end());
/// }
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where the first byte goes.
    pub offset: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Part {
    /// Where it ends in flash.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + self.bytes.len() as u64
    }
}

/// Bootloader, partition table and the image of an ELF file.
pub(super) fn of_elf(name: &str, bytes: &[u8], flash_size: u32) -> Result<Vec<Part>, ImageError> {
    if let Some(reason) = elf::fault(bytes) {
        return Err(ImageError::Elf { name: name.to_owned(), reason });
    }
    let settings = FlashSettings::new(None, size(flash_size), None);
    let data = FlashData::new(settings, 0, None, Chip::Esp32, XtalFrequency::_40Mhz);
    let format = IdfBootloaderFormat::new(bytes, &data, None, None, None, None).map_err(|error| match error {
        EspflashError::ElfTooBig(length, limit) => ImageError::TooLarge {
            name: name.to_owned(),
            end: u64::from(length),
            place: "its partition".to_owned(),
            limit: u64::from(limit),
        },
        error => ImageError::Elf { name: name.to_owned(), reason: error.to_string() },
    })?;
    let part = |segment: espflash::image_format::Segment<'_>| Part { offset: segment.addr, bytes: segment.data.into() };
    Ok(format.flash_segments().map(part).collect())
}

/// Bootloader, partition table and an application that is already an image.
///
/// espflash builds these around an ELF file only, so it is given an empty one and its image is exchanged.
pub(super) fn of_application(name: &str, app: &[u8], flash_size: u32) -> Result<Vec<Part>, ImageError> {
    let mut parts = of_elf(name, &empty_elf(), flash_size)?;
    let table = parts.iter().find(|part| part.offset == TABLE_OFFSET);
    let table = table.map(|part| partitions::read(&part.bytes)).unwrap_or_default();
    let Some(place) = partitions::boot(&table, |_| &[]) else {
        return Err(ImageError::NoPlace { name: name.to_owned() });
    };
    let (end, limit) = (u64::from(place.offset) + app.len() as u64, place.end());
    if end > limit {
        let place = format!("partition {:?}", place.label);
        return Err(ImageError::TooLarge { name: name.to_owned(), end, place, limit });
    }
    parts.retain(|part| part.offset != place.offset);
    parts.push(Part { offset: place.offset, bytes: app.to_vec() });
    Ok(parts)
}

fn empty_elf() -> [u8; ELF_HEADER] {
    let mut elf = [0; ELF_HEADER];
    elf[..ELF_MAGIC.len()].copy_from_slice(ELF_MAGIC);
    elf[ELF_CLASS_OFFSET..ELF_CLASS_OFFSET + 3].copy_from_slice(&ELF_CLASS_32_LITTLE_ENDIAN_VERSION_1);
    elf[ELF_MACHINE_OFFSET..ELF_MACHINE_OFFSET + 2].copy_from_slice(&ELF_XTENSA.to_le_bytes());
    elf[ELF_HEADER_SIZE_OFFSET] = ELF_HEADER as u8;
    elf
}

fn size(bytes: u32) -> Option<FlashSize> {
    [FlashSize::_1Mb, FlashSize::_2Mb, FlashSize::_4Mb, FlashSize::_8Mb, FlashSize::_16Mb]
        .into_iter()
        .find(|size| size.size() == bytes)
}
