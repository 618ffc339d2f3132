//! The core as its users see it, and the loop that runs blocks.

use espalier_core::{
    BlockCounts, Bus, CodeState, DebugStop, EdgeCounts, Executed, Exit, Timing, Translation, Watchpoint,
};

use crate::block::{self, Absent, Blocks, Entered, RiscV};
use crate::config::Config;
use crate::cost;
use crate::csr::Csr;
use crate::debugger::{self, Debugger, Position};
use crate::execute::{compared, execute, execute_apart};
use crate::state::{Privilege, State};
use crate::step::{Start, Step, Then};

/// The lowest bit of an address of code is never set.
const CODE_ADDRESS: u32 = !1;

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
        let blocks = Blocks::new(RiscV::new(Timing::Fast, Translation::default()));
        Cpu { state: State::new(config), blocks, cycles: 0, debugger: Debugger::default() }
    }

    /// Resets the core. Decoded blocks and breakpoints stay, and so do the levels of its inputs.
    pub fn reset(&mut self) {
        let (lines, pins) = (self.state.lines, self.state.gpio_in);
        self.state = State::new(self.state.config);
        (self.state.lines, self.state.gpio_in) = (lines, pins);
        self.cycles = 0;
        self.debugger.forget_position();
    }

    /// Where execution starts after the next reset.
    pub fn set_reset_vector(&mut self, address: u32) {
        self.state.config.reset_vector = address;
    }

    /// Sets the interrupts that the controller presents. If there are several, the core takes the lowest-numbered.
    pub fn set_interrupt_lines(&mut self, lines: u32) {
        self.state.lines = lines;
    }

    /// Chooses which blocks are translated to code of the host; none are while the core keeps the time of silicon.
    pub fn set_translation(&mut self, translation: Translation) {
        block::set_translation(&mut self.blocks, translation);
    }

    /// Returns which blocks are translated.
    pub fn translation(&self) -> Translation {
        self.blocks.decoder.translation()
    }

    /// Has instructions take the cycles that `timing` says, from now on.
    pub fn set_timing(&mut self, timing: Timing) {
        self.blocks.clear();
        self.blocks.decoder.timing = timing;
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
        block::count(&mut self.blocks, false);
    }

    /// The counts; none unless it counts.
    pub fn block_counts(&self) -> Option<&BlockCounts> {
        self.blocks.counting.counts()
    }

    /// Counts from now on the jumps that it takes; a clone counts for itself.
    pub fn count_edges(&mut self) {
        block::count(&mut self.blocks, true);
    }

    /// The counts of jumps; none unless it counts them.
    pub fn edge_counts(&self) -> Option<&EdgeCounts> {
        self.blocks.counting.edges()
    }

    /// Runs until `cycles` cycles are spent or there is another reason to return.
    pub fn run<B: Bus>(&mut self, bus: &mut B, cycles: u32) -> Exit {
        self.state.started = self.cycles;
        let mut spent = 0;
        self.blocks.begin(bus);
        let exit = self.run_until(bus, cycles, &mut spent);
        self.state.tidy();
        self.cycles += u64::from(spent);
        exit
    }

    fn run_until<B: Bus>(&mut self, bus: &mut B, cycles: u32, spent: &mut u32) -> Exit {
        if self.debugger.is_engaged() {
            return self.run_debugged(bus, cycles, spent);
        }
        while *spent < cycles {
            self.enter_interrupt(bus, *spent);
            if self.state.waiting {
                return Exit::Waiting;
            }
            block::note_epoch(&mut self.blocks, bus.code_epoch());
            let before = *spent;
            *spent = run_blocks(&mut self.state, &mut self.blocks, bus, before, cycles);
            if *spent == before || bus.attention() {
                return Exit::Attention;
            }
        }
        Exit::Budget
    }

    /// [`Cpu::run_until`] while a debugger looks at every instruction.
    #[cold]
    fn run_debugged<B: Bus>(&mut self, bus: &mut B, cycles: u32, spent: &mut u32) -> Exit {
        while *spent < cycles {
            let position = self.debugger.take_position(self.state.pc).unwrap_or_else(|| {
                self.enter_interrupt(bus, *spent);
                block::note_epoch(&mut self.blocks, bus.code_epoch());
                Position::at(self.state.pc)
            });
            if self.state.waiting {
                return Exit::Waiting;
            }
            let (state, blocks) = (&mut self.state, &mut self.blocks);
            let mut counting = std::mem::take(&mut blocks.counting);
            let watching = (&mut self.debugger, &mut counting);
            let debugged = debugger::run_blocks(state, blocks, watching, bus, position, *spent..cycles);
            self.blocks.counting = counting;
            *spent = debugged.spent;
            if let Some(exit) = debugged.exit {
                return exit;
            }
            if bus.attention() {
                return Exit::Attention;
            }
            if self.debugger.is_stopping() && *spent < cycles {
                return Exit::Debug;
            }
        }
        Exit::Budget
    }

    /// Takes the interrupt that is due between two instructions.
    #[inline(always)]
    fn enter_interrupt<B: Bus>(&mut self, bus: &mut B, cycle: u32) {
        let from = self.state.pc;
        if let Some(line) = self.state.take_interrupt() {
            bus.interrupted(from, self.state.pc, line, cycle);
        }
    }

    /// Executes one instruction without blocks: the plain interpreter that [`Cpu::run`] must agree with.
    pub fn step<B: Bus>(&mut self, bus: &mut B) -> Exit {
        self.state.started = self.cycles;
        self.enter_interrupt(bus, 0);
        if self.state.waiting {
            return Exit::Waiting;
        }
        let is_at_hand = bus.is_at_hand(self.state.pc);
        let more = interpret(&mut self.state, bus, self.blocks.decoder.timing);
        self.state.tidy();
        if !is_at_hand {
            block::note_arrival(&mut self.blocks, bus);
        }
        self.cycles += 1 + u64::from(more);
        if bus.attention() { Exit::Attention } else { Exit::Budget }
    }

    /// Lets time pass without executing anything, while the core waits or is stalled.
    pub fn idle(&mut self, cycles: u64) {
        self.state.idled += cycles;
        self.cycles += cycles;
    }

    /// Cycles since reset, idle ones included.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// True in `WFI` while no interrupt is presented.
    pub fn is_waiting(&self) -> bool {
        self.state.waiting && self.state.lines == 0
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.state.pc
    }

    /// Makes execution go on at `address`.
    pub fn set_pc(&mut self, address: u32) {
        let address = address & CODE_ADDRESS;
        if self.state.pc != address {
            self.debugger.forget_position();
        }
        self.state.pc = address;
    }

    /// General register x0 to x31.
    pub fn register(&self, number: u8) -> u32 {
        self.state.get(number % 32)
    }

    /// Writes a general register; `zero` stays 0.
    pub fn set_register(&mut self, number: u8, value: u32) {
        self.state.set_register(number % 32, value);
    }

    /// Value of a control and status register.
    pub fn csr(&self, csr: Csr) -> u32 {
        self.state.csr(csr, self.cycles)
    }

    /// Writes a control and status register as `CSRRW` does.
    pub fn set_csr(&mut self, csr: Csr, value: u32) {
        self.state.set_csr(csr, value, self.cycles);
    }

    /// The capabilities of the running program.
    pub fn privilege(&self) -> Privilege {
        self.state.privilege
    }

    /// Changes what the running program may do.
    pub fn set_privilege(&mut self, privilege: Privilege) {
        self.state.privilege = privilege;
    }

    /// Addresses before whose instructions [`Cpu::run`] returns with [`Exit::Debug`], once each time execution gets there.
    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        self.debugger.set_breakpoints(addresses);
    }

    /// Data whose accesses end a run, after the instruction that makes them.
    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        self.debugger.set_watchpoints(watchpoints);
    }

    /// Wants the next instruction that this core executes to end the run, or no longer.
    pub fn set_step(&mut self, wanted: bool) {
        self.debugger.set_step(wanted);
    }

    /// True if a debugger waits for something, or has an event that was not taken yet.
    pub fn is_debugged(&self) -> bool {
        self.debugger.is_engaged()
    }

    /// Takes the debugger's reason to stop. There can be one after [`Exit::Debug`], and also where a run ended anyway.
    pub fn take_debug_stop(&mut self) -> Option<DebugStop> {
        self.debugger.take_stop()
    }

    /// Levels of the eight pins that the core reads itself, in `cpu_gpio_in`.
    pub fn set_input_pins(&mut self, levels: u8) {
        self.state.gpio_in = u32::from(levels);
    }
}

