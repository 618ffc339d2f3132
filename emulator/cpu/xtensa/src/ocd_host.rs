//! On-chip debugging: what a host does to the core through its [debug module](crate::ocd).

use crate::cpu::Cpu;
use crate::execute::execute_apart;
use crate::instruction::{Instruction, Opcode};
use crate::ocd::{
    DCR_DEBUG_INTERRUPT, DCR_ENABLE_OCD, DCR_INTERRUPT_ALL_CONDITIONS, DCR_STORED, DSR_DEBUG_INT_HOST,
    DSR_DEBUG_PEND_HOST, DSR_EXEC_DONE, DSR_EXEC_EXCEPTION, DSR_HOST_READ_DDR, DSR_HOST_WROTE_DDR, DSR_STICKY,
    DebugRegister, PWRCTL_BITS, PWRCTL_CORE_RESET, PWRCTL_DEBUG_RESET, PWRSTAT_POWERED,
};
use crate::register::SpecialRegister;
use crate::state::{DEBUG_LEVEL, State};
use crate::step::{Start, Step, Then};
use crate::trap::{Trap, debug_cause};
use espalier_core::Bus;

/// Identification of the ESP32's debug modules, as OpenOCD's logs of the chip show it.
const OCDID_VALUE: u32 = 0x0733_bff2;

impl State {
    /// A debug exception or debug interrupt before the instruction at `pc`: into the handler, or under the host's control.
    pub(crate) fn enter_debug(&mut self, cause: u32, pc: u32) {
        self.set_plain(SpecialRegister::Debugcause, cause);
        self.waiting = false;
        self.enter_level(DEBUG_LEVEL, pc);
        if self.ocd.control & DCR_ENABLE_OCD != 0 {
            self.ocd.stopped = true;
            self.pc = pc;
        }
    }

    /// True if the host's debug interrupt is pending and nothing masks it. The interrupt level does only without
    /// [`DCR_ENABLE_OCD`]: OpenOCD and probe-rs halt cores that have just left reset, at level 15.
    pub(crate) fn is_debug_interrupt_due(&self) -> bool {
        const UNMASKED: u32 = DCR_ENABLE_OCD | DCR_INTERRUPT_ALL_CONDITIONS;
        self.ocd.is_interrupt_pending()
            && !self.ocd.stopped
            && (self.interrupt_level() < DEBUG_LEVEL || self.ocd.control & UNMASKED != 0)
    }

    pub(crate) fn take_debug_interrupt(&mut self) {
        if self.is_debug_interrupt_due() {
            self.ocd.status = self.ocd.status & !DSR_DEBUG_PEND_HOST | DSR_DEBUG_INT_HOST;
            self.enter_debug(debug_cause::DEBUG_INTERRUPT, self.pc);
        }
    }

    /// `RFDO`, `LDDR32.P` and `SDDR32.P`, which only exist while the core is stopped. `RFDD` returns from a mode that this
    /// configuration does not have.
    pub(crate) fn debug_instruction<B: Bus + ?Sized>(&mut self, bus: &mut B, op: &Instruction, cycle: u32) -> Step {
        if !self.ocd.stopped {
            return self.illegal();
        }
        let address = self.get(op.s);
        match op.opcode {
            Opcode::Rfdo => {
                self.ocd.stopped = false;
                self.set_ps(self.eps(DEBUG_LEVEL));
                self.pc = self.epc(DEBUG_LEVEL);
                return Step::NEXT;
            }
            Opcode::Lddr32P => match bus.load32(address & !3, cycle) {
                Ok(word) => self.set_plain(SpecialRegister::Ddr, word),
                Err(fault) => return self.trap_step(Trap::Load(fault, address)),
            },
            Opcode::Sddr32P => {
                if let Err(fault) = bus.store32(address & !3, self.plain(SpecialRegister::Ddr), cycle) {
                    return self.trap_step(Trap::Store(fault, address));
                }
            }
            _ => return self.illegal(),
        }
        self.set(op.s, address.wrapping_add(4));
        Step::NEXT
    }

    /// Value of a register of the debug module. Reading has no effect.
    pub(crate) fn debug_register(&self, register: DebugRegister) -> u32 {
        match register {
            DebugRegister::Ocdid => OCDID_VALUE,
            DebugRegister::Dcrclr | DebugRegister::Dcrset => self.ocd.dcr(),
            DebugRegister::Dsr => self.ocd.dsr(),
            DebugRegister::Ddr | DebugRegister::Ddrexec => self.plain(SpecialRegister::Ddr),
            DebugRegister::Dir0 | DebugRegister::Dir0exec => self.ocd.instruction,
        }
    }

