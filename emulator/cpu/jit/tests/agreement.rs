//! Translated code against a plain reading of the operations.

mod model;

use std::sync::Arc;

use espalier_core::CacheLines;
use espalier_jit::{
    Binary, Block, CodePool, Condition, Engine, Exit, Float, FloatCondition, Op, Outcome, Ring, Slot, Space, Unary,
    Value, Width, Window, WindowLayout,
};
use model::{Memory, PAGED, REGISTERS_OF_DEVICES, STEADY, interpret};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

/// Registers that random operations name.
const NAMED: Slot = 12;
/// The register for the address of the next instruction, and a filter of two.
const PC: Slot = 14;
const FILTER: Slot = 16;
/// The register with the base of the window, which shows the first two groups of the named ones, and its file.
const BASE: Slot = 18;
const RING: Ring = Ring { visible: 0, shown: 2, file: 20, groups: 8, base: BASE };
const REGISTERS: usize = 20 + 4 * (8 + 1);
/// The first register behind the file.
const BEHIND: usize = 20 + 4 * 8;
const ADDRESS: u32 = 0x7654_3211;
const TAG: u32 = 77;

const LAYOUT: WindowLayout = WindowLayout {
    data: Window { base: 0x1_0000, size: 0x800 },
    code: Window { base: 0, size: 0 },
    versioned_from: 0x400,
    words: Window { base: 0x8000, size: 0x200 },
    paged: Window { base: PAGED, size: 0x3_0000 },
    cached: true,
    registers: Window { base: REGISTERS_OF_DEVICES, size: 0x100 },
};

fn slot() -> impl Strategy<Value = Slot> {
    0..NAMED
}

fn value() -> impl Strategy<Value = Value> {
    let constant = prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(0x8000_0000), 0u32..256, any::<u32>()];
    prop_oneof![4 => slot().prop_map(Value::Slot), 1 => constant.prop_map(Value::Imm)]
}

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![Just(Width::Byte), Just(Width::Half), Just(Width::Word)]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Equal),
        Just(Condition::NotEqual),
        Just(Condition::LessSigned),
        Just(Condition::GreaterOrEqualSigned),
        Just(Condition::LessUnsigned),
        Just(Condition::GreaterOrEqualUnsigned),
        Just(Condition::Disjoint),
        Just(Condition::Overlap),
    ]
}

fn binary() -> impl Strategy<Value = Binary> {
    prop_oneof![
        Just(Binary::Add),
        Just(Binary::Sub),
        Just(Binary::And),
        Just(Binary::Or),
        Just(Binary::Xor),
        Just(Binary::ShiftLeft),
        Just(Binary::ShiftRight),
        Just(Binary::ShiftRightSigned),
        Just(Binary::Multiply),
        Just(Binary::MultiplyHighUnsigned),
        Just(Binary::MultiplyHighSigned),
        Just(Binary::DivideUnsigned),
        Just(Binary::DivideSigned),
        Just(Binary::RemainderUnsigned),
        Just(Binary::RemainderSigned),
    ]
}

fn float() -> impl Strategy<Value = Float> {
    let fused = if espalier_jit::fuses() { Float::MultiplyAdd } else { Float::Add };
    let other = if espalier_jit::fuses() { Float::MultiplySubtract } else { Float::Sub };
    prop_oneof![Just(Float::Add), Just(Float::Sub), Just(Float::Multiply), Just(fused), Just(other)]
}

fn float_condition() -> impl Strategy<Value = FloatCondition> {
    prop_oneof![
        Just(FloatCondition::Never),
        Just(FloatCondition::Equal),
        Just(FloatCondition::Less),
        Just(FloatCondition::LessOrEqual),
    ]
}