/// Runs blocks from cycle `spent` up to `stop` at most. Returns the cycles spent after the last instruction.
#[inline(never)]
fn run_blocks<B: Bus>(state: &mut State, blocks: &mut Blocks, bus: &mut B, mut spent: u32, stop: u32) -> u32 {
    let mut previous = Blocks::NO_INSTRUCTION;
    let jump = cost::of_jump(blocks.decoder.timing);
    // Translated code looks for attention only when it ends.
    let translates = block::translates(blocks) && !bus.attention() && !bus.is_observed();
    let counts = blocks.counting.is_on();
    loop {
        let mut pc = state.pc;
        let mut index = match blocks.follow(previous, pc, bus) {
            Ok(index) => index,
            Err(Absent::Trap(trap)) => {
                state.raise(trap, pc);
                return spent + 1 + state.stall(jump);
            }
            Err(Absent::NotAtHand) => {
                block::note_arrival(blocks, bus);
                return spent;
            }
        };
        let (mut from, mut stale) = (0, false);
        if translates && !(counts && blocks.counting.interprets(pc)) {
            match block::enter(blocks, index, state, bus, [spent, stop]) {
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
        let mut count = instructions.len().min((stop - spent) as usize);
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
            step = execute(state, bus, op, start);
            if step != Step::NEXT {
                last = Some(op);
                break;
            }
        }
        let done = last.map_or(count as u32, |op| u32::from(op.index) + 1);
        spent += done;
        previous = first.wrapping_add(done).wrapping_sub(1);
        if bus.is_observed()
            && let Some(last) = last.or(instructions[..count].last())
        {
            bus.executed(pc, start.pc(last).wrapping_add(u32::from(last.length())), spent);
        }
        let counted = if counts { last.or(instructions[..count].last()) } else { None };
        let after = counted
            .map(|op| (first.wrapping_add(u32::from(op.index)), start.pc(op).wrapping_add(u32::from(op.length()))));
        let cut_short = last.is_none();
        let mut ends = false;
        match (step.then(), last) {
            (Then::Jump(target), _) => {
                state.pc = target;
                spent += state.stall(jump);
            }
            (_, None) => {
                state.pc = instructions.get(count).map_or(end, |next| pc.wrapping_add(u32::from(next.offset)));
            }
            (then, Some(last)) => {
                state.finish(then, start.pc(last), u32::from(last.length()));
                spent += state.stall(then.penalty(jump));
                ends = matches!(then, Then::Sync | Then::SyncJump(_));
            }
        }
        if let Some((last, after)) = after {
            let jumped = step.then() != Then::Raise && state.pc != after;
            let run = Executed { start: pc, end: after, jumped, unfinished: cut_short && after < end };
            blocks.counting.note_at(last, run);
        }
        if ends || spent >= stop || bus.attention() {
            return spent;
        }
    }
}

/// Fetches, decodes and executes the next instruction. Returns the cycles that it takes more than one.
fn interpret<B: Bus>(state: &mut State, bus: &mut B, timing: Timing) -> u32 {
    let (pc, jump) = (state.pc, cost::of_jump(timing));
    // A wait for code takes the cycle in which it begins.
    if !bus.bring_in(pc) {
        return 0;
    }
    let mut op = match block::fetch(bus, pc) {
        Ok(op) => op,
        Err(trap) => {
            state.raise(trap, pc);
            return state.stall(jump);
        }
    };
    op.more = cost::of(op.opcode, timing);
    bus.executing(pc);
    let step = execute_apart(state, bus, &op, Start { pc, cycle: 0 });
    if bus.is_observed() {
        bus.executed(pc, pc.wrapping_add(u32::from(op.length())), 1);
    }
    state.finish(step.then(), pc, u32::from(op.length()));
    state.stall(step.then().penalty(jump))
}

impl State {
    /// Lets so many cycles pass in which no instruction ends. Returns them.
    #[inline(always)]
    pub(crate) fn stall(&mut self, cycles: u32) -> u32 {
        self.idled += u64::from(cycles);
        cycles
    }

    /// Completes the instruction of `length` bytes at `pc`.
    pub(crate) fn finish(&mut self, then: Then, pc: u32, length: u32) {
        match then {
            Then::Next | Then::Leave | Then::Sync | Then::Delay(_) => self.pc = pc.wrapping_add(length),
            Then::Jump(target) | Then::SyncJump(target) => self.pc = target,
            Then::Raise => self.raise(self.trap, pc),
        }
    }
}
