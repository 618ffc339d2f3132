//! Memory for translated code: the same pages mapped twice, once to be written and once to be executed, and never both.

use std::ffi::c_void;
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap};

use super::code::{Assembler, Word};
use super::host::{self, A};

/// Room for code. Pages that hold none yet take no memory.
pub(crate) const SIZE: usize = 16 << 20;

/// The two mappings.
#[derive(Debug)]
pub(crate) struct Arena {
    writable: NonNull<u8>,
    executable: NonNull<u8>,
    used: usize,
    /// The host does not notice new code in memory that is mapped twice.
    keeps_old_code: bool,
}

// SAFETY: the mappings belong to this value alone and are reached through `&mut self`, or executed by the owner of the engine
// exclusively. They do not depend on the thread that made them.
unsafe impl Send for Arena {}
// SAFETY: `&Arena` gives addresses only.
unsafe impl Sync for Arena {}

impl Arena {
    /// None if the host refuses such memory.
    pub(crate) fn new() -> Option<Arena> {
        let file = memfd_create("espalier-code", MemfdFlags::CLOEXEC).ok()?;
        ftruncate(&file, SIZE as u64).ok()?;
        let map = |protection| {
            // SAFETY: a new mapping at an address that the kernel chooses touches no memory of this program.
            let pointer = unsafe { mmap(std::ptr::null_mut(), SIZE, protection, MapFlags::SHARED, &file, 0) };
            pointer.ok().and_then(|pointer| NonNull::new(pointer.cast::<u8>()))
        };
        let writable = map(ProtFlags::READ | ProtFlags::WRITE)?;
        match map(ProtFlags::READ | ProtFlags::EXEC) {
            Some(executable) => {
                let mut arena = Arena { writable, executable, used: 0, keeps_old_code: false };
                arena.keeps_old_code = host::MAY_KEEP_OLD_CODE && arena.keeps_old_code();
                arena.truncate(0);
                Some(arena)
            }
            None => {
                // SAFETY: the mapping was made above and no pointer into it exists.
                let _ = unsafe { munmap(writable.as_ptr().cast::<c_void>(), SIZE) };
                None
            }
        }
    }

    /// Bytes that are taken.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Where the code at `offset` is executed.
    pub(crate) fn address(&self, offset: usize) -> u64 {
        self.executable.as_ptr() as u64 + offset as u64
    }

    /// Appends code. None if there is no room for it.
    pub(crate) fn push(&mut self, code: &[u8]) -> Option<u64> {
        if code.len() > SIZE - self.used {
            return None;
        }
        let offset = self.used;
        // SAFETY: the range lies in both mappings, as was just checked.
        let (written, executed) = unsafe { (self.writable.add(offset), self.executable.add(offset)) };
        // SAFETY: there is room for it there, and no reference into it exists.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), written.as_ptr(), code.len()) };
        host::publish(written.as_ptr(), executed.as_ptr(), code.len());
        self.used = offset + code.len();
        Some(self.address(offset))
    }

    /// Takes back all room after the first `offset` bytes. The caller makes sure that nothing there is executed again.
    pub(crate) fn truncate(&mut self, offset: usize) {
        if self.keeps_old_code && offset < self.used {
            // Never both at once.
            for protection in [MprotectFlags::WRITE, MprotectFlags::EXEC] {
                let place = self.executable.as_ptr().cast::<c_void>();
                // SAFETY: the mapping belongs to this value, and nothing is executed there meanwhile.
                let changed = unsafe { mprotect(place, self.used, MprotectFlags::READ | protection) };
                changed.expect("memory that could be executed before");
            }
        }
        self.used = offset;
    }

    /// Whether code that was executed is executed again after other code took its place.
    fn keeps_old_code(&mut self) -> bool {
        let answers = [1, 2].map(|answer| {
            let mut asm = Assembler::default();
            asm.mov_imm(A, answer);
            asm.ret();
            self.used = 0;
            let place = self.push(&asm.finish().at(0, |_| Word::Is(0)))?;
            host::observe();
            // SAFETY: this is code for a function of this type, in memory that is mapped.
            let function = unsafe { std::mem::transmute::<usize, extern "C" fn() -> u32>(place as usize) };
            Some(function() == answer)
        });
        answers.contains(&Some(false))
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for mapping in [self.writable, self.executable] {
            // SAFETY: both were mapped with this size by `new`, and nothing can reach them after the drop.
            let _ = unsafe { munmap(mapping.as_ptr().cast::<c_void>(), SIZE) };
        }
    }
}
