//! The operations as a plain interpreter reads them.

use std::sync::Arc;

use espalier_core::CacheLines;
use espalier_jit::{
    Access, Binary, Block, Condition, Exit, Float, FloatCondition, Moment, Op, Outcome, Outside, Page, Reached, Ring,
    Slot, Space, SteadyWords, Unary, Value, Width, WindowLayout, Windows,
};

/// The memory behind the windows.
#[derive(Clone, Debug)]
pub struct Memory {
    pub data: Vec<u8>,
    pub data_versions: Vec<u32>,
    pub words: Vec<u8>,
    pub word_versions: Vec<u32>,
    pub steady: SteadyWords,
    pub lines: CacheLines,
    pub pages: Vec<Option<Arc<Page>>>,
    /// Everything that was asked of devices.
    pub asked: Vec<Asked>,
}

/// Something that was asked of devices, or told them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Looked { left: u32 },
    Register { address: u32, written: Option<u32>, moment: Moment },
}

/// Where registers of devices lie. Of eight, one refuses, two have to be waited for, and behind one of these and another one a run ends.
pub const REGISTERS_OF_DEVICES: u32 = 0x6000_0000;

/// Where memory lies that is read by pages. Of its lines, every other one is in the cache at the start of each page.
pub const PAGED: u32 = 0x20_0000;

fn pattern(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|index| (index as u8).wrapping_mul(37).wrapping_add(seed)).collect()
}

/// Where the words of registers are that read as they did.
pub const STEADY: u32 = 0x5000_0000;

impl Memory {
    /// Memory of any content whose four pages of data that have versions have these.
    pub fn new(versions: &[u32]) -> Memory {
        let page = |seed| Some(Arc::new(pattern(seed, 0x1_0000).try_into().expect("the length of a page")));
        let mut steady = SteadyWords::NONE;
        [0, 2, 5, 16].iter().for_each(|word| steady.put(STEADY + 4 * word, !word));
        let mut lines = CacheLines::EMPTY;
        for page in 0..3 {
            (0..0x1000).step_by(64).for_each(|offset| _ = lines.fill(PAGED + page * 0x1_0000 + offset));
        }
        Memory {
            lines,
            data: pattern(1, 0x800),
            data_versions: versions.to_vec(),
            words: pattern(2, 0x200),
            word_versions: vec![4, 5],
            steady,
            pages: vec![page(3), None, page(4)],
            asked: Vec::new(),
        }
    }

    /// A device whose registers read differently each time, and which writes to memory itself.
    fn reach(&mut self, address: u32, written: Option<u32>, moment: Moment) -> Reached {
        self.asked.push(Asked::Register { address, written, moment });
        let value = moment.left.wrapping_mul(0x9E37_79B9) ^ address;
        self.data[..4].copy_from_slice(&written.unwrap_or(value).to_le_bytes());
        let waited = (moment.left - moment.needed).min(3);
        match address / 4 % 8 {
            1 => Reached::GoOn(Access { value, waited }),
            3 => Reached::Refused,
            5 => Reached::Stop(Access { value, waited: 0 }),
            6 => Reached::Stop(Access { value, waited }),
            _ => Reached::GoOn(Access { value, waited: 0 }),
        }
    }

    fn load(&self, layout: &WindowLayout, address: u32, bytes: u32, constant: bool) -> Option<u32> {
        let read = |memory: &[u8], offset: u32| {
            let bytes = &memory[offset as usize..][..bytes as usize];
            bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
        };
        if let Some(offset) = layout.words.offset(address, 4)
            && constant
            && bytes == 4
            && address.is_multiple_of(4)
        {
            return Some(read(&self.words, offset));
        }
        if let Some(offset) = layout.data.offset(address, bytes) {
            return Some(read(&self.data, offset));
        }
        let offset = layout.paged.offset(address, bytes).filter(|_| address.is_multiple_of(bytes))?;
        if layout.cached && !self.lines.holds(address) {
            return None;
        }
        Some(read(&self.pages[(offset >> 16) as usize].as_ref()?[..], offset & 0xffff))
    }

