//! Reading a file that may have no end, such as a device.

use std::fs::File;
use std::io::{self, Read};

use super::ELF_MAGIC;

/// Bytes of the largest flash chip that the ROM can address, so of the largest image.
pub(super) const LARGEST_FLASH: u64 = 16 << 20;
/// An ELF file has debug information as well. None is as long as this.
const LARGEST_ELF: u64 = 1 << 30;

/// Contents of a file.
pub(super) enum Contents {
    Whole(Vec<u8>),
    /// It went on after all that a file of its kind can have.
    Endless {
        limit: u64,
        what: &'static str,
    },
}

/// Reads a file that need not end, such as a device.
pub(super) fn contents(mut file: File) -> io::Result<Contents> {
    let mut bytes = Vec::new();
    let start = ELF_MAGIC.len() as u64;
    file.by_ref().take(start).read_to_end(&mut bytes)?;
    let (limit, what) = match bytes == ELF_MAGIC {
        true => (LARGEST_ELF, "an ELF file"),
        false => (LARGEST_FLASH, "the largest flash chip"),
    };
    file.take(limit + 1 - start).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Ok(Contents::Endless { limit, what }),
        false => Ok(Contents::Whole(bytes)),
    }
}
