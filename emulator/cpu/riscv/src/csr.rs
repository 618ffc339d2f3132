//! Control and status registers: which there are, and what reading and writing them does.
//!
//! The registers and their fields are those of the ESP32-C3 (TRM "ESP-RISC-V CPU", "Configuration and Status Registers"); the
//! standard ones follow *The RISC-V Instruction Set Manual*, volume II. There is no `mie`, no `mip` and no `mcycle`.
//! `ustatus` and the numbers by which user mode has the performance counter (`CSR_PCER_USER` and its neighbours in ESP-IDF) are there
//! because the mask ROM uses them.

use crate::state::{Privilege, State, TRIGGERS, mstatus};

macro_rules! csrs {
    ($($csr:ident, $name:literal, $number:literal;)*) => {
        /// A control and status register.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the variants are the names of the manuals")]
        #[repr(u16)]
        pub enum Csr {
            $($csr = $number),*
        }

        /// Every control and status register of the core.
        pub const CSRS: &[Csr] = &[$(Csr::$csr),*];

        impl Csr {
            /// The register with this number, if the core has it.
            pub fn from_number(number: u32) -> Option<Csr> {
                match number {
                    $($number => Some(Csr::$csr),)*
                    _ => None,
                }
            }

            /// The name that assemblers know.
            pub fn name(self) -> &'static str {
                match self {
                    $(Csr::$csr => $name),*
                }
            }
        }
    };
}

csrs! {
    Ustatus, "ustatus", 0x000;
    Mstatus, "mstatus", 0x300;
    Misa, "misa", 0x301;
    Mtvec, "mtvec", 0x305;
    Mscratch, "mscratch", 0x340;
    Mepc, "mepc", 0x341;
    Mcause, "mcause", 0x342;
    Mtval, "mtval", 0x343;
    Pmpcfg0, "pmpcfg0", 0x3a0;
    Pmpcfg1, "pmpcfg1", 0x3a1;
    Pmpcfg2, "pmpcfg2", 0x3a2;
    Pmpcfg3, "pmpcfg3", 0x3a3;
    Pmpaddr0, "pmpaddr0", 0x3b0;
    Pmpaddr1, "pmpaddr1", 0x3b1;
    Pmpaddr2, "pmpaddr2", 0x3b2;
    Pmpaddr3, "pmpaddr3", 0x3b3;
    Pmpaddr4, "pmpaddr4", 0x3b4;
    Pmpaddr5, "pmpaddr5", 0x3b5;
    Pmpaddr6, "pmpaddr6", 0x3b6;
    Pmpaddr7, "pmpaddr7", 0x3b7;
    Pmpaddr8, "pmpaddr8", 0x3b8;
    Pmpaddr9, "pmpaddr9", 0x3b9;
    Pmpaddr10, "pmpaddr10", 0x3ba;
    Pmpaddr11, "pmpaddr11", 0x3bb;
    Pmpaddr12, "pmpaddr12", 0x3bc;
    Pmpaddr13, "pmpaddr13", 0x3bd;
    Pmpaddr14, "pmpaddr14", 0x3be;
    Pmpaddr15, "pmpaddr15", 0x3bf;
    Tselect, "tselect", 0x7a0;
    Tdata1, "tdata1", 0x7a1;
    Tdata2, "tdata2", 0x7a2;
    Tcontrol, "tcontrol", 0x7a5;
    Dcsr, "dcsr", 0x7b0;
    Dpc, "dpc", 0x7b1;
    Dscratch0, "dscratch0", 0x7b2;
    Dscratch1, "dscratch1", 0x7b3;
    Mpcer, "mpcer", 0x7e0;
    Mpcmr, "mpcmr", 0x7e1;
    Mpccr, "mpccr", 0x7e2;
    Pcer, "pcer", 0x800;
    Pcmr, "pcmr", 0x801;
    Pccr, "pccr", 0x802;
    CpuGpioOen, "cpu_gpio_oen", 0x803;
    CpuGpioIn, "cpu_gpio_in", 0x804;
    CpuGpioOut, "cpu_gpio_out", 0x805;
    Mvendorid, "mvendorid", 0xf11;
    Marchid, "marchid", 0xf12;
    Mimpid, "mimpid", 0xf13;
    Mhartid, "mhartid", 0xf14;
}

