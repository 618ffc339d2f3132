//! The core as its users see it, and the loop that runs blocks.

mod compare;
mod debugged;

use crate::block::{self, Absent, Blocks, Entered};
use crate::config::Config;
use crate::cost::{AHEAD, Penalties};
use crate::debugger::Debugger;
use crate::execute::{compared, execute, execute_apart};
use crate::instruction::Instruction;
use crate::register::{SpecialRegister, UserRegister};
use crate::state::{State, ps};
use crate::step::{Start, Step, Then};
use crate::timing;
use crate::trap::Trap;
use espalier_core::{
    BlockCounts, Bus, CodeMemory, CodeState, DebugStop, EdgeCounts, Executed, Exit, Timing, Translation, Watchpoint,
};

/// One core.
#[derive(Clone, Debug)]
pub struct Cpu {
    state: State,
    blocks: Blocks,
    /// Cycles since reset.
    cycles: u64,
    debugger: Debugger,
}

espalier_core::persist!(state Cpu { state, blocks, cycles, debugger });

impl Cpu {
    /// A core that has just been reset.
    pub fn new(config: Config) -> Cpu {
        Cpu { state: State::new(config), blocks: Blocks::new(), cycles: 0, debugger: Debugger::default() }
    }

    /// Resets the core. Decoded blocks and breakpoints stay, and so do the levels of the interrupt inputs.
    pub fn reset(&mut self) {
        let (lines, ocd) = (self.state.lines, self.state.ocd.after_core_reset());
        self.state = State::new(self.state.config);
        self.state.ocd = ocd;
        self.state.set_lines(lines);
        self.cycles = 0;
        self.debugger.forget_position();
    }

    /// Where execution starts after the next reset.
    pub fn set_reset_vector(&mut self, address: u32) {
        self.state.config.reset_vector = address;
    }

    /// Sets the levels of the core's 32 interrupt inputs. Bits of timer, software and profiling interrupts are ignored.
    pub fn set_interrupt_lines(&mut self, lines: u32) {
        self.state.set_lines(lines);
    }

    /// Chooses which blocks are translated to code of the host.
    pub fn set_translation(&mut self, translation: Translation) {
        self.blocks.set_translation(translation);
    }

    /// Returns which blocks are translated.
    pub fn translation(&self) -> Translation {
        self.blocks.translation()
    }

    /// Has instructions take the cycles that `timing` says, from now on.
    pub fn set_timing(&mut self, timing: Timing) {
        self.blocks.set_timing(timing);
    }

    /// Returns the cycles that instructions take.
    pub fn timing(&self) -> Timing {
        self.blocks.timing()
    }

    /// As [`Core::cloned_with`](espalier_core::Core::cloned_with).
    pub fn cloned_with(&mut self, code: CodeState) {
        self.blocks.cloned_with(code);
    }

    /// As [`Core::leave_code`](espalier_core::Core::leave_code).
    pub fn leave_code(&mut self, code: CodeState) {
        self.blocks.leave(code);
    }

    /// Counts from now on the blocks that it executes; a clone counts for itself.
    pub fn count_blocks(&mut self) {
        self.blocks.count();
    }

    /// The counts; none unless it counts.
    pub fn block_counts(&self) -> Option<&BlockCounts> {
        self.blocks.counts()
    }

    /// Counts from now on the jumps that it takes; a clone counts for itself.
    pub fn count_edges(&mut self) {
        self.blocks.count_edges();
    }

    /// The counts of jumps; none unless it counts them.
    pub fn edge_counts(&self) -> Option<&EdgeCounts> {
        self.blocks.edges()
    }

    /// Runs until `cycles` cycles are spent or there is another reason to return.
    pub fn run<B: Bus>(&mut self, bus: &mut B, cycles: u32) -> Exit {
        self.state.started = self.cycles;
        let mut spent = 0;
        self.blocks.begin(bus);
        let exit = self.run_until(bus, cycles, &mut spent);
        self.cycles += u64::from(spent);
        exit
    }