/// An address: mostly a register that holds one, with an offset that stays near.
fn address() -> impl Strategy<Value = (Value, u32)> {
    let register = (0u32..0x44).prop_map(|word| REGISTERS_OF_DEVICES + 4 * word);
    let constant =
        prop_oneof![register, STEADY..STEADY + 0x48, 0x7ff0u32..0x8210, 0xfff0u32..0x1_0810, 0x1f_fff0u32..0x23_0010];
    prop_oneof![
        4 => (slot().prop_map(Value::Slot), prop_oneof![0u32..16, Just(u32::MAX)]),
        1 => (constant.prop_map(Value::Imm), 0u32..8),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (slot(), value()).prop_map(|(to, from)| Op::Move { to, from }),
        8 => (binary(), slot(), value(), value()).prop_map(|(op, to, left, right)| Op::Binary { op, to, left, right }),
        3 => (float(), slot(), value(), value()).prop_map(|(op, to, left, right)| Op::Float { op, to, left, right }),
        1 => (slot(), float_condition(), value(), value())
            .prop_map(|(to, condition, left, right)| Op::FloatSet { to, condition, left, right }),
        1 => (slot(), value(), any::<bool>()).prop_map(|(to, from, nearest)| Op::FloatToSigned { to, from, nearest }),
        1 => (slot(), value(), any::<bool>()).prop_map(|(to, from, signed)| Op::ToFloat { to, from, signed }),
        1 => (slot(), slot(), 0u32..40).prop_map(|(to, end, done)| Op::Count { to, end, done }),
        1 => (slot(), value()).prop_map(|(to, from)| Op::Unary { op: Unary::LeadingZeros, to, from }),
        1 => (slot(), 1..=u32::MAX).prop_map(|(to, from)| Op::Unary { op: Unary::LowestBit, to, from: Value::Imm(from) }),
        1 => (slot(), value(), value(), value()).prop_map(|(to, high, low, amount)| Op::Funnel { to, high, low, amount }),
        1 => (slot(), value(), value()).prop_map(|(to, from, amount)| Op::LongShiftRightSigned { to, from, amount }),
        2 => (slot(), condition(), value(), value(), value())
            .prop_map(|(to, condition, left, right, then)| Op::Select { to, condition, left, right, then }),
        1 => (slot(), condition(), value(), value())
            .prop_map(|(to, condition, left, right)| Op::Set { to, condition, left, right }),
        4 => (slot(), width(), any::<bool>(), address(), any::<bool>()).prop_map(
            |(to, width, signed, (base, offset), last)| Op::Load { to, width, signed, base, offset, last }),
        4 => (value(), width(), address(), any::<bool>())
            .prop_map(|(from, width, (base, offset), last)| Op::Store { from, width, base, offset, last }),
        1 => address().prop_map(|(base, offset)| Op::Watch { filter: FILTER, base, offset }),
        1 => (condition(), value(), value()).prop_map(|(condition, left, right)| Op::Guard { condition, left, right }),
        2 => value().prop_map(|to| Op::Rotate { to }),
        1 => (condition(), value(), value(), 0u32..9)
            .prop_map(|(condition, left, right, target)| Op::Branch { condition, left, right, target, done: 0 }),
        1 => (condition(), value(), value(), 0u32..9)
            .prop_map(|(condition, left, right, target)| Op::Look { condition, left, right, target, done: 0 }),
        1 => (0u32..9).prop_map(|line| Op::Line { address: LAYOUT.paged.base + line * CacheLines::LINE }),
        1 => (any::<bool>(), 0u32..2, 4u32..6).prop_map(|(data, page, expected)| Op::Version {
            space: if data { Space::Data } else { Space::Words },
            page,
            expected,
        }),
    ]
}

fn last() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0u32..9).prop_map(|target| Op::Jump { target, done: 0 }),
        value().prop_map(|target| Op::JumpIndirect { target, done: 0 }),
        Just(Op::Leave),
    ]
}

/// Operations in a row, among them ones under a condition, and the start of another block.
fn piece() -> impl Strategy<Value = Vec<Op>> {
    let under = (condition(), value(), value(), vec(op(), 0..4), last());
    prop_oneof![
        40 => op().prop_map(|op| vec![op]),
        2 => under.prop_map(|(condition, left, right, mut ops, last)| {
            ops.push(last);
            ops.insert(0, Op::When { condition, left, right, count: 2 * ops.len() as u32 });
            ops
        }),
        1 => (0u32..9, 0u32..4).prop_map(|(address, count)| {
            vec![Op::Join { address, tag: 1000 + address, count: count * 8, done: 0 }]
        }),
    ]
}

