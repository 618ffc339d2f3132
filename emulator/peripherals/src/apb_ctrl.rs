//! SYSCON, also named APB_CTRL: the divider of the CPU clock, the dividers of REF_TICK, and the digital controller of the SAR
//! ADCs (ESP32 TRM, chapter "Reset and Clock").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

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
/// Set in DATE by chips from revision 3 on.
const DATE_REVISION_3: u32 = 1 << 31;

/// APB_CTRL.
#[derive(Clone, Debug)]
pub struct ApbCtrl {
    registers: Registers,
    revision_3: bool,
}

impl ApbCtrl {
    /// The block of a chip of revision 3 or later, or of an earlier one.
    pub fn new(revision_3: bool) -> ApbCtrl {
        let mut block = ApbCtrl { registers: Registers::new(&REGISTERS), revision_3 };
        block.reset();
        block
    }

    /// What divides the crystal, or the internal fast oscillator, to give the CPU clock: at least 1.
    pub fn cpu_divider(&self) -> u32 {
        (self.registers.get(reg::SYSCLK_CONF) & PRE_DIV_CNT_MASK) + 1
    }
}

impl Device for ApbCtrl {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("the digital controller of the SAR ADCs is registers without effect")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
        if self.revision_3 {
            self.registers.modify(reg::DATE, 0, DATE_REVISION_3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApbCtrl, reg};
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
    fn the_date_tells_revision_3() {
        for revision_3 in [false, true] {
            let date = ApbCtrl::new(revision_3).read(reg::DATE, Time::ZERO).unwrap();
            assert_eq!(date >> 31 == 1, revision_3);
        }
    }
}
