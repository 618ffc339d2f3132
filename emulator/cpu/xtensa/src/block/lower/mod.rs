//! Blocks of instructions as operations that can be translated to code of the host.
//!
//! [`execute`](crate::execute) defines the effect of each instruction; this module expresses the common ones a second time in the
//! operations of `espalier-jit`, and tests compare the two. All other instructions, and special cases of these, are left to `execute`.

mod arithmetic;
mod control;
mod float;
mod mac;
mod memory;
mod special;
mod window;

use std::mem::offset_of;

use espalier_core::CacheLines;
use espalier_jit::{Binary, Condition, Op, Ring, Slot, Space, Value};

use crate::instruction::Instruction;
use crate::state::{QUARTERS, QUARTERS_IN_WINDOW, Registers, slot, special_slot};

pub(crate) const PC: Slot = slot(offset_of!(Registers, pc));
const AR: Slot = slot(offset_of!(Registers, ar));
const WATCH_LOAD: Slot = slot(offset_of!(Registers, watches) + offset_of!(crate::watch::Watches, load));
const WATCH_STORE: Slot = slot(offset_of!(Registers, watches) + offset_of!(crate::watch::Watches, store));
const PS: Slot = slot(offset_of!(Registers, ps));
const SAR: Slot = slot(offset_of!(Registers, sar));
const LBEG: Slot = slot(offset_of!(Registers, lbeg));
const LEND: Slot = slot(offset_of!(Registers, lend));
const LCOUNT: Slot = slot(offset_of!(Registers, lcount));
const BR: Slot = slot(offset_of!(Registers, br));
const WINDOW_BASE: Slot = slot(offset_of!(Registers, window_base));
const WINDOW_START: Slot = slot(offset_of!(Registers, window_start));
const WINDOW_FREE: Slot = slot(offset_of!(Registers, window_free));
const INTERRUPT: Slot = slot(offset_of!(Registers, interrupt));
const INTENABLE: Slot = slot(offset_of!(Registers, intenable));
const THREADPTR: Slot = slot(offset_of!(Registers, threadptr));
const FR: Slot = slot(offset_of!(Registers, fr));
const FCR: Slot = slot(offset_of!(Registers, fcr));
const FSR: Slot = slot(offset_of!(Registers, fsr));
const EXPSTATE: Slot = slot(offset_of!(Registers, expstate));
const F64R: Slot = slot(offset_of!(Registers, f64r));
const F64S: Slot = slot(offset_of!(Registers, f64s));
const ACC: [Slot; 2] = {
    let low = slot(offset_of!(Registers, acc));
    [low, low + 1]
};
const CCOUNT_AT_STOP: Slot = slot(offset_of!(Registers, ccount_at_stop));
const SCRATCH: [Slot; 4] = {
    let first = slot(offset_of!(Registers, scratch));
    [first, first + 1, first + 2, first + 3]
};

/// The register window.
pub(crate) const RING: Ring = Ring {
    visible: AR,
    shown: QUARTERS_IN_WINDOW as u16 + 1,
    file: slot(offset_of!(Registers, physical)),
    groups: QUARTERS as u16,
    base: WINDOW_BASE,
};

/// The state on which a block depends beside its instructions.
pub(crate) struct Surroundings<'a> {
    /// Its first address and the one after its last instruction.
    pub start: u32,
    pub end: u32,
    /// Highest quarter of the window that it uses.
    pub window: u8,
    /// Pages whose versions have to be as they are.
    pub versions: &'a [(Space, u32, u32)],
    /// Whether data breakpoints look at loads, and at stores.
    pub watched: [bool; 2],
    /// Cycles that come to an instruction that jumps.
    pub jump: u32,
    /// Where a loop that ends after the block probably starts.
    pub loop_start: Option<u32>,
    /// Addresses in the lines of code that have to be in the cache.
    pub lines: Option<[u32; 2]>,
    /// The words of code that cannot change as long as the block does not, and whether their line has to be in the cache.
    pub constant: &'a mut dyn FnMut(u32) -> Option<(u32, bool)>,
}

/// The result of lowering an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lowered {
    /// Execution goes on with the next one.
    Next,
    /// Control has left the block.
    Left,
    /// The interpreter has to do it.
    Unknown,
}

