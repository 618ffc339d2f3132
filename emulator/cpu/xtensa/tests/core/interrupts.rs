//! Interrupts and timers (ISA manual, "Interrupt Option" and "Timer Interrupt Option"; the numbers and levels are those
//! of the table "CPU Interrupts" in the ESP32 Technical Reference Manual).

use espalier_xtensa::{Cause, Config, Cpu, Exit, SpecialRegister};

use crate::flat::Flat;

const CODE: u32 = 0x1000;
const VECTORS: u32 = 0x2000;
const USER_VECTOR: u32 = VECTORS + 0x340;
const PS: u32 = 0x4_0020;
const EXCEPTION_MODE: u32 = 1 << 4;
/// `nop`
const NOP: [u8; 3] = [0xf0, 0x20, 0x00];

/// A core at `code`, surrounded by instructions that do nothing.
fn start(code: &[u8]) -> (Cpu, Flat) {
    let mut bus = Flat::new(0x4000, &NOP.repeat(0x1500));
    bus.bytes[CODE as usize..][..code.len()].copy_from_slice(code);
    bus.bytes[CODE as usize + code.len()..][..NOP.len() * 8].copy_from_slice(&NOP.repeat(8));
    bus.bytes[USER_VECTOR as usize..][..NOP.len() * 8].copy_from_slice(&NOP.repeat(8));
    for level in 2..=7 {
        let vector = (VECTORS + 0x100 + level * 0x40) as usize;
        bus.bytes[vector..][..NOP.len() * 8].copy_from_slice(&NOP.repeat(8));
    }
    let mut cpu = Cpu::new(Config { vector_base: VECTORS, reset_vector: CODE, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Ps, PS);
    // Far away, so that only the timers that a test sets can match.
    for compare in [SpecialRegister::Ccompare0, SpecialRegister::Ccompare1, SpecialRegister::Ccompare2] {
        cpu.set_special(compare, 0x8000_0000);
    }
    (cpu, bus)
}

#[test]
fn level_1_interrupt_is_a_user_exception() {
    let (mut cpu, mut bus) = start(&[]);
    cpu.set_special(SpecialRegister::Intenable, 1 << 5);
    cpu.set_interrupt_lines(1 << 5);
    assert_eq!(cpu.run(&mut bus, 2), Exit::Budget);
    assert_eq!(cpu.pc(), USER_VECTOR + 6);
    assert_eq!(cpu.special(SpecialRegister::Epc1), CODE);
    assert_eq!(cpu.special(SpecialRegister::Exccause), Cause::Level1Interrupt as u32);
    assert_eq!(cpu.special(SpecialRegister::Ps), PS | EXCEPTION_MODE);
}

#[test]
fn disabled_and_masked_interrupts_wait() {
    let (mut cpu, mut bus) = start(&[]);
    cpu.set_interrupt_lines(1 << 5);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), CODE + 3, "not enabled");
    cpu.set_special(SpecialRegister::Intenable, 1 << 5);
    cpu.set_special(SpecialRegister::Ps, PS | 1);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), CODE + 6, "masked by PS.INTLEVEL");
    cpu.set_special(SpecialRegister::Ps, PS | EXCEPTION_MODE);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), CODE + 9, "masked by PS.EXCM");
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), USER_VECTOR + 3);
}

#[test]
fn each_level_has_its_vector_and_registers() {
    for (line, level, epc, eps) in [
        (19, 2, SpecialRegister::Epc2, SpecialRegister::Eps2),
        (23, 3, SpecialRegister::Epc3, SpecialRegister::Eps3),
        (24, 4, SpecialRegister::Epc4, SpecialRegister::Eps4),
        (31, 5, SpecialRegister::Epc5, SpecialRegister::Eps5),
    ] {
        let (mut cpu, mut bus) = start(&[]);
        cpu.set_special(SpecialRegister::Intenable, 1 << line);
        cpu.set_interrupt_lines(1 << line);
        cpu.run(&mut bus, 1);
        assert_eq!(cpu.pc(), VECTORS + 0x100 + level * 0x40 + 3, "level {level}");
        assert_eq!(cpu.special(epc), CODE);
        assert_eq!(cpu.special(eps), PS);
        assert_eq!(cpu.special(SpecialRegister::Ps), PS | EXCEPTION_MODE | level);
    }
}

