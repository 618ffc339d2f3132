//! Registers of the core and the register window.

use std::ops::{Deref, DerefMut};

use espalier_core::{Damaged, Persist, Reader, Writer};

use crate::config::Config;
use crate::ocd::Ocd;
use crate::register::SpecialRegister;
use crate::trap::{Cause, Trap};
use crate::watch::Watches;

/// `ATOMCTL` after reset: cached memory is updated in the cache, bypassed memory raises an exception.
const ATOMCTL_RESET: u32 = 0x28;

/// Fields of the processor status register `PS`.
pub(crate) mod ps {
    /// Interrupt level.
    pub const INTLEVEL: u32 = 0xf;
    /// Exception mode.
    pub const EXCM: u32 = 1 << 4;
    /// User vector mode.
    pub const UM: u32 = 1 << 5;
    /// Old window base.
    pub const OWB: u32 = 0xf << OWB_SHIFT;
    pub const OWB_SHIFT: u32 = 8;
    /// Window increment of the last call.
    pub const CALLINC: u32 = 3 << CALLINC_SHIFT;
    pub const CALLINC_SHIFT: u32 = 16;
    /// Window overflow detection enable.
    pub const WOE: u32 = 1 << 18;
    /// Bits that exist in this configuration.
    pub const IMPLEMENTED: u32 = INTLEVEL | EXCM | UM | OWB | CALLINC | WOE;
    /// Value after reset.
    pub const RESET: u32 = INTLEVEL | EXCM;
}

/// Interrupt level that `PS.EXCM` masks (`XCHAL_EXCM_LEVEL`).
pub(crate) const EXCM_LEVEL: u32 = 3;
/// Level of debug exceptions.
pub(crate) const DEBUG_LEVEL: u32 = 6;
/// Level of the non-maskable interrupt.
pub(crate) const NMI_LEVEL: u32 = 7;
/// Its bit in `INTERRUPT`.
pub(crate) const NMI: u32 = 1 << 14;

/// Address registers of one quarter of the window.
pub(crate) const QUARTER: usize = 4;
/// Quarters in the physical register file.
pub(crate) const QUARTERS: usize = 16;
/// Number of physical address registers.
pub const PHYSICAL_REGISTERS: usize = QUARTER * QUARTERS;
/// Bits of `WINDOWSTART`.
pub(crate) const WINDOW_START_MASK: u32 = 0xffff;
/// Quarters beyond the first that one instruction can use.
pub(crate) const QUARTERS_IN_WINDOW: u32 = 3;

/// Bits of the MAC16 accumulator.
pub(crate) const ACC_BITS: u32 = 40;

/// The registers that translated code reaches, as words in a row.
///
/// The sixteen visible address registers live in `ar`; their places in `physical` are stale until the window is
/// rotated. Rotating copies 128 bytes, which costs less than computing a physical register number for every operand. Translated code
/// computes the address of the window and copies them only when it starts and ends (see [`Ring`](espalier_jit::Ring)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Registers {
    pub ar: [u32; 16],
    pub physical: [[u32; QUARTER]; QUARTERS],
    /// Room behind the end of `physical` for translated code; of no meaning otherwise.
    behind: [[u32; QUARTER]; QUARTERS_IN_WINDOW as usize],
    /// The data breakpoints in evaluated form.
    pub watches: Watches,
    pub pc: u32,
    pub ps: u32,
    pub sar: u32,
    pub lbeg: u32,
    pub lend: u32,
    pub lcount: u32,
    /// Boolean registers.
    pub br: u32,
    pub window_base: u32,
    pub window_start: u32,
    /// Number of quarters beyond the first that can be used without a window overflow.
    pub window_free: u32,
    pub interrupt: u32,
    pub intenable: u32,
    pub threadptr: u32,
    /// Floating-point registers.
    pub fr: [u32; 16],
    pub fcr: u32,
    pub fsr: u32,
    pub expstate: u32,
    /// Low and high word.
    pub f64r: [u32; 2],
    pub f64s: u32,
    /// MAC16 accumulator, low and high word: 40 bits, sign-extended.
    pub acc: [u32; 2],
    /// The cycle counter at the end of the present run of blocks, from which translated code subtracts what is left of it.
    pub ccount_at_stop: u32,
    /// Intermediate values of translated code; of no meaning between instructions.
    pub scratch: [u32; 4],
    /// Special registers without side effects, by number.
    special: [u32; 256],
}

