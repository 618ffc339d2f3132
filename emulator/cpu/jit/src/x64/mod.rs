//! The back end for x86-64 under the System V ABI, and the state that its code shares.

mod assembler;
mod cache;
mod context;
mod emit;
mod stubs;

use std::collections::HashMap;
use std::sync::Arc;

use context::{Context, KIND_INTERPRET, KIND_LOOK, TABLE_ENTRIES, TableEntry, table_slot};
use espalier_core::{Page, PagedMemory, WindowLayout, Windows};
use stubs::Stubs;

use crate::arena::Arena;
use crate::engine::{Block, Exit, Outcome};
use crate::ir::Slot;
use crate::layout;

/// Where code for one core lies, and the tables that lead to it.
#[derive(Debug)]
pub(crate) struct Native {
    arena: Arena,
    /// Bytes of the arena that the shared code takes.
    shared: usize,
    stubs: Stubs,
    layout: WindowLayout,
    pc: Slot,
    /// For each guest address that code jumps to or lies at, where its code is, or the way out.
    cells: Vec<u64>,
    cell_of: HashMap<u32, u32>,
    table: Box<[TableEntry]>,
    /// The pages that the table of addresses in `page_addresses` points to, kept alive here.
    pages: Vec<Option<Arc<Page>>>,
    page_addresses: Vec<usize>,
    generation: Option<u64>,
}

type Enter = unsafe extern "sysv64" fn(*mut u32, *mut u8, *mut Context, *const u64, u32, u64);

impl Native {
    pub(crate) fn new(layout: WindowLayout, pc: Slot) -> Option<Native> {
        let mut arena = Arena::new()?;
        let stubs = stubs::write(&mut arena, pc)?;
        let empty = TableEntry { address: 0, code: stubs.at };
        Some(Native {
            shared: arena.used(),
            arena,
            stubs,
            layout,
            pc,
            cells: Vec::new(),
            cell_of: HashMap::new(),
            table: vec![empty; TABLE_ENTRIES].into_boxed_slice(),
            pages: Vec::new(),
            page_addresses: vec![0; layout.paged.size as usize / size_of::<Page>()],
            generation: None,
        })
    }

    pub(crate) fn layout(&self) -> &WindowLayout {
        &self.layout
    }

    /// Translates a block. False if there is no room for it.
    pub(crate) fn install(&mut self, block: &Block<'_>) -> bool {
        let Native { arena, stubs, layout, cells, cell_of, .. } = self;
        let mut cell = |address| {
            *cell_of.entry(address).or_insert_with(|| {
                cells.push(stubs.at);
                (cells.len() - 1) as u32
            })
        };
        let own = cell(block.address);
        let code = emit::emit(block, layout, stubs, arena.address(arena.used()), &mut cell);
        let Some(code) = arena.push(&code) else { return false };
        cells[own as usize] = code;
        self.table[table_slot(block.address)] = TableEntry { address: block.address, code };
        true
    }

    pub(crate) fn remove(&mut self, address: u32) {
        if let Some(cell) = self.cell_of.get(&address) {
            self.cells[*cell as usize] = self.stubs.at;
        }
        let entry = &mut self.table[table_slot(address)];
        if entry.address == address {
            entry.code = self.stubs.at;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.arena.truncate(self.shared);
        self.cells.clear();
        self.cell_of.clear();
        self.table.fill(TableEntry { address: 0, code: self.stubs.at });
    }

    /// Takes over the pages as they are mapped now.
    fn refresh_pages(&mut self, memory: &dyn PagedMemory) {
        let generation = memory.generation();
        if self.generation == Some(generation) {
            return;
        }
        self.generation = Some(generation);
        // The old pages live until no address points to them any more.
        let pages: Vec<_> = (0..self.page_addresses.len()).map(|number| memory.page(number)).collect();
        for (address, page) in self.page_addresses.iter_mut().zip(&pages) {
            *address = page.as_ref().map_or(0, |page| page.as_ptr() as usize);
        }
        self.pages = pages;
    }

    pub(crate) fn run(
        &mut self,
        address: u32,
        registers: &mut [u32],
        windows: &mut Windows<'_>,
        memory: &dyn PagedMemory,
        room: u32,
    ) -> Option<Outcome> {
        let code = *self.cells.get(*self.cell_of.get(&address)? as usize)?;
        assert!(layout::fits(&self.layout, windows), "memory of another size than the code was made for");
        self.refresh_pages(memory);
        self.table[table_slot(address)] = TableEntry { address, code };
        let mut context = Context {
            data_versions: windows.data_versions.as_ptr(),
            words: windows.words.as_ptr(),
            word_versions: windows.word_versions.as_ptr(),
            pages: self.page_addresses.as_ptr().cast(),
            table: self.table.as_ptr(),
            room,
            kind: 0,
            tag: 0,
            index: 0,
        };
        // SAFETY: `enter` is the address of the code that `stubs::write` made for this very signature, in memory that is mapped as
        // long as the arena lives.
        let enter = unsafe { std::mem::transmute::<usize, Enter>(self.stubs.enter as usize) };
        // SAFETY: `code` is an address that `install` or `stubs::write` made. Translated code reaches registers below the highest
        // slot of any operation, which `Engine::run` has compared with their number; memory inside the windows, whose sizes were
        // compared above with the constants in the code; versions by page numbers that lie in those windows; pages that `self.pages`
        // keeps alive; and the table, the cells and the context, which are borrowed for the call. It writes to the registers, the
        // data window and the context only, all of which are borrowed exclusively. It returns with the registers restored that the
        // ABI asks for.
        unsafe {
            enter(registers.as_mut_ptr(), windows.data.as_mut_ptr(), &raw mut context, self.cells.as_ptr(), room, code);
        }
        let exit = match context.kind {
            KIND_INTERPRET => Exit::Interpret { tag: context.tag, index: context.index },
            KIND_LOOK => Exit::Look,
            _ => Exit::At,
        };
        Some(Outcome { exit, room: context.room })
    }

    pub(crate) fn pc(&self) -> Slot {
        self.pc
    }
}
