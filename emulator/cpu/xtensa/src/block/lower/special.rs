//! Special and user registers, and the interrupt level.

use espalier_jit::{Binary, Condition, Op, Slot, Value};

use super::{
    ACC, BR, CCOUNT_AT_STOP, EXPSTATE, F64R, F64S, FCR, FSR, INTENABLE, INTERRUPT, LBEG, LCOUNT, LEND, Lowered,
    Lowering, PS, SAR, SCRATCH, THREADPTR, WINDOW_BASE, WINDOW_START, a, ar, special_slot,
};
use crate::instruction::{Instruction, Opcode};
use crate::interrupt::ABOVE;
use crate::register::{COPROCESSOR_0, EDGE, FCR_MASK, FSR_MASK, SOFTWARE, SpecialRegister, UserRegister, VECBASE_MASK};
use crate::state::{ACC_BITS, EXCM_LEVEL, NMI, WINDOW_START_MASK, ps};

impl Lowering<'_, '_> {
    pub(super) fn special(&mut self, op: &Instruction) -> Lowered {
        let register = SpecialRegister::from_number(op.immediate as u8);
        match (op.opcode, register) {
            (Opcode::Rsr, Some(register)) => self.read(ar(op.t), register),
            (Opcode::Wsr, Some(register)) => self.write(register, a(op.t)),
            (Opcode::Xsr, Some(register)) => self.exchange(register, op.t),
            (Opcode::Rsil, _) => {
                let above = ABOVE.get(usize::from(op.s)).copied().unwrap_or_default();
                self.binary(Binary::And, SCRATCH[0], Value::Slot(INTENABLE), Value::Imm(above));
                self.guard_pending(SCRATCH[0]);
                self.put(SCRATCH[0], Value::Slot(PS));
                self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::INTLEVEL));
                self.binary(Binary::Or, PS, Value::Slot(PS), Value::Imm(u32::from(op.s)));
                self.put(ar(op.t), Value::Slot(SCRATCH[0]));
                self.forget(1);
                Lowered::Next
            }
            (Opcode::Rfe, _) => {
                self.guard_quiet(Value::Slot(PS), ps::INTLEVEL, Value::Slot(INTENABLE));
                self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::EXCM));
                self.refresh_window();
                self.jump_to(Value::Slot(special_slot(SpecialRegister::Epc1)))
            }
            (Opcode::Rfi, _) if (2..=7).contains(&op.s) => {
                let level = Slot::from(op.s);
                let status = special_slot(SpecialRegister::Eps2) + level - 2;
                self.guard_quiet(Value::Slot(status), ps::INTLEVEL | ps::EXCM, Value::Slot(INTENABLE));
                self.binary(Binary::And, PS, Value::Slot(status), Value::Imm(ps::IMPLEMENTED));
                self.refresh_window();
                self.jump_to(Value::Slot(special_slot(SpecialRegister::Epc1) + level - 1))
            }
            (Opcode::Rur, _) => self.read_user(op),
            (Opcode::Wur, _) => self.write_user(op),
            _ => Lowered::Unknown,
        }
    }

    fn read(&mut self, to: Slot, register: SpecialRegister) -> Lowered {
        let from = match register {
            SpecialRegister::Ccount => {
                self.ops.push(Op::Count { to, end: CCOUNT_AT_STOP, done: self.after - 1 });
                return Lowered::Next;
            }
            SpecialRegister::Acclo => ACC[0],
            SpecialRegister::Acchi => ACC[1],
            SpecialRegister::Windowbase => WINDOW_BASE,
            SpecialRegister::Windowstart => WINDOW_START,
            SpecialRegister::Interrupt => INTERRUPT,
            SpecialRegister::Intenable => INTENABLE,
            SpecialRegister::Lend => LEND,
            SpecialRegister::Ps => PS,
            // They cannot be read, or a host learns of it.
            SpecialRegister::Intclear | SpecialRegister::Mmid | SpecialRegister::Ddr => return Lowered::Unknown,
            register => simple(register).map_or(special_slot(register), |(slot, _)| slot),
        };
        self.put(to, Value::Slot(from));
        Lowered::Next
    }

    /// Writes a register whose effects end with this core's registers. What moves a timer, a breakpoint or the end of a loop is
    /// left to the interpreter, for the loop that runs blocks has to hear of it.
    fn write(&mut self, register: SpecialRegister, value: Value) -> Lowered {
        let [_, changed, ..] = SCRATCH;
        match register {
            SpecialRegister::Ps => {
                self.guard_quiet(value, ps::INTLEVEL | ps::EXCM, Value::Slot(INTENABLE));
                self.binary(Binary::And, PS, value, Value::Imm(ps::IMPLEMENTED));
                (self.known.windowed, self.known.increment) = (false, None);
                self.refresh_window();
            }
            SpecialRegister::Acchi => {
                let unused = 2 * u32::BITS - ACC_BITS;
                self.sign_extend(ACC[1], value, unused);
            }
            SpecialRegister::Windowbase => {
                self.put(SCRATCH[0], value);
                self.rotate();
            }
            SpecialRegister::Windowstart => {
                self.binary(Binary::And, WINDOW_START, value, Value::Imm(WINDOW_START_MASK));
                self.refresh_window();
            }
            SpecialRegister::Intclear => {
                self.binary(Binary::And, changed, value, Value::Imm(SOFTWARE | EDGE));
                self.binary(Binary::Xor, changed, Value::Slot(changed), Value::Imm(u32::MAX));
                self.binary(Binary::And, INTERRUPT, Value::Slot(INTERRUPT), Value::Slot(changed));
                self.forget(2);
            }
            SpecialRegister::Intenable => {
                self.guard_quiet(Value::Slot(PS), ps::INTLEVEL | ps::EXCM, value);
                self.put(INTENABLE, value);
            }
            SpecialRegister::Lend => self.guard(Condition::NotEqual, value, Value::Slot(LEND)),
            SpecialRegister::Dbreaka0
            | SpecialRegister::Dbreaka1
            | SpecialRegister::Dbreakc0
            | SpecialRegister::Dbreakc1
            | SpecialRegister::Ibreakenable => {
                self.guard(Condition::NotEqual, value, Value::Slot(special_slot(register)));
            }
            register => {
                let Some((slot, mask)) = simple(register) else { return Lowered::Unknown };
                self.mask(slot, value, mask);
            }
        }
        self.known.float_enabled = false;
        Lowered::Next
    }

    fn exchange(&mut self, register: SpecialRegister, number: u8) -> Lowered {
        let Some((slot, mask)) = simple(register) else { return Lowered::Unknown };
        self.put(SCRATCH[0], a(number));
        self.put(ar(number), Value::Slot(slot));
        self.mask(slot, Value::Slot(SCRATCH[0]), mask);
        self.known.float_enabled = false;
        self.forget(1);
        Lowered::Next
    }

    fn mask(&mut self, to: Slot, value: Value, mask: u32) {
        match mask {
            u32::MAX => self.put(to, value),
            mask => self.binary(Binary::And, to, value, Value::Imm(mask)),
        }
    }

    fn read_user(&mut self, op: &Instruction) -> Lowered {
        let Some((slot, _)) = self.user(op) else { return Lowered::Unknown };
        self.put(ar(op.r), Value::Slot(slot));
        Lowered::Next
    }

    fn write_user(&mut self, op: &Instruction) -> Lowered {
        let Some((slot, mask)) = self.user(op) else { return Lowered::Unknown };
        self.mask(slot, a(op.t), mask);
        self.known.float_ordinary = false;
        Lowered::Next
    }

    /// The place of a user register that can be used now, and the bits that it has.
    fn user(&mut self, op: &Instruction) -> Option<(Slot, u32)> {
        Some(match UserRegister::from_number(op.immediate as u8)? {
            UserRegister::Threadptr => (THREADPTR, u32::MAX),
            UserRegister::Expstate => (EXPSTATE, u32::MAX),
            UserRegister::F64rLo => (F64R, u32::MAX),
            UserRegister::F64rHi => (F64R + 1, u32::MAX),
            UserRegister::F64s => (F64S, u32::MAX),
            UserRegister::Fcr => {
                self.guard_float();
                (FCR, FCR_MASK)
            }
            UserRegister::Fsr => {
                self.guard_float();
                (FSR, FSR_MASK)
            }
        })
    }

    /// Leaves what needs the floating-point unit to the interpreter while that is off.
    pub(super) fn guard_float(&mut self) {
        let enabled = Value::Slot(special_slot(SpecialRegister::Cpenable));
        self.guard(Condition::Disjoint, enabled, Value::Imm(COPROCESSOR_0));
    }

    /// Leaves the instruction to the interpreter if these bits of `PS`, when they are those of `value`, let through one of the
    /// `enabled` interrupts that is pending.
    pub(super) fn guard_quiet(&mut self, value: Value, bits: u32, enabled: Value) {
        let [levels, pending, ..] = SCRATCH;
        self.binary(Binary::And, levels, value, Value::Imm(bits));
        self.put(pending, Value::Imm(ABOVE[0]));
        // `EXCM` masks what `EXCM_LEVEL` does, and more than it as a number.
        for level in [1, EXCM_LEVEL] {
            self.ops.push(Op::Select {
                to: pending,
                condition: Condition::GreaterOrEqualUnsigned,
                left: Value::Slot(levels),
                right: Value::Imm(level),
                then: Value::Imm(ABOVE[level as usize]),
            });
        }
        self.forget(1);
        self.binary(Binary::And, pending, Value::Slot(pending), enabled);
        self.guard_pending(pending);
    }

    /// Leaves the instruction to the interpreter if one of the interrupts in `enabled` is pending, or one that nothing masks.
    fn guard_pending(&mut self, enabled: Slot) {
        self.binary(Binary::Or, enabled, Value::Slot(enabled), Value::Imm(NMI));
        self.guard(Condition::Overlap, Value::Slot(enabled), Value::Slot(INTERRUPT));
        self.ops.push(Op::Forget { slot: enabled });
    }
}

/// Registers that are words without any side effect: where they are, and the bits that they have.
fn simple(register: SpecialRegister) -> Option<(Slot, u32)> {
    use SpecialRegister as Register;
    let (slot, mask) = match register {
        Register::Lbeg => (LBEG, u32::MAX),
        Register::Lcount => (LCOUNT, u32::MAX),
        Register::Sar => (SAR, 0x3f),
        Register::Br => (BR, 0xffff),
        Register::Acclo => (ACC[0], u32::MAX),
        Register::Vecbase => (special_slot(register), VECBASE_MASK),
        Register::Cpenable => (special_slot(register), 0xff),
        Register::Exccause => (special_slot(register), 0x3f),
        Register::Scompare1
        | Register::M0
        | Register::M1
        | Register::M2
        | Register::M3
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
        | Register::Misc3 => (special_slot(register), u32::MAX),
        _ => return None,
    };
    Some((slot, mask))
}
