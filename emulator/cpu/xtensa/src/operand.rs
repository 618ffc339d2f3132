//! Operands: the kinds that rows of the opcode table name, and the tables of constants behind some of them.

/// A four-bit register field of the instruction word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Bits 15 to 12.
    R,
    /// Bits 11 to 8.
    S,
    /// Bits 7 to 4.
    T,
}

impl Field {
    /// The field's value in `word`.
    pub fn of(self, word: u32) -> u8 {
        let shift = match self {
            Field::R => 12,
            Field::S => 8,
            Field::T => 4,
        };
        (word >> shift & 0xf) as u8
    }
}

/// Kinds of operands. Each fills its own part of an [`Instruction`](crate::Instruction), so that a row of the table cannot name two
/// operands that need the same place unless they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An address register.
    Reg(Field),
    /// A floating-point register.
    Float(Field),
    /// A boolean register.
    Bool(Field),
    /// A group of four boolean registers in `s`, written as its first one.
    BoolGroup4,
    /// A group of eight boolean registers in `s`, written as its first one.
    BoolGroup8,
    /// MAC16 register m0 or m1 in bit 14.
    MacX,
    /// MAC16 register m2 or m3 in bit 6.
    MacY,
    /// MAC16 register m0 to m3 in bits 13 and 12.
    MacW,
    /// Not written: the quarter of the register window that the instruction uses implicitly.
    Hidden(u8),
    /// Not written as an operand: which halves a MAC16 product takes, in the two low bits of `op1`.
    Halves,
    /// Special register number in bits 15 to 8.
    Special,
    /// User register number in `s` and `t`.
    UserRead,
    /// User register number in bits 15 to 8.
    UserWrite,
    /// Interrupt level, or first operand of `BREAK`, in `s`.
    Level,
    /// Second operand of `BREAK` in `t`.
    BreakT,
    /// Signed window rotation in `t`.
    RotateAmount,
    /// Shift amount of `SSAI`.
    SsaiAmount,
    /// Left shift, stored as 32 minus the amount.
    SlliAmount,
    /// Arithmetic right shift.
    SraiAmount,
    /// Logical right shift below 16.
    SrliAmount,
    /// Shift of `EXTUI`; replaces `s`.
    ExtractShift,
    /// Width of `EXTUI`, kept as a mask.
    ExtractMask,
    /// Position of the sign bit of `SEXT` and `CLAMPS`: 7 to 22.
    SignBit,
    /// Power of two of a conversion, in `t`.
    FloatScale,
    /// Index of a floating-point constant, in `s`.
    FloatConstant,
    /// Negative offset of `L32E` and `S32E`: -64 to -4.
    WindowOffset,
    /// Unsigned byte offset.
    Offset8,
    /// Unsigned offset in halfwords.
    Offset8x2,
    /// Unsigned offset in words.
    Offset8x4,
    /// Unsigned offset in words in field `r`.
    OffsetRx4,
    /// Signed 8-bit immediate.
    Immediate8,
    /// Signed 8-bit immediate times 256.
    Immediate8x256,
    /// Signed 12-bit immediate of `MOVI`.
    Immediate12,
    /// Immediate of `MOVI.N`: -32 to 95.
    Immediate7,
    /// Immediate of `ADDI.N`: -1 or 1 to 15.
    ImmediateT,
    /// Stack frame size of `ENTRY`.
    FrameSize,
    /// Address of a literal of `L32R`.
    Literal,
    /// Word-aligned target of a call.
    CallTarget,
    /// Target of `J`.
    JumpTarget,
    /// Branch target with a signed 12-bit distance.
    Target12,
    /// Branch target with a signed 8-bit distance.
    Target8,
    /// Branch target with an unsigned 6-bit distance.
    Target6,
    /// End of a zero-overhead loop, unsigned 8-bit distance.
    LoopEnd,
    /// Index into the table of signed comparison constants, in `r`.
    CompareSigned,
    /// Index into the table of unsigned comparison constants, in `r`.
    CompareUnsigned,
    /// Bit number; replaces `t`.
    BitNumber,
    /// Bit number in `t` and bit 8.
    BitIndex,
    /// So many bits from a bit of the word on, kept in their places.
    Bits(u8, u8),
}

/// Constants of `CONST.S`, by their bits; the manual defines the first four: 0, 1, 2 and 0.5.
pub(crate) const FLOAT_CONSTANTS: [u32; 16] =
    [0, 0x3f80_0000, 0x4000_0000, 0x3f00_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Constants of `BEQI`, `BNEI`, `BLTI` and `BGEI` (ISA manual, table "Branch Immediate (b4const) Encodings").
pub const COMPARE_SIGNED: [u32; 16] = [u32::MAX, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256];
/// Constants of `BLTUI` and `BGEUI` (ISA manual, table "Branch Unsigned Immediate (b4constu) Encodings").
pub const COMPARE_UNSIGNED: [u32; 16] = [32768, 65536, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256];
