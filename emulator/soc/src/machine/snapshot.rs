//! A machine in a file.
//!
//! Behind the frame of every file of state (`sealed`) come the chip, its ROM and the board, and the packed state of the machine. The
//! board's definition is in the file, so that it can be read where the board's TOML file is not; the ROM is not, only its digest. Nor
//! is the code of parts that users have written: who loads the machine has their kinds.

use std::sync::Arc;

use espalier_core::{Load, Persist, Reader, Writer};
use espalier_parts::PartKinds;

use super::sealed::{Magic, SnapshotError, pack, seal, unpack, unseal};
use super::{Engine, Machine, MachineConfig, Run};
use crate::error::SocError;

/// The first bytes of a snapshot.
const MAGIC: Magic = *b"ESPALIER";

impl From<SocError> for SnapshotError {
    fn from(error: SocError) -> SnapshotError {
        SnapshotError::Board(error.to_string())
    }
}

impl Machine {
    /// The machine as the bytes of a file: all of its state, and what it was made of.
    pub fn save(&self) -> Vec<u8> {
        let mut state = Writer::new();
        self.engine.save(&mut state);
        self.run.save(&mut state);
        seal(MAGIC, |file| {
            self.engine.chip_name().to_owned().save(file);
            self.engine.rom_digest().save(file);
            self.config.without_flash_content().save(file);
            own_kinds(&self.config).save(file);
            pack(&state.into_bytes(), file);
        })
    }

    /// The machine that [`save`](Machine::save) has written, around the engine that `assemble` makes.
    pub(crate) fn load_around(
        file: &[u8],
        kinds: &PartKinds,
        assemble: impl FnOnce(&MachineConfig) -> Result<Box<dyn Engine>, SocError>,
    ) -> Result<Machine, SnapshotError> {
        let mut reader = unseal(MAGIC, file)?;
        let chip = String::load(&mut reader)?;
        let rom = u32::load(&mut reader)?;
        let mut config = MachineConfig::load(&mut reader)?;
        config.board.kinds = kinds.clone();
        check_kinds(&config, &<Vec<bool>>::load(&mut reader)?)?;
        config.board.check().map_err(|kind| SnapshotError::Board(kind.to_string()))?;
        let state = unpack(&mut reader)?;
        reader.finish()?;
        let engine = assemble(&config)?;
        if engine.chip_name() != chip {
            return Err(SnapshotError::Chip { found: chip });
        }
        if engine.rom_digest() != rom {
            return Err(SnapshotError::Rom);
        }
        let run = Run::new(engine.cores());
        let mut machine = Machine { config: Arc::new(config), engine, run };
        let mut state = Reader::new(&state);
        if let Err(source) = machine.engine.restore(&mut state) {
            let refused = machine.engine.platform().parts.refused();
            return Err(refused.map_or(SnapshotError::Damaged(source), |(kind, name)| SnapshotError::Part {
                kind: kind.to_owned(),
                name: name.to_owned(),
                source,
            }));
        }
        machine.run.restore(&mut state)?;
        if !machine.run.fits(machine.engine.cores()) {
            return Err(state.damaged("no possible Run").into());
        }
        state.finish()?;
        Ok(machine)
    }
}

/// For each part of a board whether its kind is a user's, whose code no snapshot has.
fn own_kinds(config: &MachineConfig) -> Vec<bool> {
    let own = config.board.kinds.own();
    config.board.parts.iter().map(|part| own.contains(&part.kind)).collect()
}

/// Whether the kinds of parts are those with which the board was saved.
fn check_kinds(config: &MachineConfig, saved: &[bool]) -> Result<(), SnapshotError> {
    let given = own_kinds(config);
    let mut parts = config.board.parts.iter().zip(saved.iter().zip(&given));
    match parts.find(|(_, (saved, given))| saved != given) {
        None => Ok(()),
        Some((part, (own, _))) => {
            let (kind, name) = (part.kind.clone(), part.name.clone());
            Err(if *own { SnapshotError::OwnKind { kind, name } } else { SnapshotError::BuiltInKind { kind, name } })
        }
    }
}

/// True if a file that begins with these bytes is a snapshot of a machine.
pub fn is_snapshot(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}
