//! The bus of a core: memory, devices and external registers, whatever the instruction set.

use std::sync::Arc;

use crate::windows::{Page, WindowLayout, Windows};

/// Size in bytes of the pages whose versions say whether decoded code is still valid.
pub const CODE_PAGE: u32 = 256;

/// Why memory did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing answers at this address.
    #[error("unmapped")]
    Unmapped,
    /// The region is protected.
    #[error("prohibited")]
    Prohibited,
    /// A store to memory which can only be read.
    #[error("read-only")]
    ReadOnly,
    /// An access narrower than the memory allows, such as bytes in instruction RAM.
    #[error("access width not supported")]
    Width,
    /// An access whose alignment the memory does not allow.
    #[error("misaligned")]
    Alignment,
    /// A conditional store where memory has none.
    #[error("conditional store not supported")]
    Conditional,
    /// Memory answers later: the core waits for [`Bus::take_wait`] and makes the access again. No exception.
    #[error("not there yet")]
    Wait,
}

crate::persist!(
    enum Fault {
        Unmapped,
        Prohibited,
        ReadOnly,
        Width,
        Alignment,
        Conditional,
        Wait,
    }
);

/// The effect of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// No code that anyone has decoded.
    Data,
    /// Something on a page that code was decoded from, or how addresses of code are translated: the instruction after the store is
    /// looked up anew.
    Code,
}

/// The ways in which code in a piece of memory can change, which decide how decoded blocks are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeMemory {
    /// It never changes.
    Fixed,
    /// Only a change of address translation can change it: dropped when [`Bus::code_epoch`] changes.
    Mapped,
    /// Any store can change it: the page's version is compared whenever a block is entered.
    Writable,
}

/// Numbers that differ from what they were once any code that anyone has decoded may have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeState {
    /// The number that [`Bus::code_epoch`] returns.
    pub epoch: u32,
    /// The writes to pages that code was decoded from.
    pub writes: u32,
    /// The number of times that code was decoded from a page for the first time, or for the first time after such a write.
    pub decodings: u32,
}

impl CodeState {
    /// The state of memories with pages of these versions: one grows by one when code is decoded from its page, and by one with the write
    /// that follows.
    pub fn of<'a>(epoch: u32, memories: impl IntoIterator<Item = &'a [u32]>) -> CodeState {
        memories.into_iter().flatten().fold(CodeState { epoch, ..CodeState::default() }, |state, version| CodeState {
            writes: state.writes.wrapping_add(version >> 1),
            decodings: state.decodings.wrapping_add(version.div_ceil(2)),
            ..state
        })
    }

    /// Whether all code that had been decoded then is what it was.
    pub fn keeps(&self, then: &CodeState) -> bool {
        (self.epoch, self.writes) == (then.epoch, then.writes)
    }
}

/// Memory, devices and external registers as the core sees them.
///
/// `cycle` is the number of CPU cycles since the start of the core's current run or step, for devices that need the exact time.
/// Addresses of 16-bit and 32-bit accesses are aligned; a core whose load/store unit supports unaligned accesses splits them into
/// bytes.
pub trait Bus {
    /// The word of code at an aligned address. Only used for decoding.
    ///
    /// # Errors
    /// If there is no code at the address.
    fn fetch(&mut self, address: u32) -> Result<u32, Fault>;

    /// Fills the cache line with the code at `address`. False on a miss for which the core has to wait: the run ends before the
    /// instruction there, and the machine lets the time pass.
    fn bring_in(&mut self, address: u32) -> bool {
        let _ = address;
        true
    }

    /// Whether the code at `address` is in the cache and can be fetched without waiting. Blocks end before other code. The answer is the
    /// same for all instructions that lie in the same lines of [`CacheLines::LINE`](crate::CacheLines::LINE) bytes.
    fn is_at_hand(&self, address: u32) -> bool {
        let _ = address;
        true
    }