    fn store(&mut self, layout: &WindowLayout, address: u32, bytes: u32, value: u32) -> Option<()> {
        let offset = layout.data.offset(address, bytes)?;
        if offset + bytes > layout.versioned_from {
            let page = offset.wrapping_sub(layout.versioned_from) / espalier_core::CODE_PAGE;
            if !address.is_multiple_of(bytes) || self.data_versions[page as usize] & 1 != 0 {
                return None;
            }
        }
        self.data[offset as usize..][..bytes as usize].copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
        Some(())
    }
}

impl Outside for Memory {
    fn windows(&mut self) -> Option<Windows<'_>> {
        Some(Windows {
            data: &mut self.data,
            data_versions: &self.data_versions,
            words: &self.words,
            word_versions: &self.word_versions,
            steady: &self.steady,
            lines: &self.lines,
        })
    }

    fn looked(&mut self, left: u32) {
        self.asked.push(Asked::Looked { left });
    }

    fn read(&mut self, address: u32, moment: Moment) -> Reached {
        self.reach(address, None, moment)
    }

    fn write(&mut self, address: u32, value: u32, moment: Moment) -> Reached {
        self.reach(address, Some(value), moment)
    }
}

fn holds(condition: Condition, left: u32, right: u32) -> bool {
    match condition {
        Condition::Equal => left == right,
        Condition::NotEqual => left != right,
        Condition::LessSigned => (left as i32) < right as i32,
        Condition::GreaterOrEqualSigned => left as i32 >= right as i32,
        Condition::LessUnsigned => left < right,
        Condition::GreaterOrEqualUnsigned => left >= right,
        Condition::Disjoint => left & right == 0,
        Condition::Overlap => left & right != 0,
    }
}

fn compute(op: Binary, left: u32, right: u32) -> Option<u32> {
    let product = u64::from(left) * u64::from(right);
    let signed = i64::from(left as i32) * i64::from(right as i32);
    let divisor = || (right != 0).then_some(right);
    let signed_divisor = || (right != 0 && right != u32::MAX).then_some(right as i32);
    Some(match op {
        Binary::Add => left.wrapping_add(right),
        Binary::Sub => left.wrapping_sub(right),
        Binary::And => left & right,
        Binary::Or => left | right,
        Binary::Xor => left ^ right,
        Binary::ShiftLeft => left << (right & 31),
        Binary::ShiftRight => left >> (right & 31),
        Binary::ShiftRightSigned => ((left as i32) >> (right & 31)) as u32,
        Binary::Multiply => product as u32,
        Binary::MultiplyHighUnsigned => (product >> 32) as u32,
        Binary::MultiplyHighSigned => (signed >> 32) as u32,
        Binary::DivideUnsigned => left / divisor()?,
        Binary::RemainderUnsigned => left % divisor()?,
        Binary::DivideSigned => (left as i32).wrapping_div(signed_divisor()?) as u32,
        Binary::RemainderSigned => (left as i32).wrapping_rem(signed_divisor()?) as u32,
    })
}

