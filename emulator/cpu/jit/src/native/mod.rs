//! Translated code of one core, and the state that it shares. What depends on the host is in one folder for each.

mod arena;
mod cache;
mod code;
mod context;
mod detour;
mod emit;
mod float;
#[cfg_attr(target_arch = "x86_64", path = "x64/mod.rs")]
#[cfg_attr(target_arch = "aarch64", path = "a64/mod.rs")]
mod host;
mod memory;
mod pool;
mod stubs;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use arena::Arena;
use code::{Place, Word};
use context::{Context, GOES_ON, KIND_INTERPRET, KIND_LOOK, NEVER, REFUSED, STOPS};
use espalier_core::{AddressMap, Page, WindowLayout, Windows};
pub use host::fuses;
pub use pool::CodePool;
use pool::Translation;
use stubs::Stubs;
use table::Table;

use crate::block::{Block, Exit, Outcome};
use crate::ir::{Op, Ring, Slot};
use crate::layout;
use crate::outside::{Access, Moment, Outside, Reached};

/// Where code for one core lies, and the tables that lead to it.
#[derive(Debug)]
pub(crate) struct Native {
    /// There until the end.
    arena: Option<Arena>,
    /// The code of other engines.
    pool: Option<Arc<CodePool>>,
    /// Bytes of the arena that the shared code takes.
    shared: usize,
    stubs: Stubs,
    layout: WindowLayout,
    pc: Slot,
    ring: Option<Ring>,
    /// For each guest address that code jumps to or lies at, where its code is, or the way out.
    cells: Vec<u64>,
    /// The guest address of each cell.
    addresses: Vec<u32>,
    /// Where the code is that the cells of suspended blocks lead to again.
    suspended: AddressMap<u64>,
    cell_of: AddressMap<u32>,
    table: Table,
    /// The pages that the table of addresses in `page_addresses` points to, kept alive here.
    pages: Vec<Option<Arc<Page>>>,
    page_addresses: Vec<usize>,
    generation: Option<u64>,
}

/// Bytes of a cell and of a count of executions.
const CELL_SHIFT: u32 = 3;
const COUNT_SHIFT: u32 = 3;

type Enter = unsafe extern "C" fn(*mut u32, *mut u8, *mut Context, *const u64, u32, u64);

impl Native {
    pub(crate) fn new(
        layout: WindowLayout,
        pc: Slot,
        ring: Option<Ring>,
        pool: Option<Arc<CodePool>>,
    ) -> Option<Native> {
        let pool = pool.filter(|pool| pool.serves(&layout, ring));
        let mut arena = pool.as_ref().and_then(|pool| pool.take_arena()).or_else(Arena::new)?;
        let stubs = stubs::write(&mut arena, pc, ring)?;
        Some(Native {
            shared: arena.used(),
            arena: Some(arena),
            pool,
            stubs,
            layout,
            pc,
            ring,
            cells: Vec::new(),
            addresses: Vec::new(),
            suspended: AddressMap::default(),
            cell_of: AddressMap::default(),
            table: Table::new(stubs.at),
            pages: Vec::new(),
            page_addresses: vec![0; layout.paged.size as usize / size_of::<Page>()],
            generation: None,
        })
    }

    pub(crate) fn layout(&self) -> &WindowLayout {
        &self.layout
    }

    /// Translates a block, whose operations `check` checks unless the pool has code for the same ones. Returns the number of its cell and
    /// how many registers it reaches, as `check` does, or none if there is no room for it.
    pub(crate) fn install(&mut self, block: &Block<'_>, check: impl FnOnce() -> usize) -> Option<(u32, usize)> {
        let Native { arena, pool, stubs, layout, ring, cells, addresses, cell_of, .. } = self;
        let (arena, pool) = (arena.as_mut()?, pool.as_ref());
        let mut cell = |address| {
            *cell_of.entry(address).or_insert_with(|| {
                cells.push(stubs.at);
                addresses.push(address);
                (cells.len() - 1) as u32
            })
        };
        let own = cell(block.address);
        let translation = pool.and_then(|pool| pool.find(block)).unwrap_or_else(|| {
            let slots = check();
            let translation = Arc::new(Translation { code: emit::emit(block, layout, *ring), slots });
            if let Some(pool) = pool {
                pool.keep(block, &translation);
            }
            translation
        });
        let code = translation.code.at(arena.address(arena.used()), |place| match place {
            Place::Stub(stub) => Word::DistanceOf(stubs.address(stub)),
            Place::Cell(address) => Word::Is(cell(address) << CELL_SHIFT),
            Place::Tag(number) => Word::Is(match number.map(|number| block.ops[number as usize]) {
                Some(Op::Join { tag, .. }) => tag,
                _ => block.tag,
            }),
            Place::Tally(number) => Word::Is(match block.ops[number as usize] {
                Op::Tally { place } => place << COUNT_SHIFT,
                other => unreachable!("no tally but {other:?}"),
            }),
        });
        let code = arena.push(&code)?;
        cells[own as usize] = code;
        self.suspended.remove(&own);
        self.table.put(block.address, code);
        Some((own, translation.slots))
    }

