//! The core as the machine runs it, which knows no instruction set.

use espalier_core::{BlockCounts, Bus, CodeState, Core, DebugStop, EdgeCounts, Exit, Translation, Watchpoint};

use crate::cpu::Cpu;

impl Core for Cpu {
    fn run<B: Bus>(&mut self, bus: &mut B, cycles: u32) -> Exit {
        self.run(bus, cycles)
    }

    fn step<B: Bus>(&mut self, bus: &mut B) -> Exit {
        self.step(bus)
    }

    fn cloned_with(&mut self, code: CodeState) {
        self.cloned_with(code);
    }

    fn leave_code(&mut self, code: CodeState) {
        self.leave_code(code);
    }

    fn set_translation(&mut self, translation: Translation) {
        self.set_translation(translation);
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

    fn set_reset_vector(&mut self, address: u32) {
        self.set_reset_vector(address);
    }

    fn set_interrupt_lines(&mut self, lines: u32) {
        self.set_interrupt_lines(lines);
    }

    fn is_waiting(&self) -> bool {
        self.is_waiting()
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