    fn run_until<B: Bus>(&mut self, bus: &mut B, cycles: u32, spent: &mut u32) -> Exit {
        if self.debugger.is_engaged() {
            return self.run_debugged(bus, cycles, spent);
        }
        while *spent < cycles {
            let before = *spent;
            if let Some(exit) = self.enter_interrupts(bus, spent) {
                return exit;
            }
            // The next interrupt can come while this one is entered.
            if *spent > before {
                continue;
            }
            // When the last instruction began: no timer matched before.
            let last = if self.state.is_single_stepped() {
                let before = *spent;
                *spent += self.interpret_counted(bus, *spent);
                before
            } else {
                let timer = self.state.cycles_to_match(self.state.started + u64::from(*spent));
                let stop = cycles.min(spent.saturating_add(u32::try_from(timer).unwrap_or(u32::MAX)));
                self.blocks.note_epoch(bus.code_epoch());
                self.blocks.note_loop_end(self.state.lend);
                self.blocks.note_watches(self.state.watches.kinds());
                let special = self.state.has_breakpoints() || self.blocks.timing() == Timing::Silicon;
                let run = if special { run_blocks::<true, B> } else { run_blocks::<false, B> };
                let before = std::mem::replace(spent, run(&mut self.state, &mut self.blocks, bus, *spent, stop));
                if *spent == before {
                    return Exit::Attention;
                }
                stop.min(*spent) - 1
            };
            self.state.latch_timers(self.state.started + u64::from(last), u64::from(*spent - last));
            if bus.attention() {
                return Exit::Attention;
            }
        }
        Exit::Budget
    }

    /// Takes the interrupt that is due between two instructions, a debugger's first. Says why the core executes nothing now.
    #[inline(always)]
    fn enter_interrupts<B: Bus>(&mut self, bus: &mut B, spent: &mut u32) -> Option<Exit> {
        if self.state.ocd.needs_attention() {
            self.state.take_debug_interrupt();
            if self.state.ocd.is_stopped() {
                return Some(Exit::Stopped);
            }
        }
        let from = self.state.pc;
        if let Some(level) = self.state.take_interrupt() {
            bus.interrupted(from, self.state.pc, level, *spent);
            let entry = Penalties::of(self.blocks.timing()).interrupt;
            if entry > 0 {
                self.state.latch_timers(self.state.started + u64::from(*spent), u64::from(entry));
                *spent += u32::from(entry);
            }
        }
        self.state.waiting.then_some(Exit::Waiting)
    }

    /// Fetches, decodes and executes the next instruction, for which code may have to come. Returns where it is, and the cycles that it
    /// took.
    fn interpret<B: Bus>(&mut self, bus: &mut B, cycle: u32) -> (Option<Executed>, u32) {
        let is_at_hand = bus.is_at_hand(self.state.pc);
        let interpreted = interpret(&mut self.state, &mut self.blocks, bus, cycle);
        if !is_at_hand {
            self.blocks.note_arrival(bus);
        }
        interpreted
    }

    /// The same, counted. Returns the cycles.
    fn interpret_counted<B: Bus>(&mut self, bus: &mut B, cycle: u32) -> u32 {
        let (executed, cycles) = self.interpret(bus, cycle);
        if let Some(executed) = executed {
            self.blocks.counting().note(executed);
        }
        cycles
    }

    /// Executes one instruction without blocks: the plain interpreter that [`Cpu::run`] must agree with. An interrupt whose entry takes
    /// cycles is a step of its own.
    pub fn step<B: Bus>(&mut self, bus: &mut B) -> Exit {
        self.state.started = self.cycles;
        let mut spent = 0;
        if let Some(exit) = self.enter_interrupts(bus, &mut spent) {
            return exit;
        }
        if spent > 0 {
            self.cycles += u64::from(spent);
            return Exit::Budget;
        }
        let (_, cycles) = self.interpret(bus, 0);
        self.state.latch_timers(self.cycles, u64::from(cycles));
        self.cycles += u64::from(cycles);
        if bus.attention() { Exit::Attention } else { Exit::Budget }
    }

