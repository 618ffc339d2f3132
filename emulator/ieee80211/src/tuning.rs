//! The part of the band that a radio uses.

/// From the middle of a channel of 40 MHz to that of each of its halves, in channels of 5 MHz (IEEE 802.11-2020, 19.3.15.4).
const HALF: u8 = 2;

/// The tuning of a radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// The channel of the 2.4 GHz band that its synthesiser is at.
    pub channel: u8,
    /// It uses 40 MHz: the channels of 20 MHz on both sides of that middle. Which of them it sends on is not known here, so it is
    /// heard on both.
    pub wide: bool,
}

impl Tuning {
    /// Whether radios tuned like this and like `other` hear each other.
    pub fn meets(self, other: Tuning) -> bool {
        let apart = self.channel.abs_diff(other.channel);
        apart == 0 || (apart == HALF && (self.wide || other.wide))
    }
}

/// A channel of 20 MHz.
impl From<u8> for Tuning {
    fn from(channel: u8) -> Tuning {
        Tuning { channel, wide: false }
    }
}

espalier_core::persist!(value Tuning { channel, wide });

#[cfg(test)]
mod tests {
    use super::Tuning;

    #[test]
    fn a_wide_radio_meets_the_narrow_ones_of_both_halves() {
        let wide = Tuning { channel: 3, wide: true };
        for channel in [1, 3, 5] {
            assert!(wide.meets(channel.into()) && Tuning::from(channel).meets(wide), "{channel}");
        }
        for channel in [2, 4, 6] {
            assert!(!wide.meets(channel.into()), "{channel}");
        }
        assert!(!Tuning::from(1).meets(3.into()));
    }
}
