//! eFuses that live in a file, as Espressif's QEMU keeps them: several boards may burn fuses of one file, for fuses are never
//! cleared.

use std::path::{Path, PathBuf};

use espalier_files::Held;
use espalier_soc::{EFUSE_IMAGE_BYTES, Machine};

type Image = [u8; EFUSE_IMAGE_BYTES];

/// The eFuses cannot be read or burnt.
#[derive(Debug, thiserror::Error)]
pub enum FusesError {
    /// The host cannot read the file.
    #[error("could not read '{path}': {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The host's error.
        source: std::io::Error,
    },
    /// The file does not have the size of the chip's eFuses.
    #[error("'{path}' has {size} bytes; the eFuses of an ESP32 have {EFUSE_IMAGE_BYTES}")]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: usize,
    },
    /// The host cannot write the file.
    #[error("the burnt fuses could not be written to '{path}': {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The host's error.
        source: std::io::Error,
    },
}

/// Gives the machine the eFuses of a file, which stays as it is.
///
/// # Errors
/// If the file cannot be read, or does not have the size of the eFuses.
pub fn load_efuses(path: &Path, machine: &mut Machine) -> Result<(), FusesError> {
    FuseFile::open(path, machine).map(|_| ())
}

/// A file of eFuses.
#[derive(Debug)]
pub(crate) struct FuseFile {
    path: PathBuf,
    /// Its contents, as far as they are known.
    known: Image,
}

impl FuseFile {
    /// Gives the machine the file's fuses.
    pub fn open(path: &Path, machine: &mut Machine) -> Result<FuseFile, FusesError> {
        let mut file = FuseFile { path: path.to_owned(), known: [0; EFUSE_IMAGE_BYTES] };
        file.load(machine)?;
        Ok(file)
    }

    /// Reads the file again.
    pub fn load(&mut self, machine: &mut Machine) -> Result<(), FusesError> {
        let content = std::fs::read(&self.path);
        let content = content.map_err(|source| FusesError::Read { path: self.path.clone(), source })?;
        self.known = self.image(&content)?;
        machine.set_efuses(&self.known);
        Ok(())
    }

    /// Writes down what the machine has burnt since.
    pub fn keep(&mut self, machine: &Machine) -> Result<(), FusesError> {
        let burnt = self.image(&machine.efuses())?;
        if burnt == self.known {
            return Ok(());
        }
        let failed = |source| FusesError::Write { path: self.path.clone(), source };
        let held = Held::wait(&self.path).map_err(failed)?;
        let mut image = self.image(held.content())?;
        for (kept, new) in image.iter_mut().zip(burnt) {
            *kept |= new;
        }
        held.write(&image).map_err(failed)?;
        self.known = burnt;
        Ok(())
    }

    fn image(&self, content: &[u8]) -> Result<Image, FusesError> {
        content.try_into().map_err(|_| FusesError::Size { path: self.path.clone(), size: content.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::{FuseFile, FusesError};
    use espalier_soc::{EFUSE_IMAGE_BYTES, Machine, MachineConfig};

    #[test]
    fn boards_that_share_a_file_burn_into_it_together() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("efuse.bin");
        let mut image = [0; EFUSE_IMAGE_BYTES];
        image[13] = 0x80;
        std::fs::write(&path, image).unwrap();
        let [mut one, mut other] = [(); 2].map(|()| Machine::new(&MachineConfig::default()).unwrap());
        let mut files = [&mut one, &mut other].map(|machine| FuseFile::open(&path, machine).unwrap());
        assert_eq!(one.efuses(), image);
        files[0].keep(&one).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), image, "nothing was burnt");
        for (machine, file, at) in [(&mut one, 0, 100), (&mut other, 1, 101)] {
            let mut burnt = machine.efuses();
            burnt[at] = 0x42;
            machine.set_efuses(&burnt);
            files[file].keep(machine).unwrap();
        }
        (image[100], image[101]) = (0x42, 0x42);
        assert_eq!(std::fs::read(&path).unwrap(), image);
        files[0].load(&mut one).unwrap();
        assert_eq!(one.efuses(), image);
        std::fs::write(&path, [0; 3]).unwrap();
        assert!(matches!(files[0].load(&mut one), Err(FusesError::Size { size: 3, .. })));
    }
}
