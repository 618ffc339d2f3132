//! Translated code against the interpreter, on random programs that loop and call, and on compiled ones.

use crate::flat::{Flat, LINE};
use crate::snapshot::registers;
use espalier_core::Bus;
use espalier_xtensa::{Config, Cpu, Exit, SpecialRegister, TABLE, Timing, Translation};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

const CODE: u32 = 0x400;
const DATA: u32 = 0x1000;
const MEMORY: usize = 0x2000;
/// Window checks on, interrupts off by level.
const PS: u32 = 0x4_000f;
/// The vectors of interrupts, below the code: of the levels 2 to 5, of level 1 in kernel mode and in user mode.
const VECTORS: [u32; 6] = [0x180, 0x1c0, 0x200, 0x240, 0x300, 0x340];

/// Instructions that only compute, with any operands: the rows of the table that this names.
const COMPUTING: &[&str] = &[
    "and",
    "or",
    "xor",
    "neg",
    "abs",
    "add",
    "addx2",
    "addx4",
    "addx8",
    "sub",
    "subx2",
    "subx4",
    "subx8",
    "addi",
    "addmi",
    "add.n",
    "addi.n",
    "movi",
    "movi.n",
    "mov.n",
    "extui",
    "slli",
    "srai",
    "srli",
    "ssr",
    "ssl",
    "ssa8l",
    "ssa8b",
    "ssai",
    "src",
    "srl",
    "sll",
    "sra",
    "mull",
    "muluh",
    "mulsh",
    "mul16u",
    "mul16s",
    "quou",
    "quos",
    "remu",
    "rems",
    "sext",
    "clamps",
    "min",
    "max",
    "minu",
    "maxu",
    "nsa",
    "nsau",
    "moveqz",
    "movnez",
    "movltz",
    "movgez",
    "movf",
    "movt",
    "andb",
    "andbc",
    "orb",
    "orbc",
    "xorb",
    "any4",
    "all4",
    "any8",
    "all8",
    "memw",
    "isync",
    "nop",
    "rsil",
    "umul.aa.#",
    "mul.aa.#",
    "mula.aa.#",
    "muls.aa.#",
    "mul.ad.#",
    "mula.ad.#",
    "muls.ad.#",
    "mul.da.#",
    "mula.da.#",
    "muls.da.#",
    "mul.dd.#",
    "mula.dd.#",
    "muls.dd.#",
];
/// Floating-point instructions without memory.
const FLOATING: &[&str] = &[
    "add.s",
    "sub.s",
    "mul.s",
    "madd.s",
    "msub.s",
    "maddn.s",
    "divn.s",
    "round.s",
    "trunc.s",
    "floor.s",
    "ceil.s",
    "float.s",
    "ufloat.s",
    "utrunc.s",
    "mov.s",
    "abs.s",
    "const.s",
    "rfr",
    "wfr",
    "neg.s",
    "div0.s",
    "recip0.s",
    "sqrt0.s",
    "rsqrt0.s",
    "nexp01.s",
    "mksadj.s",
    "mkdadj.s",
    "addexp.s",
    "addexpm.s",
    "un.s",
    "oeq.s",
    "ueq.s",
    "olt.s",
    "ult.s",
    "ole.s",
    "ule.s",
    "moveqz.s",
    "movnez.s",
    "movltz.s",
    "movgez.s",
    "movf.s",
    "movt.s",
];
/// Loads and stores, whose base register points to data.
const ACCESSING: &[&str] = &[
    "l8ui",
    "l16ui",
    "l16si",
    "l32i",
    "l32i.n",
    "s8i",
    "s16i",
    "s32i",
    "s32i.n",
    "l32ai",
    "s32ri",
    "s32c1i",
    "l32e",
    "s32e",
    "mula.dd.#.ldinc",
    "mula.dd.#.lddec",
    "mula.da.#.ldinc",
    "mula.da.#.lddec",
    "ldinc",
    "lddec",
    "lsi",
    "ssi",
    "lsip",
    "ssip",
];
/// Branches, which skip a few instructions.
const BRANCHING: &[&str] = &[
    "beqz", "bnez", "bltz", "bgez", "beqi", "bnei", "blti", "bgei", "bltui", "bgeui", "beq", "bne", "blt", "bge",
    "bltu", "bgeu", "bnone", "bany", "ball", "bnall", "bbc", "bbs", "bbci", "bbsi", "bf", "bt",
];

