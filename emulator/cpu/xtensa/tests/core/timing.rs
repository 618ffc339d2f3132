//! Cycles of small sequences in silicon's time, counted with CCOUNT as firmware counts them.
//!
//! The numbers come from where `src/cost.rs` says: each test names its source once more.

use espalier_xtensa::{Config, Cpu, SpecialRegister, Timing, Translation};

use crate::flat::Flat;

/// rsr.ccount a2; ...; rsr.ccount a3; j self
const BEFORE: [u8; 3] = [0x20, 0xea, 0x03];
const AFTER: [u8; 3] = [0x30, 0xea, 0x03];
const HALT: [u8; 3] = [0x06, 0xff, 0xff];
const ADDRESS: u32 = 0x1000;
const PS: u32 = 0x4_0020;

/// A core that is about to run `code` between two reads of CCOUNT. a4 is 7, a5 an address of data, a7 the number 5.
fn prepared(code: &[u8], timing: Timing) -> (Cpu, Flat) {
    let all: Vec<u8> = BEFORE.iter().chain(code).chain(&AFTER).chain(&HALT).copied().collect();
    let mut bus = Flat::new(0x1_0000, &[]);
    bus.bytes[ADDRESS as usize..][..all.len()].copy_from_slice(&all);
    let mut cpu = Cpu::new(Config { reset_vector: ADDRESS, vector_base: 0, ..Config::ESP32_PRO });
    cpu.set_timing(timing);
    let registers = [(SpecialRegister::Ps, PS), (SpecialRegister::Cpenable, 1), (SpecialRegister::Windowstart, 1)];
    registers.iter().for_each(|(register, value)| cpu.set_special(*register, *value));
    [(4, 7), (5, 0x2000), (7, 5)].iter().for_each(|(register, value)| cpu.set_ar(*register, *value));
    (cpu, bus)
}

/// The cycles between the two reads, but for the first read itself. Interpreter, translated code and single steps have to agree.
fn cycles(code: &[u8], timing: Timing) -> u32 {
    let counted = |cpu: &Cpu| cpu.ar(3).wrapping_sub(cpu.ar(2)) - 1;
    let (mut cpu, mut bus) = prepared(code, timing);
    cpu.set_translation(Translation::Off);
    cpu.run(&mut bus, 500);
    let (mut translated, mut bus) = prepared(code, timing);
    translated.set_translation(Translation::After(1));
    translated.run(&mut bus, 500);
    let (mut stepped, mut bus) = prepared(code, timing);
    while stepped.cycles() < cpu.cycles() {
        stepped.step(&mut bus);
    }
    assert_eq!([counted(&cpu), counted(&translated), counted(&stepped)], [counted(&cpu); 3]);
    assert_eq!([translated.cycles(), stepped.cycles()], [cpu.cycles(); 2]);
    counted(&cpu)
}

fn silicon(code: &[u8]) -> u32 {
    cycles(code, Timing::Silicon)
}

/// addi.n a6, a6, 1 and add.n a6, a6, a4
const INDEPENDENT: [u8; 2] = [0x1b, 0x66];
const DEPENDENT: [u8; 2] = [0x4a, 0x66];

#[test]
fn simple_instructions_take_a_cycle_each() {
    assert_eq!(silicon(&[]), 0);
    assert_eq!(silicon(&[INDEPENDENT, DEPENDENT, INDEPENDENT].concat()), 3);
}

/// Seven stages: a load's result is there two cycles later (*Xtensa LX Microprocessor Overview Handbook*, "Pipeline").
#[test]
fn a_load_that_is_used_at_once_waits_two_cycles() {
    let load = [0x68, 0x05]; // l32i.n a6, a5, 0
    assert_eq!(silicon(&[load, DEPENDENT].concat()), 1 + 2 + 1);
    let other = [0x8d, 0x04]; // mov.n a8, a4
    assert_eq!(silicon(&[load, other, DEPENDENT].concat()), 1 + 1 + 1 + 1);
    assert_eq!(silicon(&[load, other, other, DEPENDENT].concat()), 4);
    // s32i.n a6, a5, 0
    assert_eq!(silicon(&[load, [0x69, 0x05]].concat()), 4, "what is stored is used, too");
}

/// Both loads are over when the second one is: the wait for the first is not added to it.
#[test]
fn waits_for_two_results_overlap() {
    // l32i.n a6, a5, 0; l32i.n a8, a5, 4; add.n a6, a6, a8
    assert_eq!(silicon(&[0x68, 0x05, 0x88, 0x15, 0x8a, 0x66]), 2 + 2 + 1);
    // madd.s f0, f1, f2; mul.s f3, f1, f2; madd.s f0, f1, f2; madd.s f3, f0, f1
    let sums = [[0x20, 0x01, 0x4a], [0x20, 0x31, 0x2a], [0x20, 0x01, 0x4a], [0x10, 0x30, 0x4a]];
    assert_eq!(silicon(sums.as_flattened()), 4 + 2 + 3, "they begin in the cycles 0, 1, 4 and 8");
}

