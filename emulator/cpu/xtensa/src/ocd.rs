//! On-chip debugging: a host that stops the core, has it execute instructions and lets it go, through the registers of the
//! Xtensa debug module (XDM).
//!
//! Follows the *Xtensa Debug Guide*, chapters "On-Chip Debug" and "Access Port"; register numbers and bits also stand in
//! OpenOCD's `xtensa_debug_module.h`. Each core has a module of its own. What is absent here: trace (TRAX), performance
//! counters, CoreSight identification, and the break signals between cores, whose enables are only stored.
//!
//! While [`DCR_ENABLE_OCD`] is set, a debug exception stops the core instead of entering the handler: `EPC6`, `EPS6` and
//! `DEBUGCAUSE` are set as for the handler, and then the core executes only what the host puts into `DIR0`, until that is
//! `RFDO`.

use crate::cpu::Cpu;
use crate::exception::{Trap, debug_cause};
use crate::execute::execute;
use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;
use crate::state::{DEBUG_LEVEL, State};
use crate::step::{Start, Step, Then};
use espalier_core::Bus;

/// Identification of the ESP32's debug modules, as OpenOCD's logs of the chip show it.
const OCDID_VALUE: u32 = 0x0733_bff2;

/// Registers of the debug module, by their numbers in its address space (`NAR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the register names of the debug guide")]
#[repr(u8)]
pub enum DebugRegister {
    Ocdid = 0x40,
    Dcrclr = 0x42,
    Dcrset = 0x43,
    Dsr = 0x44,
    Ddr = 0x45,
    Ddrexec = 0x46,
    Dir0exec = 0x47,
    Dir0 = 0x48,
}

impl DebugRegister {
    const ALL: [DebugRegister; 8] = [
        DebugRegister::Ocdid,
        DebugRegister::Dcrclr,
        DebugRegister::Dcrset,
        DebugRegister::Dsr,
        DebugRegister::Ddr,
        DebugRegister::Ddrexec,
        DebugRegister::Dir0exec,
        DebugRegister::Dir0,
    ];

    /// The register with a number; `None` for those that are absent.
    pub fn from_number(number: u8) -> Option<DebugRegister> {
        DebugRegister::ALL.into_iter().find(|register| *register as u8 == number)
    }

    /// The register at an address of `RER` and `WER`.
    pub(crate) fn from_external(address: u32) -> Option<DebugRegister> {
        let number = address.checked_sub(EXTERNAL_BASE)? / 4 + FIRST_NUMBER;
        DebugRegister::from_number(u8::try_from(number).ok()?).filter(|_| address.is_multiple_of(4))
    }
}

/// Where software finds the module with `RER` and `WER`, and the number of its first register.
const EXTERNAL_BASE: u32 = 0x0010_2000;
const FIRST_NUMBER: u32 = DebugRegister::Ocdid as u32;

/// `DCR`: debug exceptions stop the core.
pub const DCR_ENABLE_OCD: u32 = 1 << 0;
/// `DCR`: the host's debug interrupt.
pub const DCR_DEBUG_INTERRUPT: u32 = 1 << 1;
/// `DCR`: debug interrupts whatever the interrupt level is.
const DCR_INTERRUPT_ALL_CONDITIONS: u32 = 1 << 2;
/// `DCR`: enables of break and stall signals, software's own flag, and topology detection.
const DCR_STORED: u32 = 1 << 16 | 1 << 17 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 24 | 1 << 25;

/// `DSR`: the last instruction from `DIR` has completed.
pub const DSR_EXEC_DONE: u32 = 1 << 0;
/// `DSR`: the last instruction from `DIR` has raised an exception.
pub const DSR_EXEC_EXCEPTION: u32 = 1 << 1;
/// `DSR`: the core is stopped.
pub const DSR_STOPPED: u32 = 1 << 4;
const DSR_CORE_WROTE_DDR: u32 = 1 << 10;
const DSR_CORE_READ_DDR: u32 = 1 << 11;
const DSR_HOST_WROTE_DDR: u32 = 1 << 14;
const DSR_HOST_READ_DDR: u32 = 1 << 15;
/// `DSR`: the host's debug interrupt is pending.
const DSR_DEBUG_PEND_HOST: u32 = 1 << 17;
/// `DSR`: the host's debug interrupt was taken.
const DSR_DEBUG_INT_HOST: u32 = 1 << 21;
/// `DSR`: the module has power.
const DSR_DBGMOD_POWER_ON: u32 = 1 << 31;
/// Bits that remember something until the host writes one to them.
const DSR_STICKY: u32 = 0x00f7_cc0b;

