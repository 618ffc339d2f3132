//! The machine under a debugger: what can be looked at and changed while it stands still.
//!
//! Looking changes nothing, not even in a block whose registers react to being read: those are read in a copy of the machine.

use espalier_core::Watchpoint;

use super::Machine;

/// Bytes of a word.
const WORD: u32 = 4;

/// A debugger asked for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Nothing answers.
    #[error("no memory or register at {0:#010x}")]
    Unmapped(u32),
    /// It can only be read.
    #[error("the memory at {0:#010x} can only be read")]
    ReadOnly(u32),
}

impl Machine {
    /// Addresses before whose instructions a core stops with [`Stop::Debug`](crate::Stop::Debug).
    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        (0..self.cores()).for_each(|core| self.cpu_mut(core).set_breakpoints(addresses));
    }

    /// Data whose accesses stop the core that makes them.
    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        (0..self.cores()).for_each(|core| self.cpu_mut(core).set_watchpoints(watchpoints));
    }

    /// True if a core has no clock, or something holds it: it will not execute before that changes.
    pub fn is_held(&self, core: usize) -> bool {
        !self.engine.is_clocked(core)
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
        if let Some(word) = self.engine.memory_word(core, address) {
            return Some(word);
        }
        self.engine.platform().map.find(address)?;
        self.engine.fork().load32(core, address, self.run.now).ok()
    }

    /// Writes memory as `core` does. Registers take the write as from a program, with all that follows from it.
    pub fn poke(&mut self, core: usize, address: u32, from: &[u8]) -> Result<(), MemoryError> {
        let (mut done, now) = (0, self.run.now);
        while done < from.len() {
            let address = address.wrapping_add(done as u32);
            let base = address & !(WORD - 1);
            let first = (address - base) as usize;
            let piece = &from[done..from.len().min(done + WORD as usize - first)];
            done += piece.len();
            if let Some(old) = self.engine.memory_word(core, base) {
                // The instruction bus takes whole words only.
                let mut bytes = old.to_le_bytes();
                bytes[first..first + piece.len()].copy_from_slice(piece);
                let stored = self.engine.store32(core, base, u32::from_le_bytes(bytes), now);
                stored.map_err(|_| MemoryError::ReadOnly(address))?;
            } else if self.engine.platform().map.find(base).is_some() {
                let stored = match piece.try_into() {
                    Ok(word) => self.engine.store32(core, base, u32::from_le_bytes(word), now),
                    Err(_) => {
                        let mut bytes = piece.iter().zip(address..);
                        bytes.try_for_each(|(byte, address)| self.engine.store8(core, address, *byte, now))
                    }
                };
                stored.map_err(|_| MemoryError::Unmapped(address))?;
            } else {
                return Err(MemoryError::Unmapped(address));
            }
        }
        Ok(())
    }
}
