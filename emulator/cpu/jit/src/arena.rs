//! Memory for translated code: the same pages mapped twice, once to be written and once to be executed, and never both.

use std::ffi::c_void;
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Room for code. Pages that hold none yet take no memory.
pub(crate) const SIZE: usize = 16 << 20;

/// The two mappings.
#[derive(Debug)]
pub(crate) struct Arena {
    writable: NonNull<u8>,
    executable: NonNull<u8>,
    used: usize,
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
            Some(executable) => Some(Arena { writable, executable, used: 0 }),
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
        // SAFETY: the range lies in the mapping, as was just checked, and no reference into it exists.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), self.writable.as_ptr().add(offset), code.len()) };
        self.used = offset + code.len();
        Some(self.address(offset))
    }

    /// Takes back all room after the first `offset` bytes. The caller makes sure that nothing there is executed again.
    pub(crate) fn truncate(&mut self, offset: usize) {
        self.used = offset;
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
