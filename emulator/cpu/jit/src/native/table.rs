//! Table of the code that computed jumps and returns lead to.
//!
//! Two addresses share a set of two entries, so that a loop whose calls and returns fall into one set finds all of its code. With one entry
//! for each, such a loop would leave translated code in every round.

use std::mem::offset_of;

/// The address of a block and where its code is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct TableEntry {
    pub address: u32,
    /// Leads to the way out while there is no code for the address.
    pub code: u64,
}

pub(super) const TABLE_ADDRESS: i32 = offset_of!(TableEntry, address) as i32;
pub(super) const TABLE_CODE: i32 = offset_of!(TableEntry, code) as i32;
/// Distance from the first entry of a set to the second one.
pub(super) const TABLE_SECOND: i32 = size_of::<TableEntry>() as i32;
/// Number of sets, a power of two.
pub(super) const TABLE_SETS: usize = 1 << 10;
/// Bytes of a set, as a shift.
pub(super) const TABLE_SET_SHIFT: u8 = size_of::<[TableEntry; 2]>().trailing_zeros() as u8;
/// Distance by which the upper bits of an address are shifted to be mixed with the lower ones.
pub(super) const TABLE_MIX: u8 = 11;

/// For each set, the entries in it.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[[TableEntry; 2]]>,
    out: u64,
}

impl Table {
    /// A table without code. `out` is where the way out is.
    pub fn new(out: u64) -> Table {
        Table { sets: vec![[TableEntry { address: 0, code: out }; 2]; TABLE_SETS].into_boxed_slice(), out }
    }

    fn set(&mut self, address: u32) -> &mut [TableEntry; 2] {
        &mut self.sets[(address ^ address >> TABLE_MIX) as usize % TABLE_SETS]
    }

    /// The code of the block at `address` is at `code` from now on. It takes the place of the older entry of the set.
    #[inline]
    pub fn put(&mut self, address: u32, code: u64) {
        let set = self.set(address);
        let known = set.iter_mut().find(|entry| entry.address == address);
        match known {
            Some(entry) => entry.code = code,
            None => *set = [TableEntry { address, code }, set[0]],
        }
    }

    /// No way leads to the block at `address` any more.
    pub fn remove(&mut self, address: u32) {
        let out = self.out;
        self.set(address).iter_mut().filter(|entry| entry.address == address).for_each(|entry| entry.code = out);
    }

    pub fn clear(&mut self) {
        self.sets.fill([TableEntry { address: 0, code: self.out }; 2]);
    }

    /// The first entry of the first set.
    pub fn as_ptr(&self) -> *const TableEntry {
        self.sets.as_ptr().cast()
    }
}
