//! The order in which cores and devices run.
//!
//! Guest time advances in slices. The end of a slice depends on the machine's state alone, never on how far the caller wants to
//! go, so running in one go and running in many small steps give the same run. While several cores execute they take turns of some 64
//! instructions; while one executes it runs up to the next event; while none does, time jumps to the next event.

use std::sync::Arc;

use espalier_core::{Core, DebugStop, Exit, Frequency, Span, Time, Timing};
use espalier_peripherals::ResetScope;

use super::assembly::{self, Assembly};
use super::chip::Chip;
use super::observed::{self, Observers};
use super::polling::{self, PollSearch};
use super::resets::Resets;
use super::settle::Settle;
use crate::platform::Reset;

/// Cycles that one core runs before the next one has its turn.
fn turn_of(timing: Timing) -> u64 {
    match timing {
        Timing::Fast => 64,
        // An instruction takes some two of them.
        Timing::Silicon => 128,
    }
}

/// The longest slice of a core that runs alone, in cycles, so that a caller gets control back in time.
const LONGEST_SLICE: u64 = 1 << 14;

/// The progress of a slice, since a debugger may stop it anywhere.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The cores that execute, bit n is core n; if several do, each for `cycles`.
    executing: u32,
    cycles: u64,
    clock: Frequency,
    /// The core whose turn it is, and the cycles that it is ahead of the start of the slice.
    core: usize,
    done: u64,
    /// Cycles after those in which it waits for its memory.
    stalled: u64,
    /// It has been stopped in the middle of a run.
    interrupted: bool,
}

espalier_core::persist!(value Turn { executing, cycles, clock, core, done, stalled, interrupted });

/// The progress of a machine.
#[derive(Clone)]
pub struct Run {
    pub now: Time,
    pub trace: u64,
    /// Cycles that cores have executed, in this process.
    pub executed: u64,
    /// Cycles that a core has run beyond `now` in its last turn.
    pub ahead: Vec<u64>,
    /// The slice that a debugger has stopped.
    turn: Option<Turn>,
    pub debug_stop: Option<(usize, DebugStop)>,
    pub resets: Resets,
    pub polls: Vec<PollSearch>,
    pub observers: Observers,
    /// The board has no power.
    pub off: bool,
}

espalier_core::persist! {
    state Run { now, trace, ahead, turn, resets, polls, off } fixed { executed, debug_stop, observers }
}

impl Run {
    /// Whether this is about as many cores.
    pub fn fits(&self, cores: usize) -> bool {
        let turn = self.turn.as_ref().is_none_or(|turn| turn.core < cores);
        turn && self.ahead.len() == cores && self.polls.len() == cores
    }

    pub fn new(cores: usize) -> Run {
        Run {
            now: Time::ZERO,
            trace: 0,
            executed: 0,
            ahead: vec![0; cores],
            turn: None,
            debug_stop: None,
            resets: Resets::default(),
            polls: vec![PollSearch::default(); cores],
            observers: Observers::default(),
            off: false,
        }
    }

    /// Everything starts over: no slice is under way.
    pub fn restart(&mut self) {
        self.ahead.fill(0);
        self.turn = None;
        self.debug_stop = None;
    }

    /// Lets `span` of guest time pass. May overshoot by one slice.
    pub fn catch_up<C: Chip>(&mut self, machine: &mut Assembly<C>, span: Span) {
        let limit = self.now + span;
        while self.now < limit {
            self.slice(machine, limit);
        }
    }

    /// When something next happens if nothing comes from outside: until then no core executes. None while one does.
    pub fn rests_until<C: Chip>(&self, machine: &mut Assembly<C>) -> Option<Time> {
        if self.turn.is_some() {
            return None;
        }
        for core in 0..machine.cores.len() {
            machine.update_lines_of(core);
            if machine.is_executing(core) {
                return None;
            }
        }
        let cycles = machine.until_timers(0);
        let platform = machine.chip.platform();
        let ticks = cycles.saturating_mul(platform.cpu_clock.ticks_per_cycle());
        let timer = Time::from_ticks(self.now.ticks().saturating_add(ticks));
        Some(platform.next_event().min(timer).max(self.now))
    }

