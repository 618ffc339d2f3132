//! The memory array: 64 KiB chunks that machines share until one of them writes.

use std::ops::Range;
use std::sync::Arc;

use espalier_core::{Damaged, Load, Persist, Reader, Writer, restore_sparse, save_sparse};

use super::FlashError;

/// Bytes in one chunk: a page of the ESP32's flash MMU and a block of the chip's 64 KiB erase.
pub const FLASH_CHUNK_SIZE: usize = 0x1_0000;
const ERASED: u8 = 0xFF;

type Chunk = [u8; FLASH_CHUNK_SIZE];

#[derive(Clone)]
pub(super) struct Storage {
    chunks: Vec<Arc<Chunk>>,
    /// All erased chunks are this one.
    erased: Arc<Chunk>,
    versions: Vec<u32>,
    changes: u64,
}

impl Persist for Storage {
    fn save(&self, to: &mut Writer) {
        let Storage { chunks, erased, versions, changes } = self;
        to.length(chunks.len());
        for chunk in chunks {
            let has_content = !Arc::ptr_eq(chunk, erased);
            has_content.save(to);
            if has_content {
                save_sparse(&chunk[..], ERASED, to);
            }
        }
        Persist::save_all(versions, to);
        changes.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.chunks.len())?;
        for chunk in &mut self.chunks {
            *chunk = self.erased.clone();
            if bool::load(from)? {
                restore_sparse(&mut Arc::make_mut(chunk)[..], ERASED, from)?;
            }
        }
        Persist::restore_all(&mut self.versions, from)?;
        self.changes.restore(from)
    }
}

impl Storage {
    pub(super) fn erased(size: usize) -> Storage {
        let erased = Arc::new([ERASED; FLASH_CHUNK_SIZE]);
        let count = size / FLASH_CHUNK_SIZE;
        Storage { chunks: vec![erased.clone(); count], erased, versions: vec![0; count], changes: 0 }
    }

    #[inline]
    pub(super) fn size(&self) -> usize {
        self.chunks.len() * FLASH_CHUNK_SIZE
    }

    #[inline]
    pub(super) fn chunk(&self, page: usize) -> &Chunk {
        &self.chunks[self.index(page)]
    }

    pub(super) fn shared_chunk(&self, page: usize) -> Arc<Chunk> {
        self.chunks[self.index(page)].clone()
    }

    /// Chips have a power of two of chunks; a page past the end is one from the start.
    #[inline]
    fn index(&self, page: usize) -> usize {
        page & (self.chunks.len() - 1)
    }

    #[inline]
    pub(super) fn version(&self, page: usize) -> u32 {
        self.versions[self.index(page)]
    }

    #[inline]
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Reads from `offset` on; past the end of the array it continues at its start, as the chip's address counter does.
    #[inline]
    pub(super) fn read(&self, offset: usize, into: &mut [u8]) {
        let mut offset = offset % self.size();
        let mut rest = into;
        while !rest.is_empty() {
            let at = offset % FLASH_CHUNK_SIZE;
            let (part, tail) = rest.split_at_mut(rest.len().min(FLASH_CHUNK_SIZE - at));
            part.copy_from_slice(&self.chunk(offset / FLASH_CHUNK_SIZE)[at..at + part.len()]);
            offset = (offset + part.len()) % self.size();
            rest = tail;
        }
    }

    /// The bytes of `range`, which lies in the array.
    #[inline]
    pub(super) fn copy(&self, range: &Range<usize>) -> Vec<u8> {
        let mut data = vec![0; range.len()];
        self.read(range.start, &mut data);
        data
    }

    /// Becomes `other`, an array of the same size. Chunks that are the same memory do not count as changed.
    pub(super) fn become_like(&mut self, other: &Storage) {
        for (page, theirs) in other.chunks.iter().enumerate().take(self.chunks.len()) {
            if Arc::ptr_eq(&self.chunks[page], theirs) {
                continue;
            }
            // Chunks that take no memory all share one erased chunk.
            let erased = Arc::ptr_eq(theirs, &other.erased);
            self.chunks[page] = if erased { self.erased.clone() } else { theirs.clone() };
            self.changed(page);
        }
    }

    /// Programming can only clear bits. `offset..offset + data.len()` lies in one chunk.
    #[inline]
    pub(super) fn program(&mut self, offset: usize, data: &[u8]) {
        let (page, at) = (offset / FLASH_CHUNK_SIZE, offset % FLASH_CHUNK_SIZE);
        let old = &self.chunks[page][at..at + data.len()];
        if old.iter().zip(data).all(|(old, new)| old & new == *old) {
            return;
        }
        let cells = &mut Arc::make_mut(&mut self.chunks[page])[at..at + data.len()];
        for (cell, byte) in cells.iter_mut().zip(data) {
            *cell &= byte;
        }
        self.changed(page);
    }

    /// Sets all bits of `offset..offset + length`; both are multiples of an erase unit.
    #[inline]
    pub(super) fn erase(&mut self, offset: usize, length: usize) {
        let mut offset = offset;
        let end = offset + length;
        while offset < end {
            let (page, at) = (offset / FLASH_CHUNK_SIZE, offset % FLASH_CHUNK_SIZE);
            let part = (end - offset).min(FLASH_CHUNK_SIZE - at);
            self.erase_in_chunk(page, at, part);
            offset += part;
        }
    }

    #[inline]
    fn erase_in_chunk(&mut self, page: usize, at: usize, length: usize) {
        if Arc::ptr_eq(&self.chunks[page], &self.erased) {
            return;
        }
        if length == FLASH_CHUNK_SIZE {
            self.chunks[page] = self.erased.clone();
        } else {
            Arc::make_mut(&mut self.chunks[page])[at..at + length].fill(ERASED);
        }
        self.changed(page);
    }

    /// Overwrites cells whatever they held, as a programmer does before the chip is soldered in.
    pub(super) fn load(&mut self, offset: usize, data: &[u8]) -> Result<(), FlashError> {
        if offset.checked_add(data.len()).is_none_or(|end| end > self.size()) {
            return Err(FlashError::OutOfRange { offset, length: data.len(), size: self.size() });
        }
        self.overwrite(offset, data);
        Ok(())
    }

    /// Gives the cells from `offset` on, which all exist, other contents.
    #[inline]
    pub(super) fn overwrite(&mut self, offset: usize, data: &[u8]) {
        let mut offset = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let (page, at) = (offset / FLASH_CHUNK_SIZE, offset % FLASH_CHUNK_SIZE);
            let (part, tail) = rest.split_at(rest.len().min(FLASH_CHUNK_SIZE - at));
            let shared = Arc::ptr_eq(&self.chunks[page], &self.erased) && part.iter().all(|byte| *byte == ERASED);
            if !shared {
                Arc::make_mut(&mut self.chunks[page])[at..at + part.len()].copy_from_slice(part);
                self.changed(page);
            }
            offset += part.len();
            rest = tail;
        }
    }

    #[inline]
    fn changed(&mut self, page: usize) {
        self.versions[page] = self.versions[page].wrapping_add(1);
        self.changes += 1;
    }

    /// Whether the chunk takes no memory of its own.
    #[cfg(test)]
    pub(super) fn is_shared_erased(&self, page: usize) -> bool {
        Arc::ptr_eq(&self.chunks[page], &self.erased)
    }
}