    /// The bytes of code from `address` on, as [`fetch`](Bus::fetch) reads them, whether they are at hand or not. None if they do not lie
    /// in one piece.
    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        let _ = (address, length);
        None
    }

    /// Brings in the lines of code at these two addresses. Returns the cycles that the core waits for them, none if they are in its
    /// cache. Only asked by a core that keeps the time of silicon, for code of [`CodeMemory::Mapped`].
    fn wait_for_code(&mut self, first: u32, last: u32) -> u32 {
        let _ = (first, last);
        0
    }

    /// The cycles that the core waits after an access that ended with [`Fault::Wait`].
    fn take_wait(&mut self) -> u32 {
        0
    }

    /// Waits before an access to a whole word of [`WindowLayout::registers`]: the cycles, after which the access does not end with
    /// [`Fault::Wait`]. None, and nothing is done, if they are more than `most`.
    fn wait_ahead(&mut self, address: u32, most: u32) -> Option<u32> {
        let _ = (address, most);
        Some(0)
    }

    /// Reads a whole word of [`WindowLayout::registers`] as [`load32`](Bus::load32) does, after [`wait_ahead`](Bus::wait_ahead). It is not
    /// among [`Windows::steady`].
    ///
    /// # Errors
    /// If there is no device at the address, or it refuses the access.
    fn load_register(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        self.load32(address, cycle)
    }

    /// Writes such a word as [`store32`](Bus::store32) does.
    ///
    /// # Errors
    /// If there is no device at the address, or it refuses the access.
    fn store_register(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        self.store32(address, value, cycle)
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault>;

    /// Reads an aligned halfword.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault>;

    /// Reads an aligned word.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault>;

    /// Writes a byte.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault>;

    /// Writes an aligned halfword.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault>;

    /// Writes an aligned word.
    ///
    /// # Errors
    /// If there is no memory or device at the address, or it refuses the access.
    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault>;

    /// Checks a [`store8`](Bus::store8) to `address` without writing. An unaligned store is made of several
    /// accesses, and either all of them happen or none.
    ///
    /// # Errors
    /// The fault that the store would raise.
    fn check_store8(&self, address: u32) -> Result<(), Fault>;

    /// Tells where the code is that the following accesses come from: the start of the block that is about to be executed,
    /// which is the instruction itself in the plain interpreter. For messages; does nothing unless the wiring wants it.
    fn executing(&mut self, address: u32) {
        let _ = address;
    }

    /// True if [`executed`](Bus::executed) and every access have to be reported: then no code is translated.
    fn is_observed(&self) -> bool {
        false
    }

    /// Tells that the instructions from `start` up to `end` were executed, and how many cycles the run has taken by then. Only called
    /// if the bus is observed.
    fn executed(&mut self, start: u32, end: u32, cycle: u32) {
        let _ = (start, end, cycle);
    }

    /// Tells that the core is about to take a branch, or not to, as these two numbers compare. Only called if the bus is observed.
    fn compared(&mut self, one: u32, other: u32) {
        let _ = (one, other);
    }

    /// Tells that the core takes an interrupt before the instruction at `from`, whose handler starts at `vector`. `number` is its level
    /// on a core of Xtensa, its line on one of RISC-V.
    fn interrupted(&mut self, from: u32, vector: u32, number: u32, cycle: u32) {
        let _ = (from, vector, number, cycle);
    }

    /// True when the wiring wants the core's run to return: interrupt lines changed, a deadline moved,
    /// the other core was started. Checked after every block.
    fn attention(&self) -> bool;

    /// Version of the code page that holds `address`: differs from the one that [`note_decoded`](Bus::note_decoded) gave whenever
    /// the page's bytes may differ.
    fn code_version(&self, address: u32) -> u32;

    /// Code was decoded from the page that holds `address`: from now on a store to it changes its version and answers
    /// [`Stored::Code`]. Returns the version.
    fn note_decoded(&mut self, address: u32) -> u32;

    /// The state of all code.
    fn code_state(&self) -> CodeState {
        CodeState { epoch: self.code_epoch(), ..CodeState::default() }
    }

    /// Returns the ways in which the code at `address` can change. The answer must be the same for all addresses of a page.
    fn code_memory(&self, address: u32) -> CodeMemory {
        let _ = address;
        CodeMemory::Writable
    }

    /// Changes whenever address translation for code has changed; drops all blocks of [`CodeMemory::Mapped`]. Looked at when a
    /// run starts and after instructions that synchronise, so the wiring raises its [`attention`](Bus::attention) as well.
    fn code_epoch(&self) -> u32;

    /// Where the memory lies that translated code may touch by itself. Constant; none unless the wiring has some.
    fn window_layout(&self) -> WindowLayout {
        WindowLayout::default()
    }

    /// Returns the memory that translated code may access. Accesses to it have the effect of loads and stores, as long as code
    /// is not rewritten.
    fn windows(&mut self) -> Option<Windows<'_>> {
        None
    }

    /// The first cycle from `cycle` on in which words of [`Windows::steady`] have to be read anew: translated code stops before it. A word
    /// whose time is over in `cycle` is not among them any more.
    fn steady_until(&mut self, cycle: u32) -> u32 {
        let _ = cycle;
        u32::MAX
    }

    /// Tells that translated code has read a word of [`Windows::steady`] in this cycle, and no such word later.
    fn looked_at_steady(&mut self, cycle: u32) {
        let _ = cycle;
    }

    /// Changes whenever a page of [`WindowLayout::paged`] may be another one or have other bytes.
    fn page_generation(&self) -> u64 {
        0
    }

    /// The page with this number of [`WindowLayout::paged`], if something is mapped there.
    fn page(&self, number: usize) -> Option<Arc<Page>> {
        let _ = number;
        None
    }

    /// Tells of an instruction of this core whose effect no public document describes, and which raises an exception instead. `pc`
    /// is its address.
    fn unmodelled_instruction(&mut self, mnemonic: &'static str, pc: u32) {
        let _ = (mnemonic, pc);
    }

    /// Reads a register outside of the core that is in no memory map (`RER` on Xtensa). Zero where the chip has none.
    fn read_external(&mut self, address: u32, cycle: u32) -> u32 {
        let _ = (address, cycle);
        0
    }

    /// Writes such a register (`WER` on Xtensa).
    fn write_external(&mut self, address: u32, value: u32, cycle: u32) {
        let _ = (address, value, cycle);
    }
}
