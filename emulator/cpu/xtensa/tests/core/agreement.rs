//! The block interpreter against the plain one, and decoding against disassembly, on random code.

use crate::flat::{Flat, LINE};
use crate::snapshot::registers;
use espalier_core::{Persist, Reader, Writer};
use espalier_xtensa::{
    Config, Cpu, Exit, Instruction, SpecialRegister, TABLE, Timing, Translation, WatchKind, Watchpoint,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

/// Code fills the memory below, vectors included; data lies above.
const CODE: usize = 0x1000;
const MEMORY: usize = 0x2000;
const START: u32 = 0x800;
const PS: u32 = 0x4_0020;
/// The vector of debug exceptions, and an instruction that goes back from there: rfi 6.
const DEBUG_VECTOR: usize = 0x280;
const RETURN_FROM_DEBUG: [u8; 3] = [0x10, 0x36, 0x00];

/// Instruction words: mostly defined ones with random operands, in proportion to the table's rows.
fn word() -> impl Strategy<Value = u32> {
    let defined = (0..TABLE.len(), any::<u32>())
        .prop_map(|(row, operands)| operands & 0xff_ffff & !TABLE[row].mask | TABLE[row].pattern);
    prop_oneof![20 => defined, 1 => any::<u32>()]
}

fn code() -> impl Strategy<Value = Vec<u8>> {
    vec(word(), CODE / 2).prop_map(|words| {
        let bytes = words.iter().flat_map(|word| {
            let length = if word & 0xf >= 8 { 2 } else { 3 };
            word.to_le_bytes().into_iter().take(length)
        });
        bytes.take(CODE).collect()
    })
}

/// Register contents that often are addresses of data or code.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => CODE as u32..MEMORY as u32,
        2 => 0..CODE as u32,
        1 => 0u32..64,
        1 => any::<u32>(),
        1 => Just(0xc000_0000 | START),
    ]
}

/// The lowest address that can be written: code can rewrite itself, it cannot, or the border lies within a word of data.
fn writable_from() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 3 => Just(CODE as u32), 1 => CODE as u32..MEMORY as u32]
}

/// The registers of the debug option: mostly off; breakpoints where code runs and where data lies, and sometimes a count of
/// instructions that is about to run out.
fn debug_registers() -> impl Strategy<Value = Vec<(SpecialRegister, u32)>> {
    let instructions = (START..START + 0x100, START..START + 0x100, 0u32..4);
    let data = ([value(), value()], [any::<u32>(), any::<u32>()]);
    let level = prop_oneof![5 => Just(0), 1 => 1u32..8];
    (any::<bool>(), instructions, data, level, 0u32..20).prop_map(
        |(on, (first, second, enabled), (addresses, controls), level, count)| {
            if !on {
                return Vec::new();
            }
            vec![
                (SpecialRegister::Ibreaka0, first),
                (SpecialRegister::Ibreaka1, second),
                (SpecialRegister::Ibreakenable, enabled),
                (SpecialRegister::Dbreaka0, addresses[0]),
                (SpecialRegister::Dbreaka1, addresses[1]),
                (SpecialRegister::Dbreakc0, controls[0]),
                (SpecialRegister::Dbreakc1, controls[1]),
                (SpecialRegister::Icountlevel, level),
                (SpecialRegister::Icount, u32::MAX - count),
            ]
        },
    )
}

/// The calls of `run`: cycles to run, interrupt inputs, whether time passes idly.
fn slices() -> impl Strategy<Value = Vec<(u32, u32)>> {
    vec((1u32..60, prop_oneof![3 => Just(0), 1 => any::<u32>()]), 1..12)
}

/// Stores of a2 or f2 to the address in a3, with their sizes: s8i, s16i, s32i, ssi.
const STORES: [([u8; 3], u32); 4] =
    [([0x22, 0x43, 0x00], 1), ([0x22, 0x53, 0x00], 2), ([0x22, 0x63, 0x00], 4), ([0x23, 0x43, 0x00], 4)];

/// A core that is about to run `code` on registers of any content.
fn start(
    code: Vec<u8>,
    values: &[u32],
    [window_start, compare, interrupts]: [u32; 3],
    debug: &[(SpecialRegister, u32)],
) -> (Cpu, Flat) {
    let mut image = code;
    image.resize(CODE, 0);
    image[DEBUG_VECTOR..][..RETURN_FROM_DEBUG.len()].copy_from_slice(&RETURN_FROM_DEBUG);
    let memory = Flat::new(MEMORY, &image);
    let mut cpu = Cpu::new(Config { reset_vector: START, vector_base: 0, ..Config::ESP32_PRO });
    values.iter().enumerate().for_each(|(number, value)| cpu.set_physical(number, *value));
    let registers = [
        (SpecialRegister::Ps, PS),
        (SpecialRegister::Windowstart, window_start | 1),
        (SpecialRegister::Ccompare0, compare),
        (SpecialRegister::Ccompare1, compare / 2),
        (SpecialRegister::Intenable, interrupts),
        (SpecialRegister::Cpenable, 1),
        (SpecialRegister::Lbeg, START),
        (SpecialRegister::Lend, START + compare),
        (SpecialRegister::Lcount, 5),
        (SpecialRegister::Atomctl, compare),
    ];
    registers.iter().chain(debug).for_each(|(register, value)| cpu.set_special(*register, *value));
    (cpu, memory)
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![Just(Timing::Fast), Just(Timing::Silicon)]
}

