//! Snapshots that a test has changed. The tests of worlds use this file too.

/// The file with the checksum that belongs to the rest of it.
pub fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let content = file.len() - 4;
    let sum = crc32fast::hash(&file[..content]);
    file[content..].copy_from_slice(&sum.to_le_bytes());
    file
}
