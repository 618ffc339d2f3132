//! The context of translated code beside the guest's registers, and its results.

use std::mem::offset_of;

use super::table::TableEntry;

/// Lent to translated code for one run.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Context {
    pub data_versions: *const u32,
    pub words: *const u8,
    pub word_versions: *const u32,
    pub pages: *const *const u8,
    pub table: *const TableEntry,
    /// Instructions that are left.
    pub room: u32,
    /// Why the run ended: [`KIND_AT`] to [`KIND_LOOK`].
    pub kind: u32,
    /// With [`KIND_INTERPRET`], the tag of the block and the number of the instruction.
    pub tag: u32,
    pub index: u32,
    /// Pairs of an address and a value ([`SteadyWords`](espalier_core::SteadyWords)).
    pub steady: *const u32,
    /// The instructions that were left when one of them was read last; [`NEVER`] before.
    pub looked: u32,
    /// Counts of executions.
    pub executions: *mut u64,
    /// The numbers of the lines in both ways of the cache.
    pub newer_lines: *const u32,
    pub older_lines: *const u32,
}

/// More than can be left, for one instruction cannot come before the first.
pub(super) const NEVER: u32 = u32::MAX;

pub(super) const KIND_AT: u32 = 0;
pub(super) const KIND_INTERPRET: u32 = 1;
pub(super) const KIND_LOOK: u32 = 2;

pub(super) const DATA_VERSIONS: i32 = offset_of!(Context, data_versions) as i32;
pub(super) const WORDS: i32 = offset_of!(Context, words) as i32;
pub(super) const WORD_VERSIONS: i32 = offset_of!(Context, word_versions) as i32;
pub(super) const PAGES: i32 = offset_of!(Context, pages) as i32;
pub(super) const TABLE: i32 = offset_of!(Context, table) as i32;
pub(super) const ROOM: i32 = offset_of!(Context, room) as i32;
pub(super) const KIND: i32 = offset_of!(Context, kind) as i32;
pub(super) const TAG: i32 = offset_of!(Context, tag) as i32;
pub(super) const STEADY: i32 = offset_of!(Context, steady) as i32;
pub(super) const LOOKED: i32 = offset_of!(Context, looked) as i32;
pub(super) const EXECUTIONS: i32 = offset_of!(Context, executions) as i32;
pub(super) const NEWER_LINES: i32 = offset_of!(Context, newer_lines) as i32;
pub(super) const OLDER_LINES: i32 = offset_of!(Context, older_lines) as i32;
pub(super) const INDEX: i32 = offset_of!(Context, index) as i32;
