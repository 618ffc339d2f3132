//! Programs in the encoding of ESP-IDF's `ulp.h`.

use espalier_core::{Span, Time};

use super::{Ulp, UlpBus, UlpNext};
use crate::clocks::RC_FAST;

/// Memory and registers that keep what is written to them.
struct Around {
    memory: Vec<u32>,
    registers: Vec<u32>,
    woken: usize,
    i2c: Vec<(usize, u8, Option<u8>)>,
}

impl UlpBus for Around {
    fn load(&mut self, address: u16) -> u32 {
        self.memory[usize::from(address)]
    }

    fn store(&mut self, address: u16, value: u32) {
        self.memory[usize::from(address)] = value;
    }

    fn read_register(&mut self, word: u16) -> u32 {
        self.registers[usize::from(word)]
    }

    fn write_register(&mut self, word: u16, value: u32) {
        self.registers[usize::from(word)] = value;
    }

    fn convert(&mut self, second: bool, channel: usize) -> u16 {
        (1000 * (u16::from(second) + 1)).wrapping_add(channel as u16)
    }

    fn temperature(&mut self) -> u8 {
        77
    }

    fn i2c(&mut self, device: usize, register: u8, data: Option<u8>) -> (u8, Span) {
        self.i2c.push((device, register, data));
        (0xA5, Span::from_micros(300))
    }

    fn wake(&mut self) {
        self.woken += 1;
    }
}

fn alu_imm(select: u32, to: u32, a: u32, value: u32) -> u32 {
    7 << 28 | 1 << 25 | select << 21 | value << 4 | a << 2 | to
}

fn alu(select: u32, to: u32, a: u32, b: u32) -> u32 {
    7 << 28 | select << 21 | b << 4 | a << 2 | to
}

fn counter(select: u32, by: u32) -> u32 {
    7 << 28 | 2 << 25 | select << 21 | by << 4
}

fn mov(to: u32, value: u32) -> u32 {
    alu_imm(4, to, 0, value)
}

fn store(data: u32, to: u32, offset: u32) -> u32 {
    6 << 28 | 4 << 25 | offset << 10 | to << 2 | data
}

fn load(to: u32, from: u32, offset: u32) -> u32 {
    13 << 28 | offset << 10 | from << 2 | to
}

fn jump(to: u32, kind: u32) -> u32 {
    8 << 28 | kind << 22 | to << 2
}

/// To a distance, by R0 if `sub` is 1, else by the stage counter.
fn branch(sub: u32, comparison: u32, value: u32, distance: i32) -> u32 {
    let place = if sub == 1 { 16 } else { 15 };
    let sign = u32::from(distance < 0);
    8 << 28 | sub << 25 | sign << 24 | distance.unsigned_abs() << 17 | comparison << place | value
}

const HALT: u32 = 11 << 28;

/// Runs a program from its first word to its halt. Returns the machine and how long that took.
fn run(program: &[u32]) -> (Around, Span) {
    let mut around = Around { memory: vec![0; 0x800], registers: vec![0; 0x400], woken: 0, i2c: Vec::new() };
    around.memory[..program.len()].copy_from_slice(program);
    let (mut ulp, mut at) = (Ulp::default().starting_at(0), Time::ZERO);
    for _ in 0..10_000 {
        match ulp.run(&mut around, at) {
            UlpNext::RunsAt(next) => {
                assert!(next > at);
                at = next;
            }
            UlpNext::Halted(end) => return (around, end.since(Time::ZERO)),
        }
    }
    panic!("it does not halt");
}

/// Runs calculations whose result is in R0, which it stores with the flags: 1 for zero, 2 for overflow.
fn compute(steps: &[u32]) -> (u16, u16) {
    let mut program = steps.to_vec();
    let flags = program.len() as u32;
    program.extend([mov(1, 0x400), store(0, 1, 0), HALT]);
    let (around, _) = run(&program);
    let result = around.memory[0x400] as u16;
    // The same again, with a jump for each flag right after the calculation.
    let mut told = 0;
    for (kind, bit) in [(1, 1), (2, 2)] {
        let mut program = steps.to_vec();
        program.extend([jump(flags + 2, kind), HALT, mov(1, 0x400), store(1, 1, 1), HALT]);
        if run(&program).0.memory[0x401] != 0 {
            told |= bit;
        }
    }
    (result, told)
}

#[test]
fn calculations_set_their_flags() {
    for (select, a, b, expected) in [
        (0, 0xFFFF, 1, (0, 3)),
        (0, 0x7FFF, 1, (0x8000, 0)),
        (1, 5, 5, (0, 1)),
        (1, 5, 6, (0xFFFF, 2)),
        (2, 0xF0F0, 0xFF00, (0xF000, 0)),
        (2, 0xF0F0, 0x0F0F, (0, 1)),
        (3, 0xF0F0, 0x0F00, (0xFFF0, 0)),
        (4, 7, 9, (9, 0)),
        (5, 0x8001, 1, (2, 0)),
        (5, 0x8001, 16, (0, 1)),
        (6, 0x8001, 15, (1, 0)),
        (6, 0x8001, 0xFFFF, (0, 1)),
    ] {
        assert_eq!(compute(&[mov(0, a), alu_imm(select, 0, 0, b)]), expected, "{select} {a:#x} {b:#x}");
        // A move takes its first register.
        let by_register = alu(select, 0, if select == 4 { 2 } else { 0 }, 2);
        assert_eq!(compute(&[mov(2, b), mov(0, a), by_register]), expected, "{select} {a:#x} {b:#x}");
    }
}

