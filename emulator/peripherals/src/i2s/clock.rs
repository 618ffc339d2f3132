//! The clocks of the block: PLL_D2_CLK or the audio PLL behind the dividers of CLKM_CONF and SAMPLE_RATE_CONF.

use espalier_core::{AudioClock, Field, Span, Time};

use super::I2s;
use super::registers::reg;

/// PLL_D2_CLK, in hertz.
const PLL_D2: u64 = 160_000_000;
/// Cycles of the bit clock between two conversions.
const BITS_PER_CONVERSION: u64 = 2;
/// The ADCs give no more than two million samples a second (ESP32 datasheet, "ADC Characteristics"). Nor do frames come faster, whose bit
/// clock ends at 40 MHz.
const FASTEST: Span = Span::from_nanos(500);
/// The same of parallel data, of which a frame takes two cycles of that clock.
const FASTEST_PARALLEL: Span = Span::from_nanos(50);
/// Divides the bit clock if its divider is zero.
const LARGEST_BIT_DIVIDER: u64 = 64;
const CHANNELS: u64 = 2;
/// Clocks of a sample in pulse density (section "PDM Mode"): those of a transmitter times FP / FS.
const PDM_CLOCKS: u64 = 64;

/// When the samples come: the n-th one `n * numerator / denominator` ticks after the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    numerator: u64,
    denominator: u64,
}

impl Rate {
    /// A pace of `ticks / denominator`, but no less than `fastest`.
    fn new(ticks: u128, denominator: u64, fastest: Span) -> Rate {
        let (mut numerator, mut denominator) = (ticks, u128::from(denominator.max(1)));
        numerator = numerator.max(u128::from(fastest.ticks()) * denominator);
        // Only settings that no driver makes lose a little here.
        while numerator > u128::from(u64::MAX) {
            (numerator, denominator) = (numerator / 2, (denominator / 2).max(1));
        }
        Rate { numerator: numerator as u64, denominator: denominator as u64 }
    }

    pub fn after(self, samples: u64) -> Span {
        Span::from_ticks((u128::from(samples) * u128::from(self.numerator) / u128::from(self.denominator)) as u64)
    }

    /// Samples that have come by the time that so much has passed.
    pub fn count(self, elapsed: Span) -> u64 {
        // The n-th sample comes at a time that is rounded down.
        let scaled = (u128::from(elapsed.ticks()) + 1) * u128::from(self.denominator);
        ((scaled - 1) / u128::from(self.numerator.max(1))) as u64
    }

    /// The clock of what begins at `first`.
    pub fn clock(self, first: Time) -> AudioClock {
        AudioClock { first, ticks: self.numerator, frames: self.denominator }
    }
}

fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

/// The fields of one direction.
pub(super) struct Serial {
    is_transmitter: bool,
    pub bit_divider: Field,
    pub bits: Field,
}

pub(super) const TX: Serial = Serial {
    is_transmitter: true,
    bit_divider: reg::SAMPLE_RATE_CONF::TX_BCK_DIV_NUM,
    bits: reg::SAMPLE_RATE_CONF::TX_BITS_MOD,
};
pub(super) const RX: Serial = Serial {
    is_transmitter: false,
    bit_divider: reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM,
    bits: reg::SAMPLE_RATE_CONF::RX_BITS_MOD,
};

impl I2s {
    /// Ticks of a cycle of the bit clock, as a fraction.
    fn bit_clock(&self, divider: Field) -> (u64, u64) {
        let master = self.registers.get(reg::CLKM_CONF);
        let source = if reg::CLKM_CONF::CLKA_ENA.is_set(master) { self.audio_pll } else { PLL_D2 };
        let second = Span::from_secs(1).ticks();
        let common = common_divisor(second, source);
        let (ticks, per) = (second / common, source / common);
        // N + b / a; without a, there is no fraction.
        let (b, a) = match (reg::CLKM_CONF::CLKM_DIV_B.get(master), reg::CLKM_CONF::CLKM_DIV_A.get(master)) {
            (_, 0) => (0, 1),
            (b, a) => (u64::from(b), u64::from(a)),
        };
        let whole = u64::from(reg::CLKM_CONF::CLKM_DIV_NUM.get(master)).max(1);
        let bit = match u64::from(self.registers.field(divider)) {
            0 => LARGEST_BIT_DIVIDER,
            divider => divider,
        };
        (ticks * bit * (whole * a + b), per * a)
    }

    /// The pace of conversions by the ADCs.
    pub(super) fn conversions(&self) -> Rate {
        let (ticks, denominator) = self.bit_clock(RX.bit_divider);
        Rate::new(u128::from(BITS_PER_CONVERSION) * u128::from(ticks), denominator, FASTEST)
    }

    /// The pace of frames, of a sample for each channel.
    pub(super) fn frames(&self, direction: &Serial) -> Rate {
        let (ticks, denominator) = self.bit_clock(direction.bit_divider);
        let (clocks, parts) = self.clocks_of_frame(direction);
        let fastest = if direction.is_transmitter && self.is_lcd() { FASTEST_PARALLEL } else { FASTEST };
        Rate::new(u128::from(clocks) * u128::from(ticks), denominator * parts, fastest)
    }

    /// Cycles of the bit clock in a frame, as a fraction.
    pub(super) fn clocks_of_frame(&self, direction: &Serial) -> (u64, u64) {
        let pdm = self.registers.get(reg::PDM_CONF);
        if direction.is_transmitter && self.is_lcd() {
            (CHANNELS, 1)
        } else if direction.is_transmitter && reg::PDM_CONF::TX_PDM_EN.is_set(pdm) {
            let (fp, fs) = (reg::PDM_FREQ_CONF::TX_PDM_FP, reg::PDM_FREQ_CONF::TX_PDM_FS);
            let [fp, fs] = [fp, fs].map(|field| u64::from(self.registers.field(field)).max(1));
            (PDM_CLOCKS * fp, fs)
        } else if !direction.is_transmitter && reg::PDM_CONF::RX_PDM_EN.is_set(pdm) {
            (PDM_CLOCKS << reg::PDM_CONF::RX_PDM_SINC_DSR_16_EN.get(pdm), 1)
        } else {
            (CHANNELS * u64::from(self.registers.field(direction.bits)).max(1), 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Span;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::Rate;

    proptest! {
        #[test]
        fn as_many_samples_have_come_as_are_due(numerator in 1_u64..100_000, denominator in 1_u64..64, samples in 0_u64..1_000_000) {
            let rate = Rate { numerator: numerator.max(denominator), denominator };
            let at = rate.after(samples);
            prop_assert!(rate.count(at) >= samples);
            prop_assert!(rate.after(rate.count(at)) <= at && rate.after(rate.count(at) + 1) > at);
            if at > Span::ZERO {
                prop_assert_eq!(rate.count(Span::from_ticks(at.ticks() - 1)) < rate.count(at), true);
            }
        }
    }
}