fn named(names: &'static [&'static str]) -> impl Strategy<Value = (u32, u32, u8)> {
    let rows: Vec<_> = TABLE.iter().filter(|row| names.contains(&row.mnemonic)).collect();
    (0..rows.len(), any::<u32>()).prop_map(move |(row, operands)| {
        let (mask, pattern) = (rows[row].mask, rows[row].pattern);
        (operands & !mask | pattern, mask, if pattern & 0xf >= 8 { 2 } else { 3 })
    })
}

fn bytes(word: u32, length: u8) -> Vec<u8> {
    word.to_le_bytes()[..usize::from(length)].to_vec()
}

/// One instruction of a loop's body.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    // a1 to a3 point to data, and a0 and a15 are the loop's.
    let safe = |word: u32, mask: u32| {
        let mut word = word;
        for shift in [4, 8, 12] {
            let field = word >> shift & 0xf;
            if mask >> shift & 0xf == 0 && (field < 4 || field == 15) {
                word = word & !(0xf << shift) | (4 + field % 11) << shift;
            }
        }
        word
    };
    let computing = named(COMPUTING).prop_map(move |(word, mask, length)| bytes(safe(word, mask), length));
    let accessing = (named(ACCESSING), 1u32..4)
        .prop_map(move |((word, mask, length), base)| bytes(safe(word, mask | 0xf00) & !0xf00 | base << 8, length));
    let branching = (named(BRANCHING), 4u32..12).prop_map(move |((word, mask, length), skip)| {
        let word = safe(word, mask);
        // Targets of twelve bits, or of eight.
        let target = if matches!(word & 0xff, 0x16 | 0x56 | 0x96 | 0xd6) {
            skip << 12 | word & 0xfff
        } else {
            skip << 16 | word & 0xffff
        };
        bytes(target, length)
    });
    let floating = named(FLOATING).prop_map(move |(word, mask, length)| {
        // Half of the conversions are not scaled.
        let word =
            if matches!(word >> 20 & 0xf, 8..=0xe) && word & 0x10_0000 != 0 { word & !(0xf0 & !mask) } else { word };
        bytes(safe(word, mask), length)
    });
    prop_oneof![8 => computing, 4 => accessing, 2 => branching, 4 => floating, 2 => special()]
}

/// `RSR`, `WSR` and `XSR` of registers that have them and keep the loop going, `RUR` and `WUR`.
fn special() -> impl Strategy<Value = Vec<u8>> {
    use SpecialRegister as Register;
    let unreadable = [Register::Intclear, Register::Mmid, Register::Ddr];
    let readable: Vec<_> = Register::ALL.iter().copied().filter(|register| !unreadable.contains(register)).collect();
    let written = [
        Register::Lcount,
        Register::Sar,
        Register::Br,
        Register::Scompare1,
        Register::Acclo,
        Register::Acchi,
        Register::M1,
        Register::M2,
        Register::Intclear,
        Register::Exccause,
        Register::Excsave3,
        Register::Vecbase,
        Register::Depc,
        Register::Misc0,
    ];
    let number = 4u32..15;
    prop_oneof![
        4 => (0..readable.len(), number.clone())
            .prop_map(move |(index, number)| bytes(0x3_0000 | (readable[index] as u32) << 8 | number << 4, 3)),
        4 => (0..written.len(), number.clone())
            .prop_map(move |(index, number)| bytes(0x13_0000 | (written[index] as u32) << 8 | number << 4, 3)),
        // Not of INTCLEAR, which cannot be read.
        2 => (0..8usize, number.clone())
            .prop_map(move |(index, number)| bytes(0x61_0000 | (written[index] as u32) << 8 | number << 4, 3)),
        1 => (230u32..237, number.clone()).prop_map(|(user, number)| bytes(0xE3_0000 | number << 12 | user << 4, 3)),
        1 => (230u32..237, number).prop_map(|(user, number)| bytes(0xF3_0000 | user << 8 | number << 4, 3)),
    ]
}

/// `movi a15, count; body; nops; addi a15, a15, -1; bnez a15, body; waiti 15`.
fn looping(body: &[Vec<u8>]) -> Vec<u8> {
    let mut code: Vec<u8> = body.concat();
    // Nothing skips past the end.
    code.extend([0x3d, 0xf0].repeat(8));
    code.extend([0xf2, 0xcf, 0xff]);
    let back = (-(code.len() as i32) - 4) as u32 & 0xfff;
    code.extend(bytes(back << 12 | 15 << 8 | 0x56, 3));
    code.extend([0x00, 0x7f, 0x00]);
    code
}

