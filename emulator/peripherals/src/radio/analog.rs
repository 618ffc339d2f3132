//! The analogue block: masters of the internal I2C bus, the synthesiser, the comparators of transmitter offset, the audio PLL (ESP32 TRM,
//! chapter "Reset and Clock", section "Audio PLL"; ESP-IDF, `regi2c_apll.h`).

use std::collections::BTreeMap;

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::clocks::XTAL;

espalier_core::registers! {
    I2C_MASTER[12] @ 0x000 = 0, rw_bits(0x01FF_FFFF);
    ANA_CONF_030[7] @ 0x030 = 0, rw();
    TX_DC_COMPARE @ 0x04C = 0, rw_bits(0x00FF_FFFF);
    ANA_CONF_050[29] @ 0x050 = 0, rw();
    SYNTHESISER @ 0x0C4 = 0, rw_bits(0x7FFF_FFFF);
    ANA_CONF_0C8[974] @ 0x0C8 = 0, rw();
}

/// Fields of an I2C master's register. Each host talks to other slaves.
mod i2c {
    use espalier_core::Field;

    /// Slave, bits 0 to 7, and its register, bits 8 to 15.
    pub const TARGET: Field = Field::new("TARGET", 0, 15);
    pub const DATA: Field = Field::new("DATA", 16, 23);
    pub const WRITE: Field = Field::new("WRITE", 24, 24);
    pub const MASTERS_END: u32 = 0x30;
    /// Slave 0x62 of host 1 is the synthesiser of the radio. Its register 7 says that it has locked.
    pub const SYNTHESISER_HOST: u32 = 0x4;
    pub const SYNTHESISER_STATUS: u32 = 0x0762;
    pub const SYNTHESISER_LOCKED: u8 = 1 << 7;
    /// Slave 0x6D of host 3 is the audio PLL: its registers OR_CAL (with OR_CAL_END), OR_OUTPUT_DIV, DSDM2, DSDM1 and DSDM0.
    pub const AUDIO_PLL_HOST: u32 = 0xC;
    pub const AUDIO_PLL_STATUS: u32 = 0x036D;
    pub const AUDIO_PLL_CALIBRATED: u8 = 1 << 7;
    pub const AUDIO_PLL_DIVIDER: u32 = 0x046D;
    pub const AUDIO_PLL_SDM: [u32; 3] = [0x096D, 0x086D, 0x076D];
}

/// Bits of TX_DC_COMPARE.
mod tx_dc {
    pub const START: u32 = 1 << 1;
    pub const DONE: u32 = 1 << 24;
}

/// Fields of SYNTHESISER.
mod synthesiser {
    /// Frequency above 2400 MHz, in steps of 0.5 MHz.
    pub const FREQUENCY: u32 = 0xFF;
    pub const START: u32 = 1 << 8;
    pub const LOCKED: u32 = 1 << 31;
}

/// Steps of the synthesiser between two channels, from channel 0, which is not used, on (IEEE 802.11-2020, 15.4.4.3).
const CHANNEL_STEPS: u32 = 10;
const CHANNEL_ZERO: u32 = 14;
/// Channel 14 is at 2484 MHz, out of line.
const CHANNEL_14: u32 = 168;

/// The block at 0x3FF4_E000.
#[derive(Clone, Debug)]
pub struct RadioAnalog {
    registers: Registers,
    /// Registers behind the internal I2C bus, by host and target.
    slaves: BTreeMap<(u32, u32), u8>,
}

espalier_core::persist!(state RadioAnalog { registers, slaves });

impl Default for RadioAnalog {
    fn default() -> RadioAnalog {
        RadioAnalog::new()
    }
}

impl RadioAnalog {
    /// The block after power-on.
    pub fn new() -> RadioAnalog {
        RadioAnalog { registers: Registers::new(&REGISTERS), slaves: BTreeMap::new() }
    }

    /// The Wi-Fi channel that the synthesiser is tuned to, if it is one.
    pub fn channel(&self) -> Option<u8> {
        let frequency = self.registers.get(reg::SYNTHESISER) & synthesiser::FREQUENCY;
        if frequency == CHANNEL_14 {
            return Some(14);
        }
        let steps = frequency.checked_sub(CHANNEL_ZERO)?;
        let channel = (steps / CHANNEL_STEPS) as u8;
        (steps.is_multiple_of(CHANNEL_STEPS) && (1..=13).contains(&channel)).then_some(channel)
    }

    /// The frequency of the audio PLL, in hertz: XTAL * (4 + sdm2 + sdm1 / 2^8 + sdm0 / 2^16) / (2 * (odir + 2)).
    pub fn audio_pll(&self) -> u64 {
        let slave = |target| u64::from(self.slaves.get(&(i2c::AUDIO_PLL_HOST, target)).copied().unwrap_or(0));
        let [sdm0, sdm1, sdm2] = i2c::AUDIO_PLL_SDM.map(slave);
        let factor = ((4 + (sdm2 & 0x3F)) << 16) + (sdm1 << 8) + sdm0;
        let divisor = 2 * ((slave(i2c::AUDIO_PLL_DIVIDER) & 0x1F) + 2);
        XTAL.hertz() * factor / (divisor << 16)
    }