    /// Lets time pass without executing anything, while the core waits or is stalled.
    pub fn idle(&mut self, cycles: u64) {
        self.state.latch_timers(self.cycles, cycles);
        self.cycles += cycles;
    }

    /// Cycles since reset, idle ones included.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Cycles until a CCOMPARE match raises an enabled interrupt that is not pending yet.
    pub fn cycles_to_timer(&self) -> Option<u64> {
        self.state.cycles_to_interrupt(self.cycles)
    }

    /// True in `WAITI` while no enabled interrupt above its level is pending.
    pub fn is_waiting(&self) -> bool {
        self.state.waiting && self.state.pending_level().is_none() && !self.state.is_debug_interrupt_due()
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.state.pc
    }

    /// Makes execution go on at `address`.
    pub fn set_pc(&mut self, address: u32) {
        if self.state.pc != address {
            self.debugger.forget_position();
        }
        self.state.pc = address;
    }

    /// Address register a0 to a15 of the current window.
    pub fn ar(&self, number: u8) -> u32 {
        self.state.get(number)
    }

    /// Writes an address register of the current window.
    pub fn set_ar(&mut self, number: u8, value: u32) {
        self.state.set(number, value);
    }

    /// One of the 64 physical address registers.
    pub fn physical(&self, number: usize) -> u32 {
        self.state.physical(number)
    }

    /// Writes a physical address register.
    pub fn set_physical(&mut self, number: usize, value: u32) {
        self.state.set_physical(number, value);
    }

    /// Floating-point register f0 to f15 as its bits.
    pub fn float(&self, number: u8) -> u32 {
        self.state.fr[usize::from(number & 0xf)]
    }

    /// Writes a floating-point register.
    pub fn set_float(&mut self, number: u8, bits: u32) {
        self.state.fr[usize::from(number & 0xf)] = bits;
    }

    /// Value of a special register.
    pub fn special(&self, register: SpecialRegister) -> u32 {
        self.state.special(register, self.cycles)
    }

    /// Writes a special register as `WSR` does.
    pub fn set_special(&mut self, register: SpecialRegister, value: u32) {
        self.state.set_special(register, value, self.cycles);
    }

    /// Value of a user register.
    pub fn user(&self, register: UserRegister) -> u32 {
        self.state.user(register)
    }

    /// Writes a user register as `WUR` does.
    pub fn set_user(&mut self, register: UserRegister, value: u32) {
        self.state.set_user(register, value);
    }

    /// Addresses before whose instructions [`Cpu::run`] returns with [`Exit::Debug`], once each time execution gets there.
    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        self.debugger.set_breakpoints(addresses);
    }

    /// Data whose accesses end a run, after the instruction that makes them.
    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        self.debugger.set_watchpoints(watchpoints);
    }

    /// Wants the next instruction that this core executes to end the run, or no longer. Spilling or filling a register window
    /// belongs to the instruction that needs it; an interrupt that comes first does not.
    pub fn set_step(&mut self, wanted: bool) {
        self.debugger.set_step(wanted);
    }

    /// True if a debugger waits for something, or has an event that was not taken yet.
    #[inline(always)]
    pub fn is_debugged(&self) -> bool {
        self.debugger.is_engaged()
    }

    /// Takes the debugger's reason to stop. There can be one after [`Exit::Debug`], and also where a run ended anyway.
    pub fn take_debug_stop(&mut self) -> Option<DebugStop> {
        self.debugger.take_stop()
    }
}

