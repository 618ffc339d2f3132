//! The block interpreter against the plain one, and decoding against disassembly, on random code.

use crate::flat::{Flat, LINE};
use crate::snapshot::{prepared, registers};
use espalier_core::{Persist, Reader, Timing, Translation, Writer};
use espalier_riscv::{Config, Cpu, Csr, Exit, Instruction, TABLE, WatchKind, Watchpoint};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

/// Code fills the memory below, vectors included; data lies above.
const CODE: usize = 0x1000;
const MEMORY: usize = 0x2000;
const START: u32 = 0x800;

/// The bytes of instructions: mostly defined ones with random operands, in proportion to the table's rows.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let defined = (0..TABLE.len(), any::<u32>()).prop_map(|(row, operands)| {
        let row = &TABLE[row];
        let word = operands & !row.mask | row.pattern;
        word.to_le_bytes()[..usize::from(row.length)].to_vec()
    });
    // Control and status registers that matter: most random numbers are of none.
    let system = (0u32..8, prop_oneof![Just(0x300u32), Just(0x305), Just(0x341), 0x7e0u32..0x7e3], any::<u32>())
        .prop_map(|(funct3, csr, operands)| {
            (operands & 0xf_8f80 | csr << 20 | funct3 << 12 | 0x73).to_le_bytes().to_vec()
        });
    prop_oneof![20 => defined, 2 => system, 1 => any::<u32>().prop_map(|word| word.to_le_bytes().to_vec())]
}

fn code() -> impl Strategy<Value = Vec<u8>> {
    vec(instruction(), CODE / 2).prop_map(|instructions| {
        let mut bytes = instructions.concat();
        bytes.truncate(CODE);
        bytes
    })
}

/// Register contents that often are addresses of data or code.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => CODE as u32..MEMORY as u32,
        2 => 0..CODE as u32,
        1 => 0u32..64,
        1 => any::<u32>(),
    ]
}

/// The calls of `run`: cycles to run, and the interrupts that are presented.
fn slices() -> impl Strategy<Value = Vec<(u32, u32)>> {
    vec((1u32..60, prop_oneof![3 => Just(0), 1 => any::<u32>().prop_map(|lines| lines & !1)]), 1..12)
}

/// A core that is about to run `code` on registers of any content.
fn start(code: &[u8], values: &[u32], mstatus: u32, vectors: u32) -> (Cpu, Flat) {
    let memory = Flat::new(MEMORY, code);
    let machine = [(Csr::Mstatus, mstatus), (Csr::Mtvec, vectors), (Csr::Mepc, values[0])];
    let mut cpu = prepared(Cpu::new(Config { reset_vector: START, ..Config::ESP32C3 }), &machine);
    (0..32).zip(values).for_each(|(number, value)| cpu.set_register(number, *value));
    (cpu, memory)
}

/// The bytes of a snapshot.
fn saved(cpu: &Cpu) -> Vec<u8> {
    let mut to = Writer::new();
    cpu.save(&mut to);
    to.into_bytes()
}

/// Where loops lie, below data that `s0` and `s1` point to. Each ends with a branch back as long as `s2` counts down, which no
/// instruction of the body writes.
const LOOP: u32 = 0x400;
const COUNTED: u32 = 18;

