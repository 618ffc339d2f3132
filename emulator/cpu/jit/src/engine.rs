//! The engine as cores use it.

use std::sync::Arc;

use espalier_core::{Page, WindowLayout};

use crate::block::{Block, Outcome};
use crate::ir::{Op, Ring, Slot, Space, Value};
use crate::layout;
use crate::native::{CodePool, Native};
use crate::outside::Outside;

/// Translated code of one core.
#[derive(Debug)]
pub struct Engine {
    native: Native,
    /// Registers that the code reaches.
    slots: usize,
    ring: Option<Ring>,
    /// Counts of executions that the code reaches.
    places: usize,
}

/// The kind of host that code is generated for, if it is this one and it allows memory that is executed.
pub fn host() -> Option<&'static str> {
    Native::new(WindowLayout::default(), 0, None, None).map(|_| std::env::consts::ARCH)
}

impl Engine {
    /// An engine without code for memory as `layout` says. `pc` is the register for the address of the next instruction. None where
    /// there is no back end for the host, or where it refuses memory for code.
    ///
    /// # Panics
    /// If the data window is not as code needs it, or the ring shows more than it has.
    pub fn new(layout: WindowLayout, pc: Slot, ring: Option<Ring>) -> Option<Engine> {
        Engine::sharing(layout, pc, ring, None)
    }

    /// The same, which copies code from a pool where others have translated it, and gives its own to it. The code is the same.
    ///
    /// # Panics
    /// As [`Engine::new`].
    pub fn sharing(layout: WindowLayout, pc: Slot, ring: Option<Ring>, pool: Option<Arc<CodePool>>) -> Option<Engine> {
        assert!(
            layout.data.base.is_multiple_of(4)
                && layout.data.size <= 1 << 30
                && layout.registers.base.is_multiple_of(4)
                && layout.registers.size.is_multiple_of(4),
            "a data window that is aligned, up to 1 GiB, and registers that are aligned"
        );
        if let Some(Ring { shown, groups, .. }) = ring {
            assert!(groups.is_power_of_two() && (1..groups).contains(&shown), "a window of {shown} of {groups} groups");
        }
        let highest = ring.map_or(0, |ring| ring.highest().max(usize::from(ring.base)));
        let slots = highest.max(usize::from(pc)) + 1;
        Some(Engine { native: Native::new(layout, pc, ring, pool)?, slots, ring, places: 0 })
    }

    /// Where the windows lie that code is made for.
    pub fn layout(&self) -> &WindowLayout {
        self.native.layout()
    }

    /// Translates a block, in place of one at the same address. Returns the number of the cell that leads to it, or none if there is
    /// no room for it before [`Engine::clear`].
    ///
    /// # Panics
    /// If the last operation of the block, or of some under a condition, lets control run out of it, or an operation names a page that has
    /// no version, or changes the base or the file of the ring, or an instruction accesses memory behind the last cycle of its part, or if
    /// there are so many operations that a jump within their code is further than the host allows, which is 1 MiB on AArch64: thousands
    /// of operations.
    pub fn install(&mut self, block: &Block<'_>) -> Option<u32> {
        let (layout, ring) = (*self.layout(), self.ring);
        let (cell, slots) = self.native.install(block, || checked(block, &layout, ring.as_ref()))?;
        let places = block.ops.iter().filter_map(|op| match op {
            Op::Tally { place } => Some(*place as usize + 1),
            _ => None,
        });
        self.places = places.max().unwrap_or(0).max(self.places);
        self.slots = self.slots.max(slots);
        Some(cell)
    }

    /// No way leads any more to the block that is in a cell.
    pub fn remove(&mut self, cell: u32) {
        self.native.remove(cell);
    }

    /// No way leads to the block that is in a cell until it is resumed.
    pub fn suspend(&mut self, cell: u32) {
        self.native.suspend(cell);
    }

    /// The block in a cell is entered again, if it was suspended and not removed since.
    pub fn resume(&mut self, cell: u32) {
        self.native.resume(cell);
    }

    /// Drops all blocks.
    pub fn clear(&mut self) {
        self.places = 0;
        self.native.clear();
    }

    /// Takes over the pages of [`WindowLayout::paged`], unless they are of the generation that it has.
    pub fn refresh_pages(&mut self, generation: u64, page: impl FnMut(usize) -> Option<Arc<Page>>) {
        self.native.refresh_pages(generation, page);
    }

    /// The pages that were taken over are not those of the present core, whatever their generation.
    pub fn forget_pages(&mut self) {
        self.native.forget_pages();
    }

