//! Time of a frame on the air.

use espalier_core::Span;

/// Shortest time between a frame and its acknowledgement (clause 18, 2.4 GHz).
pub const SIFS: Span = Span::from_micros(10);
/// Time that a station waits before it sends: SIFS and two slots of 9 us.
pub const DIFS: Span = Span::from_micros(28);

/// The modulation of the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modulation {
    /// DSSS and HR/DSSS (clauses 15 and 16) with a long preamble.
    Dsss,
    /// OFDM (clauses 17 and 18).
    Ofdm,
    /// HT-mixed OFDM, 20 MHz (clause 19).
    Ht,
}

espalier_core::persist!(
    enum Modulation {
        Dsss,
        Ofdm,
        Ht,
    }
);

/// A rate of the physical layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub modulation: Modulation,
    /// Kilobits per second.
    pub kilobits: u32,
}

espalier_core::persist!(value Rate { modulation, kilobits });

impl Rate {
    /// The rate of beacons and everything else that all stations must understand.
    pub const DSSS_1M: Rate = Rate { modulation: Modulation::Dsss, kilobits: 1_000 };
    /// The lowest OFDM rate, that of acknowledgements to OFDM frames.
    pub const OFDM_6M: Rate = Rate { modulation: Modulation::Ofdm, kilobits: 6_000 };
    pub const OFDM_24M: Rate = Rate { modulation: Modulation::Ofdm, kilobits: 24_000 };

    /// Time on the air of a frame of `bytes`, its frame check sequence included (clauses 15.2, 17.4.3 and 19.3.9).
    pub fn airtime(self, bytes: usize) -> Span {
        let bits = 8 * bytes as u64;
        let kilobits = u64::from(self.kilobits.max(1));
        let symbols = |preamble: u64, symbol: u64| {
            // Service field and tail bits go with the data.
            let per_symbol = (kilobits * symbol / 1000).max(1);
            preamble + symbol * (bits + 16 + 6).div_ceil(per_symbol)
        };
        Span::from_micros(match self.modulation {
            Modulation::Dsss => 192 + (1000 * bits).div_ceil(kilobits),
            // The signal extension of 6 us belongs to the 2.4 GHz band.
            Modulation::Ofdm => symbols(20, 4) + 6,
            Modulation::Ht => symbols(36, 4) + 6,
        })
    }

    /// Time from the end of a frame at this rate to the end of its acknowledgement.
    pub fn acknowledgement(self) -> Span {
        const ACK: usize = 14;
        let rate = match self.modulation {
            Modulation::Dsss => Rate::DSSS_1M,
            Modulation::Ofdm | Modulation::Ht => Rate::OFDM_6M,
        };
        SIFS + rate.airtime(ACK)
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;
    use espalier_core::Span;

    /// An ACK of 14 bytes takes 304 us at 1 Mbit/s, and 44 us at 6 Mbit/s plus the signal extension.
    #[test]
    fn airtimes_are_those_of_the_standard() {
        assert_eq!(Rate::DSSS_1M.airtime(14), Span::from_micros(304));
        assert_eq!(Rate::OFDM_6M.airtime(14), Span::from_micros(50));
        assert_eq!(Rate::OFDM_24M.airtime(14), Span::from_micros(34));
    }
}