/// Operations, each of which is an instruction, and the end.
fn program() -> impl Strategy<Value = Vec<Op>> {
    (vec(piece(), 0..40), last(), 0usize..2).prop_map(|(pieces, last, before)| {
        let mut ops = pieces.concat();
        ops.push(last);
        let mut program = Vec::new();
        // The first instruction of the present part; what comes before it are conditions for entering.
        let mut first = before;
        for (index, mut op) in ops.into_iter().enumerate() {
            let spent = (index + 1).saturating_sub(first) as u32;
            if let Op::Branch { done, .. }
            | Op::Join { done, .. }
            | Op::Look { done, .. }
            | Op::Jump { done, .. }
            | Op::JumpIndirect { done, .. } = &mut op
            {
                *done = spent;
            }
            // The lowest targets stand for the block itself.
            if let Op::Branch { target, .. } | Op::Jump { target, .. } = &mut op
                && *target < 4
                && spent > 0
            {
                *target = ADDRESS;
            }
            if index >= first {
                program.push(instruction((index - first) as u32));
            }
            program.push(op);
            if let Op::Join { address, .. } = op {
                first = index + 1 + address as usize % 2;
            }
        }
        // A part has room for all of its instructions.
        let mut instructions = 0;
        for op in program.iter_mut().rev() {
            match op {
                Op::Instruction { .. } => instructions += 1,
                Op::Join { count, .. } => *count = (*count).max(std::mem::take(&mut instructions)),
                _ => {}
            }
        }
        program
    })
}

/// The instruction with this number starts; each one takes a cycle.
fn instruction(number: u32) -> Op {
    Op::Instruction { number, cycle: number }
}

fn register() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => 0x1_0000u32..0x1_0800,
        1 => 0xfff0u32..0x1_0810,
        1 => 0x1f_fff0u32..0x23_0010,
        1 => STEADY..STEADY + 0x48,
        1 => (0u32..0x44).prop_map(|word| REGISTERS_OF_DEVICES + 4 * word),
        1 => 0u32..40,
        2 => (-1e9f32..1e9).prop_map(f32::to_bits),
        1 => any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn translated_code_does_what_the_operations_say(
        ops in program(),
        registers in vec(register(), REGISTERS),
        filter in any::<[u32; 2]>(),
        versions in vec(4u32..6, 4),
        short in 0u32..4,
        rounds in 1u32..4,
    ) {
        let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return Ok(()) };
        let count = ops.iter().filter(|op| matches!(op, Op::Instruction { .. })).count() as u32;
        let block = Block { address: ADDRESS, tag: TAG, count, ops: &ops };
        let cell = engine.install(&block).expect("there is room for one block");
        let mut registers = registers;
        registers[usize::from(FILTER)] = filter[0] & filter[1];
        registers[usize::from(BASE)] %= u32::from(RING.groups);
        let memory = Memory::new(&versions);
        let (mut expected, mut expected_memory) = (registers.clone(), memory.clone());
        let room = (rounds * count + 2).saturating_sub(short);
        let (mut outcome, mut looked) = (Outcome { exit: Exit::At, room, looked: None }, None);
        loop {
            let before = outcome.room;
            outcome = interpret(&block, (PC, &RING), &LAYOUT, &mut expected, &mut expected_memory, before, &mut looked);
            if outcome.exit != Exit::At || expected[usize::from(PC)] != ADDRESS || outcome.room == before {
                break;
            }
            // Going on leaves no trace in the address.
            expected[usize::from(PC)] = registers[usize::from(PC)];
        }
        let mut translated = memory.clone();
        let ran = run(&mut engine, cell, &mut registers, &mut translated, room);
        prop_assert_eq!(ran, Some(outcome));
        prop_assert_eq!(settled(registers), settled(expected));
        prop_assert_eq!(translated.asked, expected_memory.asked);
        prop_assert!(translated.data == expected_memory.data, "memory differs");
    }

    /// Code that an engine copies from one that is gone does what its own would, whatever else the two have.
    #[test]
    fn code_out_of_a_pool_does_what_an_engine_translates_itself(
        ops in program(),
        others in vec(program(), 0..3),
        registers in vec(register(), REGISTERS),
        versions in vec(4u32..6, 4),
        rounds in 1u32..4,
    ) {
        let Some(mut alone) = Engine::new(LAYOUT, PC, Some(RING)) else { return Ok(()) };
        let count = ops.iter().filter(|op| matches!(op, Op::Instruction { .. })).count() as u32;
        let block = Block { address: ADDRESS, tag: TAG, count, ops: &ops };
        let pool = Arc::<CodePool>::default();
        let mut give = Engine::sharing(LAYOUT, PC, Some(RING), Some(Arc::clone(&pool))).expect("there was one");
        for (number, ops) in others.iter().enumerate() {
            // One of them lies where the block will be.
            let other = Block { address: ADDRESS + number as u32, tag: 1, count: 1000, ops };
            prop_assert!(give.install(&other).is_some());
        }
        give.install(&Block { tag: TAG + 1, ..block }).expect("there is room");
        drop(give);
        let mut take = Engine::sharing(LAYOUT, PC, Some(RING), Some(pool)).expect("there was one");
        let mut results = Vec::new();
        for engine in [&mut alone, &mut take] {
            let cell = engine.install(&block).expect("there is room for one block");
            let (mut registers, mut memory) = (registers.clone(), Memory::new(&versions));
            registers[usize::from(BASE)] %= u32::from(RING.groups);
            let outcome = run(engine, cell, &mut registers, &mut memory, rounds * count);
            results.push((outcome, registers, memory.data));
        }
        prop_assert_eq!(&results[0], &results[1]);
    }
}