#[test]
fn the_highest_level_goes_first() {
    let (mut cpu, mut bus) = start(&[]);
    cpu.set_special(SpecialRegister::Intenable, u32::MAX);
    cpu.set_interrupt_lines(1 << 5 | 1 << 24 | 1 << 19);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), VECTORS + 0x203);
}

#[test]
fn the_non_maskable_interrupt_ignores_masks() {
    let (mut cpu, mut bus) = start(&[]);
    cpu.set_special(SpecialRegister::Ps, PS | 0xf);
    cpu.set_interrupt_lines(1 << 14);
    cpu.run(&mut bus, 2);
    assert_eq!(cpu.pc(), VECTORS + 0x2c6, "taken once, although the line stays up");
    assert_eq!(cpu.special(SpecialRegister::Epc7), CODE);
}

#[test]
fn a_second_non_maskable_interrupt_waits_for_the_end_of_the_first() {
    let (mut cpu, mut bus) = start(&[]);
    // rfi 7, after a nop
    let handler = (VECTORS + 0x2c0) as usize;
    bus.bytes[handler + 3..][..3].copy_from_slice(&[0x10, 0x37, 0x00]);
    cpu.set_interrupt_lines(1 << 14);
    cpu.run(&mut bus, 1);
    cpu.set_interrupt_lines(0);
    cpu.set_interrupt_lines(1 << 14);
    cpu.run(&mut bus, 1);
    assert_eq!(
        (cpu.pc(), cpu.special(SpecialRegister::Epc7)),
        (CODE, CODE),
        "the first handler goes back to the program"
    );
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.pc(), VECTORS + 0x2c3, "the second one follows at once");
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 0);
}

#[test]
fn edges_latch_and_levels_follow() {
    let (mut cpu, _) = start(&[]);
    cpu.set_interrupt_lines(1 << 10 | 1 << 5);
    cpu.set_interrupt_lines(0);
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 1 << 10);
    cpu.set_special(SpecialRegister::Intclear, 1 << 10);
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 0);
    cpu.set_interrupt_lines(1 << 5);
    cpu.set_special(SpecialRegister::Intclear, 1 << 5);
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 1 << 5, "only the device can lower a level");
}

#[test]
fn timer_and_software_inputs_cannot_be_driven_from_outside() {
    let (mut cpu, _) = start(&[]);
    cpu.set_interrupt_lines(1 << 6 | 1 << 7 | 1 << 11 | 1 << 15 | 1 << 16 | 1 << 29);
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 0);
}

#[test]
fn software_raises_its_interrupts() {
    // wsr a2, intset
    let (mut cpu, mut bus) = start(&[0x20, 0xe2, 0x13]);
    cpu.set_ar(2, 1 << 7);
    cpu.set_special(SpecialRegister::Intenable, 1 << 7);
    cpu.run(&mut bus, 2);
    assert_eq!(cpu.special(SpecialRegister::Epc1), CODE + 3, "taken right after the write");
    assert_eq!(cpu.pc(), USER_VECTOR + 3);
}

#[test]
fn timers_match_in_their_cycle() {
    for (compare, bit, vector) in [
        (SpecialRegister::Ccompare0, 1 << 6, USER_VECTOR),
        (SpecialRegister::Ccompare1, 1 << 15, VECTORS + 0x1c0),
        (SpecialRegister::Ccompare2, 1 << 16, VECTORS + 0x240),
    ] {
        // l: j l
        let (mut cpu, mut bus) = start(&[0x06, 0xff, 0xff]);
        cpu.set_special(compare, 10);
        cpu.set_special(SpecialRegister::Intenable, bit);
        assert_eq!(cpu.cycles_to_timer(), Some(10));
        cpu.run(&mut bus, 9);
        assert_eq!(cpu.special(SpecialRegister::Interrupt), 0);
        cpu.run(&mut bus, 1);
        assert_eq!(cpu.special(SpecialRegister::Interrupt), bit);
        assert_eq!(cpu.pc(), CODE);
        cpu.run(&mut bus, 1);
        assert_eq!(cpu.pc(), vector + 3);
        assert_eq!(cpu.cycles_to_timer(), None, "already pending");
        cpu.set_special(compare, 100);
        assert_eq!(cpu.special(SpecialRegister::Interrupt), 0, "writing CCOMPARE clears its interrupt");
    }
}