    /// Runs from the block in a cell on for at most `room` cycles. None if there is no such cell, or no memory. `executions` are the counts
    /// of [`Op::Tally`].
    ///
    /// # Panics
    /// If there are fewer registers or counts than the code uses, or the windows are not as large as the layout says.
    pub fn run(
        &mut self,
        cell: u32,
        registers: &mut [u32],
        outside: &mut dyn Outside,
        executions: &mut [u64],
        room: u32,
    ) -> Option<Outcome> {
        assert!(registers.len() >= self.slots, "fewer registers than the code uses");
        assert!(executions.len() >= self.places, "fewer counts than the code uses");
        let Some(ring) = &self.ring else { return self.native.run(cell, registers, outside, executions, room) };
        ring.spread(registers);
        let outcome = self.native.run(cell, registers, outside, executions, room);
        ring.gather(registers);
        outcome
    }

    /// The register for the address of the next instruction.
    pub fn pc(&self) -> Slot {
        self.native.pc()
    }
}

/// Whether control never comes to the operation behind this one.
fn leaves(op: &Op) -> bool {
    matches!(op, Op::Jump { .. } | Op::JumpIndirect { .. } | Op::Leave)
}

/// Checks the operations of a block, as [`Engine::install`] says. Returns how many registers they reach.
fn checked(block: &Block<'_>, layout: &WindowLayout, ring: Option<&Ring>) -> usize {
    let (ops, mut most) = (block.ops, block.count);
    for op in ops {
        match op {
            Op::Instruction { cycle, .. } => assert!(*cycle < most, "an access in cycle {cycle} of {most}"),
            Op::Join { count, .. } => most = *count,
            _ => {}
        }
    }
    assert!(ops.last().is_some_and(leaves), "a block that ends with a jump");
    for (place, op) in ops.iter().enumerate() {
        if let Op::When { count, .. } = op {
            let operations = ops.get(place + 1..).and_then(|behind| behind.get(..*count as usize));
            let whole = operations.is_some_and(|operations| {
                operations.last().is_some_and(leaves) && !operations.iter().any(|op| matches!(op, Op::When { .. }))
            });
            assert!(whole, "operations under a condition that end with a jump");
        }
    }
    if let Some(ring) = ring {
        let changed = ops.iter().filter_map(Op::changed).find(|slot| !ring.lets_change(*slot));
        assert_eq!(changed, None, "a register that only the window changes");
    }
    assert!(ring.is_some() || !ops.iter().any(|op| matches!(op, Op::Rotate { .. })), "no window to move");
    ops.iter().map(|op| highest(op, layout) + 1).max().unwrap_or(0)
}

/// The highest register that an operation reaches.
fn highest(op: &Op, layout: &WindowLayout) -> usize {
    let values = |values: &[Value]| {
        let slots = values.iter().map(|value| match value {
            Value::Slot(slot) => usize::from(*slot),
            Value::Imm(_) => 0,
        });
        slots.max().unwrap_or(0)
    };
    match op {
        Op::Instruction { .. } | Op::Leave | Op::Jump { .. } | Op::Join { .. } | Op::Tally { .. } | Op::Line { .. } => {
            0
        }
        Op::Move { to, from }
        | Op::Unary { to, from, .. }
        | Op::FloatToSigned { to, from, .. }
        | Op::ToFloat { to, from, .. } => usize::from(*to).max(values(&[*from])),
        Op::Binary { to, left, right, .. }
        | Op::Set { to, left, right, .. }
        | Op::Float { to, left, right, .. }
        | Op::FloatSet { to, left, right, .. } => usize::from(*to).max(values(&[*left, *right])),
        Op::Funnel { to, high, low, amount } => usize::from(*to).max(values(&[*high, *low, *amount])),
        Op::LongShiftRightSigned { to, from, amount } => usize::from(*to).max(values(&[*from, *amount])),
        Op::Select { to, left, right, then, .. } => usize::from(*to).max(values(&[*left, *right, *then])),
        Op::Load { to, base, .. } => usize::from(*to).max(values(&[*base])),
        Op::Store { from, base, .. } => values(&[*from, *base]),
        Op::Watch { filter, base, .. } => (usize::from(*filter) + 1).max(values(&[*base])),
        Op::Guard { left, right, .. }
        | Op::When { left, right, .. }
        | Op::Branch { left, right, .. }
        | Op::Look { left, right, .. } => values(&[*left, *right]),
        Op::Version { space, page, .. } => {
            let pages = match space {
                Space::Data => layout::versioned_pages(layout),
                Space::Words => layout::word_pages(layout),
            };
            assert!(*page < pages, "page {page} has no version");
            0
        }
        Op::Rotate { to } => values(&[*to]),
        Op::Count { to, end, .. } => usize::from(*to).max(usize::from(*end)),
        Op::Forget { slot } => usize::from(*slot),
        Op::JumpIndirect { target, .. } => values(&[*target]),
    }
}
