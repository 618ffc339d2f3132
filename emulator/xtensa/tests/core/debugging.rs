//! The debug option (ISA manual, "Debug Option"), and the debugger's own breakpoints.

use espalier_xtensa::{Config, Cpu, Exit, SpecialRegister};

use crate::flat::Flat;

const CODE: u32 = 0x1000;
const VECTORS: u32 = 0x2000;
const DEBUG_VECTOR: u32 = VECTORS + 0x280;
const PS: u32 = 0x4_0020;
const DEBUG_LEVEL: u32 = 6;
const LOAD: u32 = 1 << 30;
const STORE: u32 = 1 << 31;
const ALL_BITS: u32 = 0x3f;

/// l32i a2, a3, 0; s32i a2, a3, 4; nop; nop
const PROGRAM: [u8; 12] = [0x22, 0x23, 0x00, 0x22, 0x63, 0x01, 0xf0, 0x20, 0x00, 0xf0, 0x20, 0x00];

fn start() -> (Cpu, Flat) {
    let mut bus = Flat::new(0x4000, &[]);
    bus.bytes[CODE as usize..][..PROGRAM.len()].copy_from_slice(&PROGRAM);
    let mut cpu = Cpu::new(Config { vector_base: VECTORS, reset_vector: CODE, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_ar(3, 0x3000);
    (cpu, bus)
}

fn assert_stopped(cpu: &Cpu, pc: u32, cause: u32) {
    assert_eq!(cpu.pc(), DEBUG_VECTOR);
    assert_eq!(cpu.special(SpecialRegister::Epc6), pc);
    assert_eq!(cpu.special(SpecialRegister::Eps6), PS);
    assert_eq!(cpu.special(SpecialRegister::Debugcause), cause);
    assert_eq!(cpu.special(SpecialRegister::Ps) & 0xf, DEBUG_LEVEL);
}

#[test]
fn instruction_breakpoint() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Ibreaka1, CODE + 3);
    cpu.set_special(SpecialRegister::Ibreakenable, 2);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 1);
}

#[test]
fn data_breakpoint_on_a_load() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Dbreaka0, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc0, LOAD | ALL_BITS);
    cpu.run(&mut bus, 1);
    assert_stopped(&cpu, CODE, 1 << 2);
}

#[test]
fn data_breakpoint_on_a_store_in_a_range() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Dbreaka1, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc1, STORE | 0x30);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 2 | 1 << 8);
}

#[test]
fn instruction_count_steps() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Icountlevel, 1);
    cpu.set_special(SpecialRegister::Icount, u32::MAX - 1);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 0);
}

#[test]
fn nothing_stops_at_the_debug_level() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Ps, PS | DEBUG_LEVEL);
    cpu.set_special(SpecialRegister::Ibreaka0, CODE);
    cpu.set_special(SpecialRegister::Ibreakenable, 1);
    cpu.set_special(SpecialRegister::Dbreaka0, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc0, LOAD | STORE | ALL_BITS);
    cpu.run(&mut bus, 3);
    assert_eq!(cpu.pc(), CODE + 9);
}

#[test]
fn a_debugger_stops_before_its_breakpoints() {
    let (mut cpu, mut bus) = start();
    cpu.set_breakpoints(&[CODE, CODE + 6]);
    assert_eq!(cpu.run(&mut bus, 10), Exit::Breakpoint, "the one at the start does not count");
    assert_eq!((cpu.pc(), cpu.cycles()), (CODE + 6, 2));
    assert_eq!(cpu.run(&mut bus, 1), Exit::Budget);
    assert_eq!(cpu.pc(), CODE + 9);
}
