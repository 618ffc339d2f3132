//! `RSR`, `WSR`, `XSR`, `RUR` and `WUR`.

use crate::instruction::Instruction;
use crate::register::{FCR_MASK, FSR_MASK, SpecialRegister, UserRegister, VECBASE_MASK};
use crate::state::{QUARTER, State, WINDOW_START_MASK};
use crate::step::Step;

/// Bits of `ATOMCTL`: a field of two bits for each kind of memory.
const ATOMCTL_MASK: u32 = 0x3f;

impl State {
    /// Value of a special register at `cycles` since reset.
    pub(crate) fn special(&self, register: SpecialRegister, cycles: u64) -> u32 {
        match register {
            SpecialRegister::Lbeg => self.lbeg,
            SpecialRegister::Lend => self.lend,
            SpecialRegister::Lcount => self.lcount,
            SpecialRegister::Sar => self.sar,
            SpecialRegister::Br => self.br,
            SpecialRegister::Acclo => self.acc() as u32,
            SpecialRegister::Acchi => (self.acc() >> u32::BITS) as u32,
            SpecialRegister::Windowbase => self.window_base,
            SpecialRegister::Windowstart => self.window_start,
            SpecialRegister::Interrupt => self.interrupt,
            SpecialRegister::Intenable => self.intenable,
            SpecialRegister::Ps => self.ps,
            SpecialRegister::Ccount => self.ccount(cycles),
            _ => self.plain(register),
        }
    }

    /// Writes a special register with its side effects. `INTERRUPT` is `INTSET` here.
    pub(crate) fn set_special(&mut self, register: SpecialRegister, value: u32, cycles: u64) {
        match register {
            SpecialRegister::Lbeg => self.lbeg = value,
            SpecialRegister::Lend => self.lend = value,
            SpecialRegister::Lcount => self.lcount = value,
            SpecialRegister::Sar => self.sar = value & 0x3f,
            SpecialRegister::Br => self.br = value & 0xffff,
            SpecialRegister::Acclo => self.set_acc(self.acc() >> u32::BITS << u32::BITS | i64::from(value)),
            SpecialRegister::Acchi => {
                self.set_acc(i64::from(value) << u32::BITS | self.acc() & i64::from(u32::MAX));
            }
            SpecialRegister::Windowbase => {
                self.rotate_to(value);
                self.refresh_window();
            }
            SpecialRegister::Windowstart => {
                self.window_start = value & WINDOW_START_MASK;
                self.refresh_window();
            }
            SpecialRegister::Interrupt => self.set_software_interrupts(value),
            SpecialRegister::Intclear => self.clear_interrupts(value),
            SpecialRegister::Intenable => self.intenable = value,
            SpecialRegister::Ps => self.set_ps(value),
            SpecialRegister::Vecbase => self.set_plain(register, value & VECBASE_MASK),
            SpecialRegister::Ccount => self.set_ccount(value, cycles),
            SpecialRegister::Ccompare0 | SpecialRegister::Ccompare1 | SpecialRegister::Ccompare2 => {
                self.set_ccompare(register, value);
            }
            SpecialRegister::Dbreaka0
            | SpecialRegister::Dbreaka1
            | SpecialRegister::Dbreakc0
            | SpecialRegister::Dbreakc1 => {
                self.set_plain(register, value);
                self.refresh_watches();
            }
            SpecialRegister::Atomctl => self.set_plain(register, value & ATOMCTL_MASK),
            SpecialRegister::Cpenable => self.set_plain(register, value & 0xff),
            SpecialRegister::Icountlevel => self.set_plain(register, value & 0xf),
            SpecialRegister::Ibreakenable => self.set_plain(register, value & 3),
            SpecialRegister::Exccause => self.set_plain(register, value & 0x3f),
            SpecialRegister::Configid0
            | SpecialRegister::Configid1
            | SpecialRegister::Prid
            | SpecialRegister::Debugcause => {}
            _ => self.set_plain(register, value),
        }
    }

    pub(crate) fn user(&self, register: UserRegister) -> u32 {
        match register {
            UserRegister::Expstate => self.expstate,
            UserRegister::Threadptr => self.threadptr,
            UserRegister::Fcr => self.fcr,
            UserRegister::Fsr => self.fsr,
            UserRegister::F64rLo => self.f64r[0],
            UserRegister::F64rHi => self.f64r[1],
            UserRegister::F64s => self.f64s,
        }
    }

    pub(crate) fn set_user(&mut self, register: UserRegister, value: u32) {
        match register {
            UserRegister::Expstate => self.expstate = value,
            UserRegister::Threadptr => self.threadptr = value,
            UserRegister::Fcr => self.fcr = value & FCR_MASK,
            UserRegister::Fsr => self.fsr = value & FSR_MASK,
            UserRegister::F64rLo => self.f64r[0] = value,
            UserRegister::F64rHi => self.f64r[1] = value,
            UserRegister::F64s => self.f64s = value,
        }
    }

    /// MAC16 data register m0 to m3.
    pub(crate) fn mac(&self, number: u8) -> u32 {
        self.plain(MAC_REGISTERS[usize::from(number) % QUARTER])
    }

    pub(crate) fn set_mac(&mut self, number: u8, value: u32) {
        self.set_plain(MAC_REGISTERS[usize::from(number) % QUARTER], value);
    }

    /// `RSR`.
    #[inline(never)]
    pub(crate) fn rsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None | Some(SpecialRegister::Intclear | SpecialRegister::Mmid) => self.illegal(),
            Some(register) => {
                if register == SpecialRegister::Ddr {
                    self.ocd.note_core_read_ddr();
                }
                self.set(op.t, self.special(register, self.started + u64::from(cycle)));
                Step::NEXT
            }
        }
    }

    /// `WSR`.
    #[inline(never)]
    pub(crate) fn wsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None | Some(SpecialRegister::Prid) => self.illegal(),
            Some(register) => {
                if register == SpecialRegister::Ddr {
                    self.ocd.note_core_wrote_ddr();
                }
                self.set_special(register, self.get(op.t), self.started + u64::from(cycle));
                Step::SYNC
            }
        }
    }

    /// `XSR`.
    #[inline(never)]
    pub(crate) fn xsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None
            | Some(
                SpecialRegister::Prid
                | SpecialRegister::Interrupt
                | SpecialRegister::Intclear
                | SpecialRegister::Mmid
                | SpecialRegister::Configid0
                | SpecialRegister::Configid1,
            ) => self.illegal(),
            Some(register) => {
                let now = self.started + u64::from(cycle);
                let value = self.get(op.t);
                self.set(op.t, self.special(register, now));
                self.set_special(register, value, now);
                Step::SYNC
            }
        }
    }
}

const MAC_REGISTERS: [SpecialRegister; 4] =
    [SpecialRegister::M0, SpecialRegister::M1, SpecialRegister::M2, SpecialRegister::M3];
