//! The frame of a file of state: what it is, who wrote it, and whether it is whole.
//!
//! A file begins with a word for its kind, the version of this frame (`FORMAT`) and the build that wrote it ([`BUILD`]). It ends with
//! the CRC-32 of all that comes before. State between them is packed in LZ4's block format. A file is read by the build that wrote it;
//! any other gets an error that says so.

use espalier_core::{Damaged, Load, Persist, Reader, Writer};

/// The version of the frame.
const FORMAT: u32 = 1;
/// The build that this is.
pub const BUILD: &str = env!("ESPALIER_BUILD");
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 4;
/// More than the state of any board has, so that a broken length takes no memory: twice the record of a network, 64 MiB each, with the
/// largest flash chip and all else.
const LARGEST: u64 = 256 << 20;
/// LZ4 makes no more than this many bytes out of one.
const LARGEST_RATIO: u64 = 255;

/// The first bytes of a file, which say what kind of file it is.
pub type Magic = [u8; 8];

/// Why a file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("this is not a snapshot of a board")]
    NotASnapshot,
    #[error(
        "the snapshot has version {found} of the format, and this build reads version {known}; save the board again"
    )]
    Format { found: u32, known: u32 },
    #[error("the snapshot is damaged: its checksum is not that of its content; save the board again")]
    Checksum,
    #[error("the snapshot was written by build {found}, and this is build {known}; save the board again")]
    Build { found: String, known: &'static str },
    #[error("the snapshot is of a {found}, which this build does not have")]
    Chip { found: String },
    #[error("the snapshot was taken with another ROM; save the board again")]
    Rom,
    #[error("the snapshot cannot be unpacked: {0}; save the board again")]
    Compression(#[from] lz4_flex::block::DecompressError),
    #[error("{0}; save the board again")]
    Damaged(#[from] Damaged),
    #[error("the snapshot's board cannot be made: {0}")]
    Board(String),
    #[error(
        "the snapshot's part {name:?} is of a kind {kind:?} that was written for it; load it with this kind of part"
    )]
    OwnKind { kind: String, name: String },
    #[error(
        "the snapshot's part {name:?} is of the kind {kind:?} that comes with Espalier; load it without one of this name"
    )]
    BuiltInKind { kind: String, name: String },
    #[error(
        "the snapshot's part {name:?} of the kind {kind:?} does not take its state back: {source}; save the board again"
    )]
    Part { kind: String, name: String, source: Damaged },
}

/// The file of this kind with the content that `fill` writes.
pub fn seal(magic: Magic, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut file = Writer::new();
    file.bytes(&magic);
    FORMAT.save(&mut file);
    BUILD.to_owned().save(&mut file);
    fill(&mut file);
    let mut file = file.into_bytes();
    file.extend(crc32fast::hash(&file).to_le_bytes());
    file
}

/// The content of a file that [`seal`] has made.
///
/// # Errors
/// If it is of another kind, damaged, or of another build.
pub fn unseal(magic: Magic, file: &[u8]) -> Result<Reader<'_>, SnapshotError> {
    if !file.starts_with(&magic) {
        return Err(SnapshotError::NotASnapshot);
    }
    let content = file.get(..file.len().saturating_sub(CHECKSUM)).unwrap_or_default();
    let mut reader = Reader::new(content);
    let begin = reader.bytes(magic.len()).and_then(|_| u32::load(&mut reader));
    match begin.map_err(|_| SnapshotError::Checksum)? {
        FORMAT => {}
        found => return Err(SnapshotError::Format { found, known: FORMAT }),
    }
    let sum = file.last_chunk().copied().map(u32::from_le_bytes);
    if sum != Some(crc32fast::hash(content)) {
        return Err(SnapshotError::Checksum);
    }
    let found = String::load(&mut reader)?;
    if found != BUILD {
        return Err(SnapshotError::Build { found, known: BUILD });
    }
    Ok(reader)
}

/// Appends state, packed.
pub fn pack(state: &[u8], to: &mut Writer) {
    (state.len() as u64).save(to);
    lz4_flex::block::compress(state).save(to);
}

/// State that [`pack`] has appended.
///
/// # Errors
/// If it is damaged. No more memory is taken than the packed bytes can hold.
pub fn unpack(from: &mut Reader<'_>) -> Result<Vec<u8>, SnapshotError> {
    let length = u64::load(from)?;
    let packed = from.length()?;
    if length > LARGEST || length > (packed as u64).saturating_mul(LARGEST_RATIO) {
        return Err(from.damaged("the state is longer than it can be").into());
    }
    Ok(lz4_flex::block::decompress(from.bytes(packed)?, length as usize)?)
}

#[cfg(test)]
mod tests {
    use espalier_core::{Persist, Reader, Writer};

    use super::{LARGEST, SnapshotError, pack, unpack};

    #[test]
    fn a_board_with_two_full_records_has_room() {
        let mut packed = Writer::new();
        pack(&vec![7; 160 << 20], &mut packed);
        let packed = packed.into_bytes();
        let state = unpack(&mut Reader::new(&packed)).unwrap();
        assert!(state.len() == 160 << 20 && state.iter().all(|byte| *byte == 7));
    }

    /// Lengths that no content has are refused before memory is taken for them.
    #[test]
    fn a_length_without_content_takes_no_memory() {
        for length in [LARGEST + 1, LARGEST, u64::MAX, 1 << 20] {
            let mut packed = Writer::new();
            length.save(&mut packed);
            vec![0_u8; 1000].save(&mut packed);
            let packed = packed.into_bytes();
            assert!(matches!(unpack(&mut Reader::new(&packed)), Err(SnapshotError::Damaged(_))), "{length}");
        }
    }
}