/// ESP-DSP's dot product takes 1047 cycles for 256 numbers: four for a round of four instructions, in which a sum comes right behind the
/// load of its factor (*Espressif DSP Library Benchmarks*).
#[test]
fn a_loaded_float_is_used_at_once() {
    let (load, sum) = ([0x13, 0x05, 0x00], [0x20, 0x01, 0x4a]); // lsi f1, a5, 0; madd.s f0, f1, f2
    assert_eq!(silicon(&[load, sum].concat()), 2);
}

/// An estimate: no source says by how much memory of instructions is slower.
#[test]
fn a_literal_takes_three_cycles_more_than_other_loads() {
    let literal = [0x61, 0xff, 0xff]; // l32r a6, four bytes before the next word
    assert_eq!(silicon(&literal), 1 + 3);
    assert_eq!(silicon(&[&literal[..], &DEPENDENT].concat()), 1 + 3 + 2 + 1);
}

/// A loop of a sum and a branch was measured to take five cycles a round (pcm1723).
#[test]
fn a_round_of_a_loop_by_a_branch_takes_five_cycles() {
    let round = [0x0b, 0x77, 0x56, 0xa7, 0xff]; // addi.n a7, a7, -1; bnez a7, back
    let code = [&INDEPENDENT[..], &round].concat();
    assert_eq!(silicon(&code), 1 + 4 * 5 + 2, "the last round falls through");
    assert_eq!(cycles(&code, Timing::Fast), 1 + 10);
}

/// Instructions are fetched by words (`XCHAL_INST_FETCH_WIDTH`): an instruction across two of them takes one fetch more where a jump leads to
/// it (GNU assembler's manual, "Automatic Instruction Alignment").
#[test]
fn a_jump_to_an_instruction_across_words_takes_a_cycle_more() {
    let round = [0x0b, 0x77, 0x56, 0xa7, 0xff]; // addi.n a7, a7, -1; bnez a7, back
    let or = [0x60, 0x66, 0x20]; // or a6, a6, a6
    let pads = [(vec![], 1), (INDEPENDENT.to_vec(), 0), (or.to_vec(), 0), ([INDEPENDENT; 2].concat(), 1)];
    for (pad, across) in pads {
        let before = silicon(&pad);
        assert_eq!(silicon(&[&pad[..], &round].concat()) - before, 4 * (5 + across) + 2, "{} bytes on", pad.len());
    }
}

/// A call is charged for its return, which leads to the instruction behind it.
#[test]
fn a_return_to_an_instruction_across_words_takes_a_cycle_more() {
    // call0 f; mov.n a8, a4, which ends a word; j over; f: ret.n; over:
    let within = [0x85, 0x00, 0x00, 0x8d, 0x04, 0x86, 0x00, 0x00, 0x00, 0x0d, 0xf0];
    // The same with or a8, a4, a4, which does not.
    let across = [0x85, 0x00, 0x00, 0x40, 0x84, 0x20, 0x46, 0x00, 0x00, 0x0d, 0xf0];
    let over = 1; // The read of CCOUNT behind it lies across words, too.
    assert_eq!(silicon(&within), 4 + 4 + 1 + 4 + over);
    assert_eq!(silicon(&across), 4 + 1 + 4 + 1 + 4 + over);
}

/// The round that comes next decides how long the end of a loop waits: ESP-DSP's dot product takes four cycles for a round of four
/// instructions, though its sum is stored right behind the loop (*Espressif DSP Library Benchmarks*).
#[test]
fn the_end_of_a_loop_waits_for_what_its_next_round_needs() {
    let (begin, sum) = ([0x76, 0x87, 0x02], [0x20, 0x01, 0x0a]); // loop a7, end; add.s f0, f1, f2
    let uses = [0x40, 0x60, 0xfa]; // rfr a6, f0
    let code = [[0x76, 0x87, 0x02], sum, uses].concat();
    assert_eq!(silicon(&code), 1 + 5 + 1, "no round needs the sum of the one before");
    let total = [0x20, 0x01, 0x4a]; // madd.s f0, f1, f2
    assert_eq!(silicon(&[begin, total].concat()), 1 + 5 * 4, "each round adds to that of the one before");
}

/// ISA manual, "Loop Option": going back takes no cycle.
#[test]
fn a_zero_overhead_loop_has_none() {
    // loop a7, end; addi.n a6, a6, 1; addi.n a6, a6, 1
    assert_eq!(silicon(&[0x76, 0x87, 0x03, 0x1b, 0x66, 0x1b, 0x66]), 1 + 5 * 2);
}

/// GCC's description of the pipeline: `xtensa_mul32` and `xtensa_fmadd`.
#[test]
fn products_and_single_precision_come_later() {
    let product = [0x40, 0x64, 0x82]; // mull a6, a4, a4
    assert_eq!(silicon(&[&product[..], &DEPENDENT].concat()), 1 + 1 + 1);
    let sum = [0x20, 0x01, 0x0a]; // add.s f0, f1, f2
    let uses = [0x40, 0x60, 0xfa]; // rfr a6, f0
    assert_eq!(silicon(&[sum, uses].concat()), 1 + 3 + 1);
}

