//! The code that every block shares: the way in and the ways out.

use super::assembler::{
    Alu, Assembler, Cc, Place, R8, R9, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, Reg, Shift, Stub, Word,
};
use super::cache::{GROUP_SHIFT, WINDOW, displacement};
use super::context::{
    INDEX, KIND, KIND_AT, KIND_INTERPRET, KIND_LOOK, ROOM, TABLE, TABLE_ADDRESS, TABLE_CODE, TABLE_ENTRIES, TABLE_MIX,
    TAG,
};
use crate::arena::Arena;
use crate::ir::{Ring, Slot};

/// Registers that the epilogue has to restore (System V ABI, "Register Usage").
const SAVED: [Reg; 6] = [RBX, RBP, R12, R13, R14, R15];
/// An entry of the table takes sixteen bytes.
const ENTRY_SHIFT: u8 = 4;

/// Addresses of the shared code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stubs {
    /// `extern "sysv64" fn(registers, data, context, cells, room, code)`
    pub enter: u64,
    out: u64,
    /// The guest is at `eax`.
    pub at: u64,
    interpret: u64,
    look: u64,
    indirect: u64,
}

impl Stubs {
    /// The address of shared code.
    pub fn address(&self, stub: Stub) -> u64 {
        match stub {
            Stub::Out => self.out,
            Stub::At => self.at,
            Stub::Interpret => self.interpret,
            Stub::Look => self.look,
            Stub::Indirect => self.indirect,
        }
    }
}

/// Writes the shared code at the start of the arena. `pc` is the guest register with the address of the next instruction.
pub(super) fn write(arena: &mut Arena, pc: Slot, ring: Option<Ring>) -> Option<Stubs> {
    let mut push = |asm: Assembler, known: &[(Stub, u64)]| {
        let address = arena.address(arena.used());
        let code = asm.finish().at(address, |place| {
            let stub = known.iter().find(|(stub, _)| place == Place::Stub(*stub));
            Word::DistanceOf(stub.map_or(address, |(_, address)| *address))
        });
        arena.push(&code)
    };
    let mut asm = Assembler::default();
    SAVED.iter().for_each(|reg| asm.push(*reg));
    asm.mov_wide(RBP, RDI);
    asm.mov_wide(R12, RSI);
    asm.mov_wide(R13, RDX);
    asm.mov_wide(R14, RCX);
    asm.mov(R15, R8);
    if let Some(ring) = ring {
        asm.load(RAX, RBP, displacement(ring.base));
        asm.shift_imm(Shift::Left, RAX, GROUP_SHIFT);
        asm.lea_wide(WINDOW, RBP, RAX, displacement(ring.file));
    }
    asm.jump_register(R9);
    let enter = push(asm, &[])?;

    let mut asm = Assembler::default();
    asm.store(R13, ROOM, R15);
    SAVED.iter().rev().for_each(|reg| asm.pop(*reg));
    asm.ret();
    let out = push(asm, &[])?;

    let mut ended = |kind, interpret: bool| {
        let mut asm = Assembler::default();
        if interpret {
            asm.store(R13, TAG, RAX);
            asm.store(R13, INDEX, RCX);
        } else {
            asm.store(RBP, displacement(pc), RAX);
        }
        asm.store_imm(R13, KIND, kind);
        asm.jump_to(Stub::Out);
        push(asm, &[(Stub::Out, out)])
    };
    let at = ended(KIND_AT, false)?;
    let interpret = ended(KIND_INTERPRET, true)?;
    let look = ended(KIND_LOOK, false)?;

    let mut asm = Assembler::default();
    let found = asm.label();
    asm.mov(RCX, RAX);
    asm.shift_imm(Shift::Right, RCX, TABLE_MIX);
    asm.alu(Alu::Xor, RCX, RAX);
    asm.alu_imm(Alu::And, RCX, TABLE_ENTRIES as u32 - 1);
    asm.shift_imm(Shift::Left, RCX, ENTRY_SHIFT);
    asm.load_wide(RDX, R13, TABLE);
    asm.add_wide(RCX, RDX);
    asm.load(RDX, RCX, TABLE_ADDRESS);
    asm.alu(Alu::Cmp, RDX, RAX);
    asm.jump_if(Cc::Equal, found);
    asm.jump_to(Stub::At);
    asm.bind(found);
    asm.jump_memory(RCX, TABLE_CODE);
    let indirect = push(asm, &[(Stub::At, at)])?;
    Some(Stubs { enter, out, at, interpret, look, indirect })
}