    /// One step of the schedule. See the module's documentation for what ends it.
    pub fn slice<C: Chip>(&mut self, machine: &mut Assembly<C>, limit: Time) {
        if self.observers.have_changed() {
            self.observers.tell_chip(machine, self.now);
        }
        self.pass_slice(machine, limit);
        if !machine.chip.platform().events.is_empty() {
            self.observers.report(machine.platform_mut().events.take());
        }
    }

    #[inline(always)]
    fn pass_slice<C: Chip>(&mut self, machine: &mut Assembly<C>, limit: Time) {
        let mut turn = match self.turn.take() {
            Some(turn) => turn,
            None => self.plan(machine),
        };
        let spent = match turn.executing.count_ones() {
            0 => {
                let until_limit = limit.since(self.now).ticks().div_ceil(turn.clock.ticks_per_cycle());
                let cycles = turn.cycles.min(until_limit).max(1);
                self.pass(machine, 0, cycles);
                self.now += turn.clock.cycles(cycles);
                return;
            }
            1 => self.run_alone(machine, &mut turn),
            _ => self.run_in_turns(machine, &mut turn),
        };
        let Some(spent) = spent else {
            self.turn = Some(turn);
            return;
        };
        self.now += turn.clock.cycles(spent);
        self.executed += spent * u64::from(turn.executing.count_ones());
        self.trace = mix(self.trace ^ self.now.ticks(), machine.cores.iter().map(Core::pc));
    }

    /// Does what is due and plans the next slice.
    #[inline(always)]
    fn plan<C: Chip>(&mut self, machine: &mut Assembly<C>) -> Turn {
        Arc::make_mut(&mut machine.chip).advance_due(self.now);
        while !machine.chip.platform().effects.is_empty() {
            let effect = machine.platform_mut().effects.pop_front();
            if let Some(effect) = effect {
                self.apply(machine, effect);
            }
        }
        let platform = machine.platform_mut();
        let (clock, timing) = (platform.cpu_clock, platform.timing);
        let horizon = platform.plan().unwrap_or(Time::from_ticks(u64::MAX));
        let until_horizon = horizon.since(self.now).ticks().div_ceil(clock.ticks_per_cycle()).max(1);
        let mut executing = 0;
        for core in 0..machine.cores.len() {
            machine.update_lines_of(core);
            executing |= u32::from(machine.is_executing(core)) << core;
        }
        let cycles = match executing.count_ones() {
            0 => until_horizon.min(machine.until_timers(0)),
            1 => LONGEST_SLICE.min(until_horizon).min(machine.until_timers(executing).max(1)),
            _ => turn_of(timing).min(until_horizon),
        };
        let core = if executing == 0 { 0 } else { executing.trailing_zeros() as usize };
        Turn { executing, cycles, clock, core, done: self.ahead[core], stalled: 0, interrupted: false }
    }

    /// Lets time pass for the cores that do not execute.
    fn pass<C: Chip>(&mut self, machine: &mut Assembly<C>, executing: u32, cycles: u64) {
        for core in (0..machine.cores.len()).filter(|core| executing >> core & 1 == 0) {
            if machine.is_clocked(core) {
                machine.cores[core].idle(cycles.saturating_sub(self.ahead[core]));
            }
            self.ahead[core] = self.ahead[core].saturating_sub(cycles);
        }
    }

    /// One core runs for its turn. Returns the cycles that the slice took, or None if a debugger stopped it.
    fn run_alone<C: Chip>(&mut self, machine: &mut Assembly<C>, turn: &mut Turn) -> Option<u64> {
        let core = turn.core;
        if turn.done >= turn.cycles {
            self.ahead[core] = turn.done - turn.cycles;
            self.pass(machine, turn.executing, turn.cycles);
            return Some(turn.cycles);
        }
        self.ahead[core] = 0;
        if self.run_core(machine, turn) == Exit::Debug {
            return None;
        }
        // The last instruction may have taken longer than the turn.
        let beyond = turn.done.saturating_sub(turn.cycles);
        self.ahead[core] = beyond + turn.stalled;
        self.pass(machine, turn.executing, turn.done - beyond);
        Some(turn.done - beyond)
    }

