//! Cycles of small sequences in silicon's time. The numbers come from where `src/cost.rs` says: rates of an ESP32-C3 in WLED's issue 4206.

use espalier_riscv::{Config, Cpu, Csr, Timing};

use crate::flat::Flat;

const ADDRESS: u32 = 0x1000;
const A0: u8 = 10;
/// j self
const HALT: [u8; 4] = [0x6f, 0x00, 0x00, 0x00];

/// A core that is about to run `code`. a0 is 5, a2 and a3 are 1.
fn prepared(code: &[u8], timing: Timing) -> (Cpu, Flat) {
    let mut bus = Flat::new(0x1_0000, &[]);
    let all = [code, &HALT].concat();
    bus.bytes[ADDRESS as usize..][..all.len()].copy_from_slice(&all);
    let mut cpu = Cpu::new(Config { reset_vector: ADDRESS, ..Config::ESP32C3 });
    cpu.set_timing(timing);
    [(A0, 5), (12, 1), (13, 1)].iter().for_each(|(register, value)| cpu.set_register(*register, *value));
    (cpu, bus)
}

/// The cycles until control is behind the code. Runs of blocks and single steps have to agree.
fn cycles(code: &[u8], timing: Timing) -> u64 {
    let end = ADDRESS + code.len() as u32;
    let (mut stepped, mut bus) = prepared(code, timing);
    while stepped.pc() != end {
        stepped.step(&mut bus);
    }
    let (mut cpu, mut bus) = prepared(code, timing);
    cpu.run(&mut bus, stepped.cycles() as u32);
    assert_eq!((cpu.cycles(), cpu.pc()), (stepped.cycles(), end));
    cpu.cycles()
}

#[test]
fn a_branch_that_is_taken_takes_three_cycles() {
    let round = [0x7d, 0x15, 0x7d, 0xfd]; // c.addi a0, -1; c.bnez a0, back
    assert_eq!(cycles(&round, Timing::Silicon), 4 * (1 + 3) + 2);
    assert_eq!(cycles(&round, Timing::Fast), 10);
    let jump = [0x11, 0xa0, 0x01, 0x00]; // c.j over; c.nop; over:
    assert_eq!(cycles(&jump, Timing::Silicon), 3);
}

#[test]
fn a_division_takes_thirty_four_cycles_and_a_product_one() {
    let division = [0xb3, 0x45, 0xd6, 0x02]; // div a1, a2, a3
    assert_eq!(cycles(&[division; 16].concat(), Timing::Silicon), 16 * 34);
    assert_eq!(cycles(&[division; 16].concat(), Timing::Fast), 16);
    let pair = [0xb3, 0x05, 0xd6, 0x02, 0x33, 0x07, 0xb7, 0x00]; // mul a1, a2, a3; add a4, a4, a1
    assert_eq!(cycles(&[pair; 8].concat(), Timing::Silicon), 16);
}

/// TRM, `mpcer`: cycles in which the core waits are none of instructions.
#[test]
fn the_counter_of_instructions_counts_no_waits() {
    let division = [0xb3, 0x45, 0xd6, 0x02];
    for (events, counted) in [(1, 3 * 34), (2, 3)] {
        let (mut cpu, mut bus) = prepared(&[division; 3].concat(), Timing::Silicon);
        cpu.set_csr(Csr::Mpcer, events);
        cpu.set_csr(Csr::Mpcmr, 1);
        cpu.set_csr(Csr::Mpccr, 0);
        cpu.run(&mut bus, 3 * 34);
        assert_eq!(cpu.csr(Csr::Mpccr), counted);
    }
}
