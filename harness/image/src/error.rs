//! Errors of firmware images.

use super::chip_name;

/// An error of a firmware image. Every message names the file, the value, and what to do.
///
/// ```
/// let error = espalier_image::Image::from_bytes("notes.txt", *b"hello").unwrap_err();
/// assert!(matches!(error, espalier_image::ImageError::Unknown { start: b'h', .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read firmware {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// Neither an image nor an ELF file.
    #[error(
        "{name} is not firmware: it starts with {start:#04x}, an image starts with 0xe9 and an ELF file with 0x7f; give the \
         application's .bin or ELF file, or a merged image"
    )]
    Unknown {
        /// The file.
        name: String,
        /// Its first byte.
        start: u8,
    },
    /// There is nothing in the file.
    #[error("{name} is empty; build the firmware again")]
    Empty {
        /// The file.
        name: String,
    },
    /// The file ends too early.
    #[error("{name} is truncated: {what} needs {needed} bytes, the file has {present}; build or download it again")]
    Truncated {
        /// The file.
        name: String,
        /// The part that is cut off.
        what: String,
        /// The smallest possible size of the file.
        needed: usize,
        /// Its size.
        present: usize,
    },
    /// A checksum or a digest is wrong.
    #[error("{name} is corrupt: the {check} of {what} is wrong; build or download it again")]
    Corrupt {
        /// The file.
        name: String,
        /// The part that is damaged.
        what: String,
        /// The check that failed.
        check: &'static str,
    },
    /// Firmware for another chip.
    #[error("{name} is for the {} (chip id {id}), the board has an ESP32; build it for the ESP32", chip_name(*id))]
    WrongChip {
        /// The file.
        name: String,
        /// The chip id in its header.
        id: u16,
    },
    /// An ELF file for another processor.
    #[error("{name} is an ELF file for machine {machine}, the ESP32 is Xtensa (machine 94); build it for the ESP32")]
    WrongMachine {
        /// The file.
        name: String,
        /// The machine in its header.
        machine: u16,
    },
    /// The default partition table has no room for an application.
    #[error("{name} cannot be placed: the default partition table has no partition for an application")]
    NoPlace {
        /// The file.
        name: String,
    },
    /// The partition table that was asked for is not there.
    #[error(
        "{name} has no partition table at flash offset {at:#x}, which --partition-table names; look at it with `espalier image info`"
    )]
    NoTableThere {
        /// The file.
        name: String,
        /// Where it should be.
        at: u32,
    },
    /// More than any flash chip holds.
    #[error(
        "{name} is not firmware: it goes on after {limit} bytes, which is more than {what} can have; give an image or an ELF file"
    )]
    Endless {
        /// The file.
        name: String,
        /// Where reading stopped, in bytes.
        limit: u64,
        /// Its apparent format.
        what: &'static str,
    },
    /// The image does not fit.
    #[error(
        "{name} does not fit: it ends at {end:#x} and {place} ends at {limit:#x}; choose a board with more flash or make it smaller"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// Where it would end in flash.
        end: u64,
        /// The space that it has to fit into.
        place: String,
        /// Where that ends.
        limit: u64,
    },
    /// Two parts of what goes into flash want the same place.
    #[error(
        "{name} does not fit: what is at {:#x} ends at {:#x}, and something else begins at {second:#x}; move one of them", first.0,
        first.1
    )]
    Overlap {
        /// The file.
        name: String,
        /// Where the first of the two begins and ends in flash.
        first: (u32, u64),
        /// Where the other one begins.
        second: u32,
    },
    /// A folder without a build in it.
    #[error(
        "{name} has no build in it: flasher_args.json of ESP-IDF, firmware.bin with bootloader.bin and partitions.bin of PlatformIO, or \
         the three files of a sketch; build the project, or name the firmware file"
    )]
    NoBuild {
        /// The folder.
        name: String,
    },
    /// A folder with more than one build in it.
    #[error("{name} has several builds in it: {folders}; name one of them")]
    SeveralBuilds {
        /// The folder.
        name: String,
        /// The folders of the builds.
        folders: String,
    },
    /// A build that makes no sense.
    #[error("{name} is not a build for this board: {reason}")]
    BadBuild {
        /// The file that says so.
        name: String,
        /// The fault.
        reason: String,
    },
    /// An ELF file from which no image can be made.
    #[error("cannot make an image of {name}: {reason}")]
    Elf {
        /// The file.
        name: String,
        /// The fault.
        reason: String,
    },
}