impl Registers {
    /// Their words; a register's number there is its offset by [`slot`].
    pub fn words(&mut self) -> &mut [u32] {
        bytemuck::cast_slice_mut(std::slice::from_mut(self))
    }

    /// The same registers without what is left in words of no meaning, which depends on what was translated.
    pub fn settled(&self) -> Registers {
        let mut settled =
            Registers { behind: Default::default(), scratch: Default::default(), ccount_at_stop: 0, ..*self };
        settled.store_window();
        settled
    }
}

/// Number of the word at an offset of [`Registers`].
pub(crate) const fn slot(offset: usize) -> u16 {
    (offset / size_of::<u32>()) as u16
}

/// Number of the word of a special register that is a plain word.
pub(crate) const fn special_slot(register: SpecialRegister) -> u16 {
    slot(std::mem::offset_of!(Registers, special)) + register as u16
}

/// Registers of the core, and what it remembers beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    registers: Registers,
    /// In `WAITI`.
    pub waiting: bool,
    /// Cycles since reset at the start of the current `run` or `step`.
    pub started: u64,
    /// `CCOUNT` minus the cycles since reset.
    pub ccount_offset: u32,
    /// Levels of the interrupt inputs.
    pub lines: u32,
    /// Instruction and data region attributes.
    pub instruction_regions: [u8; 8],
    pub data_regions: [u8; 8],
    /// The trap of the last instruction that could not complete.
    pub trap: Trap,
    pub config: Config,
    pub ocd: Ocd,
}

impl Deref for State {
    type Target = Registers;

    #[inline(always)]
    fn deref(&self) -> &Registers {
        &self.registers
    }
}

impl DerefMut for State {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }
}

espalier_core::persist! {
    state Registers {
        ar, physical, watches, pc, ps, sar, lbeg, lend, lcount, br, window_base, window_start, window_free, interrupt, intenable,
        threadptr, fr, fcr, fsr, expstate, f64r, f64s, acc, special
    } fixed { behind, ccount_at_stop, scratch }
}

impl Persist for State {
    fn save(&self, to: &mut Writer) {
        let State {
            registers,
            waiting,
            started,
            ccount_offset,
            lines,
            instruction_regions,
            data_regions,
            trap: _,
            config,
            ocd,
        } = self;
        registers.settled().save(to);
        waiting.save(to);
        started.save(to);
        ccount_offset.save(to);
        lines.save(to);
        instruction_regions.save(to);
        data_regions.save(to);
        State::NO_TRAP.save(to);
        config.save(to);
        ocd.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.registers.restore(from)?;
        self.waiting.restore(from)?;
        self.started.restore(from)?;
        self.ccount_offset.restore(from)?;
        self.lines.restore(from)?;
        self.instruction_regions.restore(from)?;
        self.data_regions.restore(from)?;
        self.trap.restore(from)?;
        self.config.restore(from)?;
        self.ocd.restore(from)?;
        if self.is_sound() { Ok(()) } else { Err(from.damaged("no possible State")) }
    }
}

impl State {
    /// A trap that stands for any other between instructions, when none has a meaning: translated code raises some without a trace of them.
    const NO_TRAP: Trap = Trap::General(Cause::IllegalInstruction);

    pub(crate) fn new(config: Config) -> State {
        let mut state = State {
            registers: Registers {
                pc: config.reset_vector,
                ps: ps::RESET,
                window_start: 1,
                window_free: QUARTERS_IN_WINDOW,
                ..bytemuck::Zeroable::zeroed()
            },
            waiting: false,
            started: 0,
            ccount_offset: 0,
            lines: 0,
            instruction_regions: [config.reset_region_attribute; 8],
            data_regions: [config.reset_region_attribute; 8],
            trap: State::NO_TRAP,
            config,
            ocd: Ocd::new(),
        };
        state.set_plain(SpecialRegister::Vecbase, config.vector_base);
        state.set_plain(SpecialRegister::Atomctl, ATOMCTL_RESET);
        state.set_plain(SpecialRegister::Prid, config.prid);
        state.set_plain(SpecialRegister::Configid0, config.configuration_id[0]);
        state.set_plain(SpecialRegister::Configid1, config.configuration_id[1]);
        state
    }

