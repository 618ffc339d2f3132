//! A machine in a file.
//!
//! The file begins with what it is ([`MAGIC`], [`FORMAT`]). Then come the build that wrote it, the chip, its ROM and the board, and
//! the state of the machine behind them, compressed (LZ4 block format). It ends with the CRC-32 of all of that. The board's
//! definition is in the file, so that it can be read where the board's TOML file is not; the ROM is not, only its digest.
//!
//! A file is read by the build that wrote it. Any other gets an error that says so, and boots anew.

use espalier_core::{Damaged, Load, Persist, Reader, Writer};

use super::{Engine, Machine, MachineConfig, Run};
use crate::error::SocError;

/// How a snapshot begins.
pub const MAGIC: [u8; 8] = *b"ESPALIER";
/// The version of what comes before the state.
const FORMAT: u32 = 1;
/// The build that this is.
pub const BUILD: &str = env!("ESPALIER_BUILD");
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 4;
/// More than any machine's state has, so that a broken length takes no memory.
const LARGEST: u64 = 64 << 20;
/// LZ4 makes no more than this many bytes out of one.
const LARGEST_RATIO: u64 = 255;

/// Why a file is not a machine.
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
    #[error("the snapshot cannot be unpacked: {0}")]
    Compression(#[from] lz4_flex::block::DecompressError),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("the snapshot's board cannot be made: {0}")]
    Board(String),
}

impl From<SocError> for SnapshotError {
    fn from(error: SocError) -> SnapshotError {
        SnapshotError::Board(error.to_string())
    }
}

impl Machine {
    /// The machine as the bytes of a file: all of its state, and what it was made of.
    pub fn save(&self) -> Vec<u8> {
        self.save_with(&[])
    }

    /// The same, with an attachment that [`load_with`](Machine::load_with) gives back: what belongs to the run and is not the board's.
    pub fn save_with(&self, attachment: &[u8]) -> Vec<u8> {
        let mut state = Writer::new();
        self.engine.save(&mut state);
        self.run.save(&mut state);
        attachment.to_vec().save(&mut state);
        let state = state.into_bytes();
        let mut file = Writer::new();
        file.bytes(&MAGIC);
        FORMAT.save(&mut file);
        BUILD.to_owned().save(&mut file);
        self.engine.chip_name().to_owned().save(&mut file);
        self.engine.rom_digest().save(&mut file);
        self.config.without_flash_content().save(&mut file);
        (state.len() as u64).save(&mut file);
        lz4_flex::block::compress(&state).save(&mut file);
        let mut file = file.into_bytes();
        file.extend(crc32fast::hash(&file).to_le_bytes());
        file
    }

    /// The machine that [`save_with`](Machine::save_with) has written, around the engine that `assemble` makes, with the attachment.
    pub(crate) fn load_around(
        file: &[u8],
        assemble: impl FnOnce(&MachineConfig) -> Result<Box<dyn Engine>, SocError>,
    ) -> Result<(Machine, Vec<u8>), SnapshotError> {
        let (content, mut reader) = opened(file)?;
        let build = String::load(&mut reader).map_err(|_| SnapshotError::Checksum);
        let sound = checksum(file).is_some_and(|sum| sum == crc32fast::hash(content));
        let build = match build {
            Ok(build) if sound && build != BUILD => return Err(SnapshotError::Build { found: build, known: BUILD }),
            Ok(build) if sound => build,
            _ => return Err(SnapshotError::Checksum),
        };
        debug_assert_eq!(build, BUILD);
        let chip = String::load(&mut reader)?;
        let rom = u32::load(&mut reader)?;
        let config = MachineConfig::load(&mut reader)?;
        config.board.check().map_err(|kind| SnapshotError::Board(kind.to_string()))?;
        let length = u64::load(&mut reader)?;
        let packed = reader.length()?;
        if length > LARGEST || length > (packed as u64).saturating_mul(LARGEST_RATIO) {
            return Err(reader.damaged("the state is longer than it can be").into());
        }
        let state = lz4_flex::block::decompress(reader.bytes(packed)?, length as usize)?;
        reader.finish()?;
        let engine = assemble(&config)?;
        if engine.chip_name() != chip {
            return Err(SnapshotError::Chip { found: chip });
        }
        if engine.rom_digest() != rom {
            return Err(SnapshotError::Rom);
        }
        let run = Run::new(engine.cores());
        let mut machine = Machine { config, engine, run };
        let mut state = Reader::new(&state);
        machine.engine.restore(&mut state)?;
        machine.run.restore(&mut state)?;
        if !machine.run.fits(machine.engine.cores()) {
            return Err(state.damaged("no possible Run").into());
        }
        let attachment = Vec::load(&mut state)?;
        state.finish()?;
        Ok((machine, attachment))
    }
}

/// True if a file that begins with these bytes is a snapshot.
pub fn is_snapshot(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}

/// What the checksum covers, and a reader behind the version of the format.
fn opened(file: &[u8]) -> Result<(&[u8], Reader<'_>), SnapshotError> {
    if !is_snapshot(file) {
        return Err(SnapshotError::NotASnapshot);
    }
    let content = file.get(..file.len().saturating_sub(CHECKSUM)).unwrap_or_default();
    let mut reader = Reader::new(content);
    reader.bytes(MAGIC.len())?;
    match u32::load(&mut reader)? {
        FORMAT => Ok((content, reader)),
        found => Err(SnapshotError::Format { found, known: FORMAT }),
    }
}

fn checksum(file: &[u8]) -> Option<u32> {
    file.last_chunk().copied().map(u32::from_le_bytes)
}
