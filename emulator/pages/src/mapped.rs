//! Images in files without a name, and memory that maps them (memfd_create(2), mmap(2)).
#![expect(unsafe_code, reason = "the kernel copies pages only in memory that it maps")]

use std::ffi::c_void;
use std::fs::File;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::family::Permit;

/// Bytes that this value owns alone: on the heap, or in a private mapping.
#[derive(Debug)]
pub(crate) struct Memory<const SIZE: usize> {
    bytes: NonNull<[u8; SIZE]>,
    /// There if it is a mapping.
    permit: Option<Permit>,
}

// SAFETY: the bytes belong to this value alone and are reached through it. They do not depend on the thread that made them.
unsafe impl<const SIZE: usize> Send for Memory<SIZE> {}
// SAFETY: `&Memory` gives no more than `&[u8]`.
unsafe impl<const SIZE: usize> Sync for Memory<SIZE> {}

impl<const SIZE: usize> Memory<SIZE> {
    pub(crate) fn zeroed() -> Memory<SIZE> {
        Memory::on_heap(vec![0; SIZE])
    }

    /// A whole copy.
    pub(crate) fn copied(&self) -> Memory<SIZE> {
        Memory::on_heap(self.to_vec())
    }

    fn on_heap(bytes: Vec<u8>) -> Memory<SIZE> {
        let bytes: Result<Box<[u8; SIZE]>, _> = bytes.into_boxed_slice().try_into();
        let Ok(bytes) = bytes else { unreachable!("the vector has {SIZE} bytes") };
        Memory { bytes: NonNull::from(Box::leak(bytes)), permit: None }
    }

    pub(crate) fn is_mapped(&self) -> bool {
        self.permit.is_some()
    }
}

impl<const SIZE: usize> Deref for Memory<SIZE> {
    type Target = [u8; SIZE];

    #[inline(always)]
    fn deref(&self) -> &[u8; SIZE] {
        // SAFETY: the bytes are there until the drop, nothing else reaches them, and those of a mapping come from a file that is sealed.
        unsafe { self.bytes.as_ref() }
    }
}

impl<const SIZE: usize> DerefMut for Memory<SIZE> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8; SIZE] {
        // SAFETY: as above; what is written to a private mapping goes to no file and to no other mapping.
        unsafe { self.bytes.as_mut() }
    }
}

impl<const SIZE: usize> Drop for Memory<SIZE> {
    fn drop(&mut self) {
        if self.is_mapped() {
            // SAFETY: `Image::private` has mapped it with this size, and nothing can reach it after the drop.
            let _ = unsafe { munmap(self.bytes.as_ptr().cast::<c_void>(), SIZE) };
        } else {
            // SAFETY: `on_heap` got it from a box, and nothing can reach it after the drop.
            drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
        }
    }
}

/// A former state of a memory.
#[derive(Debug)]
pub(crate) struct Image<const SIZE: usize> {
    file: File,
    /// A mapping that is never written.
    view: Memory<SIZE>,
    _permit: Permit,
}

impl<const SIZE: usize> Image<SIZE> {
    /// None if the host refuses.
    pub(crate) fn of(bytes: &[u8; SIZE], permit: Permit, mapping: Permit) -> Option<Image<SIZE>> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(memfd_create("espalier-memory", flags).ok()?);
        file.write_all(bytes).ok()?;
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).ok()?;
        let view = private(&file, mapping)?;
        Some(Image { file, view, _permit: permit })
    }

    pub(crate) fn bytes(&self) -> &[u8; SIZE] {
        &self.view
    }

    /// Memory that has the pages of the image until it writes them. None if the host refuses.
    pub(crate) fn map(&self, permit: Permit) -> Option<Memory<SIZE>> {
        private(&self.file, permit)
    }
}

/// Maps a file that has `SIZE` bytes and is sealed.
fn private<const SIZE: usize>(file: &File, permit: Permit) -> Option<Memory<SIZE>> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses touches no memory of this program.
    let start = unsafe { mmap(std::ptr::null_mut(), SIZE, protection, MapFlags::PRIVATE, file, 0) };
    Some(Memory { bytes: NonNull::new(start.ok()?.cast())?, permit: Some(permit) })
}