/// A division of 1 by 1 was measured to take two cycles (WLED's issue 4206); three bits of a longer quotient a cycle are an estimate.
#[test]
fn a_division_ends_when_its_quotient_is_there() {
    let quotient = |dividend: [u8; 3], divisor: [u8; 2], division: [u8; 3]| {
        let values = [&dividend[..], &divisor].concat();
        silicon(&[&values[..], &division].concat()) - silicon(&values)
    };
    let [quou, quos, remu] = [[0x70, 0x64, 0xc2], [0x70, 0x64, 0xd2], [0x70, 0x64, 0xe2]]; // a6, a4, a7
    let (one, seven, minus_two) = ([0x0c, 0x17], [0x0c, 0x77], [0x7c, 0xe7]); // movi.n a7, 1; 7; -2
    let [small, large, all_ones] = [[0x42, 0xa0, 0x01], [0x42, 0xa7, 0xff], [0x42, 0xaf, 0xff]]; // movi a4, 1; 2047; -1
    assert_eq!(quotient(small, one, quou), 2);
    assert_eq!(quotient(small, seven, quou), 2, "the quotient is 0");
    assert_eq!(quotient(large, one, quou), 2 + 3, "11 bits");
    assert_eq!(quotient(large, seven, remu), 2 + 2, "9 bits");
    assert_eq!(quotient(large, minus_two, quos), 2 + 3, "10 bits");
    assert_eq!(quotient(all_ones, one, quou), 2 + 10, "32 bits");
    assert_eq!(quotient(all_ones, one, quos), 2, "-1");
    assert_eq!(cycles(&[0x70, 0x64, 0xc2], Timing::Fast), 1);
}

/// The same table of WLED's issue 4206 has 158.49 million operations a second at 240 MHz where each product is needed by a sum at once: 24 cycles
/// for the eight pairs of a round. An ESP32's product in single precision that needs the one before was measured to take four (madflight,
/// `TestFLOPS.ino`: 1682 us for 10,000 rounds of ten, with their branches).
#[test]
fn rates_of_chains_are_those_that_were_measured() {
    let pair = [0x40, 0x84, 0x82, 0x8a, 0x66]; // mull a8, a4, a4; add.n a6, a6, a8
    assert_eq!(silicon(&[pair; 8].concat()), 24);
    let chain = [[0x20, 0x00, 0x2a]; 11]; // mul.s f0, f0, f2
    assert_eq!(silicon(chain.as_flattened()), 10 * 4 + 1);
}

#[test]
fn jumps_refill_the_pipeline() {
    // j over; or a6, a6, a6; over:
    assert_eq!(silicon(&[0x86, 0x00, 0x00, 0x60, 0x66, 0x20]), 1 + 3);
}

/// A word for each stage that a jump refills has been fetched (`src/cost.rs`): twelve bytes behind the jump.
#[test]
fn code_is_fetched_ahead_of_a_jump() {
    const LINE: u32 = 32;
    // j self, at the last place in a line from which the next one is not reached, and at the first one from which it is.
    for (place, reaches) in [(19, false), (20, true)] {
        for translation in [Translation::Off, Translation::After(1)] {
            let (mut cpu, mut bus) = prepared(&[], Timing::Silicon);
            bus.cached = true;
            bus.writable_from = 0x2000;
            bus.bytes[(ADDRESS + place) as usize..][..HALT.len()].copy_from_slice(&HALT);
            cpu.set_pc(ADDRESS + place);
            cpu.set_translation(translation);
            let mut stepped = (cpu.clone(), bus.clone());
            cpu.run(&mut bus, 200);
            assert!(bus.lines.holds(ADDRESS));
            assert_eq!(bus.lines.holds(ADDRESS + LINE), reaches, "at {place}");
            while stepped.0.cycles() < cpu.cycles() {
                stepped.0.step(&mut stepped.1);
            }
            assert_eq!((stepped.0.cycles(), stepped.1.lines == bus.lines), (cpu.cycles(), true));
        }
    }
}

/// An estimate: as an exception.
#[test]
fn an_interrupt_is_entered_in_five_cycles() {
    const LINE: u32 = 1;
    for (timing, entry) in [(Timing::Fast, 0), (Timing::Silicon, 5)] {
        let (mut cpu, mut bus) = prepared(&[], timing);
        bus.bytes[0x340..][..HALT.len()].copy_from_slice(&HALT); // the vector of interrupts of level 1 for users
        cpu.set_special(SpecialRegister::Intenable, LINE);
        cpu.set_interrupt_lines(LINE);
        let (mut stepped, mut run) = (cpu.clone(), cpu);
        run.run(&mut bus.clone(), 5);
        while stepped.cycles() < run.cycles() {
            stepped.step(&mut bus);
        }
        assert_eq!((stepped.cycles(), stepped.pc()), (run.cycles(), run.pc()));
        assert_eq!(run.pc(), 0x340);
        // The jump at the vector has not been made before the interrupt is entered.
        assert_eq!(run.cycles() < entry + 4, timing == Timing::Silicon, "{timing:?}");
    }
}
