//! The code that every block shares: the way in and the ways out.

use super::arena::Arena;
use super::cache::{GROUP_BYTES, GROUP_SHIFT, displacement};
use super::code::{Alu, Assembler, Cc, Place, Shift, Stub, Word};
use super::context::{INDEX, KIND, KIND_AT, KIND_INTERPRET, KIND_LOOK, REACH, ROOM as ROOM_LEFT, TABLE, TAG};
use super::host::{A, B, C, CONTEXT, ENTRY, POOL, REGISTERS, ROOM, WINDOW};
use super::table::{TABLE_ADDRESS, TABLE_CODE, TABLE_MIX, TABLE_SECOND, TABLE_SET_SHIFT, TABLE_SETS};
use crate::ir::{Ring, Slot};

/// Addresses of the shared code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stubs {
    /// `extern "C" fn(registers, data, context, cells, room, code)`
    pub enter: u64,
    out: u64,
    /// The guest is at the address in `A`.
    pub at: u64,
    interpret: u64,
    look: u64,
    indirect: u64,
    wrap: u64,
    reach: u64,
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
            Stub::Wrap => self.wrap,
            Stub::Reach => self.reach,
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
    asm.enter();
    if let Some(ring) = ring {
        asm.load(A, REGISTERS, displacement(ring.base));
        asm.shift_imm(Shift::Left, A, GROUP_SHIFT);
        asm.lea_wide(WINDOW, REGISTERS, A, displacement(ring.file));
    }
    asm.jump_register(ENTRY);
    let enter = push(asm, &[])?;

    let mut asm = Assembler::default();
    asm.store(CONTEXT, ROOM_LEFT, ROOM);
    asm.leave();
    let out = push(asm, &[])?;

    let mut ended = |kind, interpret: bool| {
        let mut asm = Assembler::default();
        if interpret {
            asm.store(CONTEXT, TAG, A);
            asm.store(CONTEXT, INDEX, B);
        } else {
            asm.store(REGISTERS, displacement(pc), A);
        }
        asm.store_imm(CONTEXT, KIND, kind);
        asm.jump_to(Stub::Out);
        push(asm, &[(Stub::Out, out)])
    };
    let at = ended(KIND_AT, false)?;
    let interpret = ended(KIND_INTERPRET, true)?;
    let look = ended(KIND_LOOK, false)?;

    let mut asm = Assembler::default();
    let (second, absent) = (asm.label(), asm.label());
    look_up(&mut asm);
    asm.jump_if(Cc::NotEqual, second);
    asm.jump_memory(B, TABLE_CODE);
    asm.bind(second);
    asm.load(C, B, TABLE_SECOND + TABLE_ADDRESS);
    asm.alu(Alu::Cmp, C, A);
    asm.jump_if(Cc::NotEqual, absent);
    asm.jump_memory(B, TABLE_SECOND + TABLE_CODE);
    asm.bind(absent);
    asm.jump_to(Stub::At);
    let indirect = push(asm, &[(Stub::At, at)])?;

    let mut asm = Assembler::default();
    if let Some(ring) = ring {
        let file = displacement(ring.file);
        let behind = file + i32::from(ring.groups) * GROUP_BYTES;
        let back = asm.label();
        asm.test_imm(C, u32::from(ring.groups));
        asm.jump_if(Cc::Equal, back);
        copy_groups(&mut asm, ring.shown - 1, file, behind);
        asm.ret();
        asm.bind(back);
        copy_groups(&mut asm, ring.shown - 1, behind, file);
        asm.ret();
    }
    let wrap = push(asm, &[])?;

    let mut asm = Assembler::default();
    asm.store(CONTEXT, ROOM_LEFT, ROOM);
    POOL.iter().for_each(|reg| asm.push(*reg));
    asm.call_with_context(REACH);
    // It may have waited.
    asm.load(ROOM, CONTEXT, ROOM_LEFT);
    POOL.iter().rev().for_each(|reg| asm.pop(*reg));
    asm.ret();
    let reach = push(asm, &[])?;
    Some(Stubs { enter, out, at, interpret, look, indirect, wrap, reach })
}

/// Looks for the address in `A`: whether the first entry of its place, which `B` points to then, has it.
pub(super) fn look_up(asm: &mut Assembler) {
    asm.mov(B, A);
    asm.shift_imm(Shift::Right, B, TABLE_MIX);
    asm.alu(Alu::Xor, B, A);
    asm.alu_imm(Alu::And, B, TABLE_SETS as u32 - 1);
    asm.shift_imm(Shift::Left, B, TABLE_SET_SHIFT);
    asm.load_wide(C, CONTEXT, TABLE);
    asm.add_wide(B, C);
    asm.load(C, B, TABLE_ADDRESS);
    asm.alu(Alu::Cmp, C, A);
}

/// Copies by words, as registers are written: the host has a word that was just written at hand, but not as a part of more.
fn copy_groups(asm: &mut Assembler, groups: u16, from: i32, to: i32) {
    for place in (0..i32::from(groups) * GROUP_BYTES).step_by(4) {
        asm.load(A, REGISTERS, from + place);
        asm.store(REGISTERS, to + place, A);
    }
}
