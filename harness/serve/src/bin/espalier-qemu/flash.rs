//! The file that is the flash chip.

use std::path::PathBuf;

use crate::options::Drive;

/// Sizes of flash chips that the machine has, in bytes.
const SIZES: [usize; 4] = [2 << 20, 4 << 20, 8 << 20, 16 << 20];

/// The file cannot be the flash chip.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    #[error("could not open '{path}': {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("'{path}' has {size} bytes; a flash chip has 2, 4, 8 or 16 MB")]
    Size { path: PathBuf, size: usize },
    #[error("what the firmware wrote to its flash could not be written to '{path}': {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

/// A flash image that was read.
pub struct FlashFile {
    path: PathBuf,
    content: Vec<u8>,
    written_back: bool,
}

impl FlashFile {
    pub fn open(drive: &Drive) -> Result<FlashFile, FlashError> {
        let path = drive.path.clone();
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(source) => return Err(FlashError::Read { path, source }),
        };
        if !SIZES.contains(&content.len()) {
            return Err(FlashError::Size { path, size: content.len() });
        }
        Ok(FlashFile { path, content, written_back: drive.written_back })
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }

    pub fn size(&self) -> u32 {
        // One of the sizes above.
        self.content.len() as u32
    }

    /// Writes the chip's content into the file if the firmware has changed it. The file is replaced as a whole, so that nobody
    /// finds half of it.
    pub fn write_back(&self, chip: &[u8]) -> Result<(), FlashError> {
        if !self.written_back || chip == self.content {
            return Ok(());
        }
        let mut partial = self.path.clone().into_os_string();
        partial.push(format!(".{}.partial", std::process::id()));
        let replace = || {
            std::fs::write(&partial, chip)?;
            std::fs::set_permissions(&partial, std::fs::metadata(&self.path)?.permissions())?;
            std::fs::rename(&partial, &self.path)
        };
        replace().map_err(|source| FlashError::Write { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::{FlashError, FlashFile};
    use crate::options::Drive;

    #[test]
    fn the_file_changes_only_if_the_chip_did_and_the_drive_allows_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        let erased = vec![0xFF; 2 << 20];
        std::fs::write(&path, &erased).unwrap();
        let mut chip = erased.clone();
        chip[4096] = 0x42;
        let snapshot = FlashFile::open(&Drive { path: path.clone(), written_back: false }).unwrap();
        snapshot.write_back(&chip).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), erased);
        let flash = FlashFile::open(&Drive { path: path.clone(), written_back: true }).unwrap();
        assert_eq!(flash.size(), 2 << 20);
        flash.write_back(&chip).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), chip);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_odd_size_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        std::fs::write(&path, [0; 100]).unwrap();
        let refused = FlashFile::open(&Drive { path, written_back: true });
        assert!(matches!(refused, Err(FlashError::Size { size: 100, .. })));
    }
}