/// An instruction of a loop: it computes, loads, stores, skips a few, jumps through a register, or does what is left to the interpreter.
fn of_loop() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |word: u32| word.to_le_bytes().to_vec();
    let number = || prop_oneof![6 => 10u32..16, 1 => Just(0u32), 1 => Just(COUNTED)];
    let to = || prop_oneof![6 => 10u32..16, 1 => Just(0u32)];
    let sum = (any::<bool>(), any::<bool>(), 0u32..8, to(), number(), number()).prop_map(
        move |(multiplies, is_other, funct3, to, first, second)| {
            let other = u32::from(is_other && !multiplies && (funct3 == 0 || funct3 == 5)) << 30;
            bytes(other | u32::from(multiplies) << 25 | second << 20 | first << 15 | funct3 << 12 | to << 7 | 0x33)
        },
    );
    let immediate = (0u32..8, to(), number(), any::<u32>()).prop_map(move |(funct3, to, first, value)| {
        let value =
            if funct3 % 4 == 1 { value & 0x1f | value & u32::from(funct3 == 5) << 30 >> 20 } else { value & 0xfff };
        bytes(value << 20 | first << 15 | funct3 << 12 | to << 7 | 0x13)
    });
    let upper = (any::<bool>(), to(), any::<u32>()).prop_map(move |(is_relative, to, value)| {
        bytes(value & !0xfff | to << 7 | if is_relative { 0x17 } else { 0x37 })
    });
    let base = || prop_oneof![6 => 8u32..10, 1 => 10u32..16];
    let load = (prop_oneof![0u32..3, 4u32..6], to(), base(), 0u32..0x120)
        .prop_map(move |(funct3, to, base, offset)| bytes(offset << 20 | base << 15 | funct3 << 12 | to << 7 | 3));
    let store = (0u32..3, number(), base(), 0u32..0x120).prop_map(move |(funct3, from, base, offset)| {
        bytes(offset >> 5 << 25 | from << 20 | base << 15 | funct3 << 12 | (offset & 0x1f) << 7 | 0x23)
    });
    // Over one or two instructions.
    let skip =
        (prop_oneof![0u32..2, 4u32..8], number(), number(), 4u32..6).prop_map(move |(funct3, first, second, half)| {
            bytes(second << 20 | first << 15 | funct3 << 12 | (2 * half) << 7 | 0x63)
        });
    // auipc t0, 0; jalr ra, 12(t0), over the instruction behind it: addi.
    let jump = (to(), 0u32..8).prop_map(move |(to, value)| {
        [bytes(0x297), bytes(12 << 20 | 5 << 15 | to << 7 | 0x67), bytes(value << 20 | 10 << 15 | 10 << 7 | 0x13)]
            .concat()
    });
    // csrrw to, mscratch, from; fence; fence.i.
    let system =
        (to(), number()).prop_map(move |(to, from)| bytes(0x340 << 20 | from << 15 | 1 << 12 | to << 7 | 0x73));
    let fence = prop_oneof![Just(0x0ff0_000fu32), Just(0x100f)].prop_map(bytes);
    // c.addi, c.mv, c.add
    let short = prop_oneof![
        (10u32..16, 0u32..32).prop_map(|(to, value)| 1 | to << 7 | value << 2),
        (10u32..16, 10u32..16).prop_map(|(to, from)| 0x8002 | to << 7 | from << 2),
        (10u32..16, 10u32..16).prop_map(|(to, from)| 0x9002 | to << 7 | from << 2),
    ];
    let short = short.prop_map(|half| half.to_le_bytes()[..2].to_vec());
    prop_oneof![
        6 => sum, 4 => immediate, 1 => upper, 4 => load, 4 => store, 3 => skip, 1 => jump, 1 => system, 1 => fence, 3 => short
    ]
}

/// An instruction that reaches for a register of a device by `s0` or `s1`, or adds to a register.
fn reaching() -> impl Strategy<Value = Vec<u8>> {
    let access = (any::<bool>(), 10u32..16, 8u32..10, 0u32..0x48).prop_map(|(stores, number, base, word)| {
        let offset = 4 * word;
        let word = if stores {
            offset >> 5 << 25 | number << 20 | base << 15 | 2 << 12 | (offset & 0x1f) << 7 | 0x23
        } else {
            offset << 20 | base << 15 | 2 << 12 | number << 7 | 3
        };
        word.to_le_bytes().to_vec()
    });
    let sum = (10u32..16, 10u32..16, 0u32..0x800)
        .prop_map(|(to, from, value)| (value << 20 | from << 15 | to << 7 | 0x13).to_le_bytes().to_vec());
    prop_oneof![4 => access, 3 => sum]
}

/// `body; nops; addi s2, s2, -1; bnez s2, body; wfi`.
fn looping(body: &[Vec<u8>]) -> Vec<u8> {
    let mut code = body.concat();
    // Nothing skips past the end.
    code.extend([0x0001u16; 6].map(u16::to_le_bytes).concat());
    code.extend((0xfff << 20 | COUNTED << 15 | COUNTED << 7 | 0x13).to_le_bytes());
    let back = (code.len() as u32).wrapping_neg();
    let [sign, high, low, eleventh] = [back >> 12 & 1, back >> 5 & 0x3f, back >> 1 & 0xf, back >> 11 & 1];
    code.extend((sign << 31 | high << 25 | COUNTED << 15 | 1 << 12 | low << 8 | eleventh << 7 | 0x63).to_le_bytes());
    code.extend(0x1050_0073u32.to_le_bytes());
    code
}