fn start(code: &[u8], values: &[u32], writable_from: u32) -> (Cpu, Flat) {
    let mut image = vec![0; CODE as usize];
    image.extend(code);
    let mut memory = Flat::new(MEMORY, &image);
    memory.writable_from = writable_from;
    let mut cpu = Cpu::new(Config { reset_vector: CODE, vector_base: 0, ..Config::ESP32_PRO });
    values.iter().enumerate().for_each(|(number, value)| cpu.set_physical(number, *value));
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_special(SpecialRegister::Cpenable, 1);
    values.iter().zip(0..16).for_each(|(value, number)| cpu.set_float(number, *value));
    (1..4).for_each(|number| cpu.set_ar(number, DATA + 0x40 * u32::from(number)));
    cpu.set_ar(15, 40);
    (cpu, memory)
}

/// Keeps the time of silicon, in which a register has to be waited for, if that takes any time.
fn keep_time(cpu: &mut Cpu, memory: &mut Flat, register_wait: u32) {
    memory.register_wait = register_wait;
    cpu.set_timing(if register_wait > 0 { Timing::Silicon } else { Timing::Fast });
}

/// Runs two cores for so many cycles and finds no difference between them.
fn agree(
    (cpu, memory): (&mut Cpu, &mut Flat),
    (translated, translated_memory): (&mut Cpu, &mut Flat),
    cycles: u32,
) -> Result<(), TestCaseError> {
    (memory.attention, translated_memory.attention) = (false, false);
    (memory.base, translated_memory.base) = (cpu.cycles(), translated.cycles());
    let exit = cpu.run(memory, cycles);
    prop_assert_eq!(translated.run(translated_memory, cycles), exit);
    prop_assert_eq!(registers(cpu), registers(translated));
    prop_assert_eq!(cpu.cycles(), translated.cycles());
    prop_assert!(memory.bytes == translated_memory.bytes, "memory differs");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn loops_of_any_instructions_agree(
        body in vec(instruction(), 1..30),
        values in vec(any::<u32>(), 64),
        slices in vec(1u32..400, 1..12),
        writable_from in prop_oneof![Just(0), Just(DATA), Just(DATA + 0x60)],
        absent in any::<u32>(),
        attentive_from in prop_oneof![2 => Just(u32::MAX), 1 => Just(DATA + 0x80)],
        registers_from in prop_oneof![2 => Just(u32::MAX), 1 => Just(DATA + 0x80)],
        watched in prop_oneof![3 => Just(None), 1 => (DATA..DATA + 0x100, any::<u32>()).prop_map(Some)],
        register_wait in prop_oneof![2 => Just(0), 1 => 1u32..12],
    ) {
        let (mut cpu, mut memory) = start(&looping(&body), &values, writable_from);
        keep_time(&mut cpu, &mut memory, register_wait);
        memory.absent = (0..32).filter(|line| absent >> line & 1 != 0).map(|line| CODE / LINE + line).collect();
        (memory.attentive_from, memory.registers_from) = (attentive_from, registers_from);
        if let Some((address, control)) = watched {
            cpu.set_special(SpecialRegister::Dbreaka0, address);
            cpu.set_special(SpecialRegister::Dbreakc0, control & 0xc000_0038);
        }
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(3));
        for cycles in slices {
            agree((&mut cpu, &mut memory), (&mut translated, &mut translated_memory), cycles)?;
        }
    }
}