#[test]
fn a_long_run_notices_a_timer_in_the_middle() {
    let (mut cpu, mut bus) = start(&[0x06, 0xff, 0xff]);
    cpu.set_special(SpecialRegister::Ccompare0, 1000);
    cpu.set_special(SpecialRegister::Intenable, 1 << 6);
    cpu.run(&mut bus, 1003);
    assert_eq!(cpu.cycles(), 1003);
    assert_eq!(cpu.pc(), USER_VECTOR + 9);
}

#[test]
fn the_cycle_counter_counts_instructions() {
    // rsr a2, ccount; rsr a3, ccount
    let (mut cpu, mut bus) = start(&[0x20, 0xea, 0x03, 0x30, 0xea, 0x03]);
    cpu.set_special(SpecialRegister::Ccount, 0xffff_ffff);
    cpu.run(&mut bus, 2);
    assert_eq!((cpu.ar(2), cpu.ar(3)), (0xffff_ffff, 0));
    assert_eq!(cpu.special(SpecialRegister::Ccount), 1);
}

#[test]
fn waiti_waits_for_a_timer() {
    // waiti 0
    let (mut cpu, mut bus) = start(&[0x00, 0x70, 0x00]);
    cpu.set_special(SpecialRegister::Ps, PS | 5);
    cpu.set_special(SpecialRegister::Ccompare0, 100);
    cpu.set_special(SpecialRegister::Intenable, 1 << 6);
    assert_eq!(cpu.run(&mut bus, 50), Exit::Waiting);
    assert!(cpu.is_waiting());
    assert_eq!(cpu.cycles(), 1);
    assert_eq!(cpu.cycles_to_timer(), Some(99));
    cpu.idle(99);
    assert!(!cpu.is_waiting());
    assert_eq!(cpu.run(&mut bus, 1), Exit::Budget);
    assert_eq!(cpu.pc(), USER_VECTOR + 3);
    assert_eq!(cpu.special(SpecialRegister::Epc1), CODE + 3);
    assert_eq!(cpu.special(SpecialRegister::Ps), PS | EXCEPTION_MODE, "WAITI lowered the level to 0");
}

#[test]
fn waiti_does_not_wake_for_what_it_masks() {
    // waiti 3
    let (mut cpu, mut bus) = start(&[0x00, 0x73, 0x00]);
    cpu.set_special(SpecialRegister::Intenable, u32::MAX);
    assert_eq!(cpu.run(&mut bus, 50), Exit::Waiting);
    cpu.set_interrupt_lines(1 << 23);
    assert_eq!(cpu.run(&mut bus, 50), Exit::Waiting);
    cpu.set_interrupt_lines(1 << 24);
    assert_eq!(cpu.run(&mut bus, 1), Exit::Budget);
    assert_eq!(cpu.pc(), VECTORS + 0x203);
}

#[test]
fn reset_keeps_only_the_inputs() {
    let (mut cpu, mut bus) = start(&[]);
    cpu.set_interrupt_lines(1 << 5);
    cpu.set_ar(3, 7);
    cpu.run(&mut bus, 5);
    cpu.reset();
    assert_eq!((cpu.pc(), cpu.ar(3), cpu.cycles()), (CODE, 0, 0));
    assert_eq!(cpu.special(SpecialRegister::Ps), 0x1f);
    assert_eq!(cpu.special(SpecialRegister::Interrupt), 1 << 5);
}