    pub(crate) fn suspend(&mut self, cell: u32) {
        if let Some(code) = self.cells.get(cell as usize).copied().filter(|code| *code != self.stubs.at) {
            self.remove(cell);
            self.suspended.insert(cell, code);
        }
    }

    pub(crate) fn resume(&mut self, cell: u32) {
        if let Some(code) = self.suspended.remove(&cell) {
            self.cells[cell as usize] = code;
            self.table.put(self.addresses[cell as usize], code);
        }
    }

    pub(crate) fn remove(&mut self, cell: u32) {
        self.suspended.remove(&cell);
        let Some(address) = self.addresses.get(cell as usize) else { return };
        self.cells[cell as usize] = self.stubs.at;
        self.table.remove(*address);
    }

    pub(crate) fn clear(&mut self) {
        if let Some(arena) = &mut self.arena {
            arena.truncate(self.shared);
        }
        self.cells.clear();
        self.addresses.clear();
        self.suspended.clear();
        self.cell_of.clear();
        self.table.clear();
    }

    /// Takes over the pages as they are mapped now.
    #[inline]
    pub(crate) fn refresh_pages(&mut self, generation: u64, page: impl FnMut(usize) -> Option<Arc<Page>>) {
        if self.generation != Some(generation) {
            self.generation = Some(generation);
            self.replace_pages((0..self.page_addresses.len()).map(page).collect());
        }
    }

    pub(crate) fn forget_pages(&mut self) {
        self.generation = None;
    }

    #[cold]
    fn replace_pages(&mut self, pages: Vec<Option<Arc<Page>>>) {
        for (address, page) in self.page_addresses.iter_mut().zip(&pages) {
            *address = page.as_ref().map_or(0, |page| page.as_ptr() as usize);
        }
        // The old pages live until no address points to them any more.
        self.pages = pages;
    }

    pub(crate) fn run(
        &mut self,
        cell: u32,
        registers: &mut [u32],
        outside: &mut dyn Outside,
        executions: &mut [u64],
        room: u32,
    ) -> Option<Outcome> {
        let (code, address) = (*self.cells.get(cell as usize)?, *self.addresses.get(cell as usize)?);
        if code == self.stubs.at {
            return None;
        }
        let windows = outside.windows()?;
        assert!(fits(&self.layout, &windows), "memory of another size than the code was made for");
        self.table.put(address, code);
        let [newer, older] = windows.lines.ways();
        let data = windows.data.as_mut_ptr();
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
            steady: windows.steady.as_ptr(),
            looked: NEVER,
            executions: executions.as_mut_ptr(),
            newer_lines: newer.as_ptr(),
            older_lines: older.as_ptr(),
            reach,
            block: 0,
            needed: 0,
            value: 0,
            data,
            // SAFETY: this changes the lifetime alone. What is outside is borrowed for the call, and the context lives no longer.
            outside: unsafe { std::mem::transmute::<*mut (dyn Outside + '_), *mut (dyn Outside + 'static)>(outside) },
            layout: &raw const self.layout,
            panic: None,
        };
        // SAFETY: `enter` is the address of the code that `stubs::write` made for this very signature, in memory that is mapped as
        // long as this engine has the arena.
        let enter = unsafe { std::mem::transmute::<usize, Enter>(self.stubs.enter as usize) };
        host::observe();
        // SAFETY: `code` is an address that `install` or `stubs::write` made; where `install` had it from a pool, it was made of the same
        // operations for the same layout and ring. Translated code reaches registers below the highest slot of
        // any operation or of the room behind the file of a window, which `Engine::run` has compared with their number, for only
        // `Op::Rotate` changes the base of the window, and keeps it in the file; memory inside the windows, whose sizes were compared
        // above with the constants in the code; counts by places that `Engine::run` has compared with their number; versions by page numbers that lie in those windows; pages that `self.pages` keeps
        // alive; the steady words; the lines of the cache, whose number is a constant of their type; and the table, the cells and the context, which are borrowed for the call. It writes to the
        // registers, the data window, the counts and the context only, all of which are borrowed exclusively. It calls `reach` alone, which borrows what is outside again, and the windows with it, while the code waits. It returns with the registers
        // restored that the ABI asks for.
        unsafe {
            enter(registers.as_mut_ptr(), data, &raw mut context, self.cells.as_ptr(), room, code);
        }
        if let Some(panic) = context.panic {
            resume_unwind(panic);
        }
        let exit = match context.kind {
            KIND_INTERPRET => Exit::Interpret { tag: context.tag, index: context.index },
            KIND_LOOK => Exit::Look,
            _ => Exit::At,
        };
        let looked = (context.looked != NEVER).then_some(context.looked);
        Some(Outcome { exit, room: context.room, looked })
    }

    pub(crate) fn pc(&self) -> Slot {
        self.pc
    }
}

