//! Inputs in a folder, each in a file of its own that is called by its digest.

use std::fs;
use std::path::{Path, PathBuf};

use crate::FuzzError;

/// The longest input that is read.
const LONGEST: u64 = 1 << 20;

/// A name for an input: FNV-1a, which is enough to tell the files of a folder apart.
pub(crate) fn digest(input: &[u8]) -> u64 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    input.iter().fold(OFFSET, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The inputs of a folder, in the order of their names. A folder that is not there is made.
pub(crate) fn read(folder: &Path) -> Result<Vec<Vec<u8>>, FuzzError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| FuzzError::Corpus { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let metadata = entry.metadata().map_err(at(&entry.path()))?;
        if metadata.is_file() && metadata.len() <= LONGEST {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).map_err(at(path))).collect()
}

/// Adds an input to a folder.
pub(crate) fn add(folder: &Path, input: &[u8]) -> Result<(), FuzzError> {
    let path = folder.join(format!("{:016x}", digest(input)));
    fs::write(&path, input).map_err(|source| FuzzError::Corpus { path, source })
}
