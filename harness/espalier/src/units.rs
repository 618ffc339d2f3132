//! Units of board time: `2.s()`, `300.ms()`.

use espalier_core::Span;

/// Makes lengths of board time out of whole numbers.
///
/// ```
/// use espalier::Units;
/// assert_eq!(2.s(), 2_000.ms());
/// assert_eq!(3.ms(), 3_000.us());
/// ```
pub trait Units {
    /// Seconds.
    fn s(self) -> Span;
    /// Milliseconds.
    fn ms(self) -> Span;
    /// Microseconds.
    fn us(self) -> Span;
}

impl Units for u64 {
    fn s(self) -> Span {
        Span::from_secs(self)
    }

    fn ms(self) -> Span {
        Span::from_millis(self)
    }

    fn us(self) -> Span {
        Span::from_micros(self)
    }
}
