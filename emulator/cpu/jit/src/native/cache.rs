//! Allocation of the guest's registers to registers of the host, within one block.

use super::code::{Assembler, Reg};
use super::host::{POOL, REGISTERS, WINDOW};
use crate::ir::{Ring, Slot};

/// Bytes of a group of registers of the ring, as a shift.
pub(super) const GROUP_SHIFT: u8 = (Ring::GROUP * 4).trailing_zeros() as u8;
pub(super) const GROUP_BYTES: i32 = 1 << GROUP_SHIFT;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    slot: Option<Slot>,
    /// Memory does not have the value yet.
    dirty: bool,
    /// When it was used last.
    used: u32,
}

/// The guest register in each register of the pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    entries: [Entry; POOL.len()],
    clock: u32,
    ring: Option<Ring>,
}

/// Where a guest's register lies behind the first one.
pub(super) fn displacement(slot: Slot) -> i32 {
    i32::from(slot) * 4
}

impl Cache {
    pub fn new(ring: Option<Ring>) -> Cache {
        Cache { ring, ..Cache::default() }
    }

    /// The register of the host and the displacement from it at which a guest's register lies.
    pub fn home(&self, slot: Slot) -> (Reg, i32) {
        // The place of the name among the visible registers, if it is one of them.
        let shown = |ring: Ring| slot.checked_sub(ring.visible).filter(|place| *place < Ring::GROUP * ring.shown);
        match self.ring.and_then(shown) {
            Some(place) => (WINDOW, displacement(place)),
            None => (REGISTERS, displacement(slot)),
        }
    }

    fn find(&self, slot: Slot) -> Option<usize> {
        self.entries.iter().position(|entry| entry.slot == Some(slot))
    }

    fn touch(&mut self, index: usize) -> Reg {
        self.clock += 1;
        self.entries[index].used = self.clock;
        POOL[index]
    }

    /// The register for `slot`, whose value is not loaded if it was not there. The four registers that were used last stay.
    fn take(&mut self, asm: &mut Assembler, slot: Slot) -> (Reg, bool) {
        if let Some(index) = self.find(slot) {
            return (self.touch(index), true);
        }
        let index = (0..POOL.len())
            .min_by_key(|index| (self.entries[*index].slot.is_some(), self.entries[*index].used))
            .unwrap_or_default();
        self.write_back(asm, index);
        self.entries[index] = Entry { slot: Some(slot), dirty: false, used: 0 };
        (self.touch(index), false)
    }

    fn write_back(&mut self, asm: &mut Assembler, index: usize) {
        let entry = &mut self.entries[index];
        if let Some(slot) = entry.slot
            && std::mem::take(&mut entry.dirty)
        {
            let (base, displacement) = self.home(slot);
            asm.store(base, displacement, POOL[index]);
        }
    }

    /// The register that holds the value of `slot`.
    pub fn read(&mut self, asm: &mut Assembler, slot: Slot) -> Reg {
        let (reg, there) = self.take(asm, slot);
        if !there {
            let (base, displacement) = self.home(slot);
            asm.load(reg, base, displacement);
        }
        reg
    }

    /// The register that is to get a new value of `slot`. It becomes valid with [`Cache::written`].
    pub fn reserve(&mut self, asm: &mut Assembler, slot: Slot) -> Reg {
        self.take(asm, slot).0
    }

    /// The register of `slot` has its new value.
    pub fn written(&mut self, slot: Slot) {
        if let Some(index) = self.find(slot) {
            self.entries[index].dirty = true;
        }
    }

    /// Drops an unneeded value.
    pub fn forget(&mut self, slot: Slot) {
        if let Some(index) = self.find(slot) {
            self.entries[index] = Entry::default();
        }
    }

    /// Returns the registers that have to be stored when control leaves here.
    pub fn dirty(&self) -> Vec<(Reg, Slot)> {
        let entries = self.entries.iter().zip(POOL).filter(|(entry, _)| entry.dirty);
        entries.filter_map(|(entry, reg)| Some((reg, entry.slot?))).collect()
    }

    /// Whether every register has what `other` says, and memory lacks no value that it has there.
    pub fn agrees(&self, other: &Cache) -> bool {
        self.entries.iter().zip(&other.entries).all(|(here, there)| match there.slot {
            slot if slot == here.slot => there.dirty || !here.dirty,
            None => !here.dirty,
            Some(_) => false,
        })
    }

    /// Stores everything and forgets it.
    pub fn flush(&mut self, asm: &mut Assembler) {
        for index in 0..POOL.len() {
            self.write_back(asm, index);
            self.entries[index] = Entry::default();
        }
    }

    /// Stores and forgets what the window shows, for it is about to move.
    pub fn flush_window(&mut self, asm: &mut Assembler) {
        for index in 0..POOL.len() {
            if self.entries[index].slot.is_some_and(|slot| self.home(slot).0 == WINDOW) {
                self.write_back(asm, index);
                self.entries[index] = Entry::default();
            }
        }
    }
}
