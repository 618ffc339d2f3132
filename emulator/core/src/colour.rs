//! Colours of three channels.

use std::fmt;

/// A colour, each channel from 0 (dark) to 255.
///
/// ```
/// use espalier_core::Rgb;
///
/// let orange = Rgb::new(255, 128, 0);
/// assert_eq!(orange, (255, 128, 0));
/// assert_eq!(orange.to_string(), "#ff8000");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rgb {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

crate::persist!(value Rgb { red, green, blue });

impl Rgb {
    pub const fn new(red: u8, green: u8, blue: u8) -> Rgb {
        Rgb { red, green, blue }
    }

    /// Whether it is at least half as bright as white.
    pub fn is_bright(self) -> bool {
        const HALF: u32 = 3 * 0x80;
        u32::from(self.red) + u32::from(self.green) + u32::from(self.blue) >= HALF
    }
}

impl From<(u8, u8, u8)> for Rgb {
    fn from((red, green, blue): (u8, u8, u8)) -> Rgb {
        Rgb { red, green, blue }
    }
}

impl PartialEq<(u8, u8, u8)> for Rgb {
    fn eq(&self, other: &(u8, u8, u8)) -> bool {
        *self == Rgb::from(*other)
    }
}

/// As in `#ff8000`.
impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl fmt::Debug for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Rgb;

    #[test]
    fn a_colour_reads_and_compares_easily() {
        let orange = Rgb::new(255, 128, 0);
        assert_eq!(orange, (255, 128, 0));
        assert_eq!(format!("{orange} {:?}", [orange]), "#ff8000 [#ff8000]");
    }
}
