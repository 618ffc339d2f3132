//! A debugger outside the core: breakpoints, watchpoints and single steps that the program cannot see.
//!
//! A program behaves the same with a debugger as without, at the same times: a debugged core executes the same blocks, and checks
//! interrupts and its surroundings between the same instructions. A run that stops inside a block remembers its position, and the
//! next run goes on from there as if it had never stopped.

use std::ops::Range;

use espalier_core::{
    Bus, Counting, Damaged, DebugStop, Executed, Exit, Persist, Reader, WatchKind, Watchpoint, Writer,
};

use crate::block::{self, Absent, Blocks};
use crate::cost;
use crate::execute::execute_apart;
use crate::instruction::{Instruction, Opcode};
use crate::state::State;
use crate::step::{Start, Then};

/// Where in a block a run stopped, or is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Address of the block's first instruction.
    block: u32,
    /// Index of the next instruction in the block.
    index: u32,
    /// Address of the next instruction.
    pc: u32,
    /// Its breakpoint has been reported.
    reported: bool,
}

espalier_core::persist!(value Position { block, index, pc, reported });

impl Position {
    /// The start of the block at `pc`.
    pub fn at(pc: u32) -> Position {
        Position { block: pc, index: 0, pc, reported: false }
    }
}

/// One core's debugger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Debugger {
    breakpoints: Vec<u32>,
    watchpoints: Vec<Watchpoint>,
    stepping: bool,
    paused: Option<Position>,
    stop: Option<DebugStop>,
}

/// A snapshot keeps where in a block the core is, which decides when it next looks around; the rest belongs to the host.
impl Persist for Debugger {
    fn save(&self, to: &mut Writer) {
        self.paused.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.paused.restore(from)?;
        self.stop = None;
        Ok(())
    }
}

impl Debugger {
    /// True if instructions have to be looked at one by one.
    pub fn is_engaged(&self) -> bool {
        !self.breakpoints.is_empty()
            || !self.watchpoints.is_empty()
            || self.stepping
            || self.paused.is_some()
            || self.stop.is_some()
    }

    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        self.breakpoints = addresses.to_vec();
    }

    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        self.watchpoints = watchpoints.to_vec();
    }

    pub fn set_step(&mut self, wanted: bool) {
        self.stepping = wanted;
    }

    /// Forgets where the core stopped: it is somewhere else now.
    pub fn forget_position(&mut self) {
        self.paused = None;
    }

    pub fn take_stop(&mut self) -> Option<DebugStop> {
        self.stop.take()
    }

    /// Where to go on if the core stopped at `pc`.
    pub fn take_position(&mut self, pc: u32) -> Option<Position> {
        self.paused.take().filter(|position| position.pc == pc)
    }

    /// True if there is a reason to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// True if the instruction at `pc` has a breakpoint, which is noted as the reason to stop.
    fn breaks_at(&mut self, pc: u32) -> bool {
        let breaks = self.breakpoints.contains(&pc);
        if breaks {
            self.stop = Some(DebugStop::Breakpoint);
        }
        breaks
    }

    /// The watchpoint that `op` is about to touch.
    fn watched(&self, state: &State, op: &Instruction) -> Option<DebugStop> {
        if self.watchpoints.is_empty() {
            return None;
        }
        let (kind, size) = access(op.opcode)?;
        let first = state.get(op.fields.rs1).wrapping_add(op.fields.immediate);
        self.watchpoints.iter().filter(|watchpoint| [kind, WatchKind::Access].contains(&watchpoint.kind)).find_map(
            |watchpoint| {
                let mut touched = (0..size).map(|offset| first.wrapping_add(offset));
                let address = touched.find(|address| address.wrapping_sub(watchpoint.address) < watchpoint.length)?;
                Some(DebugStop::Watchpoint { watchpoint: *watchpoint, address })
            },
        )
    }

    /// An instruction is done, or has raised its exception. `watched` is what it touched.
    fn note(&mut self, watched: Option<DebugStop>) {
        let step = self.stepping.then_some(DebugStop::Step);
        self.stop = watched.or(self.stop).or(step);
        self.stepping = false;
    }
}