#[test]
fn a_store_notes_where_it_was() {
    let (around, time) = run(&[mov(1, 0x200), mov(2, 0xABCD), store(2, 1, 5), load(3, 1, 5), store(3, 1, 0x700), HALT]);
    assert_eq!(around.memory[0x205], 2 << 21 | 1 << 16 | 0xABCD);
    assert_eq!(around.memory[0x100], 4 << 21 | 1 << 16 | 0xABCD, "an address wraps at the end of the memory");
    assert_eq!(time, RC_FAST.cycles(6 + 6 + 8 + 8 + 8 + 2));
}

#[test]
fn loops_run_by_the_stage_counter_and_by_r0() {
    // R1 counts ten rounds of the counter, then R0 counts down from three.
    let by_counter = [counter(2, 0), alu_imm(0, 1, 1, 1), counter(0, 1), branch(2, 0, 10, -2)];
    let by_r0 = [mov(0, 3), alu_imm(0, 1, 1, 0x100), alu_imm(1, 0, 0, 1), branch(1, 1, 1, -2)];
    let end = [mov(2, 0x300), store(1, 2, 0), HALT];
    let (around, _) = run(&[&by_counter[..], &by_r0, &end].concat());
    assert_eq!(around.memory[0x300] as u16, 0x30A);
    // At most and at least; the counter goes down, too.
    let program = [counter(0, 5), counter(1, 2), branch(2, 2, 3, 2), HALT, branch(2, 1, 3, 2), HALT, mov(3, 0x300)];
    let (around, _) = run(&[&program[..], &[store(3, 3, 0), HALT]].concat());
    assert_eq!(around.memory[0x300] as u16, 0x300);
}

#[test]
fn it_reaches_fields_of_registers_and_what_the_rtc_has() {
    let write = |word: u32, low: u32, high: u32, data: u32| 1 << 28 | high << 23 | low << 18 | data << 10 | word;
    let read = |word: u32, low: u32, high: u32| 2 << 28 | high << 23 | low << 18 | word;
    let adc = |to: u32, second: u32, channel: u32| 5 << 28 | second << 6 | (channel + 1) << 2 | to;
    let (around, time) = run(&[
        write(0x102, 4, 11, 0xA5),
        write(0x102, 9, 9, 0),
        read(0x102, 0, 15),
        mov(1, 0x300),
        store(0, 1, 0),
        adc(0, 1, 6),
        store(0, 1, 1),
        10 << 28 | 100 << 2,
        store(0, 1, 2),
        9 << 28 | 1,
        4 << 28 | 1000,
        HALT,
    ]);
    assert_eq!(around.registers[0x102], 0x850);
    let stored: Vec<u16> = around.memory[0x300..0x303].iter().map(|word| *word as u16).collect();
    assert_eq!((stored, around.woken), (vec![0x850, 2006, 77], 1));
    assert_eq!(time, RC_FAST.cycles(12 + 12 + 8 + 6 + 8 + 27 + 8 + 106 + 8 + 6 + 1006 + 2));
}

proptest::proptest! {
    #[test]
    fn no_program_stops_time(program in proptest::collection::vec(proptest::prelude::any::<u32>(), 0x800), start: u16) {
        let mut around = Around { memory: program, registers: vec![0; 0x400], woken: 0, i2c: Vec::new() };
        let (mut ulp, mut at) = (Ulp::default().starting_at(start), Time::ZERO);
        for _ in 0..500 {
            match ulp.run(&mut around, at) {
                UlpNext::RunsAt(next) => {
                    assert!(next > at);
                    at = next;
                }
                UlpNext::Halted(_) => break,
            }
        }
        assert!(ulp.period() < 5);
    }
}

/// `I_I2C_RW` of ESP-IDF's `ulp.h`: register, data, lowest and highest bit, number of the address, direction.
#[test]
fn i2c_reads_and_writes_take_their_time() {
    let i2c = |register: u32, data: u32, low: u32, high: u32, device: u32, writes: u32| {
        3 << 28 | writes << 27 | device << 22 | high << 19 | low << 16 | data << 8 | register
    };
    let program = [i2c(0x10, 0, 0, 7, 0, 0), i2c(0x11, 0, 4, 6, 3, 0), i2c(0x12, 0xFF, 1, 2, 7, 1), 11 << 28];
    let mut around = Around { memory: program.to_vec(), registers: Vec::new(), woken: 0, i2c: Vec::new() };
    let (mut ulp, mut at, mut read) = (Ulp::default().starting_at(0), Time::ZERO, Vec::new());
    while let UlpNext::RunsAt(next) = ulp.run(&mut around, at) {
        assert_eq!(next.since(at), RC_FAST.cycles(4) + Span::from_micros(300));
        at = next;
        read.push(ulp.registers[0]);
    }
    assert_eq!(around.i2c, [(0, 0x10, None), (3, 0x11, None), (7, 0x12, Some(0x06))]);
    assert_eq!(read, [0xA5, 0x20, 0x20], "what is written leaves R0 alone");
}
