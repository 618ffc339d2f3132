//! The machine under a debugger: what can be looked at and changed while it stands still.
//!
//! Looking changes nothing, not even in a block whose registers react to being read: those are read in a copy of the machine.

use espalier_core::Bus;
use espalier_xtensa::Watchpoint;

use crate::bus::CoreBus;
use crate::machine::{CORES, Machine};
use crate::map;

/// Bytes of a word.
const WORD: u32 = 4;

/// A debugger asked for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Nothing answers.
    #[error("no memory or register at {0:#010x}")]
    Unmapped(u32),
    /// It can only be read.
    #[error("what is at {0:#010x} can only be read")]
    ReadOnly(u32),
}

impl Machine {
    /// Addresses before whose instructions either core stops with [`Stop::Debug`](crate::Stop::Debug).
    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        (0..CORES).for_each(|core| self.cpu_mut(core).set_breakpoints(addresses));
    }

    /// Data whose accesses stop the core that makes them.
    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        (0..CORES).for_each(|core| self.cpu_mut(core).set_watchpoints(watchpoints));
    }

    /// True if a core has no clock, or something holds it: it will not execute before that changes.
    pub fn is_held(&self, core: usize) -> bool {
        !self.is_clocked(core)
    }

    /// Reads memory as `core` sees it, flash behind its cache and ROM included.
    pub fn peek(&mut self, core: usize, address: u32, into: &mut [u8]) -> Result<(), MemoryError> {
        let mut known: Option<(u32, [u8; WORD as usize])> = None;
        for (byte, address) in into.iter_mut().zip((0..).map(|offset| address.wrapping_add(offset))) {
            let base = address & !(WORD - 1);
            let bytes = match known {
                Some((at, bytes)) if at == base => bytes,
                _ => self.peek_word(core, base).ok_or(MemoryError::Unmapped(address))?.to_le_bytes(),
            };
            known = Some((base, bytes));
            *byte = bytes[(address - base) as usize];
        }
        Ok(())
    }

    fn peek_word(&mut self, core: usize, address: u32) -> Option<u32> {
        if let Some(word) = self.debug_bus(core, |bus| bus.memory_word(address)) {
            return Some(word);
        }
        map::find(address)?;
        self.clone().debug_bus(core, |bus| bus.load32(address, 0)).ok()
    }

    /// Writes memory as `core` does. Registers take the write as from a program, with all that follows from it.
    pub fn poke(&mut self, core: usize, address: u32, from: &[u8]) -> Result<(), MemoryError> {
        let mut done = 0;
        while done < from.len() {
            let address = address.wrapping_add(done as u32);
            let base = address & !(WORD - 1);
            let first = (address - base) as usize;
            let piece = &from[done..from.len().min(done + WORD as usize - first)];
            done += piece.len();
            if let Some(old) = self.debug_bus(core, |bus| bus.memory_word(base)) {
                // The instruction bus takes whole words only.
                let mut bytes = old.to_le_bytes();
                bytes[first..first + piece.len()].copy_from_slice(piece);
                let stored = self.debug_bus(core, |bus| bus.store32(base, u32::from_le_bytes(bytes), 0));
                stored.map_err(|_| MemoryError::ReadOnly(address))?;
            } else if map::find(base).is_some() {
                let stored = match piece.try_into() {
                    Ok(word) => self.debug_bus(core, |bus| bus.store32(base, u32::from_le_bytes(word), 0)).map(|_| ()),
                    Err(_) => self.debug_bus(core, |bus| {
                        piece
                            .iter()
                            .zip(address..)
                            .try_for_each(|(byte, address)| bus.store8(address, *byte, 0).map(|_| ()))
                    }),
                };
                stored.map_err(|_| MemoryError::Unmapped(address))?;
            } else {
                return Err(MemoryError::Unmapped(address));
            }
        }
        Ok(())
    }

    /// Gives a core's bus to `access`, at the present time.
    fn debug_bus<T>(&mut self, core: usize, access: impl FnOnce(&mut CoreBus<'_>) -> T) -> T {
        let clock = self.cpu_clock();
        access(&mut self.core(core, 0, clock).1)
    }
}
