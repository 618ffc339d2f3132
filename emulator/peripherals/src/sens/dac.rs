//! The cosine generator in front of the two DACs (ESP32 TRM, chapter "On-Chip Sensors and Analog Signal Processing", section "DAC").
//!
//! Each channel gives the code that RTC_IO has for it, or the last one that came from I2S, or what the generator gives, scaled, shifted and
//! partly inverted.

use espalier_core::{Field, Span, Time, sine};

use super::Sens;
use super::registers::reg;
use crate::clocks::RC_FAST_HERTZ;

/// Channels.
pub(super) const DACS: usize = 2;
/// Microvolts of the supply, which the highest code gives.
const SUPPLY_MICROVOLTS: u32 = 3_300_000;
/// Bits of the phase, to which SW_FSTEP is added in each cycle of the clock.
const PHASE_BITS: u32 = 16;
/// Inverted bits: none, all, the highest, all others (DAC_INVn).
const INVERTED: [u8; 4] = [0, 0xFF, 0x80, 0x7F];

/// The fields of a channel.
struct Channel {
    generator: Field,
    offset: Field,
    scale: Field,
    inversion: Field,
}

const CHANNELS: [Channel; DACS] = [
    Channel {
        generator: reg::SAR_DAC_CTRL2::DAC_CW_EN1,
        offset: reg::SAR_DAC_CTRL2::DAC_DC1,
        scale: reg::SAR_DAC_CTRL2::DAC_SCALE1,
        inversion: reg::SAR_DAC_CTRL2::DAC_INV1,
    },
    Channel {
        generator: reg::SAR_DAC_CTRL2::DAC_CW_EN2,
        offset: reg::SAR_DAC_CTRL2::DAC_DC2,
        scale: reg::SAR_DAC_CTRL2::DAC_SCALE2,
        inversion: reg::SAR_DAC_CTRL2::DAC_INV2,
    },
];

impl Sens {
    /// The codes that RTC_IO gives to the DACs from now on; None for one that is off.
    pub fn set_dacs(&mut self, codes: [Option<u8>; DACS]) {
        self.dacs = codes;
    }

    /// Whether the codes come from I2S.
    pub fn streams_dacs(&self) -> bool {
        self.registers.is_set(reg::SAR_DAC_CTRL1::DAC_DIG_FORCE)
    }

    /// The codes that I2S gives to the DACs from now on.
    pub fn set_streamed(&mut self, codes: [u8; DACS]) {
        self.streamed = codes;
    }

    /// The generator's controls were written.
    pub(super) fn tone_written(&mut self, before: u32, now: Time) {
        if self.registers.get(reg::SAR_DAC_CTRL1) != before {
            self.tone_since = now;
        }
    }

    /// The cosine at `now`, with eight bits and a sign. It stands still at its start while SW_TONE_EN is clear.
    fn cosine(&self, now: Time) -> i8 {
        let elapsed = match self.registers.is_set(reg::SAR_DAC_CTRL1::SW_TONE_EN) {
            true => now.since(self.tone_since),
            false => Span::ZERO,
        };
        let cycles = u128::from(elapsed.ticks()) * u128::from(RC_FAST_HERTZ) / u128::from(Span::from_secs(1).ticks());
        let phase = (cycles * u128::from(self.registers.field(reg::SAR_DAC_CTRL1::SW_FSTEP))) as u32;
        const QUARTER: u32 = 1 << (u32::BITS - 2);
        (sine((phase << PHASE_BITS).wrapping_add(QUARTER)) >> (u32::BITS - u8::BITS)) as i8
    }

    /// Returns the voltage of a DAC in microvolts; None if it is off.
    pub fn dac_microvolts(&self, dac: usize, now: Time) -> Option<u32> {
        let code = (*self.dacs.get(dac)?)?;
        let channel = &CHANNELS[dac];
        let control = self.registers.get(reg::SAR_DAC_CTRL2);
        let code = if channel.generator.is_set(control) {
            let scaled = self.cosine(now) >> channel.scale.get(control);
            let shifted = scaled.saturating_add(channel.offset.get(control) as u8 as i8);
            shifted as u8 ^ INVERTED[channel.inversion.get(control) as usize]
        } else if self.streams_dacs() {
            self.streamed[dac]
        } else {
            code
        };
        Some(u32::from(code) * (SUPPLY_MICROVOLTS / u32::from(u8::MAX)))
    }
}
