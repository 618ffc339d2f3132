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

use espalier_core::{CacheLines, CodeMemory, Executed};
use espalier_jit::{Binary, Condition, Op, Ring, Slot, Space, Value};

use crate::cost::Penalties;
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

/// A block that is lowered, with the state on which it depends beside its instructions.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// Identifies it for the interpreter.
    pub tag: u32,
    /// Its first address and the one after its last instruction.
    pub start: u32,
    pub end: u32,
    pub instructions: &'a [Instruction],
    /// The most cycles on a way through it.
    pub most: u32,
    /// Highest quarter of the window that it uses.
    pub window: u8,
    /// The ways in which its code can change.
    pub memory: CodeMemory,
    /// Pages whose versions have to be as they are.
    pub versions: Vec<(Space, u32, u32)>,
    /// Addresses in the lines of code that have to be in the cache.
    pub lines: Option<[u32; 2]>,
    /// Where a loop that ends after the block probably starts.
    pub loop_start: Option<u32>,
}

/// Memory of code and other blocks, around those that are lowered.
pub(crate) trait Surroundings<'a> {
    /// The word of code that cannot change as long as code in this memory does not, and whether its line has to be in the cache.
    fn constant(&mut self, memory: CodeMemory, address: u32) -> Option<(u32, bool)>;

    /// The block at an address to which control goes, if it may be joined to the one that it comes from. With `falls`, it only goes there
    /// unless a loop ends there.
    fn next(&mut self, address: u32, falls: bool) -> Option<Part<'a>>;

    /// The place at which code counts that all these instructions were executed, unless nothing counts them.
    fn place(&mut self, way: &[Executed]) -> Option<u32>;
}

/// Settings for the lowering of blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whether data breakpoints look at loads, and at stores.
    pub watched: [bool; 2],
    /// Cycles that come to an instruction that jumps, or raises an exception.
    pub penalties: Penalties,
    /// Window exceptions are left to the interpreter, which notes what they cut short.
    pub plain: bool,
}

/// The most instructions of blocks that are joined: longer ones would hold much code that is seldom reached.
const MAX_JOINED: usize = 64;

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

/// State of the core that is known while code goes on.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It was asked already whether the floating-point unit is on, and whether it computes as the host does.
    float_enabled: bool,
    float_ordinary: bool,
    /// Windows are checked.
    windowed: bool,
    /// `PS.CALLINC`.
    increment: Option<u32>,
    /// The return address of the frame.
    link: Option<Link>,
    /// At least so many quarters of the window can be used beyond the first.
    free: u8,
}

/// An address register that has a return address.
#[derive(Clone, Copy, Debug)]
struct Link {
    register: u8,
    value: u32,
    /// The number of operations that came before it had that.
    from: usize,
}

/// The operations of a block in the making.
struct Lowering<'a, 'b> {
    ops: Vec<Op>,
    around: &'b mut dyn Surroundings<'a>,
    manner: Manner,
    part: Part<'a>,
    /// Number of the present instruction, the cycles of the block before it and when it is done, its address and the next one's.
    index: u32,
    before: u32,
    after: u32,
    pc: u32,
    next: u32,
    /// Cycles that come to the present instruction if it jumps.
    jump: u32,
    known: Known,
    /// Pages whose versions were compared.
    compared: Vec<(Space, u32)>,
    /// All that was executed before the present part.
    way: Vec<Executed>,
}

/// The operations of a block, and of those that follow it if they may be joined. None if its first instruction has none.
pub(crate) fn lower<'a>(part: Part<'a>, manner: Manner, around: &mut dyn Surroundings<'a>) -> Option<Vec<Op>> {
    let mut joined = vec![part.start];
    let mut count = 0;
    let mut lowering = Lowering {
        ops: Vec::new(),
        around,
        manner,
        index: 0,
        before: 0,
        after: 0,
        pc: part.start,
        next: part.start,
        jump: 0,
        known: Known::default(),
        compared: Vec::new(),
        way: Vec::new(),
        part,
    };
    loop {
        count += lowering.part.instructions.len();
        let left = match lowering.part() {
            Lowered::Unknown if lowering.index == 0 && joined.len() == 1 => return None,
            Lowered::Unknown => {
                lowering.ops.push(Op::Leave);
                return Some(lowering.ops);
            }
            lowered => lowered == Lowered::Left,
        };
        let (target, done) = match lowering.ops.last() {
            Some(Op::Jump { target, done }) if left => (*target, *done),
            _ if left => return Some(lowering.ops),
            _ => (lowering.part.end, lowering.after),
        };
        let is_new = !joined.contains(&target);
        let next = if is_new && count < MAX_JOINED { lowering.around.next(target, !left) } else { None };
        let Some(next) = next.filter(|next| count + next.instructions.len() <= MAX_JOINED) else {
            if !left {
                lowering.go_on_at(target);
            }
            return Some(lowering.ops);
        };
        // The tally of a jump has come before it.
        let run = lowering.run(lowering.next, Some(target));
        if left {
            lowering.ops.pop();
        } else {
            lowering.tally(Some(run));
        }
        lowering.way.push(run);
        lowering.ops.push(Op::Join { address: target, tag: next.tag, count: next.most, done });
        lowering.part = next;
        joined.push(target);
    }
}