/// The core that a snapshot of `cpu` gives.
fn saved_and_restored(cpu: &Cpu, timing: Timing) -> Cpu {
    let mut to = Writer::new();
    cpu.save(&mut to);
    let bytes = to.into_bytes();
    let mut from = Reader::new(&bytes);
    let mut restored = Cpu::new(Config::ESP32_APP);
    restored.set_timing(timing);
    restored.restore(&mut from).unwrap();
    from.finish().unwrap();
    restored
}

proptest! {
    #![proptest_config(ProptestConfig { ..ProptestConfig::with_cases(600) })]

    #[test]
    fn blocks_do_what_single_steps_do(
        code in code(),
        values in vec(value(), 64),
        slices in slices(),
        window_start in any::<u16>(),
        compare in 0u32..200,
        interrupts in any::<u32>(),
        writable_from in writable_from(),
        debug in debug_registers(),
        timing in timing(),
        cached in any::<bool>(),
    ) {
        let (mut cpu, mut memory) = start(code, &values, [u32::from(window_start), compare, interrupts], &debug);
        memory.writable_from = writable_from;
        cpu.set_timing(timing);
        memory.cached = cached && timing == Timing::Silicon && writable_from as usize >= CODE;
        let (mut stepped, mut stepped_memory) = (cpu.clone(), memory.clone());
        let (mut forked, mut forked_memory) = (cpu.clone(), memory.clone());
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(1));
        for (cycles, lines) in slices {
            translated.set_interrupt_lines(lines);
            prop_assert_eq!(translated.cycles(), cpu.cycles());
            translated.run(&mut translated_memory, cycles);
            cpu.set_interrupt_lines(lines);
            stepped.set_interrupt_lines(lines);
            forked = if cycles % 2 == 0 { forked.clone() } else { saved_and_restored(&forked, timing) };
            forked.set_interrupt_lines(lines);
            let exit = cpu.run(&mut memory, cycles);
            while stepped.cycles() < cpu.cycles() {
                prop_assert_eq!(stepped.step(&mut stepped_memory), Exit::Budget);
            }
            prop_assert_eq!(forked.run(&mut forked_memory, cycles), exit);
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
            prop_assert_eq!(cpu.special(SpecialRegister::Ccount), stepped.special(SpecialRegister::Ccount));
            prop_assert!(memory.bytes == stepped_memory.bytes, "memory differs");
            prop_assert!(memory.bytes == translated_memory.bytes, "memory of translated code differs");
        }
    }

    /// Blocks that forks have decoded and translated, of this code and of other code in its place, make no difference to forks of forks: they
    /// stop where a core does that was never forked.
    #[test]
    fn forks_of_forks_do_what_a_core_alone_does(
        codes in [code(), code()],
        values in vec(value(), 64),
        slices in vec((1u32..60, prop_oneof![3 => Just(0), 1 => any::<u32>()], 0..CODE, 0u32..200), 1..8),
        registers_of in (any::<u16>(), 0u32..200, any::<u32>()),
        writable_from in writable_from(),
        timing in timing(),
        is_translated in any::<bool>(),
        absent in btree_set(0..CODE as u32 / LINE, 0..64),
        attentive_from in prop_oneof![Just(CODE as u32), Just(MEMORY as u32 - 0x400)],
    ) {
        let make = || {
            let (window_start, compare, interrupts) = registers_of;
            let (mut cpu, mut memory) =
                start(codes[0].clone(), &values, [u32::from(window_start), compare, interrupts], &[]);
            cpu.set_timing(timing);
            cpu.set_translation(if is_translated { Translation::After(1) } else { Translation::Off });
            memory.writable_from = writable_from;
            memory.absent = absent.clone();
            memory.attentive_from = attentive_from;
            (cpu, memory)
        };
        let (mut alone, mut alone_memory) = make();
        let (mut fork, mut fork_memory) = make();
        for (cycles, lines, border, loop_end) in slices {
            for is_other in [false, true] {
                let (mut sibling, mut memory) = (fork.clone(), fork_memory.clone());
                if is_other {
                    memory.bytes[..border].copy_from_slice(&codes[1][..border]);
                } else if cycles % 2 == 0 {
                    memory.absent.clear();
                }
                sibling.set_special(SpecialRegister::Lend, START + loop_end);
                sibling.run(&mut memory, 100);
            }
            fork = fork.clone();
            // From here on blocks end where those of the others did not.
            for cpu in [&mut fork, &mut alone] {
                let start = cpu.pc();
                let of_loop = [start, start.wrapping_add(loop_end % 32), 3];
                let names = [SpecialRegister::Lbeg, SpecialRegister::Lend, SpecialRegister::Lcount];
                names.into_iter().zip(of_loop).for_each(|(name, value)| cpu.set_special(name, value));
            }
            fork.set_interrupt_lines(lines);
            alone.set_interrupt_lines(lines);
            for (cpu, memory) in [(&fork, &mut fork_memory), (&alone, &mut alone_memory)] {
                (memory.attention, memory.base) = (false, cpu.cycles());
            }
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
        values in vec(value(), 64),
        slices in slices(),
        window_start in any::<u16>(),
        compare in 0u32..200,
        interrupts in any::<u32>(),
        breakpoints in vec(START..START + 200, 0..40),
        watched in (CODE as u32..MEMORY as u32, 1u32..0x400, any::<bool>()),
        steps in 0usize..4,
        writable_from in writable_from(),
        debug in debug_registers(),
        timing in timing(),
        cached in any::<bool>(),
    ) {
        let (mut cpu, mut memory) = start(code, &values, [u32::from(window_start), compare, interrupts], &debug);
        memory.writable_from = writable_from;
        cpu.set_timing(timing);
        memory.cached = cached && timing == Timing::Silicon && writable_from as usize >= CODE;
        memory.attentive_from = MEMORY as u32 - 0x100;
        let (mut debugged, mut debugged_memory) = (cpu.clone(), memory.clone());
        debugged.set_breakpoints(&breakpoints);
        let kind = if watched.2 { WatchKind::Write } else { WatchKind::Access };
        debugged.set_watchpoints(&[Watchpoint { address: watched.0, length: watched.1, kind }]);
        for (cycles, lines) in slices {
            (memory.attention, debugged_memory.attention) = (false, false);
            (memory.base, debugged_memory.base) = (cpu.cycles(), debugged.cycles());
            cpu.set_interrupt_lines(lines);
            debugged.set_interrupt_lines(lines);
            let exit = cpu.run(&mut memory, cycles);
            let end = debugged.cycles() + u64::from(cycles);
            let mut stops = 0;
            let debugged_exit = loop {
                debugged_memory.base = debugged.cycles();
                let exit = debugged.run(&mut debugged_memory, (end - debugged.cycles()) as u32);
                prop_assert!(exit != Exit::Debug || debugged.cycles() < end);
                prop_assert!(debugged.take_debug_stop().is_some() || exit != Exit::Debug);
                if exit != Exit::Debug {
                    break exit;
                }
                stops += 1;
                debugged.set_step(stops % 4 < steps);
                if stops % 3 == 0 {
                    debugged = debugged.clone();
                }
            };
            prop_assert_eq!(debugged_exit, exit);
            if exit == Exit::Waiting {
                cpu.idle(7);
                debugged.idle(7);
            }
            prop_assert_eq!(cpu.cycles(), debugged.cycles());
            prop_assert_eq!(registers(&cpu), registers(&debugged));
            prop_assert_eq!(&memory.attended, &debugged_memory.attended);
            prop_assert!(memory.bytes == debugged_memory.bytes, "memory differs");
        }
    }

    /// An unaligned store over the border of what can be written, or of what is there, writes all of its bytes or none.
    #[test]
    fn a_store_happens_as_a_whole(
        distance in -4i32..4,
        at_end in any::<bool>(),
        border in CODE as u32 + 8..MEMORY as u32 - 8,
        row in 0..STORES.len(),
        value in any::<u32>(),
    ) {
        let (mut cpu, mut memory) = start(STORES[row].0.to_vec(), &[], [1, 0, 0], &[]);
        memory.writable_from = if at_end { 0 } else { border };
        let border = if at_end { MEMORY as u32 } else { border };
        cpu.set_pc(0);
        let address = border.wrapping_add_signed(distance);
        cpu.set_ar(2, value);
        cpu.set_ar(3, address);
        cpu.set_float(2, value);
        let mut expected = memory.bytes.clone();
        let end = address + STORES[row].1;
        let possible = if at_end { end <= border } else { address >= border };
        if possible {
            expected[address as usize..end as usize].copy_from_slice(&value.to_le_bytes()[..STORES[row].1 as usize]);
        }
        cpu.run(&mut memory, 1);
        prop_assert_eq!(cpu.special(SpecialRegister::Epc1) == 0 && cpu.pc() == 3, possible, "pc {:#x}", cpu.pc());
        prop_assert!(memory.bytes == expected, "{:#x}", address);
    }

    #[test]
    fn decoding_agrees_with_the_table(word in any::<u32>(), pc in any::<u32>()) {
        let matching: Vec<_> = TABLE.iter().filter(|row| word & row.mask == row.pattern).collect();
        match Instruction::decode(word, pc) {
            Some(instruction) => {
                prop_assert_eq!(matching.len(), 1, "{:?}", &matching);
                prop_assert_eq!(instruction.opcode, matching[0].opcode);
                let text = instruction.to_string();
                let stem = matching[0].mnemonic.split('#').next().unwrap_or_default();
                prop_assert!(text.starts_with(stem), "{} is not {}", &text, stem);
                prop_assert!(instruction.window() < 4);
            }
            None => prop_assert!(matching.is_empty(), "{:?}", &matching),
        }
    }
}