/// The operations of a block in the making.
struct Lowering<'a, 'b> {
    ops: Vec<Op>,
    around: &'a mut Surroundings<'b>,
    /// Number of the present instruction, the cycles of the block when it is done, its address and the next one's.
    index: u32,
    after: u32,
    pc: u32,
    next: u32,
    /// It was asked already whether the floating-point unit is on, and whether it computes as the host does.
    float_enabled: bool,
    float_ordinary: bool,
}

/// The operations of a block. None if its first instruction has none.
pub(crate) fn lower(instructions: &[Instruction], around: &mut Surroundings<'_>) -> Option<Vec<Op>> {
    let (start, end) = (around.start, around.end);
    let mut lowering = Lowering {
        ops: Vec::new(),
        around,
        index: 0,
        after: 0,
        pc: start,
        next: start,
        float_enabled: false,
        float_ordinary: false,
    };
    lowering.enter();
    for (index, op) in instructions.iter().enumerate() {
        (lowering.index, lowering.after) = (index as u32, u32::from(op.after));
        lowering.pc = start.wrapping_add(u32::from(op.offset));
        lowering.next = lowering.pc.wrapping_add(u32::from(op.length()));
        lowering.ops.push(Op::Instruction(lowering.index));
        match lowering.instruction(op) {
            Lowered::Next => {}
            Lowered::Left => return Some(lowering.ops),
            Lowered::Unknown if index == 0 => return None,
            Lowered::Unknown => {
                lowering.ops.push(Op::Leave);
                return Some(lowering.ops);
            }
        }
    }
    lowering.go_on_at(end);
    Some(lowering.ops)
}

impl Lowering<'_, '_> {
    /// Emits the checks of the conditions for entering the block.
    fn enter(&mut self) {
        let versions = self.around.versions.iter();
        self.ops.extend(versions.map(|&(space, page, expected)| Op::Version { space, page, expected }));
        if let Some([first, last]) = self.around.lines {
            self.ops.push(Op::Line { address: first });
            if CacheLines::place(first) != CacheLines::place(last) {
                self.ops.push(Op::Line { address: last });
            }
        }
        if self.around.window > 0 {
            let needed = Value::Imm(u32::from(self.around.window));
            self.guard(Condition::LessUnsigned, Value::Slot(WINDOW_FREE), needed);
        }
    }

    fn instruction(&mut self, op: &Instruction) -> Lowered {
        for part in [Self::arithmetic, Self::memory, Self::control, Self::window, Self::special, Self::mac, Self::float]
        {
            match part(self, op) {
                Lowered::Unknown => {}
                lowered => return lowered,
            }
        }
        Lowered::Unknown
    }

    /// Cycles of the block that are over once this instruction is done and has jumped.
    fn jumped(&self) -> u32 {
        self.after + self.around.jump
    }

    fn binary(&mut self, op: Binary, to: Slot, left: Value, right: Value) {
        self.ops.push(Op::Binary { op, to, left, right });
    }

    fn put(&mut self, to: Slot, from: Value) {
        self.ops.push(Op::Move { to, from });
    }

    fn guard(&mut self, condition: Condition, left: Value, right: Value) {
        self.ops.push(Op::Guard { condition, left, right });
    }

    /// Jumps if the condition holds.
    fn branch(&mut self, condition: Condition, left: Value, right: Value, target: u32) {
        let done = self.jumped();
        self.ops.push(Op::Branch { condition, left, right, target, done });
    }

    /// Goes on at another block, as if its instructions came next, if the condition holds.
    fn go_on_if(&mut self, condition: Condition, left: Value, right: Value, target: u32) {
        let done = self.after;
        self.ops.push(Op::Branch { condition, left, right, target, done });
    }

    fn jump(&mut self, target: u32) -> Lowered {
        self.ops.push(Op::Jump { target, done: self.jumped() });
        Lowered::Left
    }

    /// Forgets what was computed on the way.
    fn forget(&mut self, count: usize) {
        self.ops.extend(SCRATCH[..count].iter().map(|slot| Op::Forget { slot: *slot }));
    }
}

/// An address register.
fn ar(number: u8) -> Slot {
    AR + Slot::from(number & 0xf)
}

/// The value of an address register.
fn a(number: u8) -> Value {
    Value::Slot(ar(number))
}
