//! Exceptions: causes, vectors, and how they change the core's state.
//!
//! Follows the chapters "Exception Option", "Interrupt Option" and "Windowed Register Option" of the ISA manual; the
//! vector offsets are those of the ESP32's configuration.

use crate::region::{self, Access};
use crate::register::SpecialRegister;
use crate::state::{State, ps};
use crate::trap::{Cause, Trap};
use espalier_core::Fault;

/// Offsets of the vectors from `VECBASE`.
pub(crate) mod vector {
    pub const OVERFLOW: [u32; 4] = [0, 0x000, 0x080, 0x100];
    pub const UNDERFLOW: [u32; 4] = [0, 0x040, 0x0c0, 0x140];
    /// Vectors of levels 2 to 7; level 6 is debug, level 7 the non-maskable interrupt.
    pub const LEVEL: [u32; 8] = [0, 0, 0x180, 0x1c0, 0x200, 0x240, 0x280, 0x2c0];
    pub const KERNEL: u32 = 0x300;
    pub const USER: u32 = 0x340;
    pub const DOUBLE: u32 = 0x3c0;
}

impl Cause {
    fn of_fetch(fault: Fault) -> Cause {
        match fault {
            Fault::Prohibited => Cause::InstFetchProhibited,
            Fault::Unmapped | Fault::ReadOnly | Fault::Width | Fault::Alignment | Fault::Conditional | Fault::Wait => {
                Cause::InstructionFetchError
            }
        }
    }

    fn of_data(fault: Fault, prohibited: Cause) -> Cause {
        match fault {
            Fault::Prohibited => prohibited,
            Fault::Alignment => Cause::LoadStoreAlignment,
            Fault::Unmapped | Fault::ReadOnly | Fault::Width | Fault::Conditional | Fault::Wait => {
                Cause::LoadStoreError
            }
        }
    }
}

impl State {
    /// Enters the handler of `trap`, raised by the instruction at `pc`.
    #[cold]
    #[inline(never)]
    pub(crate) fn raise(&mut self, trap: Trap, pc: u32) {
        match trap {
            Trap::General(cause) => self.raise_general(cause, pc),
            Trap::Fetch(fault, address) => {
                let fault = region::refine(self, Access::Fetch, fault, address);
                self.raise_at(Cause::of_fetch(fault), address, pc);
            }
            Trap::Load(fault, address) => {
                let fault = region::refine(self, Access::Load, fault, address);
                self.raise_at(Cause::of_data(fault, Cause::LoadProhibited), address, pc);
            }
            Trap::Store(fault, address) => {
                let fault = region::refine(self, Access::Store, fault, address);
                self.raise_at(Cause::of_data(fault, Cause::StoreProhibited), address, pc);
            }
            Trap::WindowOverflow => self.raise_window_overflow(pc),
            Trap::WindowUnderflow(quarters) => self.raise_window_underflow(quarters, pc),
            Trap::Debug(cause) => self.enter_debug(cause, pc),
        }
    }

    /// Raises a general exception that concerns a memory address.
    fn raise_at(&mut self, cause: Cause, address: u32, pc: u32) {
        self.set_plain(SpecialRegister::Excvaddr, address);
        self.raise_general(cause, pc);
    }

    fn vector(&self, offset: u32) -> u32 {
        self.plain(SpecialRegister::Vecbase).wrapping_add(offset)
    }

    pub(crate) fn raise_general(&mut self, cause: Cause, pc: u32) {
        self.set_plain(SpecialRegister::Exccause, cause as u32);
        let offset = if self.ps & ps::EXCM != 0 {
            self.set_plain(SpecialRegister::Depc, pc);
            vector::DOUBLE
        } else {
            self.set_plain(SpecialRegister::Epc1, pc);
            if self.ps & ps::UM != 0 { vector::USER } else { vector::KERNEL }
        };
        self.set_ps(self.ps | ps::EXCM);
        self.pc = self.vector(offset);
    }

    /// Enters the handler of an interrupt or debug exception of `level` 2 to 7.
    pub(crate) fn enter_level(&mut self, level: u32, pc: u32) {
        self.set_epc(level, pc);
        self.set_eps(level, self.ps);
        self.set_ps(self.ps & !ps::INTLEVEL | level | ps::EXCM);
        self.pc = self.vector(vector::LEVEL[(level & 7) as usize]);
    }

    fn raise_window_overflow(&mut self, pc: u32) {
        let oldest = self.window_base.wrapping_add(1 + self.window_free) & 0xf;
        let size = match self.frames_from(oldest + 1) {
            frames if frames & 1 != 0 => 1,
            frames if frames & 2 != 0 => 2,
            _ => 3,
        };
        self.save_old_window_base();
        self.set_plain(SpecialRegister::Epc1, pc);
        self.rotate_to(oldest);
        self.set_ps(self.ps | ps::EXCM);
        self.pc = self.vector(vector::OVERFLOW[size]);
    }

    fn raise_window_underflow(&mut self, quarters: u8, pc: u32) {
        self.save_old_window_base();
        self.set_plain(SpecialRegister::Epc1, pc);
        self.rotate_to(self.window_base.wrapping_sub(u32::from(quarters)) & 0xf);
        self.set_ps(self.ps | ps::EXCM);
        self.pc = self.vector(vector::UNDERFLOW[usize::from(quarters & 3)]);
    }

    fn save_old_window_base(&mut self) {
        self.ps = self.ps & !ps::OWB | self.window_base << ps::OWB_SHIFT;
    }
}
