//! The core as the machine runs it, which knows no instruction set.

use espalier_core::{
    BlockCounts, Bus, CodeState, Core, DebugStop, EdgeCounts, Exit, Mark, Timing, Translation, Watchpoint,
};

use crate::cpu::Cpu;
use crate::state::State;

impl Core for Cpu {
    fn run<B: Bus>(&mut self, bus: &mut B, cycles: u32) -> Exit {
        self.run(bus, cycles)
    }

    fn step<B: Bus>(&mut self, bus: &mut B) -> Exit {
        self.step(bus)
    }

    fn set_translation(&mut self, translation: Translation) {
        self.set_translation(translation);
    }

    fn cloned_with(&mut self, code: CodeState) {
        self.cloned_with(code);
    }

    fn leave_code(&mut self, code: CodeState) {
        self.leave_code(code);
    }

    fn count_blocks(&mut self) {
        self.count_blocks();
    }

    fn block_counts(&self) -> Option<&BlockCounts> {
        self.block_counts()
    }

    fn count_edges(&mut self) {
        self.count_edges();
    }

    fn edge_counts(&self) -> Option<&EdgeCounts> {
        self.edge_counts()
    }

    fn idle(&mut self, cycles: u64) {
        self.idle(cycles);
    }

    fn cycles(&self) -> u64 {
        self.cycles()
    }

    fn reset(&mut self) {
        self.reset();
    }

    fn reset_with_chip(&mut self) {
        self.reset_debug_module();
    }

    fn set_reset_vector(&mut self, address: u32) {
        self.set_reset_vector(address);
    }

    fn set_interrupt_lines(&mut self, lines: u32) {
        self.set_interrupt_lines(lines);
    }

    fn cycles_to_timer(&self) -> Option<u64> {
        self.cycles_to_timer()
    }

    fn cycles_to_match(&self) -> u64 {
        self.cycles_to_match()
    }

    fn mark(&self) -> Option<Mark> {
        // In silicon's time the cache is a part of the state.
        let is_alone = self.timing() == Timing::Fast;
        is_alone.then(|| Mark::new((self.copy_of_state(), self.cycles())))
    }

    fn is_at(&self, mark: &Mark) -> bool {
        mark.get::<(State, u64)>().is_some_and(|(state, _)| self.is_in_state(state))
    }

    fn return_to(&mut self, mark: &Mark) {
        if let Some((state, cycles)) = mark.get::<(State, u64)>() {
            self.set_state(state, *cycles);
        }
    }

    fn next_is_timeless<B: Bus>(&self, bus: &mut B) -> bool {
        self.next_is_timeless(bus)
    }

    fn is_waiting(&self) -> bool {
        self.is_waiting()
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped()
    }

    fn is_held_in_reset(&self) -> bool {
        self.is_held_in_reset()
    }

    fn pc(&self) -> u32 {
        self.pc()
    }

    fn set_pc(&mut self, address: u32) {
        self.set_pc(address);
    }

    fn set_breakpoints(&mut self, addresses: &[u32]) {
        self.set_breakpoints(addresses);
    }

    fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        self.set_watchpoints(watchpoints);
    }

    fn set_step(&mut self, step: bool) {
        self.set_step(step);
    }

    fn is_debugged(&self) -> bool {
        self.is_debugged()
    }

    fn take_debug_stop(&mut self) -> Option<DebugStop> {
        self.take_debug_stop()
    }
}
