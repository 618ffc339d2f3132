//! A world in a file, and a board that is alone as the world of one.
//!
//! In the frame of every file of state (`espalier_soc::sealed`) come the boards, each as the file that its machine makes, and then what
//! is between them and an attachment, packed. Threads are the host's matter and are not in the file.

use espalier_core::{Load, Persist, Reader, Writer};
use espalier_soc::sealed::{Magic, pack, seal, unpack, unseal};
use espalier_soc::{Machine, PartKinds, SnapshotError};

use crate::between::Between;
use crate::world::BOARDS_MAX;
use crate::{World, WorldConfig};

/// The first bytes of a snapshot.
const MAGIC: Magic = *b"ESPWORLD";

impl World {
    /// The world as the bytes of a file: all boards and all that is between them. The attachment is what belongs to the run and is no
    /// state of the world; [`load`](World::load) gives it back.
    pub fn save(&self, attachment: &[u8]) -> Vec<u8> {
        let World { now, seed, threads: _, names, boards, between } = self;
        let mut state = Writer::new();
        now.save(&mut state);
        seed.save(&mut state);
        names.save(&mut state);
        between.save(&mut state);
        attachment.to_vec().save(&mut state);
        seal(MAGIC, |file| {
            file.length(boards.len());
            boards.iter().for_each(|board| board.save().save(file));
            pack(&state.into_bytes(), file);
        })
    }

    /// The world that [`save`](World::save) has written, and the attachment. It goes on as the one that was saved would have, on one
    /// thread for each processor.
    ///
    /// # Errors
    /// If the bytes are not a snapshot, or a damaged one, or one of another build.
    pub fn load(file: &[u8]) -> Result<(World, Vec<u8>), SnapshotError> {
        World::load_with_parts(file, &PartKinds::default())
    }

    /// The same for boards with parts of other kinds than those that come with Espalier.
    ///
    /// # Errors
    /// As [`load`](World::load).
    pub fn load_with_parts(file: &[u8], kinds: &PartKinds) -> Result<(World, Vec<u8>), SnapshotError> {
        let mut reader = unseal(MAGIC, file)?;
        let count = reader.length()?;
        if count > BOARDS_MAX {
            return Err(reader.damaged("a world has no room for so many boards").into());
        }
        let mut boards = Vec::new();
        for _ in 0..count {
            let length = reader.length()?;
            boards.push(Machine::load_with_parts(reader.bytes(length)?, kinds)?);
        }
        let state = unpack(&mut reader)?;
        reader.finish()?;
        let mut state = Reader::new(&state);
        let now = Load::load(&mut state)?;
        let seed = Load::load(&mut state)?;
        let names: Vec<String> = Load::load(&mut state)?;
        let between: Option<Box<Between>> = Load::load(&mut state)?;
        let attachment = Load::load(&mut state)?;
        let threads = if between.is_some() { WorldConfig::default().threads } else { 1 };
        let world = World { now, seed, threads, names, boards, between };
        if !world.is_sound() {
            return Err(state.damaged("no possible World").into());
        }
        state.finish()?;
        Ok((world, attachment))
    }

    /// Whether every board has its name and its place in what is between them.
    fn is_sound(&self) -> bool {
        let count = self.boards.len();
        let linked = match &self.between {
            Some(between) => between.fits(&self.boards) && self.boards.iter().all(Machine::has_open_ports),
            None => count == 1 && !self.boards[0].has_open_ports(),
        };
        linked && self.names.len() == count
    }
}

/// True if a file that begins with these bytes is a snapshot of a world.
pub fn is_snapshot(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}