/// An instruction that reaches for a register of a device by a2 or a3, or computes, or skips a few.
fn reaching() -> impl Strategy<Value = Vec<u8>> {
    let access = (4u32..15, 2u32..4, 0u32..40, any::<bool>()).prop_map(|(number, base, word, stores)| {
        bytes((if stores { 0x6002 } else { 0x2002 }) | number << 4 | base << 8 | word << 16, 3)
    });
    let adding = (4u32..15, 4u32..15, any::<i8>()).prop_map(|(to, from, value)| addi(to, from, value));
    let skipping = (4u32..15, 4u32..12).prop_map(|(register, skip)| bytes(0x56 | register << 8 | skip << 12, 3));
    prop_oneof![4 => access, 3 => adding, 1 => skipping]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Translated code asks for registers of devices in the same cycles as the interpreter does, and stops where that would; single steps
    /// do so, too. In silicon's time each of them has to be waited for.
    #[test]
    fn registers_of_devices_are_reached_in_the_same_cycles(
        body in vec(reaching(), 1..20),
        values in vec(any::<u32>(), 64),
        slices in vec(prop_oneof![1u32..30, 1u32..2000], 1..12),
        register_wait in prop_oneof![Just(0), 1u32..12],
        breaks in prop_oneof![3 => Just(None), 1 => (CODE..CODE + 100).prop_map(Some)],
    ) {
        let (mut cpu, mut memory) = start(&looping(&body), &values, 0);
        memory.registers_from = DATA + 0x80;
        keep_time(&mut cpu, &mut memory, register_wait);
        cpu.set_ar(15, 1000);
        if let Some(address) = breaks {
            cpu.set_special(SpecialRegister::Ibreaka0, address);
            cpu.set_special(SpecialRegister::Ibreakenable, 1);
        }
        let (mut stepped, mut stepped_memory) = (cpu.clone(), memory.clone());
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(3));
        for cycles in slices {
            agree((&mut cpu, &mut memory), (&mut translated, &mut translated_memory), cycles)?;
            while stepped.cycles() < cpu.cycles() {
                (stepped_memory.attention, stepped_memory.base) = (false, stepped.cycles());
                stepped.step(&mut stepped_memory);
            }
            prop_assert_eq!(registers(&cpu), registers(&stepped));
            prop_assert!(memory.bytes == stepped_memory.bytes, "memory of single steps differs");
        }
    }
}

/// An instruction that changes which interrupts are pending, enabled, or let through by level, with operands of any value.
fn masking() -> impl Strategy<Value = Vec<u8>> {
    use SpecialRegister as Register;
    let written = [Register::Ps, Register::Ps, Register::Intenable, Register::Interrupt, Register::Intclear];
    prop_oneof![
        2 => (0u32..16, 4u32..15).prop_map(|(level, number)| bytes(0x6000 | level << 8 | number << 4, 3)),
        4 => (0..written.len(), 4u32..15)
            .prop_map(move |(index, number)| bytes(0x13_0000 | (written[index] as u32) << 8 | number << 4, 3)),
        1 => Just(vec![0x3d, 0xf0]),
    ]
}

/// Values that `masking` writes: mostly low levels.
fn mask() -> impl Strategy<Value = u32> {
    prop_oneof![3 => (0u32..8).prop_map(|level| PS & !0xf | level), 2 => any::<u32>(), 1 => Just(0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Interrupts are taken where a level lets them through, and nowhere else, also while others are pending that it masks.
    #[test]
    fn pending_interrupts_are_let_through_at_the_same_place(
        body in vec(masking(), 1..12),
        values in vec(mask(), 64),
        slices in vec((1u32..400, prop_oneof![1 => Just(0), 2 => any::<u32>()]), 1..12),
        clears in any::<bool>(),
    ) {
        let (mut cpu, mut memory) = start(&looping(&body), &values, 0);
        for (vector, level) in VECTORS.into_iter().zip([2, 3, 4, 5, 1, 1]) {
            // wsr.intclear a0, or nothing; rfi or rfe.
            let clear = if clears { bytes(0x13_0000 | (SpecialRegister::Intclear as u32) << 8, 3) } else { Vec::new() };
            let back = if level == 1 { 0x3000 } else { 0x3010 | level << 8 };
            let handler = [clear, bytes(back, 3)].concat();
            memory.bytes[vector as usize..][..handler.len()].copy_from_slice(&handler);
        }
        cpu.set_ar(0, u32::MAX);
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(2));
        for (cycles, lines) in slices {
            cpu.set_interrupt_lines(lines);
            translated.set_interrupt_lines(lines);
            agree((&mut cpu, &mut memory), (&mut translated, &mut translated_memory), cycles)?;
        }
    }
}

/// The programs of the benchmark, which call deeply enough for windows to overflow, with slices of all sizes, without and with
/// interrupts that are pending and masked by their level, in both times.
#[test]
fn compiled_programs_agree() {
    let programs =
        [include_str!("../../benches/programs/arithmetic.hex"), include_str!("../../benches/programs/calls.hex")];
    let cases = programs.into_iter().flat_map(|hex| [false, true].map(|pending| (hex, pending)));
    let cases = cases.flat_map(|(hex, pending)| [Timing::Fast, Timing::Silicon].map(|timing| (hex, pending, timing)));
    for (hex, pending, timing) in cases {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = digits.chunks(2).map(pair).collect();
        let mut memory = Flat::new(1 << 20, &bytes);
        let mut cpu = Cpu::new(Config { reset_vector: CODE, vector_base: 0, ..Config::ESP32_PRO });
        cpu.set_timing(timing);
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(2));
        for slice in 0..20_000u32 {
            if pending && slice == 100 {
                for cpu in [&mut cpu, &mut translated] {
                    cpu.set_special(SpecialRegister::Ps, cpu.special(SpecialRegister::Ps) | 3);
                    cpu.set_special(SpecialRegister::Intenable, 1);
                    cpu.set_interrupt_lines(1);
                }
            }
            let cycles = 1 + (slice.wrapping_mul(0x9e37_79b9) >> 25);
            assert_eq!(cpu.run(&mut memory, cycles), Exit::Budget);
            assert_eq!(translated.run(&mut translated_memory, cycles), Exit::Budget);
            assert_eq!((cpu.cycles(), cpu.pc()), (translated.cycles(), translated.pc()), "slice {slice}");
        }
        assert_eq!(registers(&cpu), registers(&translated));
        assert!(memory.bytes == translated_memory.bytes, "memory differs");
    }
}