/// Returns the kind and the number of bytes of an instruction's memory access.
fn access(opcode: Opcode) -> Option<(WatchKind, u32)> {
    match opcode {
        Opcode::Lb | Opcode::Lbu => Some((WatchKind::Read, 1)),
        Opcode::Lh | Opcode::Lhu => Some((WatchKind::Read, 2)),
        Opcode::Lw => Some((WatchKind::Read, 4)),
        Opcode::Sb => Some((WatchKind::Write, 1)),
        Opcode::Sh => Some((WatchKind::Write, 2)),
        Opcode::Sw => Some((WatchKind::Write, 4)),
        _ => None,
    }
}

/// The instruction that is now in memory at `pc`, where a block has `op`.
fn decoded_anew<B: Bus>(bus: &mut B, pc: u32, op: &Instruction) -> Instruction {
    let mut fresh = block::fetch(bus, pc).unwrap_or_else(|_| Instruction::illegal(0));
    (fresh.index, fresh.offset) = (op.index, op.offset);
    fresh.more = op.more;
    fresh
}

/// The end of [`run_blocks`].
pub(crate) struct Debugged {
    /// Cycles spent after the last instruction.
    pub spent: u32,
    /// Set if the run ends here.
    pub exit: Option<Exit>,
}

/// Runs blocks under the eyes of a debugger, going on at `position`: the same instructions in the same blocks as without, so that
/// the machine gets the core back at the same places.
pub(crate) fn run_blocks<B: Bus>(
    state: &mut State,
    blocks: &mut Blocks,
    (debugger, counting): (&mut Debugger, &mut Counting),
    bus: &mut B,
    mut position: Position,
    cycles: Range<u32>,
) -> Debugged {
    let (mut spent, stop) = (cycles.start, cycles.end);
    let jump = cost::of_jump(blocks.decoder.timing);
    loop {
        let index = match blocks.follow(Blocks::NO_INSTRUCTION, position.block, bus) {
            Ok(index) => index,
            Err(Absent::NotAtHand) => {
                block::note_arrival(blocks, bus);
                return Debugged { spent, exit: (spent == cycles.start).then_some(Exit::Attention) };
            }
            Err(Absent::Trap(trap)) => {
                state.raise(trap, state.pc);
                debugger.note(None);
                return Debugged { spent: spent + 1 + state.stall(jump), exit: None };
            }
        };
        let instructions = blocks.instructions(blocks.block(index));
        let start = Start { pc: position.block, cycle: spent.wrapping_sub(position.index) };
        let next = position.index as usize;
        if instructions.get(next).is_none_or(|op| start.pc(op) != position.pc) {
            // The code has changed since the run stopped there.
            position = Position { reported: position.reported, ..Position::at(position.pc) };
            continue;
        }
        bus.executing(position.block);
        let count = instructions.len().min(next + (stop - spent) as usize);
        for op in &instructions[next..count] {
            let pc = start.pc(op);
            let here = Position { index: u32::from(op.index), pc, ..position };
            let reported = std::mem::take(&mut position.reported);
            if debugger.is_stopping() || !reported && debugger.breaks_at(pc) {
                debugger.paused = Some(Position { reported: debugger.stop == Some(DebugStop::Breakpoint), ..here });
                return Debugged { spent, exit: Some(Exit::Debug) };
            }
            // A run of steps owes nothing to blocks but where they end.
            let fresh = if debugger.stepping { decoded_anew(bus, pc, op) } else { *op };
            let op = &fresh;
            let watched = debugger.watched(state, op);
            let then = execute_apart(state, bus, op, start).then();
            spent += 1 + state.stall(then.penalty(jump));
            let end = pc.wrapping_add(u32::from(op.length()));
            if bus.is_observed() {
                bus.executed(pc, end, spent);
            }
            state.finish(then, pc, u32::from(op.length()));
            if counting.is_on() {
                let jumped = then != Then::Raise && state.pc != end;
                counting.note(Executed { start: pc, end, jumped, unfinished: true });
            }
            debugger.note(watched.filter(|_| then != Then::Raise));
            if matches!(then, Then::Sync | Then::SyncJump(_)) {
                return Debugged { spent, exit: None };
            }
            if then != Then::Next {
                break;
            }
        }
        if spent >= stop || bus.attention() {
            return Debugged { spent, exit: None };
        }
        position = Position::at(state.pc);
        if debugger.is_stopping() {
            debugger.paused = Some(position);
            return Debugged { spent, exit: Some(Exit::Debug) };
        }
    }
}
