//! The chip's JTAG: pins MTMS, MTDI, MTCK and MTDO, and the debug modules of both cores behind them.
//!
//! The PRO CPU's port drives TDO and the APP CPU's port is fed by TDI, which is the order in which Espressif's OpenOCD
//! finds them. The debug module of a core without a clock reads as zero, as there.

use std::ops::RangeInclusive;

use espalier_core::Span;
use espalier_peripherals::Sleep;
use espalier_xtensa::{DebugPorts, DebugRegister, JtagChain};

use super::table::{EFUSE, IO_MUX, RTC_CNTL};
use super::{CORES, Esp32};
use crate::machine::{Assembly, JtagCycle, Run};

/// Pads of MTDI, MTCK, MTMS and MTDO, and the function that connects them to JTAG (TRM "IO_MUX Pad List").
const JTAG_PADS: RangeInclusive<usize> = 12..=15;
const FUNCTION_JTAG: u32 = 0;
/// JTAG_DISABLE in block 0 of the eFuses (TRM "eFuse Controller", EFUSE_BLK0_RDATA6).
const JTAG_DISABLE_WORD: usize = 6;
const JTAG_DISABLE: u32 = 1 << 6;

/// Clocks the JTAG pins; see [`JtagPort::jtag`](crate::machine::JtagPort::jtag).
pub(super) fn clock(machine: &mut Assembly<Esp32>, run: &mut Run, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
    let mut chain = std::mem::take(&mut machine.chip_mut().jtag.chain);
    let connected = machine.chip.is_jtag_connected();
    let mut host = Host { machine, run, owed: Span::ZERO, connected };
    let mut levels = Vec::with_capacity(cycles.len());
    for cycle in cycles {
        host.owed = host.owed + period;
        if std::mem::take(&mut host.machine.chip_mut().jtag.was_reset) {
            chain = JtagChain::default();
        }
        levels.push(!host.connected || chain.clock(cycle.tms, cycle.tdi, &mut host));
    }
    host.catch_up();
    machine.chip_mut().jtag.chain = chain;
    levels
}

impl Esp32 {
    /// True if pads and eFuses connect the debug modules to the outside, and they have power.
    fn is_jtag_connected(&self) -> bool {
        let disabled = self.get(EFUSE).block(0)[JTAG_DISABLE_WORD] & JTAG_DISABLE != 0;
        let powered = self.get(RTC_CNTL).sleeping() != Some(Sleep::Deep);
        let io_mux = self.get(IO_MUX);
        powered && !disabled && JTAG_PADS.into_iter().all(|pin| io_mux.function(pin) == Some(FUNCTION_JTAG))
    }
}

/// The chain of ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Jtag {
    chain: JtagChain<CORES>,
    /// The chip was reset since the chain was last clocked, and the chain with it.
    was_reset: bool,
}

espalier_core::persist!(state Jtag { chain, was_reset });

impl Jtag {
    /// Resets the chain with the whole chip.
    pub(super) fn reset(&mut self) {
        self.was_reset = true;
    }
}

/// The debug modules as the chain reaches them.
struct Host<'a> {
    machine: &'a mut Assembly<Esp32>,
    run: &'a mut Run,
    /// Guest time of cycles since the machine last ran.
    owed: Span,
    connected: bool,
}

impl Host<'_> {
    fn catch_up(&mut self) {
        self.run.catch_up(self.machine, std::mem::take(&mut self.owed));
        self.connected = self.machine.chip.is_jtag_connected();
    }

    /// The register of a debug module that answers.
    fn register(&mut self, port: usize, number: u8) -> Option<DebugRegister> {
        self.catch_up();
        let clocked = self.machine.chip.has_clock(port);
        DebugRegister::from_number(number).filter(|_| clocked)
    }
}

impl DebugPorts for Host<'_> {
    fn power_control(&mut self, port: usize) -> u8 {
        self.machine.cores[port].power_control()
    }

    fn set_power_control(&mut self, port: usize, value: u8) {
        self.catch_up();
        self.machine.update_reset_vector(port);
        self.machine.cores[port].set_power_control(value);
        if self.machine.cores[port].is_held_in_reset() {
            self.run.ahead[port] = 0;
        }
    }

    fn power_status(&mut self, port: usize) -> u8 {
        self.catch_up();
        self.machine.cores[port].power_status()
    }

    fn clear_power_status(&mut self, port: usize, bits: u8) {
        self.machine.cores[port].clear_power_status(bits);
    }

    fn read(&mut self, port: usize, number: u8) -> u32 {
        let register = self.register(port, number);
        register.map_or(0, |register| self.machine.cores[port].debug_register(register))
    }

    fn finish_read(&mut self, port: usize, number: u8) {
        let Some(register) = self.register(port, number) else { return };
        let (cpu, mut bus) = self.machine.core_and_bus(port, self.run.now);
        cpu.finish_debug_read(&mut bus, register);
    }

    fn write(&mut self, port: usize, number: u8, value: u32) {
        let Some(register) = self.register(port, number) else { return };
        let (cpu, mut bus) = self.machine.core_and_bus(port, self.run.now);
        cpu.write_debug_register(&mut bus, register, value);
    }
}
