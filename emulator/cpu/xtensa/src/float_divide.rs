//! Helpers of the division, reciprocal and square root sequences.
//!
//! Compilers expand a division or square root to a fixed sequence around these instructions. The manual does not publish
//! the tables and the intermediate format that silicon uses, so what is exact here is the outcome of the sequences:
//! `MKDADJ.S` and `MKSADJ.S` already carry the correctly rounded quotient or root, `ADDEXPM.S` moves it into the result
//! register and `DIVN.S` leaves it there. The seeds (`DIV0.S`, `RECIP0.S`, `SQRT0.S`, `RSQRT0.S`) are more precise than
//! silicon's, and `MADDN.S` is the fused multiply-add that the manual describes, so that reciprocal sequences, which
//! have no such last step, converge to the right value as well.

use crate::float_number::{DEFAULT_NAN, INFINITY, Rounding, SIGN, multiply_add, narrow, propagate, to_odd, value};
use crate::register::flag;

const EXPONENT: u32 = 0xff << FRACTION_BITS;
const FRACTION_BITS: u32 = 23;
const BIAS: u32 = 127;

/// Results carry no flags before the sequence's last step.
const SILENT: u32 = 0;

/// `MADDN.S`: multiply-add that always rounds to nearest and raises no flags.
pub(crate) fn maddn(fr: u32, fs: u32, ft: u32) -> (u32, u32) {
    (multiply_add(fr, fs, ft, Rounding::Nearest).0, SILENT)
}

/// `DIVN.S`: the result register already holds the rounded result.
pub(crate) fn divn(fr: u32) -> (u32, u32) {
    (fr, SILENT)
}

/// `DIV0.S`: an approximation of the reciprocal of the operand as `NEXP01.S` reduces it.
pub(crate) fn div0(fs: u32) -> (u32, u32) {
    (canonical(1.0 / f32::from_bits(reduce(fs))), SILENT)
}

/// `RECIP0.S`: an approximation of the reciprocal.
pub(crate) fn recip0(fs: u32) -> (u32, u32) {
    let flags = if fs & !SIGN == 0 { flag::DIVIDE_BY_ZERO } else { SILENT };
    (canonical(1.0 / f32::from_bits(fs)), flags)
}

/// `SQRT0.S`: an approximation of the reciprocal square root of the operand as `NEXP01.S` reduces it.
pub(crate) fn sqrt0(fs: u32) -> (u32, u32) {
    (canonical(1.0 / f32::from_bits(reduce(fs)).sqrt()), SILENT)
}

/// `RSQRT0.S`: an approximation of the reciprocal square root.
pub(crate) fn rsqrt0(fs: u32) -> (u32, u32) {
    (canonical(1.0 / f32::from_bits(fs).sqrt()), SILENT)
}

/// The operand with its exponent reduced to 0 or 1, its parity kept.
fn reduce(fs: u32) -> u32 {
    let exponent = (fs & EXPONENT) >> FRACTION_BITS;
    let reduced = BIAS + (exponent.wrapping_sub(BIAS) & 1);
    fs & !EXPONENT | reduced << FRACTION_BITS
}

/// `NEXP01.S`: the negative of the operand, reduced to 1 up to 4.
pub(crate) fn nexp01(fs: u32) -> (u32, u32) {
    (reduce(fs) ^ SIGN, SILENT)
}

/// `MKDADJ.S`: the quotient of `fs` by `fr`.
pub(crate) fn mkdadj(divisor: u32, dividend: u32, rounding: Rounding) -> (u32, u32) {
    if let Some(result) = propagate(&[dividend, divisor]) {
        return result;
    }
    let (x, y) = (value(dividend), value(divisor));
    let quotient = x / y;
    if quotient.is_nan() {
        return (DEFAULT_NAN, flag::INVALID);
    }
    if y == 0.0 && x.is_finite() {
        return ((dividend ^ divisor) & SIGN | INFINITY, flag::DIVIDE_BY_ZERO);
    }
    let remainder = quotient.mul_add(-y, x);
    let error = if (remainder > 0.0) == (y > 0.0) { remainder.abs() } else { -remainder.abs() };
    narrow(if y.is_finite() { to_odd(quotient, error) } else { quotient }, rounding)
}

/// `MKSADJ.S`: the square root.
pub(crate) fn mksadj(fs: u32, rounding: Rounding) -> (u32, u32) {
    if let Some(result) = propagate(&[fs]) {
        return result;
    }
    let x = value(fs);
    let root = x.sqrt();
    if root.is_nan() {
        return (DEFAULT_NAN, flag::INVALID);
    }
    narrow(to_odd(root, root.mul_add(-root, x)), rounding)
}

/// `ADDEXP.S`: nothing is left to adjust.
pub(crate) fn addexp(fr: u32) -> (u32, u32) {
    (fr, SILENT)
}

/// `ADDEXPM.S`: moves what `MKDADJ.S` or `MKSADJ.S` made.
pub(crate) fn addexpm(fs: u32) -> (u32, u32) {
    (fs, SILENT)
}

/// Hosts differ in the NaNs that they make.
fn canonical(x: f32) -> u32 {
    if x.is_nan() { DEFAULT_NAN } else { x.to_bits() }
}