/// `misa`: RV32 with I, M, C and user mode.
const MISA: u32 = 0x4010_1104;
/// `mtvec` always says "vectored".
const MTVEC_MODE: u32 = 1;
const MTVEC_BASE: u32 = 0xffff_ff00;
/// `mcause`: the interrupt bit and 5 bits of code.
const MCAUSE: u32 = 0x8000_001f;
/// Implemented bits of `pmpcfg` bytes: L, A, X, W, R.
const PMPCFG_BYTE: u8 = 0x9f;
const PMPCFG_LOCKED: u8 = 0x80;
/// The A field of `pmpcfg` bytes, and its value for the top of a range.
const PMPCFG_MODE: u8 = 0x18;
const PMPCFG_TOR: u8 = 0x08;
/// `tdata1` of every trigger: a match of address or data.
const TDATA1_TYPE: u32 = 2 << 28;
/// `tdata1`: hit, action, match, modes, execute, store, load.
const TDATA1: u32 = 1 << 20 | 0xf << 12 | 0xf << 7 | 1 << 6 | 1 << 3 | 7;
/// `tcontrol`: MPTE and MTE.
const TCONTROL: u32 = 0x88;
/// Eight pins that the core drives itself.
const CPU_GPIO: u32 = 0xff;

impl Csr {
    fn number(self) -> u32 {
        self as u32
    }

    /// The lowest privilege that can use the register, which is part of its number.
    fn privilege(self) -> Privilege {
        if self.number() >> 8 & 3 == 0 { Privilege::User } else { Privilege::Machine }
    }

    /// Only debug mode, which a host has to enter, sees these.
    fn is_for_debug_mode(self) -> bool {
        matches!(self, Csr::Dcsr | Csr::Dpc | Csr::Dscratch0 | Csr::Dscratch1)
    }

    /// Writing the register is an illegal instruction, as the upper two bits of its number say.
    pub(crate) fn is_read_only(self) -> bool {
        self.number() >> 10 == 3
    }
}

impl State {
    /// The register with `number` if the running program may use it.
    pub(crate) fn usable_csr(&self, number: u32) -> Option<Csr> {
        let csr = Csr::from_number(number)?;
        let usable = self.privilege >= csr.privilege() && !csr.is_for_debug_mode();
        usable.then_some(csr)
    }

    /// Value of a register after `cycles` cycles since reset.
    pub(crate) fn csr(&self, csr: Csr, cycles: u64) -> u32 {
        match csr {
            Csr::Mstatus => self.mstatus,
            Csr::Misa => MISA,
            Csr::Mtvec => self.mtvec | MTVEC_MODE,
            Csr::Mscratch => self.mscratch,
            Csr::Mepc => self.mepc,
            Csr::Mcause => self.mcause,
            Csr::Mtval => self.mtval,
            Csr::Pmpcfg0 | Csr::Pmpcfg1 | Csr::Pmpcfg2 | Csr::Pmpcfg3 => {
                let first = (csr.number() - Csr::Pmpcfg0.number()) as usize * 4;
                u32::from_le_bytes(std::array::from_fn(|index| self.pmpcfg[first + index]))
            }
            Csr::Tselect => self.tselect as u32,
            Csr::Tdata1 => self.tdata1[self.tselect] | TDATA1_TYPE,
            Csr::Tdata2 => self.tdata2[self.tselect],
            Csr::Tcontrol => self.tcontrol,
            Csr::Dcsr | Csr::Dpc | Csr::Dscratch0 | Csr::Dscratch1 => 0,
            Csr::Mpcer | Csr::Pcer => self.counter.events(),
            Csr::Mpcmr | Csr::Pcmr => self.counter.mode(),
            Csr::Mpccr | Csr::Pccr => self.counter.value(cycles, self.idled),
            Csr::Ustatus => self.mstatus & mstatus::USER,
            Csr::CpuGpioOen => self.gpio_enable,
            Csr::CpuGpioIn => self.gpio_in,
            Csr::CpuGpioOut => self.gpio_out,
            Csr::Mvendorid => self.config.vendor,
            Csr::Marchid => self.config.architecture,
            Csr::Mimpid => self.config.implementation,
            Csr::Mhartid => self.config.hart,
            _ => self.pmpaddr[pmpaddr_index(csr)],
        }
    }

