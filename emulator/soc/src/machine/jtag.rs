//! The chip's JTAG: pins MTMS, MTDI, MTCK and MTDO, and the debug modules of both cores behind them.
//!
//! The PRO CPU's port drives TDO and the APP CPU's port is fed by TDI, which is the order in which Espressif's OpenOCD
//! finds them. The debug module of a core without a clock reads as zero, as there.

use espalier_core::Span;
use espalier_peripherals::Cpu as Core;
use espalier_xtensa::{DebugPorts, DebugRegister, JtagChain};

use super::{CORES, Machine};

/// Where a core starts while PROCPU_STAT_VECTOR_SEL or APPCPU_STAT_VECTOR_SEL is clear (TRM "Low-Power Management", "RTC
/// Boot"): the start of RTC slow memory.
const RTC_VECTOR: u32 = 0x5000_0000;
const ROM_VECTOR: u32 = 0x4000_0400;

/// The core behind each port.
const CORE_OF_PORT: [Core; CORES] = [Core::Pro, Core::App];

/// Levels that a host puts on the pins for one cycle of MTCK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JtagCycle {
    pub tms: bool,
    pub tdi: bool,
}

impl Machine {
    /// Clocks the JTAG pins. Guest time goes on by `period` for each cycle, and catches up before each access to a debug
    /// module; it may run ahead by one slice. Returns the level of MTDO in each cycle: high while nothing drives it, which is
    /// always if the pads have another function or the eFuse JTAG_DISABLE is burnt.
    pub fn jtag(&mut self, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        let mut chain = std::mem::take(&mut self.jtag.chain);
        let mut host = Host { connected: self.system.is_jtag_connected(), machine: self, owed: Span::ZERO };
        let mut levels = Vec::with_capacity(cycles.len());
        for cycle in cycles {
            host.owed = host.owed + period;
            if std::mem::take(&mut host.machine.jtag.was_reset) {
                chain = JtagChain::default();
            }
            levels.push(!host.connected || chain.clock(cycle.tms, cycle.tdi, &mut host));
        }
        host.catch_up();
        self.jtag.chain = chain;
        levels
    }

    /// Lets `span` of guest time pass as [`jtag`](Machine::jtag) does, without a cycle.
    pub fn jtag_pause(&mut self, span: Span) {
        self.catch_up(span);
    }

    fn catch_up(&mut self, span: Span) {
        let limit = self.now + span;
        while self.now < limit {
            self.slice(limit);
        }
    }

    /// Takes the vector for the next reset of `core` over from RTC_CNTL.
    pub(super) fn update_reset_vector(&mut self, core: usize) {
        let from_rom = self.system.starts_from_rom(CORE_OF_PORT[core]);
        self.cpus[core].set_reset_vector(if from_rom { ROM_VECTOR } else { RTC_VECTOR });
    }

    /// What a reset of the whole chip does to JTAG.
    pub(super) fn reset_jtag(&mut self) {
        self.cpus.iter_mut().for_each(espalier_xtensa::Cpu::reset_debug_module);
        self.jtag.was_reset = true;
    }
}

/// The chain of ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Jtag {
    chain: JtagChain<CORES>,
    /// The chip was reset since the chain was last clocked, and the chain with it.
    was_reset: bool,
}

/// The debug modules as the chain reaches them.
struct Host<'a> {
    machine: &'a mut Machine,
    /// Guest time of cycles since the machine last ran.
    owed: Span,
    connected: bool,
}

impl Host<'_> {
    fn catch_up(&mut self) {
        self.machine.catch_up(std::mem::take(&mut self.owed));
        self.connected = self.machine.system.is_jtag_connected();
    }

    /// The register of a debug module that answers.
    fn register(&mut self, port: usize, number: u8) -> Option<DebugRegister> {
        self.catch_up();
        let clocked = self.machine.system.has_clock(CORE_OF_PORT[port]);
        DebugRegister::from_number(number).filter(|_| clocked)
    }
}

impl DebugPorts for Host<'_> {
    fn power_control(&mut self, port: usize) -> u8 {
        self.machine.cpus[port].power_control()
    }

    fn set_power_control(&mut self, port: usize, value: u8) {
        self.catch_up();
        self.machine.update_reset_vector(port);
        self.machine.cpus[port].set_power_control(value);
        if self.machine.cpus[port].is_held_in_reset() {
            self.machine.ahead[port] = 0;
        }
    }

    fn power_status(&mut self, port: usize) -> u8 {
        self.catch_up();
        self.machine.cpus[port].power_status()
    }

    fn clear_power_status(&mut self, port: usize, bits: u8) {
        self.machine.cpus[port].clear_power_status(bits);
    }

    fn read(&mut self, port: usize, number: u8) -> u32 {
        let register = self.register(port, number);
        register.map_or(0, |register| self.machine.cpus[port].debug_register(register))
    }

    fn finish_read(&mut self, port: usize, number: u8) {
        let Some(register) = self.register(port, number) else { return };
        let clock = self.machine.cpu_clock();
        let (cpu, mut bus) = self.machine.core(port, 0, clock);
        cpu.finish_debug_read(&mut bus, register);
    }

    fn write(&mut self, port: usize, number: u8, value: u32) {
        let Some(register) = self.register(port, number) else { return };
        let clock = self.machine.cpu_clock();
        let (cpu, mut bus) = self.machine.core(port, 0, clock);
        cpu.write_debug_register(&mut bus, register, value);
    }
}