/// A core before a loop with this body, with 40 rounds to go. `s0` points to data, `s1` to `other`.
fn before_loop(body: &[Vec<u8>], values: &[u32], other: u32) -> (Cpu, Flat) {
    let memory = Flat::new(MEMORY, &[&[0; LOOP as usize][..], &looping(body)].concat());
    let mut cpu = Cpu::new(Config { reset_vector: LOOP, ..Config::ESP32C3 });
    (0..32).zip(values).for_each(|(number, value)| cpu.set_register(number, *value));
    [(8, CODE as u32), (9, other), (COUNTED as u8, 40)].iter().for_each(|(to, value)| cpu.set_register(*to, *value));
    (cpu, memory)
}

/// Runs a core in both engines and finds no difference.
fn agree((mut cpu, mut memory): (Cpu, Flat), slices: &[u32]) -> Result<(), TestCaseError> {
    let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
    cpu.set_translation(Translation::Off);
    translated.set_translation(Translation::After(3));
    for cycles in slices {
        (memory.attention, translated_memory.attention) = (false, false);
        (memory.base, translated_memory.base) = (cpu.cycles(), translated.cycles());
        prop_assert_eq!(translated.run(&mut translated_memory, *cycles), cpu.run(&mut memory, *cycles));
        prop_assert_eq!(registers(&cpu), registers(&translated));
        prop_assert_eq!(cpu.cycles(), translated.cycles());
        prop_assert!(memory.bytes == translated_memory.bytes, "memory differs");
        prop_assert_eq!(&memory.attended, &translated_memory.attended);
        let counted = [&cpu, &translated].map(|cpu| cpu.block_counts().map(|counts| counts.blocks()));
        prop_assert_eq!(&counted[0], &counted[1]);
    }
    Ok(())
}