/// Called by translated code: see [`Reach`](context::Reach).
unsafe extern "C" fn reach(context: *mut Context, address: u32, value: u32, spot: u32) -> u32 {
    // SAFETY: translated code gives the context that `Native::run` has lent it, and uses it again only once this has returned.
    let context = unsafe { &mut *context };
    // A panic cannot pass through translated code.
    match catch_unwind(AssertUnwindSafe(|| context.reach(address, value, spot))) {
        Ok(Reached::GoOn(access)) => {
            context.note(access);
            GOES_ON
        }
        Ok(Reached::Stop(access)) => {
            context.note(access);
            STOPS
        }
        Ok(Reached::Refused) => REFUSED,
        Err(panic) => {
            context.panic = Some(panic);
            STOPS
        }
    }
}

impl Context {
    fn reach(&mut self, address: u32, value: u32, spot: u32) -> Reached {
        // SAFETY: it is borrowed exclusively for the run, which waits for this; the windows that it has lent are lent anew below.
        let outside = unsafe { &mut *self.outside };
        // SAFETY: the engine has it, which is borrowed for the run.
        let layout = unsafe { &*self.layout };
        if self.looked != NEVER {
            outside.looked(std::mem::replace(&mut self.looked, NEVER));
        }
        let moment = Moment { left: self.room - spot / 2, needed: self.needed, block: self.block };
        let reached = if spot & 1 == 0 { outside.read(address, moment) } else { outside.write(address, value, moment) };
        let windows = outside.windows().filter(|windows| fits(layout, windows));
        match (reached, windows) {
            (reached, Some(windows)) if windows.data.as_ptr() == self.data => {
                self.lend(&windows);
                reached
            }
            // Translated code knows another place.
            (Reached::GoOn(access) | Reached::Stop(access), _) => Reached::Stop(access),
            (Reached::Refused, _) => Reached::Refused,
        }
    }

    fn note(&mut self, access: Access) {
        self.value = access.value;
        self.room = self.room.saturating_sub(access.waited);
    }

    fn lend(&mut self, windows: &Windows<'_>) {
        let [newer, older] = windows.lines.ways();
        self.data_versions = windows.data_versions.as_ptr();
        self.words = windows.words.as_ptr();
        self.word_versions = windows.word_versions.as_ptr();
        self.steady = windows.steady.as_ptr();
        (self.newer_lines, self.older_lines) = (newer.as_ptr(), older.as_ptr());
    }
}

/// No code of this engine runs any more.
impl Drop for Native {
    fn drop(&mut self) {
        if let (Some(arena), Some(pool)) = (self.arena.take(), &self.pool) {
            pool.give_arena(arena);
        }
    }
}

/// True if the memory that is lent is what code for `layout` may touch.
fn fits(layout: &WindowLayout, windows: &Windows<'_>) -> bool {
    windows.data.len() == layout.data.size as usize
        && windows.words.len() == layout.words.size as usize
        && windows.data_versions.len() >= layout::versioned_pages(layout) as usize
        && windows.word_versions.len() >= layout::word_pages(layout) as usize
}