/// The registers without what is stale: what the window shows is in the names, and nothing is behind the file.
fn settled(mut registers: Vec<u32>) -> Vec<u32> {
    for shown in 0..RING.shown {
        let group = (registers[usize::from(BASE)] as u16 + shown) % RING.groups;
        let (from, to) = (usize::from(RING.visible + 4 * shown), usize::from(RING.file + 4 * group));
        registers.copy_within(from..from + 4, to);
    }
    registers.truncate(BEHIND);
    registers
}

fn run(engine: &mut Engine, cell: u32, registers: &mut [u32], memory: &mut Memory, room: u32) -> Option<Outcome> {
    run_counted(engine, cell, registers, memory, &mut [], room)
}

fn run_counted(
    engine: &mut Engine,
    cell: u32,
    registers: &mut [u32],
    memory: &mut Memory,
    executions: &mut [u64],
    room: u32,
) -> Option<Outcome> {
    engine.refresh_pages(0, |number| memory.pages[number].clone());
    engine.run(cell, registers, memory, executions, room)
}

/// Two blocks that lead to each other, until there is no room left.
#[test]
fn blocks_lead_to_each_other() {
    let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return };
    let add = |to| Op::Binary { op: Binary::Add, to, left: Value::Slot(to), right: Value::Imm(1) };
    let first = [instruction(0), add(0), instruction(1), Op::Jump { target: 8, done: 2 }];
    let second = [instruction(0), add(1), Op::JumpIndirect { target: Value::Imm(ADDRESS), done: 1 }];
    let cell = engine.install(&Block { address: ADDRESS, tag: 1, count: 2, ops: &first }).expect("there is room");
    let mut memory = Memory::new(&[0; 4]);
    let mut registers = vec![0; REGISTERS];
    assert_eq!(
        run(&mut engine, cell, &mut registers, &mut memory, 10),
        Some(Outcome { exit: Exit::At, room: 8, looked: None })
    );
    assert_eq!((registers[0], registers[usize::from(PC)]), (1, 8));
    assert!(engine.install(&Block { address: 8, tag: 2, count: 1, ops: &second }).is_some());
    assert_eq!(
        run(&mut engine, cell, &mut registers, &mut memory, 10),
        Some(Outcome { exit: Exit::At, room: 1, looked: None })
    );
    assert_eq!((registers[0], registers[1], registers[usize::from(PC)]), (4, 3, ADDRESS));
    engine.remove(1);
    assert_eq!(
        run(&mut engine, cell, &mut registers, &mut memory, 10),
        Some(Outcome { exit: Exit::At, room: 8, looked: None })
    );
    engine.clear();
    assert_eq!(run(&mut engine, cell, &mut registers, &mut memory, 10), None);
}