/// `PWRCTL`: holds the core in reset.
const PWRCTL_CORE_RESET: u8 = 1 << 4;
/// `PWRCTL`: holds the debug module in reset.
const PWRCTL_DEBUG_RESET: u8 = 1 << 6;
/// `PWRCTL`: bits that exist: three power requests, two resets, and the permission to use the module.
const PWRCTL_BITS: u8 = 0b1101_0111;
/// `PWRSTAT`: core, memory and module have power, and the core is needed.
const PWRSTAT_POWERED: u8 = 0b1111;
/// `PWRSTAT`: reset since the bit was last cleared.
const PWRSTAT_CORE_WAS_RESET: u8 = 1 << 4;
const PWRSTAT_DEBUG_WAS_RESET: u8 = 1 << 6;

/// The debug module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ocd {
    control: u32,
    status: u32,
    instruction: u32,
    stopped: bool,
    power_control: u8,
    power_status: u8,
}

espalier_core::persist!(value Ocd { control, status, instruction, stopped, power_control, power_status });

impl Ocd {
    pub(crate) fn new() -> Ocd {
        let power_status = PWRSTAT_CORE_WAS_RESET | PWRSTAT_DEBUG_WAS_RESET;
        Ocd { control: 0, status: 0, instruction: 0, stopped: false, power_control: 0, power_status }
    }

    /// What is left of the module after its core was reset.
    pub(crate) fn after_core_reset(&self) -> Ocd {
        Ocd { stopped: false, power_status: self.power_status | PWRSTAT_CORE_WAS_RESET, ..self.clone() }
    }

    /// What is left after a reset of the module. That the core is stopped is the core's own state: probe-rs resets the module of
    /// a stopped core and counts on it.
    fn after_module_reset(&self) -> Ocd {
        Ocd {
            stopped: self.stopped,
            power_control: self.power_control,
            power_status: self.power_status | PWRSTAT_DEBUG_WAS_RESET,
            ..Ocd::new()
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn is_interrupt_pending(&self) -> bool {
        self.status & DSR_DEBUG_PEND_HOST != 0
    }

    /// True if the core has to look here before it executes.
    pub(crate) fn needs_attention(&self) -> bool {
        self.stopped || self.is_interrupt_pending()
    }

    pub(crate) fn note_core_read_ddr(&mut self) {
        self.status |= DSR_CORE_READ_DDR;
    }

    pub(crate) fn note_core_wrote_ddr(&mut self) {
        self.status |= DSR_CORE_WROTE_DDR;
    }

    fn dcr(&self) -> u32 {
        self.control | if self.is_interrupt_pending() { DCR_DEBUG_INTERRUPT } else { 0 }
    }

    fn dsr(&self) -> u32 {
        self.status | DSR_DBGMOD_POWER_ON | if self.stopped { DSR_STOPPED } else { 0 }
    }
}

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
    pub(crate) fn debug_instruction<B: Bus>(&mut self, bus: &mut B, op: &Instruction, cycle: u32) -> Step {
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

    /// What the host's read of a register leads to: `DDREXEC` executes `DIR0`.
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
        let step = execute::<false, B>(state, bus, &op, Start { pc, cycle: 0 });
        state.ocd.status |= DSR_EXEC_DONE;
        if step.then() == Then::Raise {
            state.raise(state.trap, pc);
            state.pc = pc;
            state.ocd.status |= DSR_EXEC_EXCEPTION;
        }
        state.waiting = false;
    }
}