/// A loop calls a function in another page, and in every eighth round stores one of two instructions over its first one.
#[test]
fn code_that_was_rewritten_is_not_entered_from_translated_code() {
    const FUNCTION: u32 = 0x1800;
    // andi a5, s2, 7; bnez a5, over two; xor a3, a3, a4; sw a3, 0(s1); jalr s1
    let body = [0x0079_7793u32, 0x0007_9663, 0x00e6_c6b3, 0x00d4_a023, 0x0004_80e7];
    // addi a0, a0, 1 or 2; ret
    let [one, two, back] = [0x0015_0513u32, 0x0025_0513, 0x0000_8067];
    let (mut cpu, mut memory) = before_loop(&body.map(|word| word.to_le_bytes().to_vec()), &[0; 32], FUNCTION);
    memory.bytes[FUNCTION as usize..][..8].copy_from_slice([one, back].map(u32::to_le_bytes).as_flattened());
    [(13, one), (14, one ^ two)].iter().for_each(|(to, value)| cpu.set_register(*to, *value));
    agree((cpu, memory), &[50, 37, 100, 100, 1]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Translated code does what the interpreter does, also where it changes itself, memory cannot be written, devices are reached, and
    /// runs end anywhere.
    #[test]
    fn loops_of_any_instructions_agree(
        body in vec(of_loop(), 1..30),
        values in vec(any::<u32>(), 32),
        slices in vec(1u32..400, 1..12),
        writable_from in prop_oneof![Just(0), Just(CODE as u32), Just(CODE as u32 + 0x60)],
        absent in any::<u32>(),
        attentive_from in prop_oneof![2 => Just(u32::MAX), 1 => Just(CODE as u32 + 0x80)],
        registers_from in prop_oneof![2 => Just(u32::MAX), 1 => Just(CODE as u32 + 0x80)],
        points_to_code in any::<bool>(),
        is_counted in any::<bool>(),
    ) {
        let other = if points_to_code { LOOP - 0x40 } else { CODE as u32 + 0x40 };
        let (mut cpu, mut memory) = before_loop(&body, &values, other);
        memory.absent = (0..32).filter(|line| absent >> line & 1 != 0).map(|line| LOOP / LINE + line).collect();
        (memory.writable_from, memory.attentive_from, memory.registers_from) =
            (writable_from, attentive_from, registers_from);
        if is_counted {
            cpu.count_blocks();
        }
        agree((cpu, memory), &slices)?;
    }

    /// Devices are reached in the same cycles, and code that they change is not executed any more.
    #[test]
    fn registers_of_devices_are_reached_in_the_same_cycles(
        body in vec(reaching(), 1..20),
        values in vec(any::<u32>(), 32),
        slices in vec(1u32..2000, 1..12),
    ) {
        let (mut cpu, mut memory) = before_loop(&body, &values, CODE as u32 + 0x40);
        memory.registers_from = CODE as u32 + 0x80;
        cpu.set_register(COUNTED as u8, 1000);
        agree((cpu, memory), &slices)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { ..ProptestConfig::with_cases(600) })]

    #[test]
    fn blocks_do_what_single_steps_do(
        code in code(),
        values in vec(value(), 32),
        slices in slices(),
        mstatus in any::<u32>(),
        vectors in prop_oneof![Just(0u32), Just(0x100), Just(0x200)],
        writable_from in prop_oneof![3 => Just(0), 3 => Just(CODE as u32), 1 => CODE as u32..MEMORY as u32],
        timing in prop_oneof![Just(Timing::Fast), Just(Timing::Silicon)],
    ) {
        let (mut cpu, mut memory) = start(&code, &values, mstatus, vectors);
        cpu.set_timing(timing);
        memory.writable_from = writable_from;
        let (mut stepped, mut stepped_memory) = (cpu.clone(), memory.clone());
        let (mut forked, mut forked_memory) = (cpu.clone(), memory.clone());
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(1));
        for (cycles, lines) in slices {
            translated.set_interrupt_lines(lines);
            let translated_exit = translated.run(&mut translated_memory, cycles);
            cpu.set_interrupt_lines(lines);
            stepped.set_interrupt_lines(lines);
            forked = forked.clone();
            forked.set_interrupt_lines(lines);
            let exit = cpu.run(&mut memory, cycles);
            while stepped.cycles() < cpu.cycles() {
                prop_assert_eq!(stepped.step(&mut stepped_memory), Exit::Budget);
            }
            prop_assert_eq!(forked.run(&mut forked_memory, cycles), exit);
            prop_assert_eq!(translated_exit, exit);
            if exit == Exit::Waiting {
                forked.idle(7);
                translated.idle(7);
                cpu.idle(7);
                stepped.step(&mut stepped_memory);
                stepped.idle(7);
            }
            prop_assert_eq!(registers(&cpu), registers(&stepped));
            prop_assert_eq!(registers(&cpu), registers(&forked));
            prop_assert_eq!(registers(&cpu), registers(&translated));
            prop_assert_eq!(cpu.cycles(), forked.cycles());
            prop_assert_eq!(cpu.cycles(), translated.cycles());
            prop_assert!(memory.bytes == stepped_memory.bytes, "memory differs");
            prop_assert!(memory.bytes == translated_memory.bytes, "memory of translated code differs");
            prop_assert_eq!(saved(&cpu), saved(&translated));
            prop_assert_eq!(cpu.register(0), 0);
        }
    }

    /// Blocks that forks have decoded, of this code and of other code in its place, make no difference to forks of forks: they stop where a core
    /// does that was never forked.
    #[test]
    fn forks_of_forks_do_what_a_core_alone_does(
        codes in [code(), code()],
        values in vec(value(), 32),
        slices in vec((1u32..60, 0..CODE / 2), 1..8),
        mstatus in any::<u32>(),
        writable_from in prop_oneof![3 => Just(0), 1 => Just(CODE as u32)],
        absent in btree_set(0..CODE as u32 / LINE, 0..64),
        attentive_from in prop_oneof![Just(CODE as u32), Just(MEMORY as u32 - 0x400)],
        is_translated in any::<bool>(),
    ) {
        let make = || {
            let (mut cpu, mut memory) = start(&codes[0], &values, mstatus, 0x100);
            cpu.set_translation(if is_translated { Translation::After(1) } else { Translation::Off });
            memory.writable_from = writable_from;
            memory.absent = absent.clone();
            memory.attentive_from = attentive_from;
            (cpu, memory)
        };
        let (mut alone, mut alone_memory) = make();
        let (mut fork, mut fork_memory) = make();
        for (cycles, border) in slices {
            for is_other in [false, true] {
                let (mut sibling, mut memory) = (fork.clone(), fork_memory.clone());
                let border = border.min(codes[1].len());
                if is_other {
                    memory.bytes[..border].copy_from_slice(&codes[1][..border]);
                } else if cycles % 2 == 0 {
                    memory.absent.clear();
                }
                sibling.run(&mut memory, 100);
            }
            fork = fork.clone();
            (fork_memory.attention, fork_memory.base) = (false, fork.cycles());
            (alone_memory.attention, alone_memory.base) = (false, alone.cycles());
            prop_assert_eq!(fork.run(&mut fork_memory, cycles), alone.run(&mut alone_memory, cycles));
            prop_assert_eq!(fork.cycles(), alone.cycles());
            prop_assert_eq!(registers(&fork), registers(&alone));
            prop_assert_eq!(&fork_memory.attended, &alone_memory.attended);
            prop_assert_eq!(&fork_memory.absent, &alone_memory.absent);
            prop_assert!(fork_memory.bytes == alone_memory.bytes, "memory differs");
        }
    }

    #[test]
    fn a_debugger_changes_nothing(
        code in code(),
        values in vec(value(), 32),
        slices in slices(),
        mstatus in any::<u32>(),
        breakpoints in vec((START..START + 200).prop_map(|address| address & !1), 0..40),
        watched in (CODE as u32..MEMORY as u32, 1u32..0x400),
        kind in prop_oneof![Just(WatchKind::Read), Just(WatchKind::Write), Just(WatchKind::Access)],
        steps in 0usize..4,
        timing in prop_oneof![Just(Timing::Fast), Just(Timing::Silicon)],
    ) {
        let (mut cpu, mut memory) = start(&code, &values, mstatus, 0x100);
        cpu.set_timing(timing);
        memory.attentive_from = CODE as u32 + 0x800;
        let (mut debugged, mut debugged_memory) = (cpu.clone(), memory.clone());
        debugged.set_breakpoints(&breakpoints);
        debugged.set_watchpoints(&[Watchpoint { address: watched.0, length: watched.1, kind }]);
        for (index, (cycles, lines)) in slices.into_iter().enumerate() {
            cpu.set_interrupt_lines(lines);
            debugged.set_interrupt_lines(lines);
            debugged.set_step(index < steps);
            memory.attention = false;
            debugged_memory.attention = false;
            let exit = cpu.run(&mut memory, cycles);
            let start = debugged.cycles();
            let other = loop {
                let spent = (debugged.cycles() - start) as u32;
                match debugged.run(&mut debugged_memory, cycles - spent) {
                    Exit::Debug => prop_assert!(debugged.take_debug_stop().is_some()),
                    exit => break exit,
                }
            };
            debugged.take_debug_stop();
            prop_assert_eq!((exit, cpu.cycles()), (other, debugged.cycles()));
            prop_assert_eq!(registers(&cpu), registers(&debugged));
            prop_assert!(memory.bytes == debugged_memory.bytes, "memory differs");
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_core_would_have(
        code in code(),
        values in vec(value(), 32),
        mstatus in any::<u32>(),
        [first, second] in [0u32..100, 1u32..100],
    ) {
        let (mut cpu, mut memory) = start(&code, &values, mstatus, 0x100);
        cpu.run(&mut memory, first);
        let mut to = Writer::new();
        cpu.save(&mut to);
        let bytes = to.into_bytes();
        let mut restored = Cpu::new(Config::ESP32C3);
        prop_assert!(restored.restore(&mut Reader::new(&bytes)).is_ok());
        let mut restored_memory = memory.clone();
        cpu.run(&mut memory, second);
        restored.run(&mut restored_memory, second);
        prop_assert_eq!(registers(&cpu), registers(&restored));
        prop_assert!(memory.bytes == restored_memory.bytes, "memory differs");
        prop_assert!(restored.restore(&mut Reader::new(&bytes[..bytes.len() - 1])).is_err());
    }

    #[test]
    fn every_word_decodes_or_not_and_shows_itself(word in any::<u32>()) {
        if let Some(instruction) = Instruction::decode(word) {
            let description = instruction.description();
            let mask = if description.length == 2 { 0xffff } else { u32::MAX };
            prop_assert_eq!(word & mask & description.mask, description.pattern);
            prop_assert!(instruction.to_string().starts_with(description.mnemonic));
            prop_assert_eq!(instruction.length(), description.length);
        }
    }
}
