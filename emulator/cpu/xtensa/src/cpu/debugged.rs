//! The loop that runs blocks while a debugger looks at every instruction.

use std::ops::Range;

use super::{Cpu, Exit, after, begun, obstacle};
use crate::block::{self, Absent, Blocks};
use crate::cost::{AHEAD, Penalties};
use crate::debugger::{Debugger, Position};
use crate::execute::execute_apart;
use crate::instruction::Instruction;
use crate::state::State;
use crate::step::{Start, Then};
use espalier_core::{Bus, Counting, Executed};

impl Cpu {
    /// [`Cpu::run_until`] while a debugger looks at every instruction.
    #[cold]
    pub(super) fn run_debugged<B: Bus>(&mut self, bus: &mut B, cycles: u32, spent: &mut u32) -> Exit {
        while *spent < cycles {
            let position = self.debugger.take_position(self.state.pc);
            let before = *spent;
            if position.is_none()
                && let Some(exit) = self.enter_interrupts(bus, spent)
            {
                return exit;
            }
            if *spent > before {
                continue;
            }
            let (exit, last) = if self.state.is_single_stepped() {
                let reported = position.is_some_and(|position| position.reported);
                (self.interpret_debugged(bus, spent, reported), before)
            } else {
                let timer = self.state.cycles_to_match(self.state.started + u64::from(*spent));
                let stop = cycles.min(spent.saturating_add(u32::try_from(timer).unwrap_or(u32::MAX)));
                let position = position.unwrap_or_else(|| {
                    self.blocks.note_epoch(bus.code_epoch());
                    self.blocks.note_loop_end(self.state.lend);
                    Position::at(self.state.pc)
                });
                let mut counting = std::mem::take(self.blocks.counting());
                let debugged = run_blocks_debugged(
                    &mut self.state,
                    &mut self.blocks,
                    (&mut self.debugger, &mut counting),
                    bus,
                    position,
                    *spent..stop,
                );
                *self.blocks.counting() = counting;
                *spent = debugged.spent;
                (debugged.exit, stop.min(*spent).saturating_sub(1))
            };
            if let Some(exit) = exit {
                return exit;
            }
            self.state.latch_timers(self.state.started + u64::from(last), u64::from(*spent - last));
            if bus.attention() {
                return Exit::Attention;
            }
            if self.debugger.is_stopping() && *spent < cycles {
                return Exit::Debug;
            }
        }
        Exit::Budget
    }

    /// Executes one instruction of a program that counts its instructions.
    fn interpret_debugged<B: Bus>(&mut self, bus: &mut B, spent: &mut u32, reported: bool) -> Option<Exit> {
        let pc = self.state.pc;
        if !reported && self.debugger.breaks_at(pc) {
            self.debugger.pause(Position { reported: true, ..Position::at(pc) });
            return Some(Exit::Debug);
        }
        let in_vectors = self.state.is_in_window_vectors();
        let watched = block::fetch(bus, pc).ok().and_then(|op| self.debugger.watched(&self.state, &op));
        *spent += self.interpret_counted(bus, *spent);
        self.debugger.note(watched);
        self.debugger.note_step(&self.state, pc, in_vectors);
        None
    }
}

/// The end of [`run_blocks_debugged`].
struct Debugged {
    /// Cycles spent after the last instruction.
    spent: u32,
    /// Set if the run ends here.
    exit: Option<Exit>,
}

/// Decodes the instruction that is now in memory at `pc`, where a block has `op`.
fn decoded_anew<B: Bus>(bus: &mut B, pc: u32, op: &Instruction) -> Instruction {
    let mut fresh = block::fetch(bus, pc).unwrap_or_else(|_| Instruction::illegal());
    (fresh.after, fresh.offset) = (op.after, op.offset);
    fresh
}

