//! Instructions: their encoding and their time (TRM, section "Instruction Set").

use espalier_core::Field;

const OPCODE: Field = Field::new("OPCODE", 28, 31);
const SUB_OPCODE: Field = Field::new("SUB_OPCODE", 25, 27);
const FIRST: Field = Field::new("FIRST", 0, 1);
const SECOND: Field = Field::new("SECOND", 2, 3);
const THIRD: Field = Field::new("THIRD", 4, 5);
const IMMEDIATE: Field = Field::new("IMM", 4, 19);
const COUNTED: Field = Field::new("COUNTED", 4, 11);
const SELECT: Field = Field::new("SEL", 21, 24);
const OFFSET: Field = Field::new("OFFSET", 10, 20);
const TARGET: Field = Field::new("TARGET", 2, 12);
const BY_REGISTER: Field = Field::new("BY_REGISTER", 21, 21);
const JUMP_TYPE: Field = Field::new("TYPE", 22, 24);
const COMPARED: Field = Field::new("COMPARED", 0, 15);
const NOT_BELOW: Field = Field::new("CMP", 16, 16);
const COUNTER_COMPARED: Field = Field::new("COUNTER_COMPARED", 0, 7);
const COUNTER_COMPARISON: Field = Field::new("COUNTER_CMP", 15, 16);
const DISTANCE: Field = Field::new("DISTANCE", 17, 23);
const BACKWARDS: Field = Field::new("SIGN", 24, 24);
const WORD: Field = Field::new("WORD", 0, 9);
const DATA: Field = Field::new("DATA", 10, 17);
const LOW: Field = Field::new("LOW", 18, 22);
const HIGH: Field = Field::new("HIGH", 23, 27);
const DELAY: Field = Field::new("DELAY", 0, 15);
const MUX: Field = Field::new("MUX", 2, 5);
const SECOND_ADC: Field = Field::new("SAR_SEL", 6, 6);
const TEMPERATURE_WAIT: Field = Field::new("WAIT", 2, 15);
const I2C_REGISTER: Field = Field::new("I2C_ADDR", 0, 7);
const I2C_DATA: Field = Field::new("I2C_DATA", 8, 15);
const I2C_LOW: Field = Field::new("LOW_BITS", 16, 18);
const I2C_HIGH: Field = Field::new("HIGH_BITS", 19, 21);
const I2C_DEVICE: Field = Field::new("I2C_SEL", 22, 25);
const I2C_WRITES: Field = Field::new("RW", 27, 27);
const PERIOD: Field = Field::new("CYCLE_SEL", 0, 3);
/// Periods of the timer.
pub(super) const PERIODS: u32 = 5;

/// A second operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Register(usize),
    Immediate(u16),
}

/// Operations of the ALU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alu {
    Add,
    Sub,
    And,
    Or,
    /// Its operand stands where the others have their first one.
    Move(Operand),
    ShiftLeft,
    ShiftRight,
}

/// When a jump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    Zero,
    Overflow,
    /// Of R0.
    Below(u16),
    NotBelow(u16),
    /// Of the stage counter.
    CounterBelow(u8),
    CounterNotBelow(u8),
    CounterUpTo(u8),
}

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    Alu {
        operation: Alu,
        to: usize,
        a: usize,
        b: Operand,
    },
    /// The stage counter is changed by so much, or is cleared.
    Counter(Option<u8>),
    Load {
        to: usize,
        from: usize,
        offset: u16,
    },
    Store {
        data: usize,
        to: usize,
        offset: u16,
    },
    Jump {
        to: Operand,
        condition: Condition,
    },
    Branch {
        distance: i16,
        condition: Condition,
    },
    ReadRegister {
        word: u16,
        low: u32,
        high: u32,
    },
    WriteRegister {
        word: u16,
        low: u32,
        high: u32,
        data: u32,
    },
    Delay(u16),
    Convert {
        to: usize,
        /// The second converter does it, or the first one.
        second: bool,
        channel: usize,
    },
    Temperature {
        to: usize,
        wait: u32,
    },
    /// A register of a device is written, or read into R0; bits that are not from `low` to `high` are zero.
    I2c {
        device: usize,
        register: u8,
        data: Option<u8>,
        low: u32,
        high: u32,
    },
    Wake,
    /// The timer takes its period from this register from now on.
    Period(u8),
    /// It stops. What is no instruction does that, too.
    Halt,
}

impl Instruction {
    /// Whether it has to do with more than memory.
    pub(super) fn reaches_out(self) -> bool {
        use Instruction::{Convert, I2c, ReadRegister, Temperature, Wake, WriteRegister};
        matches!(
            self,
            ReadRegister { .. } | WriteRegister { .. } | Convert { .. } | Temperature { .. } | I2c { .. } | Wake
        )
    }

