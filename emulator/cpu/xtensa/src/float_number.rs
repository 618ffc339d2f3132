//! Numbers of single precision: sums, products and conversions that are computed exactly in `f64` (with an error term where it has too
//! few bits) and rounded once by [`narrow`], so that all four rounding modes and the sticky flags come out the same on every host.

use crate::register::{ROUNDING, flag};

pub(crate) const SIGN: u32 = 1 << 31;
pub(crate) const INFINITY: u32 = 0x7f80_0000;
const LARGEST: u32 = 0x7f7f_ffff;
const QUIET: u32 = 1 << 22;
/// The NaN that invalid operations return.
pub(crate) const DEFAULT_NAN: u32 = 0x7fc0_0000;

/// Rounding modes in the encoding of `FCR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    Nearest,
    Zero,
    Up,
    Down,
}

impl Rounding {
    pub(crate) fn from_fcr(fcr: u32) -> Rounding {
        match fcr & ROUNDING {
            0 => Rounding::Nearest,
            1 => Rounding::Zero,
            2 => Rounding::Up,
            _ => Rounding::Down,
        }
    }
}

pub(crate) fn is_nan(bits: u32) -> bool {
    bits & !SIGN > INFINITY
}

pub(crate) fn is_signaling(bits: u32) -> bool {
    is_nan(bits) && bits & QUIET == 0
}

pub(crate) fn value(bits: u32) -> f64 {
    f64::from(f32::from_bits(bits))
}

/// Rounds `exact`, whose last bit may stand for everything below it, to single precision.
pub(crate) fn narrow(exact: f64, rounding: Rounding) -> (u32, u32) {
    const F64_FRACTION: u32 = 52;
    const F64_BIAS: i32 = 1023;
    const DROPPED: u32 = 29;
    const F32_BIAS: i32 = 127;
    const F32_MIN_EXPONENT: i32 = -126;
    const F32_FRACTION: u32 = 23;

    let bits = exact.to_bits();
    let sign = ((bits >> 32) as u32) & SIGN;
    if exact == 0.0 || exact.is_infinite() {
        return (sign | if exact == 0.0 { 0 } else { INFINITY }, 0);
    }
    let exponent = ((bits >> F64_FRACTION) & 0x7ff) as i32 - F64_BIAS;
    let mantissa = bits & ((1 << F64_FRACTION) - 1) | 1 << F64_FRACTION;
    let subnormal = exponent < F32_MIN_EXPONENT;
    let drop = if subnormal { DROPPED.saturating_add_signed(F32_MIN_EXPONENT - exponent).min(63) } else { DROPPED };
    // The mantissa without its last `drop` bits, rounded, and what was dropped.
    let round = |drop: u32| {
        let (kept, rest, half) = (mantissa >> drop, mantissa & ((1 << drop) - 1), 1u64 << (drop - 1));
        let up = match rounding {
            Rounding::Nearest => rest > half || rest == half && kept & 1 != 0,
            Rounding::Zero => false,
            Rounding::Up => rest != 0 && sign == 0,
            Rounding::Down => rest != 0 && sign != 0,
        };
        (kept as u32 + u32::from(up), rest)
    };
    let (kept, rest) = round(drop);
    // Tininess is detected after rounding: a result is not tiny if, with all bits of a normal number, it rounds up to the smallest.
    let tiny = subnormal && (exponent + 1 < F32_MIN_EXPONENT || round(DROPPED).0 < 2 << F32_FRACTION);
    // The hidden bit of a normal number, and a carry out of the fraction, count up the exponent.
    let result = if subnormal { kept } else { kept.wrapping_add(((exponent + F32_BIAS - 1) as u32) << F32_FRACTION) };
    let inexact = if rest == 0 { 0 } else { flag::INEXACT };
    if exponent > F32_BIAS || result >= INFINITY {
        let to_infinity = match rounding {
            Rounding::Nearest => true,
            Rounding::Zero => false,
            Rounding::Up => sign == 0,
            Rounding::Down => sign != 0,
        };
        return (sign | if to_infinity { INFINITY } else { LARGEST }, flag::OVERFLOW | flag::INEXACT);
    }
    let underflow = if tiny && rest != 0 { flag::UNDERFLOW } else { 0 };
    (sign | result, inexact | underflow)
}