/// [`run_blocks`] under the eyes of a debugger, going on at `position`: the same instructions in the same blocks, so that
/// the machine gets the core back at the same places.
fn run_blocks_debugged<B: Bus>(
    state: &mut State,
    blocks: &mut Blocks,
    (debugger, counting): (&mut Debugger, &mut Counting),
    bus: &mut B,
    mut position: Position,
    cycles: Range<u32>,
) -> Debugged {
    let (mut spent, stop) = (cycles.start, cycles.end);
    let penalties = Penalties::of(blocks.timing());
    loop {
        let index = match blocks.follow(Blocks::NO_INSTRUCTION, position.block, bus) {
            Ok(index) => index,
            Err(Absent::NotAtHand) => {
                return Debugged { spent, exit: (spent == cycles.start).then_some(Exit::Attention) };
            }
            Err(Absent::Trap(trap)) => {
                let in_vectors = state.is_in_window_vectors();
                state.raise(trap, state.pc);
                debugger.note_step(state, position.pc, in_vectors);
                return Debugged { spent: spent + 1 + u32::from(penalties.exception), exit: None };
            }
        };
        let block = blocks.block(index);
        let instructions = blocks.instructions(block);
        let pc_of = |op: &Instruction| position.block.wrapping_add(u32::from(op.offset));
        let mut next = position.index as usize;
        if instructions.get(next).is_none_or(|op| pc_of(op) != position.pc) {
            // The code has changed since the run stopped there.
            position = Position { reported: position.reported, ..Position::at(position.pc) };
            continue;
        }
        if next == 0 && block.own.is_cached() {
            let wait = bus.wait_for_code(position.block, position.block.wrapping_add(AHEAD));
            if wait > 0 {
                spent = spent.saturating_add(wait);
                if spent >= stop {
                    return Debugged { spent, exit: None };
                }
                continue;
            }
        }
        bus.executing(position.block);
        let (mut count, mut obstructed) = (instructions.len(), false);
        if u32::from(block.own.window) > state.window_free || state.breaks_within(position.block, block.end) {
            let limit = obstacle(state, &instructions[next..], position.block);
            obstructed = limit.is_some();
            count = limit.map_or(count, |index| next + index);
        }
        // The cycle in which the block would have begun if all of it had come before in one go.
        let origin = spent.wrapping_sub(after(&instructions[..next]));
        let limit = begun(instructions, stop.wrapping_sub(origin));
        if count >= limit {
            count = limit;
            obstructed = false;
        }
        let start = Start { pc: position.block, cycle: origin };
        let mut waits = false;
        while next < count || obstructed {
            let (op, in_vectors) = (&instructions[next], state.is_in_window_vectors());
            let pc = pc_of(op);
            let here = Position { index: next as u32, pc, ..position };
            if debugger.is_stopping() {
                debugger.pause(Position { reported: false, ..here });
                return Debugged { spent, exit: Some(Exit::Debug) };
            }
            if next == count {
                spent += 1 + u32::from(penalties.exception);
                state.raise_obstacle(pc);
                debugger.note_step(state, pc, in_vectors);
                if state.ocd.is_stopped() {
                    return Debugged { spent, exit: None };
                }
                break;
            }
            if !std::mem::take(&mut position.reported) && debugger.breaks_at(pc) {
                debugger.pause(Position { reported: true, ..here });
                return Debugged { spent, exit: Some(Exit::Debug) };
            }
            let fresh = if debugger.is_stepping() { decoded_anew(bus, pc, op) } else { *op };
            let op = &fresh;
            let begins_loop = penalties != Penalties::default() && op.opcode.begins_loop();
            let watched = debugger.watched(state, op);
            let then = execute_apart::<true>(state, bus, op, start).then();
            if then == Then::Raise && state.trap.is_wait() {
                state.pc = pc;
                spent = spent.saturating_add(bus.take_wait());
                waits = true;
                break;
            }
            next += 1;
            spent = origin.wrapping_add(u32::from(op.after));
            let end = pc.wrapping_add(u32::from(op.length()));
            if bus.is_observed() {
                bus.executed(pc, end, spent);
            }
            match (then, instructions.get(next)) {
                (Then::Next, Some(following)) => state.pc = pc_of(following),
                _ => state.finish(then, pc, end),
            }
            spent += then.penalty(op, penalties);
            if counting.is_on() {
                let jumped = then != Then::Raise && state.pc != end;
                counting.note(Executed { start: pc, end, jumped, unfinished: true });
            }
            if then != Then::Raise {
                debugger.note(watched);
            }
            debugger.note_step(state, pc, in_vectors);
            let unmasked = matches!(then, Then::Unmask | Then::UnmaskJump(_)) && state.interrupt != 0;
            if unmasked || then == Then::Sync || state.ocd.is_stopped() {
                return Debugged { spent, exit: None };
            }
            if begins_loop && then != Then::Raise {
                blocks.note_loop(state.lbeg, state.lend);
                break;
            }
            if then != Then::Next {
                break;
            }
        }
        if spent >= stop || bus.attention() {
            return Debugged { spent, exit: None };
        }
        position = Position { reported: waits, ..Position::at(state.pc) };
        if debugger.is_stopping() {
            debugger.pause(position);
            return Debugged { spent, exit: Some(Exit::Debug) };
        }
    }
}
