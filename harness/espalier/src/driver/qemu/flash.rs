//! The file that is the flash chip.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::QemuError;
use crate::error::{Failure, FileError};

/// Sizes of flash chips that QEMU has, in bytes.
const SIZES: [u32; 4] = [2 << 20, 4 << 20, 8 << 20, 16 << 20];
/// The value of an erased byte of a flash chip.
const ERASED: u8 = 0xFF;

/// A flash chip in a folder of its own, which goes with it.
#[derive(Debug)]
pub(super) struct FlashFile {
    folder: TempDir,
    path: PathBuf,
    size: u32,
}

impl FlashFile {
    /// An empty chip.
    pub(super) fn erased(size: u32) -> Result<FlashFile, Failure> {
        if !SIZES.contains(&size) {
            return Err(QemuError::FlashSize { size }.into());
        }
        let folder = tempfile::Builder::new().prefix("espalier-qemu-").tempdir()?;
        let path = folder.path().join("flash.bin");
        fs::write(&path, vec![ERASED; size as usize]).map_err(FileError::of("write", &path))?;
        Ok(FlashFile { folder, path, size })
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Writes past the chip's pins, over whatever was there.
    pub(super) fn write(&self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        if u64::from(offset) + bytes.len() as u64 > u64::from(self.size) {
            return Err(QemuError::FlashRange { offset, length: bytes.len(), size: self.size }.into());
        }
        let write = || {
            let mut file = File::options().write(true).open(&self.path)?;
            file.seek(SeekFrom::Start(u64::from(offset)))?;
            file.write_all(bytes)
        };
        Ok(write().map_err(FileError::of("write", &self.path))?)
    }

    /// All that is in the chip.
    pub(super) fn read(&self) -> std::io::Result<Vec<u8>> {
        fs::read(&self.path)
    }

    /// QEMU's option for it. A comma in a path is written twice there.
    pub(super) fn drive(&self) -> String {
        format!("file={},if=mtd,format=raw", doubled(&self.path))
    }

    /// The files that stay on disk unless they are removed, the folder last.
    pub(super) fn leftovers(&self) -> [PathBuf; 2] {
        [self.path.clone(), self.folder.path().to_owned()]
    }
}

fn doubled(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::FlashFile;

    #[test]
    fn a_chip_is_erased_written_and_read() {
        let flash = FlashFile::erased(2 << 20).unwrap();
        flash.write(0x1000, b"boot").unwrap();
        flash.write((2 << 20) - 1, b"x").unwrap();
        let content = flash.read().unwrap();
        assert_eq!((content.len(), &content[0xFFF..0x1005]), (2 << 20, &b"\xFFboot\xFF"[..]));
        let error = flash.write((2 << 20) - 1, b"xy").unwrap_err();
        assert_eq!(error.to_string(), "2 bytes at 0x1fffff do not fit into a flash chip of 2097152 bytes");
        let [file, folder] = flash.leftovers();
        drop(flash);
        assert!(!file.exists() && !folder.exists());
        let error = FlashFile::erased(3 << 20).unwrap_err();
        assert_eq!(error.to_string(), "QEMU has no flash chip of 3145728 bytes, only of 2, 4, 8 or 16 MB");
    }
}
