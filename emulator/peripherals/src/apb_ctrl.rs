//! SYSCON, also named APB_CTRL: the divider of the CPU clock, the dividers of REF_TICK, and the digital controller of the SAR
//! ADCs (ESP32 TRM, chapters "Reset and Clock" and "On-Chip Sensors and Analog Signal
//! Processing").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::sens::Adc;

espalier_core::registers! {
    SYSCLK_CONF @ 0x00 = 0x2000, rw_bits(0x3FFF);
    XTAL_TICK_CONF @ 0x04 = 0x27, rw_bits(0xFF);
    PLL_TICK_CONF @ 0x08 = 0x4F, rw_bits(0xFF);
    CK8M_TICK_CONF @ 0x0C = 0xB, rw_bits(0xFF);
    APB_SARADC_CTRL @ 0x10 = 0x007F_8240, rw_bits(0x07FF_FFFF);
    APB_SARADC_CTRL2 @ 0x14 = 0x1FE, rw_bits(0x7FF);
    APB_SARADC_FSM @ 0x18 = 0x0208_FF08, rw();
    APB_SARADC_SAR1_PATT_TAB1[4] @ 0x1C = 0x0F0F_0F0F, rw();
    APB_SARADC_SAR2_PATT_TAB1[4] @ 0x2C = 0x0F0F_0F0F, rw();
    APLL_TICK_CONF @ 0x3C = 0x63, rw_bits(0xFF);
    DATE @ 0x7C = 0x1604_2000, rw();
}

/// APB_CTRL_PRE_DIV_CNT.
const PRE_DIV_CNT_MASK: u32 = 0x3FF;
/// APB_SARADC_CTRL.
const WORK_MODE_SHIFT: u32 = 3;
const WORK_MODE_MASK: u32 = 3;
const WORK_MODE_SINGLE: u32 = 0;
const SAR_SEL: u32 = 1 << 5;
const PATT_LEN_SHIFTS: [u32; 2] = [15, 19];
const PATT_LEN_MASK: u32 = 0xF;
const PATT_P_CLEAR: [u32; 2] = [1 << 23, 1 << 24];
const DATA_SAR_SEL: u32 = 1 << 25;
const DATA_TO_I2S: u32 = 1 << 26;
/// APB_SARADC_CTRL2.
const SAR_INV: [u32; 2] = [1 << 9, 1 << 10];
/// An entry of a pattern table: channel, width and attenuation. The first one is in the highest byte.
const ENTRIES_PER_WORD: u32 = 4;
const ENTRY_BITS: u32 = 8;
const ENTRY_CHANNEL_SHIFT: u32 = 4;
const ENTRY_WIDTH_SHIFT: u32 = 2;
const ENTRY_FIELD_MASK: u32 = 3;
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
    /// What goes to the DMA for a code of 12 bits.
    pub fn result(&self, code: u16) -> u16 {
        let full = (1 << CODE_BITS) - 1;
        // The converter gives the complement; drivers have it inverted back.
        let code = u32::from(if self.inverted { code } else { !code & full });
        let code = code >> (ENTRY_FIELD_MASK - self.width);
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

    /// What divides the crystal, or the internal fast oscillator, to give the CPU clock: at least 1.
    pub fn cpu_divider(&self) -> u32 {
        (self.registers.get(reg::SYSCLK_CONF) & PRE_DIV_CNT_MASK) + 1
    }

    /// The next conversion, if the results go to I2S. Both converters at once are not told from both in turn.
    pub fn next_conversion(&mut self) -> Option<Conversion> {
        let control = self.registers.get(reg::APB_SARADC_CTRL);
        if control & DATA_TO_I2S == 0 {
            return None;
        }
        let single = control >> WORK_MODE_SHIFT & WORK_MODE_MASK == WORK_MODE_SINGLE;
        let second = if single { control & SAR_SEL != 0 } else { self.second_is_next };
        self.second_is_next = !second;
        let (adc, table) = match second {
            false => (Adc::One, reg::APB_SARADC_SAR1_PATT_TAB1),
            true => (Adc::Two, reg::APB_SARADC_SAR2_PATT_TAB1),
        };
        let pointer = &mut self.pointers[adc as usize];
        let index = *pointer;
        let last = control >> PATT_LEN_SHIFTS[adc as usize] & PATT_LEN_MASK;
        *pointer = if index >= last { 0 } else { index + 1 };
        let word = self.registers.get(table + 4 * (index / ENTRIES_PER_WORD));
        let entry = word << (ENTRY_BITS * (index % ENTRIES_PER_WORD)) >> (u32::BITS - ENTRY_BITS);
        Some(Conversion {
            adc,
            channel: (entry >> ENTRY_CHANNEL_SHIFT) as usize,
            attenuation: entry & ENTRY_FIELD_MASK,
            width: entry >> ENTRY_WIDTH_SHIFT & ENTRY_FIELD_MASK,
            inverted: self.registers.get(reg::APB_SARADC_CTRL2) & SAR_INV[adc as usize] != 0,
            with_adc: control & DATA_SAR_SEL != 0,
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
    use super::{ApbCtrl, DATA_SAR_SEL, DATA_TO_I2S, PATT_LEN_SHIFTS, PATT_P_CLEAR, SAR_INV, WORK_MODE_SHIFT, reg};
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
        block.write(reg::APB_SARADC_CTRL, DATA_TO_I2S | 1 << PATT_LEN_SHIFTS[0], Time::ZERO).unwrap();
        let [first, second, third] = std::array::from_fn(|_| block.next_conversion().unwrap());
        assert_eq!((first.adc, first.channel, first.attenuation, first.result(0xABC)), (Adc::One, 3, 3, 0x3ABC));
        assert_eq!((second.channel, second.attenuation, second.result(0xABC)), (0, 0, 0x0ABC));
        assert_eq!(third, first);
        // In turn, with the number of the converter: ADC2 has its table from reset, channel 0, not inverted.
        let control = DATA_TO_I2S | DATA_SAR_SEL | 2 << WORK_MODE_SHIFT | PATT_P_CLEAR[0];
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