    /// The cores that execute run for their turns. Returns the cycles that the slice took, or None if a debugger stopped it.
    fn run_in_turns<C: Chip>(&mut self, machine: &mut Assembly<C>, turn: &mut Turn) -> Option<u64> {
        loop {
            let core = turn.core;
            while turn.done < turn.cycles {
                let before = turn.done;
                let exit = self.run_core(machine, turn);
                if exit == Exit::Debug {
                    return None;
                }
                turn.done += std::mem::take(&mut turn.stalled);
                let stuck = turn.done == before;
                if matches!(exit, Exit::Waiting) || !machine.chip.platform().effects.is_empty() || stuck {
                    // The rest of its turn passes idly.
                    if turn.done < turn.cycles {
                        machine.cores[core].idle(turn.cycles - turn.done);
                        turn.done = turn.cycles;
                    }
                    break;
                }
                machine.update_lines_of(core);
                if self.debug_stop.is_some() && turn.done < turn.cycles {
                    return None;
                }
            }
            self.ahead[core] = turn.done - turn.cycles;
            let rest = turn.executing >> core >> 1;
            if rest == 0 {
                self.pass(machine, turn.executing, turn.cycles);
                return Some(turn.cycles);
            }
            let next = core + 1 + rest.trailing_zeros() as usize;
            (turn.core, turn.done) = (next, self.ahead[next]);
            if self.debug_stop.is_some() {
                return None;
            }
        }
    }

    /// Runs the core whose turn it is for about as long as its turn lasts.
    fn run_core<C: Chip>(&mut self, machine: &mut Assembly<C>, turn: &mut Turn) -> Exit {
        let core = turn.core;
        let fresh = !std::mem::take(&mut turn.interrupted);
        let (cpu, chip) = machine.core_and_chip(core);
        // Pads that were driven and ports that were written since may have changed what registers read as.
        chip.platform_mut().forget_steady();
        if fresh {
            chip.platform_mut().attention = false;
        }
        let before = cpu.cycles();
        let access = assembly::access(cpu, core, self.now + turn.clock.cycles(turn.done), turn.clock);
        let cycles = (turn.cycles - turn.done).min(u64::from(u32::MAX)) as u32;
        let exit = if self.observers.watch_cores() {
            observed::run(cpu, &mut chip.bus(access), cycles, core, &mut self.observers)
        } else {
            polling::run(cpu, &mut chip.bus(access), cycles, &mut self.polls[core])
        };
        turn.done += cpu.cycles() - before;
        if exit != Exit::Debug {
            turn.stalled = chip.take_stall(turn.clock);
            cpu.idle(turn.stalled);
        }
        if cpu.is_debugged() {
            turn.interrupted = exit == Exit::Debug;
            self.debug_stop = cpu.take_debug_stop().map(|stop| (core, stop));
        }
        exit
    }

    /// Carries out a reset that came from inside the chip.
    fn apply<C: Chip>(&mut self, machine: &mut Assembly<C>, reset: Reset) {
        let note = machine.chip.reset_note();
        self.resets.note(reset, self.now, machine.cores.iter().map(Core::pc), note);
        match reset.core {
            Some(core) if reset.cause.scope() == ResetScope::Cpu => {
                machine.chip_mut().reset_core(reset.cause, core, self.now);
                machine.reset_core(core);
                self.ahead[core] = 0;
            }
            _ => self.reset(machine, reset.cause),
        }
    }

    /// Everything in the scope of `cause` starts over.
    pub fn reset<C: Chip>(&mut self, machine: &mut Assembly<C>, cause: espalier_peripherals::ResetCause) {
        machine.chip_mut().reset(cause, self.now);
        for core in 0..machine.cores.len() {
            machine.cores[core].reset_with_chip();
            machine.reset_core(core);
        }
        self.restart();
    }
}

/// One step of the trace digest: multiply and rotate, as in FxHash.
fn mix(state: u64, pcs: impl Iterator<Item = u32>) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let word = pcs.fold(0, |word: u64, pc| word.rotate_left(32) ^ u64::from(pc));
    (state.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}