/// Computed jumps to addresses that share a set of the table, of a loop that would leave in each round if only one had its place.
#[test]
fn a_loop_over_one_set_of_the_table_does_not_leave() {
    const ADDRESSES: [u32; 2] = [0x4007_9ADA, 0x4006_4AE0];
    let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return };
    let cells = [0, 1].map(|index| {
        let next = Op::JumpIndirect { target: Value::Imm(ADDRESSES[1 - index]), done: 1 };
        let block = Block { address: ADDRESSES[index], tag: 0, count: 1, ops: &[instruction(0), next] };
        engine.install(&block).expect("there is room")
    });
    let (mut registers, mut memory) = (vec![0; REGISTERS], Memory::new(&[0; 4]));
    for cell in cells {
        let ran = run(&mut engine, cell, &mut registers, &mut memory, 1000);
        assert_eq!(ran, Some(Outcome { exit: Exit::At, room: 0, looked: None }));
    }
    engine.remove(cells[1]);
    let ran = run(&mut engine, cells[0], &mut registers, &mut memory, 1000);
    assert_eq!(ran, Some(Outcome { exit: Exit::At, room: 999, looked: None }));
    assert_eq!(registers[usize::from(PC)], ADDRESSES[1]);
}

/// A block that leads to itself.
#[test]
fn a_block_repeats_itself() {
    let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return };
    let step = Op::Binary { op: Binary::Sub, to: 0, left: Value::Slot(0), right: Value::Imm(1) };
    let again = Op::Branch {
        condition: Condition::NotEqual,
        left: Value::Slot(0),
        right: Value::Imm(0),
        target: ADDRESS,
        done: 2,
    };
    let ops = [instruction(0), step, instruction(1), again, Op::Jump { target: 4, done: 2 }];
    let cell = engine.install(&Block { address: ADDRESS, tag: 1, count: 2, ops: &ops }).expect("there is room");
    let mut registers = vec![0; REGISTERS];
    registers[0] = 100;
    let ran = run(&mut engine, cell, &mut registers, &mut Memory::new(&[0; 4]), 1000);
    assert_eq!(ran, Some(Outcome { exit: Exit::At, room: 800, looked: None }));
    assert_eq!((registers[0], registers[usize::from(PC)]), (0, 4));
}

/// Each way out of a block that leads to itself, and of one behind it, has a count of its own.
#[test]
fn ways_out_are_counted() {
    let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return };
    let step = Op::Binary { op: Binary::Sub, to: 0, left: Value::Slot(0), right: Value::Imm(1) };
    let again = Op::Branch {
        condition: Condition::NotEqual,
        left: Value::Slot(0),
        right: Value::Imm(0),
        target: ADDRESS,
        done: 2,
    };
    let on = [Op::Tally { place: 7 }, Op::Jump { target: 4, done: 2 }];
    let first = [&[instruction(0), step, instruction(1), Op::Tally { place: 2 }, again][..], &on].concat();
    let second = [instruction(0), Op::Tally { place: 3 }, Op::JumpIndirect { target: Value::Imm(8), done: 1 }];
    let cell = engine.install(&Block { address: ADDRESS, tag: 1, count: 2, ops: &first }).expect("there is room");
    assert!(engine.install(&Block { address: 4, tag: 2, count: 1, ops: &second }).is_some());
    let (mut registers, mut executions) = (vec![0; REGISTERS], [0; 8]);
    for _ in 0..2 {
        registers[0] = 100;
        let mut memory = Memory::new(&[0; 4]);
        let ran = run_counted(&mut engine, cell, &mut registers, &mut memory, &mut executions, 1000);
        assert_eq!(ran, Some(Outcome { exit: Exit::At, room: 799, looked: None }));
    }
    assert_eq!(executions, [0, 0, 198, 2, 0, 0, 0, 2]);
}