/// Marks in the last bit of `approximate` that the exact value differs from it by something of the sign of `error`.
pub(crate) fn to_odd(approximate: f64, error: f64) -> f64 {
    let bits = approximate.to_bits();
    if error == 0.0 || bits & 1 != 0 || !approximate.is_finite() {
        return approximate;
    }
    let away_from_zero = (error > 0.0) == (approximate > 0.0);
    f64::from_bits(if away_from_zero { bits + 1 } else { bits - 1 })
}

/// `a + b` rounded to odd.
pub(crate) fn add_to_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    // Knuth's two-sum: `sum` plus the error is exact.
    let other = sum - a;
    to_odd(sum, (a - (sum - other)) + (b - other))
}

/// The NaN that an operation on NaNs returns: the first one, made quiet.
pub(crate) fn propagate(operands: &[u32]) -> Option<(u32, u32)> {
    let first = operands.iter().find(|bits| is_nan(**bits))?;
    let invalid = operands.iter().any(|bits| is_signaling(*bits));
    Some((first | QUIET, if invalid { flag::INVALID } else { 0 }))
}

/// `a + x * y` with one rounding.
pub(crate) fn multiply_add(a: u32, x: u32, y: u32, rounding: Rounding) -> (u32, u32) {
    if let Some(result) = propagate(&[a, x, y]) {
        return result;
    }
    add_values(value(a), value(x) * value(y), rounding)
}

pub(crate) fn add_values(a: f64, b: f64, rounding: Rounding) -> (u32, u32) {
    let sum = add_to_odd(a, b);
    if sum.is_nan() {
        return (DEFAULT_NAN, flag::INVALID);
    }
    let both_zero = a == 0.0 && b == 0.0;
    let cancelled = sum == 0.0 && (!both_zero || a.is_sign_negative() != b.is_sign_negative());
    if cancelled && rounding == Rounding::Down {
        return (SIGN, 0);
    }
    narrow(sum, rounding)
}

pub(crate) fn add(a: u32, b: u32, rounding: Rounding) -> (u32, u32) {
    propagate(&[a, b]).unwrap_or_else(|| add_values(value(a), value(b), rounding))
}

pub(crate) fn multiply(a: u32, b: u32, rounding: Rounding) -> (u32, u32) {
    propagate(&[a, b]).unwrap_or_else(|| {
        let product = value(a) * value(b);
        if product.is_nan() { (DEFAULT_NAN, flag::INVALID) } else { narrow(product, rounding) }
    })
}

/// Rounds to an integral value without converting.
pub(crate) fn to_integral(x: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => x.round_ties_even(),
        Rounding::Zero => x.trunc(),
        Rounding::Up => x.ceil(),
        Rounding::Down => x.floor(),
    }
}

pub(crate) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Float to signed integer, saturating; NaN becomes the largest integer.
pub(crate) fn to_signed(bits: u32, scale: u8, rounding: Rounding) -> (u32, u32) {
    if is_nan(bits) {
        return (i32::MAX as u32, flag::INVALID);
    }
    let scaled = value(bits) * power_of_two(i32::from(scale));
    let integral = to_integral(scaled, rounding);
    if integral < f64::from(i32::MIN) || integral > f64::from(i32::MAX) {
        return (if scaled < 0.0 { i32::MIN as u32 } else { i32::MAX as u32 }, flag::INVALID);
    }
    (integral as i32 as u32, if integral == scaled { 0 } else { flag::INEXACT })
}

/// Float to unsigned integer; negative values convert as signed ones, and are invalid.
pub(crate) fn to_unsigned(bits: u32, scale: u8) -> (u32, u32) {
    if is_nan(bits) {
        return (u32::MAX, flag::INVALID);
    }
    let scaled = value(bits) * power_of_two(i32::from(scale));
    let integral = scaled.trunc();
    if scaled < 0.0 {
        let (result, flags) = to_signed(bits, scale, Rounding::Zero);
        return (result, if integral == 0.0 { flags } else { flag::INVALID });
    }
    if integral > f64::from(u32::MAX) {
        return (u32::MAX, flag::INVALID);
    }
    (integral as u32, if integral == scaled { 0 } else { flag::INEXACT })
}
