//! Code of the host in the making, and what its assemblers have in common.
//!
//! An assembler of a host adds instructions to [`Assembler`]. All of them offer the same ones, which the translation is made of:
//! operations on registers are 32 bits wide unless the name says otherwise. What is too far from one host to the other is one
//! operation here and several instructions there.

use crate::ir::Width;

/// A register of the host by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reg(pub u8);

/// An operand as operations take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Reg(Reg),
    Imm(u32),
}

/// Operations on two operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alu {
    Add,
    Or,
    And,
    Sub,
    Xor,
    Cmp,
}

/// Shifts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shift {
    Left,
    Right,
    RightSigned,
}

/// The part of a product of two words that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Product {
    Low,
    HighUnsigned,
    HighSigned,
}

/// The result of a division that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Division {
    Quotient,
    Remainder,
}

/// Conditions after a comparison, those without signs after one of single-precision numbers, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cc {
    Below,
    AboveOrEqual,
    Equal,
    NotEqual,
    BelowOrEqual,
    /// One of two single-precision numbers is none.
    Unordered,
    Less,
    GreaterOrEqual,
}

/// Operations on two single-precision numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    Add,
    Multiply,
    Sub,
}

/// The extension of a loaded value.
#[derive(Clone, Copy, Debug)]
pub(super) enum LoadKind {
    Byte,
    ByteSigned,
    Half,
    HalfSigned,
    Word,
}

impl LoadKind {
    pub fn of(width: Width, signed: bool) -> LoadKind {
        match (width, signed) {
            (Width::Byte, false) => LoadKind::Byte,
            (Width::Byte, true) => LoadKind::ByteSigned,
            (Width::Half, false) => LoadKind::Half,
            (Width::Half, true) => LoadKind::HalfSigned,
            (Width::Word, _) => LoadKind::Word,
        }
    }
}

/// Code that every block shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stub {
    /// The end of a run.
    Out,
    /// The guest is at the address in `A`.
    At,
    /// The interpreter has to do the instruction in `B` of the block in `A`.
    Interpret,
    /// The guest is at the address in `A`, and the core has to look at its interrupts.
    Look,
    /// Goes on at the address in `A`.
    Indirect,
    /// Copies what the window of the ring shows beyond the end of the file. Called with the new base in `C`, and what has to be added to
    /// it for a window that reaches there; leaves `B` alone.
    Wrap,
    /// Reaches for the register at the address in `A`, with the value in `C` and the spot in `B`: see [`Reach`](super::context::Reach).
    /// Leaves in `A` what that returns, and the registers that hold those of the guest alone.
    Reach,
}

/// Kinds of words that depend on the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The distance of shared code.
    Stub(Stub),
    /// The offset of the cell of a guest address.
    Cell(u32),
    /// The tag of the block, or of the one that the operation with this number joins to it.
    Tag(Option<u32>),
    /// The offset of the count of the tally that is the operation with this number.
    Tally(u32),
}

/// The content of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The distance of this address.
    DistanceOf(u64),
    /// The word itself.
    Is(u32),
}

/// A value that goes into code which was written without it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patch {
    /// The distance of the target from the place.
    Distance(i64),
    /// A word.
    Word(u32),
}

/// Puts it into code at an offset, which is that of the label or word when it was noted.
type Apply = fn(&mut [u8], usize, Patch);

/// Code without the words that depend on the engine which it is for.
#[derive(Debug)]
pub(super) struct Code {
    bytes: Box<[u8]>,
    places: Box<[(usize, Place)]>,
    apply: Apply,
}

impl Code {
    /// The code as it has to be when it lies at `address`.
    pub fn at(&self, address: u64, mut word: impl FnMut(Place) -> Word) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        for (offset, place) in &self.places {
            let patch = match word(*place) {
                Word::DistanceOf(target) => {
                    Patch::Distance(target.wrapping_sub(address.wrapping_add(*offset as u64)).cast_signed())
                }
                Word::Is(word) => Patch::Word(word),
            };
            (self.apply)(&mut bytes, *offset, patch);
        }
        bytes
    }
}

/// A place in the code that something jumps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

/// Code in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    pub code: Vec<u8>,
    labels: Vec<Option<usize>>,
    /// Where the displacements of jumps to labels are.
    jumps: Vec<(usize, Label)>,
    /// Where the words are that depend on the engine which the code is for.
    places: Vec<(usize, Place)>,
}

impl Assembler {
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// The displacement of a jump to the label is here.
    pub(super) fn note_jump(&mut self, label: Label) {
        self.jumps.push((self.code.len(), label));
    }

    /// A word that depends on the engine is here.
    pub(super) fn note_place(&mut self, place: Place) {
        self.places.push((self.code.len(), place));
    }

    /// The code, for any engine.
    pub(super) fn resolve(mut self, apply: Apply) -> Code {
        for (place, label) in &self.jumps {
            let target = self.labels[label.0].expect("a label is bound before the code is finished");
            apply(&mut self.code, *place, Patch::Distance(target as i64 - *place as i64));
        }
        Code { bytes: self.code.into(), places: self.places.into(), apply }
    }
}