impl<'a> Lowering<'a, '_> {
    /// Emits the operations of the present part, but for going on behind its end.
    fn part(&mut self) -> Lowered {
        self.enter();
        self.before = 0;
        let instructions: &'a [Instruction] = self.part.instructions;
        for (index, op) in instructions.iter().enumerate() {
            (self.index, self.after) = (index as u32, u32::from(op.after));
            self.pc = self.part.start.wrapping_add(u32::from(op.offset));
            self.next = self.pc.wrapping_add(u32::from(op.length()));
            self.jump = u32::from(self.manner.penalties.jump) + u32::from(op.lands_across_words());
            self.ops.push(Op::Instruction { number: self.index, cycle: self.after - 1 });
            if !self.manner.plain {
                self.check_window(op.window());
            }
            match self.instruction(op) {
                Lowered::Next => self.before = self.after,
                lowered => return lowered,
            }
        }
        Lowered::Next
    }

    /// Emits the checks of the conditions for entering the block.
    fn enter(&mut self) {
        for (space, page, expected) in std::mem::take(&mut self.part.versions) {
            // They do not change while translated code runs.
            if !self.compared.contains(&(space, page)) {
                self.compared.push((space, page));
                self.ops.push(Op::Version { space, page, expected });
            }
        }
        if let Some([first, last]) = self.part.lines {
            self.ops.push(Op::Line { address: first });
            if CacheLines::place(first) != CacheLines::place(last) {
                self.ops.push(Op::Line { address: last });
            }
        }
        if self.manner.plain && self.part.window > 0 {
            let needed = Value::Imm(u32::from(self.part.window));
            self.guard(Condition::LessUnsigned, Value::Slot(WINDOW_FREE), needed);
        }
    }

    /// Emits operations that are done if a condition holds, and let control leave.
    fn when(&mut self, condition: Condition, left: Value, right: Value, body: impl FnOnce(&mut Self)) {
        let (place, known) = (self.ops.len(), self.known);
        self.ops.push(Op::When { condition, left, right, count: 0 });
        body(self);
        let count = (self.ops.len() - place - 1) as u32;
        self.ops[place] = Op::When { condition, left, right, count };
        self.known = known;
    }

    fn instruction(&mut self, op: &Instruction) -> Lowered {
        if op.takes_time_by_values() {
            return Lowered::Unknown;
        }
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
        self.after + self.jump
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
        self.leave(Op::Branch { condition, left, right, target, done });
    }

    /// Goes on at another block, as if its instructions came next, if the condition holds.
    fn go_on_if(&mut self, condition: Condition, left: Value, right: Value, target: u32) {
        let done = self.after;
        self.leave(Op::Branch { condition, left, right, target, done });
    }

    fn jump(&mut self, target: u32) -> Lowered {
        self.leave(Op::Jump { target, done: self.jumped() });
        Lowered::Left
    }

    /// Emits a way out behind the present instruction.
    fn leave(&mut self, op: Op) {
        let target = match op {
            Op::Branch { target, .. } | Op::Jump { target, .. } | Op::Look { target, .. } => Some(target),
            _ => None,
        };
        self.tally(Some(self.run(self.next, target)));
        self.ops.push(op);
    }

    /// The part executed up to an address, where control goes on at another one, or at one that is not known.
    fn run(&self, end: u32, target: Option<u32>) -> Executed {
        Executed { start: self.part.start, end, jumped: target != Some(end), unfinished: false }
    }

    /// Counts the next way out, where so much of the present part was executed.
    fn tally(&mut self, run: Option<Executed>) {
        self.way.extend(run);
        let place = self.around.place(&self.way);
        self.ops.extend(place.map(|place| Op::Tally { place }));
        self.way.truncate(self.way.len() - run.iter().len());
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
