//! Images of flash: bootloader, partition table and application in one file.

use super::app::{self, App, Digest};
use super::partitions::{self, Partition};
use super::{BOOTLOADER_OFFSET, CHIP_ESP32, Format, Image, ImageError, ImageWarning, TABLE_OFFSET};

impl Image {
    /// An image of flash from `offset` on. The ROM has to find a sound image at 0x1000; whatever else is wrong is a warning.
    pub(super) fn merged(name: String, bytes: Vec<u8>, offset: u32, table: Option<u32>) -> Result<Image, ImageError> {
        let from = |flash: u32| {
            let start = flash.checked_sub(offset).map_or(bytes.len(), |start| start as usize);
            bytes.get(start..).unwrap_or_default()
        };
        let start = (BOOTLOADER_OFFSET - offset) as usize;
        let loader = App::read(&name, "the bootloader", start, from(BOOTLOADER_OFFSET))?;
        if loader.chip != CHIP_ESP32 {
            return Err(ImageError::WrongChip { name, id: loader.chip });
        }
        let mut warnings = Vec::new();
        if loader.digest == Digest::Stale {
            warnings.push(ImageWarning::StaleDigest { name: name.clone() });
        }
        let flash = loader.flash_size;
        let partitions = match table {
            Some(at) => match partitions::read(from(at)) {
                partitions if partitions.is_empty() => return Err(ImageError::NoTableThere { name, at }),
                partitions => partitions,
            },
            None => {
                partitions::find(&bytes, offset, TABLE_OFFSET).map_or_else(Vec::new, |at| partitions::read(from(at)))
            }
        };
        let mut app = loader;
        if partitions.is_empty() {
            warnings.push(ImageWarning::NoPartitionTable { name: name.clone(), at: BOOTLOADER_OFFSET });
        } else {
            match started(&name, &partitions, offset, from) {
                Ok((found, label, size)) => {
                    if found.length as u64 > size {
                        let (name, length) = (name.clone(), found.length as u64);
                        warnings.push(ImageWarning::ApplicationTooLarge { name, label, length, size });
                    }
                    app = found;
                }
                Err(warning) => warnings.push(warning),
            }
        }
        let image = Image::new(name, bytes, Format::Merged { offset }, app);
        Ok(Image { partitions, warnings, bootloader_flash: Some(flash), ..image })
    }
}

/// The application that the bootloader starts from `partitions`, with the label and the length of its partition.
fn started<'a>(
    name: &str,
    partitions: &[Partition],
    offset: u32,
    from: impl Fn(u32) -> &'a [u8],
) -> Result<(App, String, u64), ImageWarning> {
    let none = |reason: String| ImageWarning::NoApplication { name: name.to_owned(), reason };
    let has_image = |partition: &&Partition| from(partition.offset).first() == Some(&app::MAGIC);
    let Some(chosen) = partitions::boot(partitions, &from) else {
        return Err(none("no partition is for one".to_owned()));
    };
    // The bootloader tries the others if this one is empty.
    let mut others = partitions.iter().filter(|partition| partition.is_app());
    let Some(partition) = Some(chosen).filter(has_image).or_else(|| others.find(has_image)) else {
        return Err(none(format!("partition {:?} at {:#x} is empty", chosen.label, chosen.offset)));
    };
    let what = format!("the application in partition {:?}", partition.label);
    let start = (partition.offset - offset.min(partition.offset)) as usize;
    let app = App::read(name, &what, start, from(partition.offset)).and_then(|app| app.verified(name, &what));
    match app {
        Ok(app) => Ok((app, partition.label.clone(), u64::from(partition.size))),
        Err(problem) => Err(ImageWarning::DamagedApplication { problem: problem.to_string() }),
    }
}
