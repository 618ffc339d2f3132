//! The memory array: pages that machines share until one of them writes.

use std::sync::Arc;

use espalier_core::{Damaged, Load, Persist, Reader, Writer, restore_sparse, save_sparse};

/// Bytes in one page: those of the ESP32's MMU for external RAM.
pub const PSRAM_PAGE_SIZE: usize = 0x8000;

type Page = [u8; PSRAM_PAGE_SIZE];

#[derive(Clone, Debug)]
pub struct Storage {
    pages: Vec<Arc<Page>>,
    /// All pages that were never written are this one.
    empty: Arc<Page>,
}

impl Persist for Storage {
    fn save(&self, to: &mut Writer) {
        let Storage { pages, empty } = self;
        to.length(pages.len());
        for page in pages {
            let has_content = !Arc::ptr_eq(page, empty);
            has_content.save(to);
            if has_content {
                save_sparse(&page[..], 0, to);
            }
        }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.pages.len())?;
        for page in &mut self.pages {
            *page = self.empty.clone();
            if bool::load(from)? {
                restore_sparse(&mut Arc::make_mut(page)[..], 0, from)?;
            }
        }
        Ok(())
    }
}

impl Storage {
    pub fn new(size: usize) -> Storage {
        let empty = Arc::new([0; PSRAM_PAGE_SIZE]);
        Storage { pages: vec![empty.clone(); size / PSRAM_PAGE_SIZE], empty }
    }

    /// Chips have a power of two of pages; a page past the end is one from the start.
    #[inline]
    fn index(&self, page: usize) -> usize {
        page & (self.pages.len() - 1)
    }

    #[inline]
    pub fn page(&self, page: usize) -> &Page {
        &self.pages[self.index(page)]
    }

    #[inline]
    pub fn page_mut(&mut self, page: usize) -> &mut Page {
        let index = self.index(page);
        Arc::make_mut(&mut self.pages[index])
    }

    /// Reads from `address` on; the address counter goes on at the start behind the end.
    pub fn read(&self, address: usize, into: &mut [u8]) {
        for (index, byte) in into.iter_mut().enumerate() {
            let at = address + index;
            *byte = self.page(at / PSRAM_PAGE_SIZE)[at % PSRAM_PAGE_SIZE];
        }
    }

    pub fn write(&mut self, address: usize, from: &[u8]) {
        for (index, byte) in from.iter().enumerate() {
            let at = address + index;
            self.page_mut(at / PSRAM_PAGE_SIZE)[at % PSRAM_PAGE_SIZE] = *byte;
        }
    }
}
