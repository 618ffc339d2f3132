//! SYSCON, also named APB_CTRL: the divider of the CPU clock, the dividers of REF_TICK, and the digital controller of the SAR
//! ADCs (ESP32 TRM, chapters "Reset and Clock" and "On-Chip Sensors and Analog Signal
//! Processing").

use espalier_core::{Device, Fidelity, Field, Register, Registers, Time, Unmodelled};

use crate::sens::Adc;

espalier_core::registers! {
    SYSCLK_CONF @ 0x00 = 0x2000, rw_bits(0x3FFF) { PRE_DIV_CNT: 0..=9 };
    XTAL_TICK_CONF @ 0x04 = 0x27, rw_bits(0xFF);
    PLL_TICK_CONF @ 0x08 = 0x4F, rw_bits(0xFF);
    CK8M_TICK_CONF @ 0x0C = 0xB, rw_bits(0xFF);
    APB_SARADC_CTRL @ 0x10 = 0x007F_8240, rw_bits(0x07FF_FFFF) {
        SARADC_WORK_MODE: 3..=4,
        SARADC_SAR_SEL: 5,
        SARADC_SAR1_PATT_LEN: 15..=18,
        SARADC_SAR2_PATT_LEN: 19..=22,
        SARADC_SAR1_PATT_P_CLEAR: 23,
        SARADC_SAR2_PATT_P_CLEAR: 24,
        SARADC_DATA_SAR_SEL: 25,
        SARADC_DATA_TO_I2S: 26,
    };
    APB_SARADC_CTRL2 @ 0x14 = 0x1FE, rw_bits(0x7FF) { SARADC_SAR1_INV: 9, SARADC_SAR2_INV: 10 };
    APB_SARADC_FSM @ 0x18 = 0x0208_FF08, rw();
    APB_SARADC_SAR1_PATT_TAB1[4] @ 0x1C = 0x0F0F_0F0F, rw();
    APB_SARADC_SAR2_PATT_TAB1[4] @ 0x2C = 0x0F0F_0F0F, rw();
    APLL_TICK_CONF @ 0x3C = 0x63, rw_bits(0xFF);
    DATE @ 0x7C = 0x1604_2000, rw();
}

const WORK_MODE_SINGLE: u32 = 0;
const PATT_LENGTHS: [Field; 2] =
    [reg::APB_SARADC_CTRL::SARADC_SAR1_PATT_LEN, reg::APB_SARADC_CTRL::SARADC_SAR2_PATT_LEN];
const PATT_P_CLEAR: [u32; 2] =
    [reg::APB_SARADC_CTRL::SARADC_SAR1_PATT_P_CLEAR.mask(), reg::APB_SARADC_CTRL::SARADC_SAR2_PATT_P_CLEAR.mask()];
/// APB_SARADC_CTRL2.
const SAR_INV: [u32; 2] =
    [reg::APB_SARADC_CTRL2::SARADC_SAR1_INV.mask(), reg::APB_SARADC_CTRL2::SARADC_SAR2_INV.mask()];
/// An entry of a pattern table: channel, width and attenuation. The first one is in the highest byte.
const ENTRIES_PER_WORD: u32 = 4;
const ENTRY_BITS: u32 = 8;
const ENTRY_ATTENUATION: Field = Field::new("ATTEN", 0, 1);
const ENTRY_WIDTH: Field = Field::new("BIT_WIDTH", 2, 3);
const ENTRY_CHANNEL: Field = Field::new("CH_SEL", 4, 7);
/// Bits of a code, and of one that has to make place for the number of its converter.
const CODE_BITS: u32 = 12;
const SHORT_CODE_BITS: u32 = 11;
/// Set in DATE by chips from revision 3 on.
const DATE_REVISION_3: u32 = 1 << 31;

/// APB_CTRL.
#[derive(Clone, Debug)]
pub struct ApbCtrl {
    registers: Registers,
    revision_3: bool,
    /// The next entry of each pattern table.
    pointers: [u32; 2],
    /// The converter that is next where they take turns.
    second_is_next: bool,
}

espalier_core::persist!(state ApbCtrl { registers, pointers, second_is_next } fixed { revision_3 });

/// A conversion that the digital controller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub adc: Adc,
    pub channel: usize,
    /// 0 to 3: 0, 2.5, 6 and 11 dB.
    pub attenuation: u32,
    /// 0 to 3: 9 to 12 bits.
    width: u32,
    inverted: bool,
    /// The number of the converter is part of the result.
    with_adc: bool,
}

impl Conversion {
    /// Returns the word that goes to the DMA for a code of 12 bits.
    pub fn result(&self, code: u16) -> u16 {
        let full = (1 << CODE_BITS) - 1;
        // The converter gives the complement; drivers have it inverted back.
        let code = u32::from(if self.inverted { code } else { !code & full });
        let code = code >> (ENTRY_WIDTH.max() - self.width);
        let channel = self.channel as u32;
        (match self.with_adc {
            false => channel << CODE_BITS | code,
            true => {
                let adc = u32::from(self.adc == Adc::Two) << (u16::BITS - 1);
                adc | channel << SHORT_CODE_BITS | code & ((1 << SHORT_CODE_BITS) - 1)
            }
        }) as u16
    }
}

impl ApbCtrl {
    /// The block of a chip of revision 3 or later, or of an earlier one.
    pub fn new(revision_3: bool) -> ApbCtrl {
        let mut block =
            ApbCtrl { registers: Registers::new(&REGISTERS), revision_3, pointers: [0; 2], second_is_next: false };
        block.reset();
        block
    }

