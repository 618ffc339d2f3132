//! The file that is the flash chip.
//!
//! It is read when the program starts and written when it ends, as a whole or not at all (`espalier_files`): QEMU writes it in place,
//! sector by sector. A lock keeps other cooperating processes from writing it meanwhile.

use std::path::PathBuf;

use espalier_files::{Held, HoldError};

use crate::options::Drive;

/// Sizes of flash chips that the machine has, in bytes.
const SIZES: [usize; 4] = [2 << 20, 4 << 20, 8 << 20, 16 << 20];

/// The file cannot be the flash chip.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    #[error("could not open '{path}': {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "'{path}' is in use: another process writes to it; give each board a file of its own, or add -snapshot to leave the file \
         as it is"
    )]
    InUse { path: PathBuf },
    #[error("'{path}' has {size} bytes; a flash chip has 2, 4, 8 or 16 MB")]
    Size { path: PathBuf, size: usize },
    #[error("the content of the flash could not be written to '{path}': {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the content of the flash is lost: another process has '{path}' or has changed it")]
    Lost { path: PathBuf },
}

/// The state in which the file is left.
enum Fate {
    /// It stays as it is.
    Left,
    /// It gets what the chip has.
    Written(Held),
    /// It gets the chip's contents if no other process has locked it by then.
    Shared,
}

/// A flash image that was read.
pub struct FlashFile {
    path: PathBuf,
    content: Vec<u8>,
    fate: Fate,
}

impl FlashFile {
    /// Opens the file. `boots` says whether the firmware in it is going to run. A board in download mode runs none, and a tool that
    /// burns eFuses through it does not touch the flash, so that it may take the file of a board that runs.
    pub fn open(drive: &Drive, boots: bool) -> Result<FlashFile, FlashError> {
        let path = drive.path.clone();
        let read = |path: &PathBuf| match std::fs::read(path) {
            Ok(content) => Ok(content),
            Err(source) => Err(FlashError::Read { path: path.clone(), source }),
        };
        let (content, fate) = if drive.written_back {
            match Held::open(&path) {
                Ok(held) => (held.content().to_vec(), Fate::Written(held)),
                Err(HoldError::InUse) if boots => return Err(FlashError::InUse { path }),
                Err(HoldError::InUse) => (read(&path)?, Fate::Shared),
                Err(HoldError::Io(source)) => return Err(FlashError::Read { path, source }),
            }
        } else {
            (read(&path)?, Fate::Left)
        };
        if !SIZES.contains(&content.len()) {
            return Err(FlashError::Size { path, size: content.len() });
        }
        Ok(FlashFile { path, content, fate })
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }

    pub fn size(&self) -> u32 {
        // One of the sizes above.
        self.content.len() as u32
    }

    /// Writes the chip's content into the file if it has changed.
    pub fn write_back(self, chip: &[u8]) -> Result<(), FlashError> {
        let path = self.path;
        if chip == self.content {
            return Ok(());
        }
        let held = match self.fate {
            Fate::Left => return Ok(()),
            Fate::Written(held) => held,
            Fate::Shared => match Held::open(&path) {
                Ok(held) if held.content() == self.content => held,
                _ => return Err(FlashError::Lost { path }),
            },
        };
        held.write(chip).map_err(|source| FlashError::Write { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::{FlashError, FlashFile};
    use crate::options::Drive;

    const SIZE: usize = 2 << 20;

    fn erased() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        std::fs::write(&path, vec![0xFF; SIZE]).unwrap();
        let mut chip = vec![0xFF; SIZE];
        chip[4096] = 0x42;
        (directory, path, chip)
    }

    fn drive(path: &std::path::Path, written_back: bool) -> Drive {
        Drive { path: path.to_owned(), written_back }
    }

    #[test]
    fn the_file_changes_only_if_the_chip_did_and_the_drive_allows_it() {
        let (directory, path, chip) = erased();
        FlashFile::open(&drive(&path, false), true).unwrap().write_back(&chip).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![0xFF; SIZE]);
        let flash = FlashFile::open(&drive(&path, true), true).unwrap();
        assert_eq!(flash.size() as usize, SIZE);
        flash.write_back(&chip).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), chip);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_second_writer_is_refused_and_a_reader_is_not() {
        let (_directory, path, chip) = erased();
        let first = FlashFile::open(&drive(&path, true), true).unwrap();
        let refused = FlashFile::open(&drive(&path, true), true).err().unwrap();
        assert!(refused.to_string().contains("another process writes to it"), "{refused}");
        FlashFile::open(&drive(&path, false), true).unwrap();
        first.write_back(&chip).unwrap();
        assert_eq!(FlashFile::open(&drive(&path, true), true).unwrap().content(), chip);
    }

    #[test]
    fn a_board_in_download_mode_shares_the_file_and_never_writes_over_what_it_has_not_seen() {
        let (_directory, path, chip) = erased();
        let first = FlashFile::open(&drive(&path, true), true).unwrap();
        let unchanged = FlashFile::open(&drive(&path, true), false).unwrap();
        unchanged.write_back(&vec![0xFF; SIZE]).unwrap();
        let [early, late] = [(); 2].map(|()| FlashFile::open(&drive(&path, true), false).unwrap());
        assert!(matches!(early.write_back(&chip), Err(FlashError::Lost { .. })), "the first one has the file");
        first.write_back(&chip).unwrap();
        assert!(matches!(late.write_back(&vec![0; SIZE]), Err(FlashError::Lost { .. })), "the file has changed");
        assert_eq!(std::fs::read(&path).unwrap(), chip);
    }

    #[test]
    fn an_odd_size_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        std::fs::write(&path, [0; 100]).unwrap();
        let refused = FlashFile::open(&Drive { path, written_back: true }, true);
        assert!(matches!(refused, Err(FlashError::Size { size: 100, .. })));
    }
}
