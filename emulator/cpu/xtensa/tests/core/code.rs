//! Programs: windows that spill, loops, and code that changes.

use espalier_core::{Bus, CODE_PAGE, Fault};
use espalier_xtensa::{Cause, Config, Cpu, Exit, SpecialRegister};

use crate::flat::Flat;

const PS: u32 = 0x4_0020;

fn start(code: &[u8], address: u32) -> (Cpu, Flat) {
    let mut bus = Flat::new(0x1_0000, &[]);
    bus.bytes[address as usize..][..code.len()].copy_from_slice(code);
    let mut cpu = Cpu::new(Config { reset_vector: address, vector_base: 0, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Ps, PS);
    (cpu, bus)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// The source is beside the bytes that `llvm-mc` made of it. It has the window handlers of the ISA manual.
#[test]
fn deep_recursion_spills_and_refills_windows() {
    let image = unhex(include_str!("programs/fibonacci.hex"));
    let (mut cpu, mut bus) = start(&image, 0);
    cpu.set_pc(0x400);
    cpu.set_special(SpecialRegister::Ps, 0x1f);
    assert_eq!(cpu.run(&mut bus, 1_000_000), Exit::Waiting);
    assert_eq!(cpu.ar(10), 610, "the fifteenth Fibonacci number");
    let (mut stepped, mut stepped_bus) = start(&image, 0);
    stepped.set_pc(0x400);
    stepped.set_special(SpecialRegister::Ps, 0x1f);
    while stepped.step(&mut stepped_bus) != Exit::Waiting {}
    assert_eq!(stepped.cycles(), cpu.cycles());
    assert!(bus.bytes == stepped_bus.bytes);
}

#[test]
fn a_loop_executes_its_body_as_often_as_it_says() {
    // movi a2, 7; loop a2, e; addi.n a3, a3, 3; e: waiti 15
    let (mut cpu, mut bus) = start(&[0x22, 0xa0, 0x07, 0x76, 0x82, 0x01, 0x3b, 0x33, 0x00, 0x7f, 0x00], 0x1000);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
    assert_eq!((cpu.ar(3), cpu.cycles()), (21, 10));
    assert_eq!(cpu.special(SpecialRegister::Lcount), 0);
}

#[test]
fn a_loop_whose_end_was_decoded_before_still_loops() {
    // movi a2, 7; loop a2, e; addi.n a3, a3, 3; beqz a4, s; addi.n a5, a5, 1; s: addi.n a6, a6, 1; e: waiti 15
    let code =
        [0x22, 0xa0, 0x07, 0x76, 0x82, 0x08, 0x3b, 0x33, 0x16, 0x14, 0x00, 0x1b, 0x55, 0x1b, 0x66, 0x00, 0x7f, 0x00];
    let (mut cpu, mut bus) = start(&code, 0x1000);
    cpu.set_pc(0x1006);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting, "the body as straight code");
    cpu.reset();
    cpu.set_special(SpecialRegister::Ps, PS);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
    assert_eq!((cpu.ar(3), cpu.ar(5), cpu.ar(6)), (21, 0, 7));
}

#[test]
fn a_loop_set_up_by_special_registers_loops() {
    // addi.n a2, a2, 1 twelve times; waiti 15
    let code: Vec<u8> = [0x1b, 0x22].repeat(12).into_iter().chain([0x00, 0x7f, 0x00]).collect();
    let (mut cpu, mut bus) = start(&code, 0x1000);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
    assert_eq!(cpu.ar(2), 12);
    cpu.reset();
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_special(SpecialRegister::Lbeg, 0x1004);
    cpu.set_special(SpecialRegister::Lend, 0x100a);
    cpu.set_special(SpecialRegister::Lcount, 2);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
    assert_eq!(cpu.ar(2), 12 + 2 * 3);
}

#[test]
fn rewritten_code_is_decoded_again() {
    for address in [0x1000, 0x1000 + CODE_PAGE - 3] {
        // movi a2, 1; movi a3, 1; waiti 15
        let (mut cpu, mut bus) = start(&[0x22, 0xa0, 0x01, 0x32, 0xa0, 0x01, 0x00, 0x7f, 0x00], address);
        assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
        assert_eq!(cpu.ar(3), 1);
        // The immediate of the second instruction, which is in the next page the second time.
        assert!(bus.store8(address + 5, 9, 0).is_ok());
        cpu.reset();
        assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
        assert_eq!(cpu.ar(3), 9);
    }
}

#[test]
fn a_fetch_from_nowhere_is_an_exception_when_it_is_reached() {
    // movi a2, 1 in the last bytes of memory that can be fetched
    let (mut cpu, mut bus) = start(&[0x22, 0xa0, 0x01], 0xfffc - 3);
    cpu.run(&mut bus, 1);
    assert_eq!((cpu.ar(2), cpu.pc()), (1, 0xfffc));
    cpu.set_pc(0x2_0000);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.special(SpecialRegister::Exccause), 20, "InstFetchProhibited");
    assert_eq!(cpu.special(SpecialRegister::Excvaddr), 0x2_0000);
    assert_eq!(cpu.special(SpecialRegister::Epc1), 0x2_0000);
}