    /// Returns the divider from the crystal, or the internal fast oscillator, to the CPU clock: at least 1.
    pub fn cpu_divider(&self) -> u32 {
        (self.registers.field(reg::SYSCLK_CONF::PRE_DIV_CNT)) + 1
    }

    /// The next conversion, if the results go to I2S. Both converters at once are not told from both in turn.
    pub fn next_conversion(&mut self) -> Option<Conversion> {
        let control = self.registers.get(reg::APB_SARADC_CTRL);
        if !reg::APB_SARADC_CTRL::SARADC_DATA_TO_I2S.is_set(control) {
            return None;
        }
        let single = reg::APB_SARADC_CTRL::SARADC_WORK_MODE.get(control) == WORK_MODE_SINGLE;
        let second = if single { reg::APB_SARADC_CTRL::SARADC_SAR_SEL.is_set(control) } else { self.second_is_next };
        self.second_is_next = !second;
        let (adc, table) = match second {
            false => (Adc::One, reg::APB_SARADC_SAR1_PATT_TAB1),
            true => (Adc::Two, reg::APB_SARADC_SAR2_PATT_TAB1),
        };
        let pointer = &mut self.pointers[adc as usize];
        let index = *pointer;
        let last = PATT_LENGTHS[adc as usize].get(control);
        *pointer = if index >= last { 0 } else { index + 1 };
        let word = self.registers.get(table + 4 * (index / ENTRIES_PER_WORD));
        let entry = word << (ENTRY_BITS * (index % ENTRIES_PER_WORD)) >> (u32::BITS - ENTRY_BITS);
        Some(Conversion {
            adc,
            channel: ENTRY_CHANNEL.get(entry) as usize,
            attenuation: ENTRY_ATTENUATION.get(entry),
            width: ENTRY_WIDTH.get(entry),
            inverted: self.registers.get(reg::APB_SARADC_CTRL2) & SAR_INV[adc as usize] != 0,
            with_adc: reg::APB_SARADC_CTRL::SARADC_DATA_SAR_SEL.is_set(control),
        })
    }
}

impl Device for ApbCtrl {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the digital controller of the SAR ADCs converts when I2S asks, both ADCs only in turn, and without its limit",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let new = self.registers.write(offset, value)?;
        if offset == reg::APB_SARADC_CTRL {
            for (pointer, clear) in self.pointers.iter_mut().zip(PATT_P_CLEAR) {
                *pointer = if new & clear != 0 { 0 } else { *pointer };
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.pointers = [0; 2];
        self.second_is_next = false;
        if self.revision_3 {
            self.registers.modify(reg::DATE, 0, DATE_REVISION_3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApbCtrl, PATT_LENGTHS, PATT_P_CLEAR, SAR_INV, reg};
    use crate::sens::Adc;
    use espalier_core::{Device, Time};

    #[test]
    fn the_cpu_clock_is_the_crystal_after_reset() {
        let mut block = ApbCtrl::new(true);
        assert_eq!(block.cpu_divider(), 1);
        block.write(reg::SYSCLK_CONF, 19, Time::ZERO).unwrap();
        assert_eq!(block.cpu_divider(), 20);
        block.reset();
        assert_eq!(block.cpu_divider(), 1);
    }

    #[test]
    fn conversions_follow_the_pattern_table() {
        // adc_ll_digi_set_pattern_table of ESP-IDF: channels 3 and 0 of ADC1, 12 bits, 11 and 0 dB, two entries.
        let mut block = ApbCtrl::new(true);
        assert_eq!(block.next_conversion(), None);
        block.write(reg::APB_SARADC_SAR1_PATT_TAB1, 0x3F0C_0000, Time::ZERO).unwrap();
        block.write(reg::APB_SARADC_CTRL2, SAR_INV[0], Time::ZERO).unwrap();
        block
            .write(
                reg::APB_SARADC_CTRL,
                reg::APB_SARADC_CTRL::SARADC_DATA_TO_I2S.mask() | PATT_LENGTHS[0].put(1),
                Time::ZERO,
            )
            .unwrap();
        let [first, second, third] = std::array::from_fn(|_| block.next_conversion().unwrap());
        assert_eq!((first.adc, first.channel, first.attenuation, first.result(0xABC)), (Adc::One, 3, 3, 0x3ABC));
        assert_eq!((second.channel, second.attenuation, second.result(0xABC)), (0, 0, 0x0ABC));
        assert_eq!(third, first);
        // In turn, with the number of the converter: ADC2 has its table from reset, channel 0, not inverted.
        let control = reg::APB_SARADC_CTRL::SARADC_DATA_TO_I2S.mask()
            | reg::APB_SARADC_CTRL::SARADC_DATA_SAR_SEL.mask()
            | reg::APB_SARADC_CTRL::SARADC_WORK_MODE.put(2)
            | PATT_P_CLEAR[0];
        block.write(reg::APB_SARADC_CTRL, control, Time::ZERO).unwrap();
        let results: [u16; 3] = std::array::from_fn(|_| block.next_conversion().unwrap().result(0x123));
        assert_eq!(results, [0x8000 | 0x6DC, 3 << 11 | 0x123, 0x8000 | 0x6DC]);
    }

    #[test]
    fn the_date_tells_revision_3() {
        for revision_3 in [false, true] {
            let date = ApbCtrl::new(revision_3).read(reg::DATE, Time::ZERO).unwrap();
            assert_eq!(date >> 31 == 1, revision_3);
        }
    }
}