    /// The same state as any other way to it leaves it.
    pub(crate) fn settled(&self) -> State {
        State { registers: self.registers.settled(), trap: State::NO_TRAP, ..self.clone() }
    }

    fn is_sound(&self) -> bool {
        (self.window_base as usize) < QUARTERS
            && self.window_free <= QUARTERS_IN_WINDOW
            && self.window_start <= WINDOW_START_MASK
    }

    /// Value of a special register that is a plain word.
    pub(crate) fn plain(&self, register: SpecialRegister) -> u32 {
        self.special[register as usize]
    }

    pub(crate) fn set_plain(&mut self, register: SpecialRegister, value: u32) {
        self.special[register as usize] = value;
    }

    pub(crate) fn epc(&self, level: u32) -> u32 {
        self.special[SpecialRegister::Epc1 as usize + (level.clamp(1, NMI_LEVEL) - 1) as usize]
    }

    pub(crate) fn set_epc(&mut self, level: u32, value: u32) {
        self.special[SpecialRegister::Epc1 as usize + (level.clamp(1, NMI_LEVEL) - 1) as usize] = value;
    }

    pub(crate) fn eps(&self, level: u32) -> u32 {
        self.special[SpecialRegister::Eps2 as usize + (level.clamp(2, NMI_LEVEL) - 2) as usize]
    }

    pub(crate) fn set_eps(&mut self, level: u32, value: u32) {
        self.special[SpecialRegister::Eps2 as usize + (level.clamp(2, NMI_LEVEL) - 2) as usize] = value;
    }

    /// The accumulator of the MAC16 option.
    pub(crate) fn acc(&self) -> i64 {
        let [low, high] = self.acc;
        i64::from(high as i32) << u32::BITS | i64::from(low)
    }

    /// Writes the accumulator, which has [`ACC_BITS`] bits.
    pub(crate) fn set_acc(&mut self, value: i64) {
        const UNUSED: u32 = i64::BITS - ACC_BITS;
        let value = value << UNUSED >> UNUSED;
        self.acc = [value as u32, (value >> u32::BITS) as u32];
    }

    /// Writes `PS` and what depends on it.
    pub(crate) fn set_ps(&mut self, value: u32) {
        self.ps = value & ps::IMPLEMENTED;
        self.refresh_window();
    }

    /// The interrupt level that counts: `PS.EXCM` raises it (ISA manual, "CINTLEVEL").
    pub(crate) fn interrupt_level(&self) -> u32 {
        let level = self.ps & ps::INTLEVEL;
        if self.ps & ps::EXCM != 0 { level.max(EXCM_LEVEL) } else { level }
    }

    /// Physical address register, whether it is visible or not.
    pub(crate) fn physical(&self, number: usize) -> u32 {
        let number = number % PHYSICAL_REGISTERS;
        let visible = (number + PHYSICAL_REGISTERS - self.window_base as usize * QUARTER) % PHYSICAL_REGISTERS;
        match self.ar.get(visible) {
            Some(value) => *value,
            None => self.physical[number / QUARTER][number % QUARTER],
        }
    }

    pub(crate) fn set_physical(&mut self, number: usize, value: u32) {
        let number = number % PHYSICAL_REGISTERS;
        let visible = (number + PHYSICAL_REGISTERS - self.window_base as usize * QUARTER) % PHYSICAL_REGISTERS;
        let Registers { ar, physical, .. } = &mut self.registers;
        match ar.get_mut(visible) {
            Some(register) => *register = value,
            None => physical[number / QUARTER][number % QUARTER] = value,
        }
    }
}
