//! General registers.

/// Number of general registers.
pub(crate) const REGISTERS: u8 = 32;
/// Where the register file puts what is written to `zero`, whose own place always holds 0.
pub(crate) const SINK: u8 = REGISTERS;
/// Places of the register file: a power of two, so that an index needs no check.
pub(crate) const PLACES: usize = 64;

/// Places for the address of the next instruction and for what is computed on the way, of which only translated code knows.
pub(crate) const PC: u16 = 33;
pub(crate) const SCRATCH: u16 = 34;

pub(crate) const ZERO: u8 = 0;
pub(crate) const RA: u8 = 1;
pub(crate) const SP: u8 = 2;

const NAMES: [&str; REGISTERS as usize] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
    "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// The name of general register `number` in the calling convention.
pub fn register_name(number: u8) -> &'static str {
    NAMES[usize::from(number % REGISTERS)]
}
