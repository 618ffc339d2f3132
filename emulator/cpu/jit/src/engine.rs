//! The engine as cores use it.

use std::sync::Arc;

use espalier_core::{Page, WindowLayout, Windows};

use crate::ir::{Op, Ring, Slot, Space, Value};
use crate::layout;
use crate::native::{CodePool, Native};

/// A block of guest code, lowered.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Where it starts.
    pub address: u32,
    /// Identifies it in [`Exit::Interpret`].
    pub tag: u32,
    /// The most cycles on a way through it: its instructions, where each takes one. It is entered only if there is room for them.
    pub count: u32,
    /// The operations of its translation. Every path through them ends with a jump or with [`Op::Leave`].
    pub ops: &'a [Op],
}

/// Why translated code stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The guest is at the address in its register for that, where no code is, or code that cannot be entered now.
    At,
    /// The interpreter has to go on with an instruction of a block. The instructions of that block before it are done and not yet
    /// counted.
    Interpret {
        /// The tag of the block.
        tag: u32,
        /// The number of the instruction.
        index: u32,
    },
    /// As [`Exit::At`], and the core has to look at its interrupts.
    Look,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub exit: Exit,
    /// Cycles that are left.
    pub room: u32,
    /// The cycles that were left when a word of [`Windows::steady`] was read last.
    pub looked: Option<u32>,
}

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
            layout.data.base.is_multiple_of(4) && layout.data.size <= 1 << 30,
            "a data window that is aligned, up to 1 GiB"
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
    /// If the last operation of the block lets control run out of it, or an operation names a page that has no version, or changes the
    /// base or the file of the ring.
    pub fn install(&mut self, block: &Block<'_>) -> Option<u32> {
        let ends = matches!(block.ops.last(), Some(Op::Jump { .. } | Op::JumpIndirect { .. } | Op::Leave));
        assert!(ends, "a block that ends with a jump");
        let layout = *self.layout();
        if let Some(ring) = &self.ring {
            let changed = block.ops.iter().filter_map(changed).find(|slot| !ring.lets_change(*slot));
            assert_eq!(changed, None, "a register that only the window changes");
        }
        assert!(
            self.ring.is_some() || !block.ops.iter().any(|op| matches!(op, Op::Rotate { .. })),
            "no window to move"
        );
        let slots = block.ops.iter().map(|op| highest(op, &layout)).max();
        self.slots = self.slots.max(slots.map_or(0, |slot| slot + 1));
        let places = block.ops.iter().filter_map(|op| match op {
            Op::Tally { place } => Some(*place as usize + 1),
            _ => None,
        });
        self.places = places.max().unwrap_or(0).max(self.places);
        self.native.install(block)
    }

    /// No way leads any more to the block that is in a cell.
    pub fn remove(&mut self, cell: u32) {
        self.native.remove(cell);
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

    /// Runs from the block in a cell on for at most `room` cycles. None if there is no such cell. `executions` are the counts
    /// of [`Op::Tally`].
    ///
    /// # Panics
    /// If there are fewer registers or counts than the code uses, or the windows are not as large as the layout says.
    pub fn run(
        &mut self,
        cell: u32,
        registers: &mut [u32],
        windows: &mut Windows<'_>,
        executions: &mut [u64],
        room: u32,
    ) -> Option<Outcome> {
        assert!(registers.len() >= self.slots, "fewer registers than the code uses");
        assert!(executions.len() >= self.places, "fewer counts than the code uses");
        let Some(ring) = &self.ring else { return self.native.run(cell, registers, windows, executions, room) };
        ring.spread(registers);
        let outcome = self.native.run(cell, registers, windows, executions, room);
        ring.gather(registers);
        outcome
    }

    /// The register for the address of the next instruction.
    pub fn pc(&self) -> Slot {
        self.native.pc()
    }
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
        Op::Instruction(_) | Op::Leave | Op::Jump { .. } | Op::Tally { .. } | Op::Line { .. } => 0,
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
        Op::Guard { left, right, .. } | Op::Branch { left, right, .. } | Op::Look { left, right, .. } => {
            values(&[*left, *right])
        }
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

/// The register that an operation changes, if it is one by its name.
fn changed(op: &Op) -> Option<Slot> {
    match op {
        Op::Move { to, .. }
        | Op::Unary { to, .. }
        | Op::FloatToSigned { to, .. }
        | Op::ToFloat { to, .. }
        | Op::Binary { to, .. }
        | Op::Set { to, .. }
        | Op::Float { to, .. }
        | Op::FloatSet { to, .. }
        | Op::Funnel { to, .. }
        | Op::LongShiftRightSigned { to, .. }
        | Op::Select { to, .. }
        | Op::Load { to, .. }
        | Op::Count { to, .. } => Some(*to),
        Op::Instruction(_)
        | Op::Leave
        | Op::Tally { .. }
        | Op::Jump { .. }
        | Op::JumpIndirect { .. }
        | Op::Store { .. }
        | Op::Watch { .. }
        | Op::Guard { .. }
        | Op::Branch { .. }
        | Op::Look { .. }
        | Op::Version { .. }
        | Op::Line { .. }
        | Op::Rotate { .. }
        | Op::Forget { .. } => None,
    }
}
