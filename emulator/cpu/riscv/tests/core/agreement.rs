//! The block interpreter against the plain one, and decoding against disassembly, on random code.

use crate::flat::{Flat, LINE};
use crate::snapshot::{prepared, registers};
use espalier_core::{Persist, Reader, Timing, Writer};
use espalier_riscv::{Config, Cpu, Csr, Exit, Instruction, TABLE, WatchKind, Watchpoint};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
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
        for (cycles, lines) in slices {
            cpu.set_interrupt_lines(lines);
            stepped.set_interrupt_lines(lines);
            forked = forked.clone();
            forked.set_interrupt_lines(lines);
            let exit = cpu.run(&mut memory, cycles);
            while stepped.cycles() < cpu.cycles() {
                prop_assert_eq!(stepped.step(&mut stepped_memory), Exit::Budget);
            }
            prop_assert_eq!(forked.run(&mut forked_memory, cycles), exit);
            if exit == Exit::Waiting {
                forked.idle(7);
                cpu.idle(7);
                stepped.step(&mut stepped_memory);
                stepped.idle(7);
            }
            prop_assert_eq!(registers(&cpu), registers(&stepped));
            prop_assert_eq!(registers(&cpu), registers(&forked));
            prop_assert_eq!(cpu.cycles(), forked.cycles());
            prop_assert!(memory.bytes == stepped_memory.bytes, "memory differs");
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
    ) {
        let make = || {
            let (cpu, mut memory) = start(&codes[0], &values, mstatus, 0x100);
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