    /// Cycles of the fast RTC clock, with those that it takes to fetch the next one.
    pub(super) fn cycles(self) -> u64 {
        match self {
            Instruction::Alu { .. } | Instruction::Counter(_) | Instruction::Wake | Instruction::Period(_) => 6,
            Instruction::Load { .. } | Instruction::Store { .. } | Instruction::ReadRegister { .. } => 8,
            Instruction::WriteRegister { .. } => 12,
            // The time of the transaction comes to it.
            Instruction::Jump { .. } | Instruction::Branch { .. } | Instruction::I2c { .. } => 4,
            Instruction::Delay(cycles) => 6 + u64::from(cycles),
            Instruction::Convert { .. } => 27,
            Instruction::Temperature { wait, .. } => 6 + u64::from(wait),
            Instruction::Halt => 2,
        }
    }
}

fn register(field: Field, word: u32) -> usize {
    field.get(word) as usize
}

/// An operation of the ALU; `source` is the operand of a move.
fn alu(word: u32, source: Operand) -> Option<Alu> {
    Some(match SELECT.get(word) {
        0 => Alu::Add,
        1 => Alu::Sub,
        2 => Alu::And,
        3 => Alu::Or,
        4 => Alu::Move(source),
        5 => Alu::ShiftLeft,
        6 => Alu::ShiftRight,
        _ => return None,
    })
}

fn calculation(word: u32) -> Option<Instruction> {
    let (to, a) = (register(FIRST, word), register(SECOND, word));
    let immediate = Operand::Immediate(IMMEDIATE.get(word) as u16);
    Some(match SUB_OPCODE.get(word) {
        0 => {
            let operation = alu(word, Operand::Register(a))?;
            Instruction::Alu { operation, to, a, b: Operand::Register(register(THIRD, word)) }
        }
        1 => Instruction::Alu { operation: alu(word, immediate)?, to, a, b: immediate },
        2 => {
            let by = COUNTED.get(word) as u8;
            Instruction::Counter(match SELECT.get(word) {
                0 => Some(by),
                1 => Some(by.wrapping_neg()),
                2 => None,
                _ => return None,
            })
        }
        _ => return None,
    })
}

fn jump(word: u32) -> Option<Instruction> {
    let distance = DISTANCE.get(word) as i16;
    let distance = if BACKWARDS.is_set(word) { -distance } else { distance };
    let condition = match SUB_OPCODE.get(word) {
        0 => {
            let to = match BY_REGISTER.is_set(word) {
                true => Operand::Register(register(FIRST, word)),
                false => Operand::Immediate(TARGET.get(word) as u16),
            };
            let condition = match JUMP_TYPE.get(word) {
                0 => Condition::Always,
                1 => Condition::Zero,
                2 => Condition::Overflow,
                _ => return None,
            };
            return Some(Instruction::Jump { to, condition });
        }
        1 if NOT_BELOW.is_set(word) => Condition::NotBelow(COMPARED.get(word) as u16),
        1 => Condition::Below(COMPARED.get(word) as u16),
        2 => {
            let compared = COUNTER_COMPARED.get(word) as u8;
            match COUNTER_COMPARISON.get(word) {
                0 => Condition::CounterBelow(compared),
                1 => Condition::CounterNotBelow(compared),
                _ => Condition::CounterUpTo(compared),
            }
        }
        _ => return None,
    };
    Some(Instruction::Branch { distance, condition })
}

/// The instruction in a word.
pub(super) fn decode(word: u32) -> Instruction {
    let (to, second, offset) = (register(FIRST, word), register(SECOND, word), OFFSET.get(word) as u16);
    let (at, low, high) = (WORD.get(word) as u16, LOW.get(word), HIGH.get(word));
    let instruction = match OPCODE.get(word) {
        1 => Some(Instruction::WriteRegister { word: at, low, high, data: DATA.get(word) }),
        2 => Some(Instruction::ReadRegister { word: at, low, high }),
        3 => Some(Instruction::I2c {
            device: register(I2C_DEVICE, word),
            register: I2C_REGISTER.get(word) as u8,
            data: I2C_WRITES.is_set(word).then(|| I2C_DATA.get(word) as u8),
            low: I2C_LOW.get(word),
            high: I2C_HIGH.get(word),
        }),
        4 => Some(Instruction::Delay(DELAY.get(word) as u16)),
        5 => {
            // The multiplexer counts from one.
            let channel = register(MUX, word).wrapping_sub(1);
            Some(Instruction::Convert { to, second: SECOND_ADC.is_set(word), channel })
        }
        6 if SUB_OPCODE.get(word) == 4 => Some(Instruction::Store { data: to, to: second, offset }),
        7 => calculation(word),
        8 => jump(word),
        9 => match SUB_OPCODE.get(word) {
            0 => Some(Instruction::Wake),
            1 if PERIOD.get(word) < PERIODS => Some(Instruction::Period(PERIOD.get(word) as u8)),
            _ => None,
        },
        10 => Some(Instruction::Temperature { to, wait: TEMPERATURE_WAIT.get(word) }),
        13 => Some(Instruction::Load { to, from: second, offset }),
        _ => None,
    };
    instruction.unwrap_or(Instruction::Halt)
}