/// Runs blocks from cycle `spent` up to `stop` at most, for a core whose program has breakpoints or that keeps the time of silicon
/// (`SPECIAL`), and for any other, which has nothing to do for either. Returns the cycles spent after the last instruction.
#[inline(never)]
fn run_blocks<const SPECIAL: bool, B: Bus>(
    state: &mut State,
    blocks: &mut Blocks,
    bus: &mut B,
    mut spent: u32,
    stop: u32,
) -> u32 {
    let mut previous = Blocks::NO_INSTRUCTION;
    state.ccount_at_stop = state.ccount(state.started + u64::from(stop));
    // Translated code looks at no instruction breakpoints, and for attention only when it ends.
    let looks_closer = bus.is_observed() || SPECIAL && state.has_instruction_breakpoints();
    let translates = blocks.translates() && !bus.attention() && !looks_closer;
    let counts = blocks.counting().is_on();
    let penalties = if SPECIAL { Penalties::of(blocks.timing()) } else { Penalties::default() };
    // The block and its instruction that was waited for.
    let mut awaited = None;
    loop {
        let mut pc = state.pc;
        let resumed = awaited.take();
        let mut index = match resumed {
            Some((block, _)) => block,
            None => match blocks.follow(previous, pc, bus) {
                Ok(index) => index,
                Err(Absent::Trap(trap)) => {
                    state.raise(trap, pc);
                    return spent + 1 + u32::from(penalties.exception);
                }
                Err(Absent::NotAtHand) => return spent,
            },
        };
        let (mut from, mut stale) = (0, false);
        if let Some((_, instruction)) = resumed.filter(|_| SPECIAL) {
            from = instruction;
            pc = blocks.block(index).start();
        } else if translates && !(counts && blocks.counting().interprets(pc)) {
            match blocks.enter(index, state, bus, spent, stop) {
                None => {}
                Some(Entered::At { room }) => {
                    spent = stop - room;
                    previous = Blocks::NO_INSTRUCTION;
                    if room == 0 {
                        return spent;
                    }
                    continue;
                }
                Some(Entered::Within { index: block, from: instruction, room, is_changed }) => {
                    spent = stop - room;
                    (index, from, stale) = (block, instruction as usize, is_changed);
                    pc = blocks.block(index).start();
                    state.pc = pc;
                }
            }
        }
        bus.executing(pc);
        let block = blocks.block(index);
        let instructions = blocks.instructions(block);
        let (first, end) = (block.first, block.end);
        let cycles = if SPECIAL { u32::from(block.own.cycles) } else { instructions.len() as u32 };
        // Instructions before the one that cannot execute still run.
        let mut obstructed = false;
        let mut count = instructions.len();
        let begins = from == 0 || SPECIAL && resumed.is_some();
        if begins && (u32::from(block.own.limit) > state.window_free || SPECIAL && state.breaks_within(pc, end)) {
            if SPECIAL && block.own.is_cached() {
                let first = pc.wrapping_add(instructions.get(from).map_or(0, |op| u32::from(op.offset)));
                let wait = bus.wait_for_code(first, first.wrapping_add(AHEAD));
                if wait > 0 {
                    spent = spent.saturating_add(wait);
                    let now = spent.saturating_add(after(&instructions[..from]));
                    if now >= stop {
                        return now;
                    }
                    (previous, awaited) = (Blocks::NO_INSTRUCTION, resumed);
                    continue;
                }
            }
            if !SPECIAL || u32::from(block.own.window) > state.window_free || state.has_breakpoints() {
                let limit = obstacle(state, &instructions[from..], pc).map(|limit| from + limit);
                obstructed = limit.is_some();
                count = limit.unwrap_or(count);
            }
        } else if from > 0 && u32::from(block.own.window) > state.window_free {
            // Translated code has looked at the window as far as it has come.
            let limit = obstacle(state, &instructions[from..], pc).map(|limit| from + limit);
            obstructed = limit.is_some();
            count = limit.unwrap_or(count);
        }
        let room = stop - spent;
        if cycles >= room {
            let limit = if SPECIAL { begun(instructions, room) } else { room as usize };
            if count >= limit {
                count = limit;
                obstructed = false;
            }
        }
        let start = Start { pc, cycle: spent };
        let mut step = Step::NEXT;
        let mut last = None;
        if stale {
            // The last instruction that translated code has done has changed code.
            (step, last) = (Step::LEAVE, instructions[..from].last());
            count = from;
        }
        for op in &instructions[from..count] {
            if bus.is_observed()
                && let Some((one, other)) = compared(state, op)
            {
                bus.compared(one, other);
            }
            step = execute::<SPECIAL, B>(state, bus, op, start);
            if step != Step::NEXT {
                last = Some(op);
                break;
            }
        }
        let mut wait = None;
        if SPECIAL && step == Step::RAISE && state.trap.is_wait() {
            // The instruction is executed again, in a later run as the first one of another block.
            let cycles = bus.take_wait();
            count = last.and_then(|op| instructions.iter().position(|other| other.offset == op.offset)).unwrap_or(from);
            let now = spent.saturating_add(after(&instructions[..count])).saturating_add(cycles);
            if now < stop && !bus.attention() {
                state.pc = pc.wrapping_add(last.map_or(0, |op| u32::from(op.offset)));
                spent += cycles;
                (previous, awaited) = (Blocks::NO_INSTRUCTION, Some((index, count)));
                continue;
            }
            wait = Some(cycles);
            (step, last, obstructed) = (Step::NEXT, None, false);
        }
        let done = match last {
            Some(op) => u32::from(op.after),
            None if SPECIAL => after(&instructions[..count]),
            None => count as u32,
        };
        spent += done;
        previous = first.wrapping_add(done).wrapping_sub(1);
        if let Some(wait) = wait {
            spent = spent.saturating_add(wait);
            previous = Blocks::NO_INSTRUCTION;
        }
        if bus.is_observed()
            && let Some(last) = last.or(instructions[..count].last())
        {
            bus.executed(pc, pc.wrapping_add(u32::from(last.offset) + u32::from(last.length())), spent);
        }
        let counted = if counts { last.or(instructions[..count].last()) } else { None };
        let ended = counted.map(|op| {
            let end = pc.wrapping_add(u32::from(op.offset) + u32::from(op.length()));
            (first.wrapping_add(u32::from(op.after) - 1), end)
        });
        let mut raised = step.then() == Then::Raise;
        let begins_loop = SPECIAL
            && !raised
            && penalties != Penalties::default()
            && last.or(instructions[..count].last()).is_some_and(|op| op.opcode.begins_loop());
        let cut_short = last.is_none();
        let mut ends = false;
        match (step.then(), last) {
            (Then::Jump(target), last) => {
                spent += u32::from(penalties.jump);
                if SPECIAL {
                    spent += u32::from(last.is_some_and(Instruction::lands_across_words));
                }
                state.pc = target;
            }
            (_, None) => match instructions.get(count) {
                None => state.go_on_at(end),
                Some(next) => {
                    state.pc = pc.wrapping_add(u32::from(next.offset));
                    if obstructed {
                        state.raise_obstacle(state.pc);
                        spent += 1 + u32::from(penalties.exception);
                        previous = first + count as u32;
                        raised = true;
                        ends = SPECIAL && state.ocd.is_stopped();
                    }
                }
            },
            (then, Some(last)) => {
                let pc = pc.wrapping_add(u32::from(last.offset));
                state.finish(then, pc, pc.wrapping_add(u32::from(last.length())));
                spent += then.penalty(last, penalties);
                let unmasked = matches!(then, Then::Unmask | Then::UnmaskJump(_)) && state.interrupt != 0;
                ends = unmasked || then == Then::Sync || state.ocd.is_stopped();
            }
        }
        if let Some((last, after)) = ended {
            let jumped = !raised && state.pc != after;
            let run = Executed { start: pc, end: after, jumped, unfinished: cut_short && after < end };
            blocks.counting().note_at(last, run);
        }
        if begins_loop {
            blocks.note_loop(state.lbeg, state.lend);
            previous = Blocks::NO_INSTRUCTION;
        }
        if ends || spent >= stop || bus.attention() {
            return spent;
        }
    }
}