#[test]
fn code_that_rewrites_what_comes_next_executes_what_it_wrote() {
    // s8i a2, a3, 0; movi a4, 1; movi a5, 1; waiti 15. The store goes into the immediate of the second instruction.
    let code = [0x22, 0x43, 0x00, 0x42, 0xa0, 0x01, 0x52, 0xa0, 0x01, 0x00, 0x7f, 0x00];
    let (mut cpu, mut bus) = start(&code, 0x1000);
    cpu.set_ar(2, 9);
    cpu.set_ar(3, 0x1005);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Waiting);
    assert_eq!((cpu.ar(4), cpu.ar(5)), (9, 1));
}

/// A jump to data, or to a place that has no memory: EXCVADDR is the word that could not be fetched.
#[test]
fn a_fetch_fault_names_the_word() {
    const DATA_ONLY: u32 = 0;
    for (attribute, cause) in [(2, Cause::InstructionFetchError), (DATA_ONLY, Cause::InstFetchProhibited)] {
        // witlb a2, a3; jx a4
        let (mut cpu, mut bus) = start(&[0x20, 0x63, 0x50, 0xa0, 0x04, 0x00], 0x1000);
        bus.missing = Fault::Unmapped;
        cpu.set_ar(2, attribute);
        cpu.set_ar(3, 0x2000_0000);
        cpu.set_ar(4, 0x3ffb_0003);
        cpu.run(&mut bus, 3);
        assert_eq!(cpu.special(SpecialRegister::Exccause), cause as u32);
        assert_eq!(cpu.special(SpecialRegister::Excvaddr), 0x3ffb_0000);
        assert_eq!(cpu.special(SpecialRegister::Epc1), 0x3ffb_0003);
    }
}

#[test]
fn an_instruction_whose_end_is_missing_names_the_missing_word() {
    // the first two bytes of movi a2, 1
    let (mut cpu, mut bus) = start(&[0x22, 0xa0], 0xfffe);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.special(SpecialRegister::Exccause), Cause::InstFetchProhibited as u32);
    assert_eq!(cpu.special(SpecialRegister::Excvaddr), 0x1_0000);
    assert_eq!(cpu.special(SpecialRegister::Epc1), 0xfffe);
    // nop.n fits.
    let (mut cpu, mut bus) = start(&[0x3d, 0xf0], 0xfffe);
    cpu.run(&mut bus, 1);
    assert_eq!((cpu.pc(), cpu.special(SpecialRegister::Epc1)), (0x1_0000, 0));
}

#[test]
fn instructions_that_are_not_public_are_reported() {
    // f64norm a2, a3, a4, 1
    let (mut cpu, mut bus) = start(&[0x40, 0x23, 0x3e], 0x1000);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.special(SpecialRegister::Exccause), Cause::IllegalInstruction as u32);
    assert_eq!(bus.unmodelled, [("f64norm", 0x1000)]);
}

#[test]
fn a_copy_goes_its_own_way() {
    let (mut cpu, mut bus) = start(&[0x1b, 0x22].repeat(200), 0x1000);
    cpu.run(&mut bus, 50);
    let (mut copy, mut copied_bus) = (cpu.clone(), bus.clone());
    cpu.run(&mut bus, 30);
    copy.run(&mut copied_bus, 10);
    assert_eq!((cpu.ar(2), copy.ar(2)), (80, 60));
}

#[test]
fn a_forbidden_region_changes_the_exception() {
    const FORBIDDEN: u32 = 15;
    // wdtlb a2, a3; l32i a4, a3, 0
    let (mut cpu, mut bus) = start(&[0x20, 0xe3, 0x50, 0x42, 0x23, 0x00], 0x1000);
    bus.missing = Fault::Unmapped;
    cpu.set_ar(3, 0x8000_0000);
    cpu.set_pc(0x1003);
    cpu.run(&mut bus, 1);
    assert_eq!(cpu.special(SpecialRegister::Exccause), Cause::LoadStoreError as u32);
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_ar(2, FORBIDDEN);
    cpu.set_pc(0x1000);
    cpu.run(&mut bus, 2);
    assert_eq!(cpu.special(SpecialRegister::Exccause), Cause::LoadProhibited as u32);
}