    /// A transaction on the internal I2C bus. It ends at once.
    fn transact(&mut self, offset: u32, command: u32) {
        let target = (offset, i2c::TARGET.get(command));
        if i2c::WRITE.is_set(command) {
            self.slaves.insert(target, i2c::DATA.get(command) as u8);
        } else {
            let stored = self.slaves.get(&target).copied().unwrap_or(0);
            // It locks at once. The PHY library waits for this after each calibration, for two milliseconds.
            let locks = target == (i2c::SYNTHESISER_HOST, i2c::SYNTHESISER_STATUS);
            // Drivers wait for its calibration without an end.
            let calibrates = target == (i2c::AUDIO_PLL_HOST, i2c::AUDIO_PLL_STATUS);
            let data = match (locks, calibrates) {
                (true, _) => stored | i2c::SYNTHESISER_LOCKED,
                (_, true) => stored | i2c::AUDIO_PLL_CALIBRATED,
                _ => stored,
            };
            self.registers.set(offset, i2c::TARGET.put(target.1) | i2c::DATA.put(data.into()));
        }
    }
}

impl Device for RadioAnalog {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the synthesiser's channel, the audio PLL, and the rest of the internal I2C bus as storage; nothing analogue, and no current is drawn",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::TX_DC_COMPARE if value & tx_dc::START != 0 => value | tx_dc::DONE,
            reg::SYNTHESISER if value & synthesiser::START != 0 => value | synthesiser::LOCKED,
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let written = self.registers.write(offset, value)?;
        if offset < i2c::MASTERS_END {
            self.transact(offset, written);
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = RadioAnalog::new();
    }
}

#[cfg(test)]
mod tests {
    use super::{RadioAnalog, reg, synthesiser, tx_dc};
    use espalier_core::{Device, Time};

    fn write(block: &mut RadioAnalog, offset: u32, value: u32) {
        block.write(offset, value, Time::ZERO).unwrap();
    }

    /// As ESP-IDF's `clk_ll_apll_set_config` sets it, for 44100 samples a second: 11289600 Hz times 2.
    #[test]
    fn the_audio_pll_has_the_frequency_that_its_registers_say() {
        let mut block = RadioAnalog::new();
        assert_eq!(block.audio_pll(), 40_000_000);
        for (register, value) in [(7, 4), (9, 0x82), (8, 0x07), (4, 5)] {
            write(&mut block, reg::I2C_MASTER + 0xC, 1 << 24 | value << 16 | register << 8 | 0x6D);
        }
        let sdm = 4.0 + 4.0 + 7.0 / 256.0 + 130.0 / 65536.0;
        assert_eq!(block.audio_pll(), (40e6 * sdm / 14.0) as u64);
        write(&mut block, reg::I2C_MASTER + 0xC, 3 << 8 | 0x6D);
        let status = block.read(reg::I2C_MASTER + 0xC, Time::ZERO).unwrap() >> 16;
        assert_ne!(status & 0x80, 0, "it is calibrated");
    }

    #[test]
    fn the_synthesiser_tells_the_channel() {
        let mut block = RadioAnalog::new();
        assert_eq!(block.channel(), None);
        for (frequency, channel) in [(24, Some(1)), (34, Some(2)), (144, Some(13)), (168, Some(14)), (36, None)] {
            write(&mut block, reg::SYNTHESISER, frequency | synthesiser::START);
            assert_eq!(block.channel(), channel);
            assert_ne!(block.read(reg::SYNTHESISER, Time::ZERO).unwrap() & synthesiser::LOCKED, 0);
        }
    }

    #[test]
    fn analogue_registers_read_back_over_the_internal_bus() {
        let mut block = RadioAnalog::new();
        write(&mut block, reg::I2C_MASTER + 4, 0x0177_0362);
        write(&mut block, reg::I2C_MASTER + 4, 0x0111_0462);
        write(&mut block, reg::I2C_MASTER + 4, 0x0362);
        assert_eq!(block.read(reg::I2C_MASTER + 4, Time::ZERO), Ok(0x0077_0362));
    }

    /// Else older PHY libraries complain: "pll_cal exceeds 2ms".
    #[test]
    fn the_synthesiser_locks() {
        let mut block = RadioAnalog::new();
        for (command, expected) in [(0x0762, 0x0080_0762), (0x0662, 0x0662), (0x0763, 0x0763)] {
            write(&mut block, reg::I2C_MASTER + 4, command);
            assert_eq!(block.read(reg::I2C_MASTER + 4, Time::ZERO), Ok(expected));
        }
    }

    #[test]
    fn a_comparison_ends_once_it_is_started() {
        let mut block = RadioAnalog::new();
        write(&mut block, reg::TX_DC_COMPARE, tx_dc::START);
        assert_eq!(block.read(reg::TX_DC_COMPARE, Time::ZERO), Ok(tx_dc::START | tx_dc::DONE));
    }
}