/// Does what a block says once.
pub fn interpret(
    block: &Block<'_>,
    (pc, ring): (Slot, &Ring),
    layout: &WindowLayout,
    registers: &mut [u32],
    memory: &mut Memory,
    room: u32,
    looked: &mut Option<u32>,
) -> Outcome {
    // The part that is being done, and what is left at its start.
    let (mut address, mut tag, mut room, mut most) = (block.address, block.tag, room, block.count);
    let mut instruction = None;
    let refused = |registers: &mut [u32], address, room, looked| {
        registers[usize::from(pc)] = address;
        Outcome { exit: Exit::At, room, looked }
    };
    if room < block.count {
        return refused(registers, address, room, *looked);
    }
    let mut ops = block.ops.iter();
    while let Some(op) = ops.next() {
        match *op {
            Op::Instruction { number, cycle } => {
                instruction = Some((number, cycle));
                continue;
            }
            Op::Join { address: joined, tag: its, count, done } => {
                (address, tag, room, most, instruction) = (joined, its, room - done, count, None);
                if room < count {
                    return refused(registers, address, room, *looked);
                }
                continue;
            }
            Op::When { condition, left, right, count } => {
                let of = |value: Value| match value {
                    Value::Slot(slot) => registers[usize::from(slot)],
                    Value::Imm(value) => value,
                };
                if !holds(condition, of(left), of(right)) {
                    ops = ops.as_slice()[count as usize..].iter();
                }
                continue;
            }
            _ => {}
        }
        let of = |value: Value| match value {
            Value::Slot(slot) => registers[usize::from(slot)],
            Value::Imm(value) => value,
        };
        let word = match *op {
            Op::Load { width: Width::Word, base, offset, last, .. } => {
                let (address, constant) = (of(base).wrapping_add(offset), matches!(base, Value::Imm(_)));
                memory.load(layout, address, 4, constant).is_none().then_some((address, None, last))
            }
            Op::Store { from, width: Width::Word, base, offset, last } => {
                Some((of(base).wrapping_add(offset), Some(of(from)), last))
            }
            _ => None,
        };
        if let (Some((register, written, last)), Some((index, cycle))) = (word, instruction) {
            let value = match memory.steady.get(register) {
                Some(value) if written.is_none() => {
                    *looked = Some(room - cycle);
                    Some(value)
                }
                _ if last && layout.registers.offset(register, 4).is_some() && register.is_multiple_of(4) => {
                    memory.asked.extend(looked.take().map(|left| Asked::Looked { left }));
                    let moment = Moment { left: room - cycle, needed: most - cycle, block: address };
                    match memory.reach(register, written, moment) {
                        Reached::GoOn(Access { value, waited }) => {
                            room -= waited;
                            Some(value)
                        }
                        Reached::Stop(Access { value, waited }) => {
                            room -= waited;
                            if let Op::Load { to, .. } = *op {
                                registers[usize::from(to)] = value;
                            }
                            return Outcome { exit: Exit::Interpret { tag, index: index + 1 }, room, looked: None };
                        }
                        Reached::Refused => {
                            return Outcome { exit: Exit::Interpret { tag, index }, room, looked: None };
                        }
                    }
                }
                _ => None,
            };
            if let Some(value) = value {
                if let Op::Load { to, .. } = *op {
                    registers[usize::from(to)] = value;
                }
                continue;
            }
        }
        match one(op, (ring, layout), registers, memory, room) {
            Some(Step::Next) => {}
            Some(Step::Leave { exit, target, done }) => {
                registers[usize::from(pc)] = target;
                return Outcome { exit, room: room - done, looked: *looked };
            }
            None => {
                return match instruction {
                    Some((index, _)) => Outcome { exit: Exit::Interpret { tag, index }, room, looked: *looked },
                    None => refused(registers, address, room, *looked),
                };
            }
        }
    }
    unreachable!("a block ends with a jump")
}

enum Step {
    Next,
    Leave { exit: Exit, target: u32, done: u32 },
}