    /// Writes a register; what its fields do not allow is ignored.
    pub(crate) fn set_csr(&mut self, csr: Csr, value: u32, cycles: u64) {
        match csr {
            Csr::Mstatus => self.mstatus = mstatus::legal(value),
            Csr::Mtvec => self.mtvec = value & MTVEC_BASE,
            Csr::Mscratch => self.mscratch = value,
            Csr::Mepc => self.mepc = value & !1,
            Csr::Mcause => self.mcause = value & MCAUSE,
            Csr::Mtval => self.mtval = value,
            Csr::Pmpcfg0 | Csr::Pmpcfg1 | Csr::Pmpcfg2 | Csr::Pmpcfg3 => {
                let first = (csr.number() - Csr::Pmpcfg0.number()) as usize * 4;
                for (entry, byte) in self.pmpcfg[first..first + 4].iter_mut().zip(value.to_le_bytes()) {
                    if *entry & PMPCFG_LOCKED == 0 {
                        *entry = byte & PMPCFG_BYTE;
                    }
                }
            }
            Csr::Tselect => self.tselect = value as usize % TRIGGERS,
            Csr::Tdata1 => self.tdata1[self.tselect] = value & TDATA1,
            Csr::Tdata2 => self.tdata2[self.tselect] = value,
            Csr::Tcontrol => self.tcontrol = value & TCONTROL,
            Csr::Mpcer | Csr::Pcer => self.counter.set_events(value, cycles, self.idled),
            Csr::Mpcmr | Csr::Pcmr => self.counter.set_mode(value, cycles, self.idled),
            Csr::Mpccr | Csr::Pccr => self.counter.set_value(value, cycles, self.idled),
            Csr::Ustatus => self.mstatus = self.mstatus & !mstatus::USER | value & mstatus::USER,
            Csr::CpuGpioOen => self.gpio_enable = value & CPU_GPIO,
            Csr::CpuGpioOut => self.gpio_out = value & CPU_GPIO,
            Csr::Misa
            | Csr::CpuGpioIn
            | Csr::Dcsr
            | Csr::Dpc
            | Csr::Dscratch0
            | Csr::Dscratch1
            | Csr::Mvendorid
            | Csr::Marchid
            | Csr::Mimpid
            | Csr::Mhartid => {}
            _ => self.set_pmpaddr(pmpaddr_index(csr), value),
        }
    }

    /// A locked entry keeps its address, and that of the entry before it if it is the top of a range.
    fn set_pmpaddr(&mut self, index: usize, value: u32) {
        let next = self.pmpcfg.get(index + 1).copied().unwrap_or(0);
        let locked = self.pmpcfg[index] & PMPCFG_LOCKED != 0;
        let bounds_locked = next & PMPCFG_LOCKED != 0 && next & PMPCFG_MODE == PMPCFG_TOR;
        if !locked && !bounds_locked {
            self.pmpaddr[index] = value;
        }
    }
}

fn pmpaddr_index(csr: Csr) -> usize {
    (csr.number() - Csr::Pmpaddr0.number()) as usize
}