    /// Writes a register of the debug module, but executes nothing.
    pub(crate) fn set_debug_register(&mut self, register: DebugRegister, value: u32) {
        const CONTROL: u32 = DCR_ENABLE_OCD | DCR_INTERRUPT_ALL_CONDITIONS | DCR_STORED;
        match register {
            DebugRegister::Ocdid => {}
            DebugRegister::Dcrset => {
                self.ocd.control |= value & CONTROL;
                if value & DCR_DEBUG_INTERRUPT != 0 {
                    self.ocd.status |= DSR_DEBUG_PEND_HOST;
                }
            }
            DebugRegister::Dcrclr => self.ocd.control &= !value,
            DebugRegister::Dsr => self.ocd.status &= !(value & DSR_STICKY),
            DebugRegister::Ddr | DebugRegister::Ddrexec => self.set_plain(SpecialRegister::Ddr, value),
            DebugRegister::Dir0 | DebugRegister::Dir0exec => self.ocd.instruction = value,
        }
    }
}

impl Cpu {
    /// True while a host has stopped the core: it executes nothing but what the host gives it.
    pub fn is_stopped(&self) -> bool {
        self.state().ocd.stopped
    }

    /// True while the host holds the core in reset.
    pub fn is_held_in_reset(&self) -> bool {
        self.state().ocd.power_control & PWRCTL_CORE_RESET != 0
    }

    /// Resets the debug module, as a reset of the whole chip does. A core that is stopped stays so until it is reset as well.
    pub fn reset_debug_module(&mut self) {
        let state = self.state_mut();
        state.ocd = state.ocd.after_module_reset();
    }

    /// `PWRCTL` of the access port.
    pub fn power_control(&self) -> u8 {
        self.state().ocd.power_control
    }

    /// Writes `PWRCTL`. Both resets last as long as their bits are set.
    pub fn set_power_control(&mut self, value: u8) {
        let before = std::mem::replace(&mut self.state_mut().ocd.power_control, value & PWRCTL_BITS);
        if value & PWRCTL_DEBUG_RESET != 0 {
            self.reset_debug_module();
        }
        if (before | value) & PWRCTL_CORE_RESET != 0 {
            self.reset();
        }
    }

    /// `PWRSTAT` of the access port.
    pub fn power_status(&self) -> u8 {
        self.state().ocd.power_status | PWRSTAT_POWERED
    }

    /// Clears the bits of `PWRSTAT` that are set in `bits` and remember a reset.
    pub fn clear_power_status(&mut self, bits: u8) {
        self.state_mut().ocd.power_status &= !bits;
    }

    /// Value of a register of the debug module, as the host sees it. What follows a read is up to
    /// [`finish_debug_read`](Cpu::finish_debug_read).
    pub fn debug_register(&self, register: DebugRegister) -> u32 {
        self.state().debug_register(register)
    }

    /// Carries out the effect of the host's read of a register: `DDREXEC` executes `DIR0`.
    pub fn finish_debug_read<B: Bus>(&mut self, bus: &mut B, register: DebugRegister) {
        if matches!(register, DebugRegister::Ddr | DebugRegister::Ddrexec) {
            self.state_mut().ocd.status |= DSR_HOST_READ_DDR;
        }
        if register == DebugRegister::Ddrexec {
            self.execute_debug_instruction(bus);
        }
    }

    /// The host writes a register of the debug module; `DDREXEC` and `DIR0EXEC` execute the instruction in `DIR0`.
    pub fn write_debug_register<B: Bus>(&mut self, bus: &mut B, register: DebugRegister, value: u32) {
        if self.power_control() & PWRCTL_DEBUG_RESET != 0 {
            return;
        }
        self.state_mut().set_debug_register(register, value);
        if matches!(register, DebugRegister::Ddr | DebugRegister::Ddrexec) {
            self.state_mut().ocd.status |= DSR_HOST_WROTE_DDR;
        }
        if matches!(register, DebugRegister::Ddrexec | DebugRegister::Dir0exec) {
            self.execute_debug_instruction(bus);
        }
    }

    /// Executes the instruction in `DIR0`, if the core is stopped. It leaves the program counter alone, and an exception that it
    /// raises is only recorded.
    fn execute_debug_instruction<B: Bus>(&mut self, bus: &mut B) {
        if !self.is_stopped() {
            return;
        }
        let cycles = self.cycles();
        let state = self.state_mut();
        state.started = cycles;
        let pc = state.pc;
        let op = Instruction::decode(state.ocd.instruction, pc).unwrap_or_else(Instruction::illegal);
        // Nothing that would raise a debug exception does while the core is stopped.
        let step = execute_apart::<false>(state, bus, &op, Start { pc, cycle: 0 });
        state.ocd.status |= DSR_EXEC_DONE;
        if step.then() == Then::Raise {
            state.raise(state.trap, pc);
            state.pc = pc;
            state.ocd.status |= DSR_EXEC_EXCEPTION;
        }
        state.waiting = false;
    }
}
