//! A sine that is the same on every host, whatever its mathematical library: Bhaskara's approximation, in integers, which is off by 0.2 % of
//! full scale at most.

/// Half a turn.
const PI: i64 = 1 << 31;
/// Bits that products can do without.
const SPARE: u32 = 8;

/// The sine of an angle in parts of 2^32 of a turn; 1 is `i32::MAX`.
///
/// ```
/// use espalier_core::sine;
///
/// assert_eq!([sine(0), sine(1 << 30), sine(3 << 30)], [0, i32::MAX, -i32::MAX]);
/// ```
pub fn sine(angle: u32) -> i32 {
    let x = i64::from(angle) % PI;
    // 16 x (pi - x) / (5 pi^2 - 4 x (pi - x))
    let product = (x >> SPARE) * ((PI - x) >> SPARE);
    let pi = PI >> SPARE;
    let value = i128::from(16 * product) * i128::from(i32::MAX) / i128::from(5 * pi * pi - 4 * product);
    if i64::from(angle) < PI { value as i32 } else { -value as i32 }
}

#[cfg(test)]
mod tests {
    use super::sine;

    #[test]
    fn it_is_a_sine() {
        for degrees in 0..360_u64 {
            let expected = (std::f64::consts::TAU * degrees as f64 / 360.0).sin();
            let found = f64::from(sine(((degrees << 32) / 360) as u32)) / f64::from(i32::MAX);
            assert!((found - expected).abs() < 0.002, "{degrees}: {found}, not {expected}");
        }
    }
}