/// Words of instructions: `addi`, `s32i`, `bnez` and `j` at an address.
fn addi(to: u32, from: u32, value: i8) -> Vec<u8> {
    bytes(0xc002 | to << 4 | from << 8 | u32::from(value as u8) << 16, 3)
}

fn s32i(from: u32, base: u32) -> Vec<u8> {
    bytes(0x6002 | from << 4 | base << 8, 3)
}

fn bnez(register: u32, at: u32, target: u32) -> Vec<u8> {
    bytes(0x56 | register << 8 | (target - at - 4) << 12, 3)
}

fn j(at: u32, target: u32) -> Vec<u8> {
    bytes(6 | (target.wrapping_sub(at + 4) & 0x3_ffff) << 6, 3)
}

/// A block that was translated while the code after it had not come must not be entered by way of others once that has come: it has
/// become longer, so a run that a store wants to end ends later.
#[test]
fn a_block_that_ended_before_missing_code_is_not_entered_once_that_has_come() {
    const NEXT: u32 = CODE + LINE;
    const BACK: u32 = CODE + 2 * LINE;
    const NOP: [u8; 3] = [0xf0, 0x20, 0x00];
    // Goes round by `BACK` until a2 is 0, and by `NEXT`, which is missing at first, from then on.
    let mut code = [addi(4, 4, 1), s32i(4, 3), bnez(2, CODE + 6, BACK), NOP.to_vec()].concat();
    code.extend([0x3d, 0xf0].repeat(10));
    code.extend([addi(6, 6, 1), j(NEXT + 3, CODE)].concat());
    code.resize(2 * LINE as usize, 0);
    code.extend([addi(2, 2, -1), j(BACK + 3, CODE)].concat());
    let (mut cpu, mut memory) = start(&code, &[], 0);
    memory.absent.insert(NEXT / LINE);
    memory.attentive_from = DATA;
    cpu.set_ar(2, 20);
    cpu.set_ar(3, DATA);
    let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
    translated.set_translation(Translation::After(1));
    for _ in 0..60 {
        (memory.attention, translated_memory.attention) = (false, false);
        let exit = cpu.run(&mut memory, 200);
        assert_eq!(translated.run(&mut translated_memory, 200), exit);
        assert_eq!((translated.cycles(), translated.pc()), (cpu.cycles(), cpu.pc()));
    }
    assert!(memory.absent.is_empty() && cpu.ar(6) > 10);
}

