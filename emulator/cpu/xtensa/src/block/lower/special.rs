//! Special registers and the interrupt level.

use espalier_jit::{Binary, Condition, Value};

use super::{
    BR, INTENABLE, INTERRUPT, LBEG, LCOUNT, LEND, Lowered, Lowering, PS, SAR, SCRATCH, THREADPTR, WINDOW_BASE,
    WINDOW_START, a, ar, special_slot,
};
use crate::instruction::{Instruction, Opcode};
use crate::register::{SpecialRegister, UserRegister};
use crate::state::{NMI, ps};

impl Lowering<'_, '_> {
    pub(super) fn special(&mut self, op: &Instruction) -> Lowered {
        let register = SpecialRegister::from_number(op.immediate as u8);
        match (op.opcode, register) {
            (Opcode::Rsr, Some(register)) => {
                let slot = match register {
                    SpecialRegister::Lbeg => LBEG,
                    SpecialRegister::Lend => LEND,
                    SpecialRegister::Lcount => LCOUNT,
                    SpecialRegister::Sar => SAR,
                    SpecialRegister::Br => BR,
                    SpecialRegister::Windowbase => WINDOW_BASE,
                    SpecialRegister::Windowstart => WINDOW_START,
                    SpecialRegister::Interrupt => INTERRUPT,
                    SpecialRegister::Intenable => INTENABLE,
                    SpecialRegister::Ps => PS,
                    register if is_plain(register) => special_slot(register),
                    _ => return Lowered::Unknown,
                };
                self.put(ar(op.t), Value::Slot(slot));
                Lowered::Next
            }
            (Opcode::Wsr, Some(SpecialRegister::Ps)) => {
                self.guard_quiet();
                let [_, changed, _] = SCRATCH;
                self.binary(Binary::Xor, changed, a(op.t), Value::Slot(PS));
                self.guard(Condition::Overlap, Value::Slot(changed), Value::Imm(ps::WOE | ps::EXCM));
                self.binary(Binary::And, PS, a(op.t), Value::Imm(ps::IMPLEMENTED));
                self.forget(2);
                Lowered::Next
            }
            (Opcode::Wsr, Some(SpecialRegister::Sar)) => {
                self.binary(Binary::And, SAR, a(op.t), Value::Imm(0x3f));
                Lowered::Next
            }
            (Opcode::Wsr, Some(register)) if is_plain(register) => {
                self.put(special_slot(register), a(op.t));
                Lowered::Next
            }
            (Opcode::Rsil, _) => {
                self.guard_quiet();
                self.put(SCRATCH[0], Value::Slot(PS));
                self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::INTLEVEL));
                self.binary(Binary::Or, PS, Value::Slot(PS), Value::Imm(u32::from(op.s)));
                self.put(ar(op.t), Value::Slot(SCRATCH[0]));
                self.forget(1);
                Lowered::Next
            }
            (Opcode::Rur, _) => match UserRegister::from_number(op.immediate as u8) {
                Some(UserRegister::Threadptr) => {
                    self.put(ar(op.r), Value::Slot(THREADPTR));
                    Lowered::Next
                }
                _ => Lowered::Unknown,
            },
            (Opcode::Wur, _) => match UserRegister::from_number(op.immediate as u8) {
                Some(UserRegister::Threadptr) => {
                    self.put(THREADPTR, a(op.t));
                    Lowered::Next
                }
                _ => Lowered::Unknown,
            },
            _ => Lowered::Unknown,
        }
    }

    /// Leaves a change of `PS` to the interpreter while an interrupt is pending that it may let through.
    pub(super) fn guard_quiet(&mut self) {
        let pending = SCRATCH[0];
        self.binary(Binary::Or, pending, Value::Slot(INTENABLE), Value::Imm(NMI));
        self.guard(Condition::Overlap, Value::Slot(pending), Value::Slot(INTERRUPT));
    }
}

/// Registers that are words without any side effect, for which it does not matter when a write to them is seen.
fn is_plain(register: SpecialRegister) -> bool {
    use SpecialRegister as Register;
    matches!(
        register,
        Register::Scompare1
            | Register::Epc1
            | Register::Epc2
            | Register::Epc3
            | Register::Epc4
            | Register::Epc5
            | Register::Epc6
            | Register::Epc7
            | Register::Depc
            | Register::Eps2
            | Register::Eps3
            | Register::Eps4
            | Register::Eps5
            | Register::Eps6
            | Register::Eps7
            | Register::Excsave1
            | Register::Excsave2
            | Register::Excsave3
            | Register::Excsave4
            | Register::Excsave5
            | Register::Excsave6
            | Register::Excsave7
            | Register::Excvaddr
            | Register::Misc0
            | Register::Misc1
            | Register::Misc2
            | Register::Misc3
    )
}