/// Does one operation. None if the interpreter has to.
fn one(
    op: &Op,
    (ring, layout): (&Ring, &WindowLayout),
    registers: &mut [u32],
    memory: &mut Memory,
    room: u32,
) -> Option<Step> {
    let of = |value: Value| match value {
        Value::Slot(slot) => registers[usize::from(slot)],
        Value::Imm(value) => value,
    };
    let wide = |high: Value, low: Value| u64::from(of(high)) << 32 | u64::from(of(low));
    let result = match *op {
        Op::Instruction { .. } | Op::Forget { .. } | Op::Tally { .. } => return Some(Step::Next),
        Op::When { .. } | Op::Join { .. } => unreachable!("the loop does it"),
        Op::Move { to, from } => (to, of(from)),
        Op::Binary { op, to, left, right } => (to, compute(op, of(left), of(right))?),
        Op::Float { op, to, left, right } => {
            let [accumulator, left, right] = [Value::Slot(to), left, right].map(|value| f32::from_bits(of(value)));
            let result = match op {
                Float::Add => left + right,
                Float::Sub => left - right,
                Float::Multiply => left * right,
                Float::MultiplyAdd => left.mul_add(right, accumulator),
                Float::MultiplySubtract => (-left).mul_add(right, accumulator),
            };
            if !result.is_normal() || result.abs() < 2.0 * f32::MIN_POSITIVE {
                return None;
            }
            (to, result.to_bits())
        }
        Op::FloatSet { to, condition, left, right } => {
            let order = f32::from_bits(of(left)).partial_cmp(&f32::from_bits(of(right)))?;
            let holds = match condition {
                FloatCondition::Never => false,
                FloatCondition::Equal => order.is_eq(),
                FloatCondition::Less => order.is_lt(),
                FloatCondition::LessOrEqual => order.is_le(),
            };
            (to, u32::from(holds))
        }
        Op::FloatToSigned { to, from, nearest } => {
            let from = f64::from(f32::from_bits(of(from)));
            let whole = if nearest { from.round_ties_even() } else { from.trunc() };
            // None of them is between the ends and what lies beyond.
            if whole.is_nan() || whole <= f64::from(i32::MIN) || whole > f64::from(i32::MAX) {
                return None;
            }
            (to, whole as i32 as u32)
        }
        Op::ToFloat { to, from, signed: true } => (to, (of(from) as i32 as f32).to_bits()),
        Op::ToFloat { to, from, signed: false } => (to, (of(from) as f32).to_bits()),
        Op::Count { to, end, done } => (to, of(Value::Slot(end)).wrapping_sub(room).wrapping_add(done)),
        Op::Unary { op: Unary::LeadingZeros, to, from } => (to, of(from).leading_zeros()),
        Op::Unary { op: Unary::LowestBit, to, from } => (to, of(from).trailing_zeros()),
        Op::Funnel { to, high, low, amount } => (to, (wide(high, low) >> (of(amount) & 63)) as u32),
        Op::LongShiftRightSigned { to, from, amount } => (to, (i64::from(of(from) as i32) >> (of(amount) & 63)) as u32),
        Op::Select { to, condition, left, right, then } => {
            (to, if holds(condition, of(left), of(right)) { of(then) } else { of(Value::Slot(to)) })
        }
        Op::Set { to, condition, left, right } => (to, u32::from(holds(condition, of(left), of(right)))),
        Op::Load { to, width, signed, base, offset, .. } => {
            let constant = matches!(base, Value::Imm(_));
            let value = memory.load(layout, of(base).wrapping_add(offset), width.bytes(), constant)?;
            let value = match (width, signed) {
                (Width::Byte, true) => value as i8 as u32,
                (Width::Half, true) => value as i16 as u32,
                _ => value,
            };
            (to, value)
        }
        Op::Store { from, width, base, offset, .. } => {
            memory.store(layout, of(base).wrapping_add(offset), width.bytes(), of(from))?;
            return Some(Step::Next);
        }
        Op::Watch { filter, base, offset } => {
            let bits = wide(Value::Slot(filter + 1), Value::Slot(filter));
            let line = of(base).wrapping_add(offset) >> 6 & 63;
            return (bits >> line & 1 == 0).then_some(Step::Next);
        }
        Op::Guard { condition, left, right } => {
            return (!holds(condition, of(left), of(right))).then_some(Step::Next);
        }
        Op::Version { space, page, expected } => {
            let versions = match space {
                Space::Data => &memory.data_versions,
                Space::Words => &memory.word_versions,
            };
            return (versions[page as usize] == expected).then_some(Step::Next);
        }
        Op::Line { address } => return memory.lines.holds(address).then_some(Step::Next),
        Op::Rotate { to } => {
            let [visible, file, base, groups] = [ring.visible, ring.file, ring.base, ring.groups].map(usize::from);
            let to = of(to) as usize % groups;
            let place = |group: usize, shown: usize| file + 4 * ((group + shown) % groups);
            for shown in 0..usize::from(ring.shown) {
                registers
                    .copy_within(visible + 4 * shown..visible + 4 * shown + 4, place(registers[base] as usize, shown));
            }
            for shown in 0..usize::from(ring.shown) {
                let from = place(to, shown);
                registers.copy_within(from..from + 4, visible + 4 * shown);
            }
            registers[base] = to as u32;
            return Some(Step::Next);
        }
        Op::Branch { condition, left, right, target, done } => {
            let exit = Exit::At;
            return Some(if holds(condition, of(left), of(right)) {
                Step::Leave { exit, target, done }
            } else {
                Step::Next
            });
        }
        Op::Look { condition, left, right, target, done } => {
            let exit = Exit::Look;
            return Some(if holds(condition, of(left), of(right)) {
                Step::Leave { exit, target, done }
            } else {
                Step::Next
            });
        }
        Op::Jump { target, done } => return Some(Step::Leave { exit: Exit::At, target, done }),
        Op::JumpIndirect { target, done } => return Some(Step::Leave { exit: Exit::At, target: of(target), done }),
        Op::Leave => return None,
    };
    registers[usize::from(result.0)] = result.1;
    Some(Step::Next)
}
