//! The context of translated code beside the guest's registers, and its results.

use std::any::Any;
use std::mem::offset_of;

use espalier_core::WindowLayout;

use super::table::TableEntry;
use crate::outside::Outside;

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
    /// The function that is called for a register, and the start of the block that calls.
    pub reach: Reach,
    pub block: u32,
    /// The cycles that the rest of the block can take.
    pub needed: u32,
    /// The word that was read.
    pub value: u32,
    pub data: *mut u8,
    /// The surroundings of the core, for the duration of the run.
    pub outside: *mut (dyn Outside + 'static),
    pub layout: *const WindowLayout,
    /// The payload of a panic in a call.
    pub panic: Option<Box<dyn Any + Send>>,
}

/// Reaches for the register at an address, with the value for it. `spot` is twice the number of cycles between the start of the run's present
/// block and the access, and one more if it is a store. Returns one of [`GOES_ON`] to [`REFUSED`].
pub(super) type Reach = unsafe extern "C" fn(context: *mut Context, address: u32, value: u32, spot: u32) -> u32;

pub(super) const GOES_ON: u32 = 0;
pub(super) const STOPS: u32 = 1;
pub(super) const REFUSED: u32 = 2;

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
pub(super) const REACH: i32 = offset_of!(Context, reach) as i32;
pub(super) const BLOCK: i32 = offset_of!(Context, block) as i32;
pub(super) const NEEDED: i32 = offset_of!(Context, needed) as i32;
pub(super) const VALUE: i32 = offset_of!(Context, value) as i32;
pub(super) const INDEX: i32 = offset_of!(Context, index) as i32;