/// A block that was joined to another one in translated code goes with its own memory: when that is mapped anew, when it is written, and
/// when a loop comes to end in it.
#[test]
fn joined_blocks_are_not_executed_once_they_are_stale() {
    const OTHER: u32 = DATA;
    let cases = [(true, false), (false, false), (false, true)];
    for ((is_mapped, ends_loop), first) in cases.into_iter().flat_map(|case| [(case, CODE), (case, OTHER)]) {
        // Two blocks that lead to each other, the first one in memory that never changes or that can be mapped anew.
        let mut code = [addi(4, 4, 1), addi(5, 5, 1), j(CODE + 6, OTHER)].concat();
        code.resize((OTHER - CODE) as usize, 0);
        code.extend([addi(6, 6, 1), addi(7, 7, 1), j(OTHER + 6, CODE)].concat());
        let (mut cpu, mut memory) = start(&code, &[], if is_mapped { DATA } else { 0 });
        memory.cached = is_mapped;
        // The one that is executed first begins the translation.
        cpu.set_pc(first);
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(20));
        for round in 0..6 {
            for (cpu, memory) in [(&mut cpu, &mut memory), (&mut translated, &mut translated_memory)] {
                assert_eq!(cpu.run(memory, 300 + round), Exit::Budget);
                if ends_loop {
                    cpu.set_special(SpecialRegister::Lbeg, [CODE, OTHER][round as usize % 2]);
                    cpu.set_special(SpecialRegister::Lend, [OTHER, CODE][round as usize % 2] + 3);
                    cpu.set_special(SpecialRegister::Lcount, 10);
                    cpu.set_special(SpecialRegister::Ps, 0);
                }
                let word = addi(4, 4, 2 + round as i8);
                if ends_loop {
                    continue;
                }
                if is_mapped {
                    memory.bytes[CODE as usize..][..3].copy_from_slice(&word);
                    memory.epoch += 1;
                } else {
                    let places = word.into_iter().zip(CODE..);
                    places.for_each(|(byte, address)| _ = memory.store8(address, byte, 0).unwrap());
                }
            }
            assert_eq!((translated.cycles(), translated.pc()), (cpu.cycles(), cpu.pc()));
            assert_eq!(registers(&cpu), registers(&translated), "round {round}, mapped {is_mapped}");
        }
        assert!(cpu.ar(4) > 200 && cpu.ar(6) > 200);
    }
}

/// `call4`, `call8` and `call12` by their quarters.
fn call(quarters: u32, at: u32, target: u32) -> Vec<u8> {
    bytes(0x5 | quarters << 4 | (target.wrapping_sub((at & !3) + 4) >> 2 & 0x3_ffff) << 6, 3)
}

/// Functions that return to a known place in one translation, whatever frames are around them, and with return addresses that they change.
#[test]
fn joined_returns_agree() {
    const ENTRY: [u8; 3] = [0x36, 0x41, 0x00];
    const RETW: [u8; 2] = [0x1d, 0xf0];
    let [f, g, h] = [CODE + 0x20, CODE + 0x40, CODE + 0x50];
    let vectors: String = include_str!("../../benches/programs/calls.hex").split_whitespace().collect();
    let digit = |at: usize| u8::from_str_radix(&vectors[2 * at..2 * at + 2], 16).unwrap();
    for (number, window_start) in (0..200u32).map(|number| (number, number.wrapping_mul(0x9e37_79b9) >> 16)) {
        let mut code = [call(2, CODE, f), addi(4, 10, 1), addi(2, 2, -1), j(CODE + 9, CODE)].concat();
        code.resize(0x20, 0);
        code.extend([ENTRY.to_vec(), call(1, f + 3, g), addi(2, 6, 1), call(3, f + 9, h), RETW.to_vec()].concat());
        code.resize(0x40, 0);
        // Every fourth time it returns elsewhere, and every seventh time, to another frame.
        let link = match number {
            _ if number % 4 == 0 => addi(0, 0, 3),
            _ if number % 7 == 0 => bytes(0x2_0a02, 3),
            _ => addi(2, 2, 1),
        };
        code.extend([ENTRY.to_vec(), link, RETW.to_vec()].concat());
        code.resize(0x50, 0);
        code.extend([ENTRY.to_vec(), addi(2, 2, 3), RETW.to_vec()].concat());
        let values: Vec<u32> = (0..64).map(|value| DATA + 0x200 + 0x20 * value).collect();
        let (mut cpu, mut memory) = start(&code, &values, if number % 2 == 0 { 0 } else { CODE + 0x100 });
        (0..0x180).for_each(|at| memory.bytes[at] = digit(at));
        cpu.set_special(SpecialRegister::Windowstart, window_start & 0xffff | 1);
        cpu.set_ar(1, DATA + 0x800);
        let (mut translated, mut translated_memory) = (cpu.clone(), memory.clone());
        translated.set_translation(Translation::After(3));
        for slice in 0..60 {
            let cycles = 1 + (slice * 37 + number) % 90;
            let exit = cpu.run(&mut memory, cycles);
            assert_eq!(translated.run(&mut translated_memory, cycles), exit);
            assert_eq!((translated.cycles(), translated.pc()), (cpu.cycles(), cpu.pc()), "{number}, slice {slice}");
            assert_eq!(registers(&cpu), registers(&translated), "{number}, slice {slice}");
        }
        assert!(memory.bytes == translated_memory.bytes, "memory differs");
        assert!(number % 4 == 0 || number % 7 == 0 || cpu.ar(2) != DATA + 0x240, "no round was done");
    }
}
