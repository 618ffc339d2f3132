//! Loads and stores.

use espalier_jit::{Condition, Op, Slot, Value, Width};

use super::{Lowered, Lowering, SCRATCH, WATCH_LOAD, WATCH_STORE, a, ar, special_slot};
use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;

/// Memory that always carries conditional stores out: DataRAM0, which holds the internal RAM of the chip.
const CONDITIONAL: (u32, u32) = (0x3ff8_0000, 0x8_0000);

/// The stack pointer of the ABI: no register of a device is looked for there.
fn is_stack(base: Value) -> bool {
    base == a(1)
}

impl Lowering<'_, '_> {
    pub(super) fn memory(&mut self, op: &Instruction) -> Lowered {
        let (s, offset) = (a(op.s), op.immediate);
        match op.opcode {
            Opcode::L32r => {
                let constant = self.around.constant(self.part.memory, offset);
                match constant {
                    Some((value, is_cached)) => {
                        if is_cached {
                            self.ops.push(Op::Line { address: offset });
                        }
                        self.watch(WATCH_LOAD, Value::Imm(offset), 0);
                        self.put(ar(op.t), Value::Imm(value));
                    }
                    None => self.load(ar(op.t), Width::Word, false, Value::Imm(offset), 0),
                }
            }
            Opcode::L8ui => self.load(ar(op.t), Width::Byte, false, s, offset),
            Opcode::L16ui => self.load(ar(op.t), Width::Half, false, s, offset),
            Opcode::L16si => self.load(ar(op.t), Width::Half, true, s, offset),
            Opcode::L32i | Opcode::L32iN | Opcode::L32e => self.load_word(ar(op.t), s, offset),
            Opcode::S8i => self.store(a(op.t), Width::Byte, s, offset),
            Opcode::S16i => self.store(a(op.t), Width::Half, s, offset),
            Opcode::S32i | Opcode::S32iN | Opcode::S32nb | Opcode::S32e => self.store_word(a(op.t), s, offset),
            Opcode::L32ai => {
                let address = self.aligned(s, offset);
                self.load_word(ar(op.t), address, 0);
                self.forget(1);
            }
            Opcode::S32ri => {
                let address = self.aligned(s, offset);
                self.store_word(a(op.t), address, 0);
                self.forget(1);
            }
            Opcode::S32c1i => return self.store_conditionally(op),
            _ => return Lowered::Unknown,
        }
        Lowered::Next
    }

    fn watch(&mut self, filter: Slot, base: Value, offset: u32) {
        let [load, store] = self.manner.watched;
        if if filter == WATCH_LOAD { load } else { store } {
            self.ops.push(Op::Watch { filter, base, offset });
        }
    }

    pub(super) fn load(&mut self, to: Slot, width: Width, signed: bool, base: Value, offset: u32) {
        self.watch(WATCH_LOAD, base, offset);
        self.ops.push(Op::Load { to, width, signed, base, offset, last: false });
    }

    /// Loads a word, which is all that the instruction does.
    fn load_word(&mut self, to: Slot, base: Value, offset: u32) {
        self.watch(WATCH_LOAD, base, offset);
        self.ops.push(Op::Load { to, width: Width::Word, signed: false, base, offset, last: !is_stack(base) });
    }

    pub(super) fn store(&mut self, from: Value, width: Width, base: Value, offset: u32) {
        self.watch(WATCH_STORE, base, offset);
        self.ops.push(Op::Store { from, width, base, offset, last: false });
    }

    /// Stores a word, which is all that the instruction does.
    fn store_word(&mut self, from: Value, base: Value, offset: u32) {
        self.watch(WATCH_STORE, base, offset);
        self.ops.push(Op::Store { from, width: Width::Word, base, offset, last: !is_stack(base) });
    }

    /// An address that has to be aligned to a word, in the first scratch register.
    fn aligned(&mut self, base: Value, offset: u32) -> Value {
        let address = Value::Slot(SCRATCH[0]);
        self.binary(espalier_jit::Binary::Add, SCRATCH[0], base, Value::Imm(offset));
        self.guard(Condition::Overlap, address, Value::Imm(3));
        address
    }

    /// Writes back the old value if the condition fails, which memory without side effects cannot tell from no store.
    fn store_conditionally(&mut self, op: &Instruction) -> Lowered {
        let address = self.aligned(a(op.s), op.immediate);
        let [_, found, new, _] = SCRATCH;
        // Whether it stores or not, it counts as a load and as a store.
        self.watch(WATCH_STORE, address, 0);
        let (first, size) = CONDITIONAL;
        self.binary(espalier_jit::Binary::Sub, found, address, Value::Imm(first));
        self.guard(Condition::GreaterOrEqualUnsigned, Value::Slot(found), Value::Imm(size));
        self.load(found, Width::Word, false, address, 0);
        self.put(new, Value::Slot(found));
        let expected = Value::Slot(special_slot(SpecialRegister::Scompare1));
        let then = a(op.t);
        self.ops.push(Op::Select {
            to: new,
            condition: Condition::Equal,
            left: Value::Slot(found),
            right: expected,
            then,
        });
        self.store(Value::Slot(new), Width::Word, address, 0);
        self.put(ar(op.t), Value::Slot(found));
        self.forget(3);
        Lowered::Next
    }
}