/// Instructions before a block that is joined count where control leaves that by no way out: there is no room for it, or an
/// instruction is left.
#[test]
fn the_way_to_a_joined_block_is_counted() {
    let Some(mut engine) = Engine::new(LAYOUT, PC, Some(RING)) else { return };
    let ops = [
        instruction(0),
        Op::Tally { place: 1 },
        Op::Join { address: 4, tag: 2, count: 5, done: 3 },
        instruction(0),
        instruction(1),
        Op::Guard { condition: Condition::Equal, left: Value::Slot(0), right: Value::Imm(0) },
        Op::Tally { place: 2 },
        Op::JumpIndirect { target: Value::Imm(8), done: 5 },
    ];
    let cell = engine.install(&Block { address: ADDRESS, tag: 1, count: 3, ops: &ops }).expect("there is room");
    let mut executions = [0; 3];
    let cases = [
        (7, 1, Exit::At, 4, [0, 1, 0]),
        (100, 0, Exit::Interpret { tag: 2, index: 1 }, 97, [0, 2, 0]),
        (100, 1, Exit::At, 92, [0, 2, 1]),
    ];
    for (room, value, exit, left, counts) in cases {
        let mut registers = vec![0; REGISTERS];
        registers[0] = value;
        let mut memory = Memory::new(&[0; 4]);
        let ran = run_counted(&mut engine, cell, &mut registers, &mut memory, &mut executions, room);
        assert_eq!(ran, Some(Outcome { exit, room: left, looked: None }));
        assert_eq!(executions, counts);
    }
}

/// Where a block counts is an engine's own, even if its code is another one's.
#[test]
fn shared_code_counts_where_its_engine_says() {
    let pool = Arc::<CodePool>::default();
    for place in [2, 5] {
        let Some(mut engine) = Engine::sharing(LAYOUT, PC, Some(RING), Some(Arc::clone(&pool))) else { return };
        let ops = [instruction(0), Op::Tally { place }, Op::JumpIndirect { target: Value::Imm(8), done: 1 }];
        let cell = engine.install(&Block { address: ADDRESS, tag: 1, count: 1, ops: &ops }).expect("there is room");
        let (mut registers, mut executions) = (vec![0; REGISTERS], [0; 6]);
        let mut memory = Memory::new(&[0; 4]);
        let ran = run_counted(&mut engine, cell, &mut registers, &mut memory, &mut executions, 9);
        assert_eq!(ran, Some(Outcome { exit: Exit::At, room: 8, looked: None }));
        let mut expected = [0; 6];
        expected[place as usize] = 1;
        assert_eq!(executions, expected);
    }
}

/// An engine for other memory makes its own code: what lies outside of its window is left to the interpreter.
#[test]
fn code_for_other_memory_is_not_shared() {
    let pool = Arc::<CodePool>::default();
    let load = Op::Load {
        to: 0,
        width: Width::Byte,
        signed: false,
        base: Value::Imm(LAYOUT.data.base),
        offset: 0x7FF,
        last: false,
    };
    let ops = [instruction(0), load, Op::JumpIndirect { target: Value::Imm(8), done: 1 }];
    let block = Block { address: ADDRESS, tag: TAG, count: 1, ops: &ops };
    let small = WindowLayout { data: Window { size: 0x600, ..LAYOUT.data }, ..LAYOUT };
    for (layout, exit) in [(LAYOUT, Exit::At), (small, Exit::Interpret { tag: TAG, index: 0 })] {
        let Some(mut engine) = Engine::sharing(layout, PC, Some(RING), Some(Arc::clone(&pool))) else { return };
        let cell = engine.install(&block).expect("there is room");
        let mut memory = Memory::new(&[0; 4]);
        memory.data.truncate(layout.data.size as usize);
        let ran = run(&mut engine, cell, &mut vec![0; REGISTERS], &mut memory, 9);
        assert_eq!(ran.map(|outcome| outcome.exit), Some(exit));
    }
}