/// The cycles that all of these instructions take, the first ones of a block.
#[inline(always)]
fn after(instructions: &[Instruction]) -> u32 {
    instructions.last().map_or(0, |op| u32::from(op.after))
}

/// The number of instructions of a block that begin in its first `room` cycles.
fn begun(instructions: &[Instruction], room: u32) -> usize {
    let others = instructions.split_last().map_or(&[][..], |(_, others)| others);
    1 + others.partition_point(|op| u32::from(op.after) < room)
}

/// Index of the first instruction of a block at `pc` that cannot execute: a breakpoint is on it, or its window overflows.
#[cold]
fn obstacle(state: &State, instructions: &[Instruction], pc: u32) -> Option<usize> {
    instructions.iter().position(|op| {
        let pc = pc.wrapping_add(u32::from(op.offset));
        u32::from(op.window()) > state.window_free || state.instruction_breakpoint(pc).is_some()
    })
}

/// Fetches, decodes and executes the next instruction. Returns where it is, unless there is none that can be executed, and the cycles
/// that it took.
fn interpret<B: Bus>(state: &mut State, blocks: &mut Blocks, bus: &mut B, cycle: u32) -> (Option<Executed>, u32) {
    let (pc, timing) = (state.pc, blocks.timing());
    let penalties = Penalties::of(timing);
    // A wait for code takes the cycle in which it begins.
    if !bus.bring_in(pc) {
        return (None, 1);
    }
    let (fetched, counted) = (block::fetch(bus, pc), state.plain(SpecialRegister::Icount));
    if let (Timing::Silicon, Ok(_)) = (timing, &fetched)
        && bus.code_memory(pc) == CodeMemory::Mapped
    {
        let wait = bus.wait_for_code(pc, pc.wrapping_add(AHEAD));
        if wait > 0 {
            return (None, wait);
        }
    }
    let trap = match &fetched {
        Err(trap) => Some(*trap),
        Ok(op) => {
            let overflows = u32::from(op.window()) > state.window_free;
            state.debug_trap(pc).or(overflows.then_some(Trap::WindowOverflow))
        }
    };
    let mut op = match (fetched, trap) {
        (Ok(op), None) => op,
        (_, trap) => {
            state.raise(trap.unwrap_or(Trap::WindowOverflow), pc);
            return (None, 1 + u32::from(penalties.exception));
        }
    };
    if timing == Timing::Silicon {
        timing::charge(&mut op, pc, blocks.loops(), |at| block::fetch(bus, at).ok());
    }
    bus.executing(pc);
    let step = execute_apart::<true>(state, bus, &op, Start { pc, cycle });
    if step == Step::RAISE && state.trap.is_wait() {
        // It counts once it is executed.
        state.set_plain(SpecialRegister::Icount, counted);
        return (None, bus.take_wait());
    }
    let end = pc.wrapping_add(u32::from(op.length()));
    if bus.is_observed() {
        bus.executed(pc, end, cycle + u32::from(op.after));
    }
    state.finish(step.then(), pc, end);
    let jumped = step.then() != Then::Raise && state.pc != end;
    if timing == Timing::Silicon && op.opcode.begins_loop() && step.then() != Then::Raise {
        blocks.note_loop(state.lbeg, state.lend);
    }
    let executed = Executed { start: pc, end, jumped, unfinished: true };
    (Some(executed), u32::from(op.after) + step.then().penalty(&op, penalties))
}

impl State {
    /// Goes on with the instruction at `next`, or at the start of the loop that ends there.
    #[inline(always)]
    fn go_on_at(&mut self, next: u32) {
        self.pc = next;
        if next == self.lend && self.lcount != 0 && self.ps & ps::EXCM == 0 {
            self.lcount -= 1;
            self.pc = self.lbeg;
        }
    }

    /// Raises what keeps the instruction at `pc` from executing; see [`obstacle`].
    #[cold]
    fn raise_obstacle(&mut self, pc: u32) {
        self.raise(self.instruction_breakpoint(pc).unwrap_or(Trap::WindowOverflow), pc);
    }

    /// Completes the instruction at `pc`, which is followed by the one at `next` in memory.
    fn finish(&mut self, then: Then, pc: u32, next: u32) {
        match then {
            Then::Next | Then::Leave | Then::Unmask | Then::Sync | Then::Delay(_) => self.go_on_at(next),
            Then::Jump(target) | Then::UnmaskJump(target) => self.pc = target,
            Then::Raise => self.raise(self.trap, pc),
        }
    }
}
