//! RTC_CNTL of the ESP32-C3 (TRM, chapter "Low-Power Management"; crate `esp32c3`): reset causes, resets by software, the slow counter
//! and words that survive resets.

use espalier_core::{Counter, Device, Fidelity, Frequency, Register, Registers, Time, Unmodelled};

use crate::rtc_cntl::ResetCause;

espalier_core::registers! {
    OPTIONS0 @ 0x00 = 0x1C00_A000, rw_bits(0xFFF3_FFFF);
    SLP_TIMER0 @ 0x04 = 0, rw();
    SLP_TIMER1 @ 0x08 = 0, rw_bits(0x1_FFFF);
    TIME_UPDATE @ 0x0C = 0, rw_bits(0xB800_0000);
    TIME_LOW0 @ 0x10 = 0, ro();
    TIME_HIGH0 @ 0x14 = 0, ro();
    STATE0 @ 0x18 = 0, rw_bits(0xE040_0003);
    TIMER1 @ 0x1C = 0x2814_0403, rw();
    TIMER2 @ 0x20 = 0x100_0000, rw_bits(0xFF00_0000);
    TIMER3 @ 0x24 = 0xA08_0A08, rw();
    TIMER4 @ 0x28 = 0x1020_0A08, rw();
    TIMER5 @ 0x2C = 0x8000, rw_bits(0xFF00);
    TIMER6 @ 0x30 = 0xA08_0000, rw_bits(0xFFFF_0000);
    ANA_CONF @ 0x34 = 0xC4_0000, rw_bits(0xDFDC_0000);
    RESET_STATE @ 0x38 = 0x3000, rw_bits(0x3CF_3000);
    WAKEUP_STATE @ 0x3C = 0x6_0000, rw_bits(0xFFFF_8000);
    INT_ENA @ 0x40 = 0, rw_bits(0x19_860B);
    INT_RAW @ 0x44 = 0, ro();
    INT_ST @ 0x48 = 0, ro();
    INT_CLR @ 0x4C = 0, wo();
    STORE[4] @ 0x50 = 0, rw();
    EXT_XTL_CONF @ 0x60 = 0x6_6C80, rw_bits(0xC08F_FFFF);
    EXT_WAKEUP_CONF @ 0x64 = 0, rw_bits(0x8000_0000);
    SLP_REJECT_CONF @ 0x68 = 0, rw_bits(0xFFFF_F000);
    CPU_PERIOD_CONF @ 0x6C = 0, rw_bits(0xE000_0000);
    CLK_CONF @ 0x70 = 0x1158_3218, rw_bits(0xFFFF_F7FE);
    SLOW_CLK_CONF @ 0x74 = 0x40_0000, rw_bits(0xFFC0_0000);
    SDIO_CONF @ 0x78 = 0xAB0_BE0A, rw_bits(0xFEFF_FEFF);
    BIAS_CONF @ 0x7C = 0x1_0800, rw_bits(0x3FF_FDFF);
    RTC_CNTL @ 0x80 = 0xA000_0000, rw_bits(0xF03F_C080);
    PWC @ 0x84 = 0, rw_bits(0x20_0000);
    DIG_PWC @ 0x88 = 0x55_5010, rw_bits(0xF87F_F81F);
    DIG_ISO @ 0x8C = 0xAA80_5080, rw_bits(0xFFC0_FD80);
    WDTCONFIG0 @ 0x90 = 0x1_3214, rw();
    WDTCONFIG1 @ 0x94 = 0x3_0D40, rw();
    WDTCONFIG2 @ 0x98 = 0x3_0D40, rw();
    WDTCONFIG3 @ 0x9C = 0x3_0D40, rw();
    WDTCONFIG4 @ 0xA0 = 0x3_0D40, rw();
    WDTFEED @ 0xA4 = 0, wo();
    WDTWPROTECT @ 0xA8 = 0, rw();
    SWD_CONF @ 0xAC = 0x4B0_0000, rw_bits(0xFFFE_0000);
    SWD_WPROTECT @ 0xB0 = 0, rw();
    SW_CPU_STALL @ 0xB4 = 0, rw_bits(0xFFF0_0000);
    LOW_POWER_ST @ 0xC8 = 0, ro();
    DIAG0 @ 0xCC = 0, ro();
    PAD_HOLD @ 0xD0 = 0, rw_bits(0x3F);
    DIG_PAD_HOLD @ 0xD4 = 0, rw();
    BROWN_OUT @ 0xD8 = 0x43FF_0010, rw_bits(0x7FFF_FFF0);
    TIME_LOW1 @ 0xDC = 0, ro();
    TIME_HIGH1 @ 0xE0 = 0, ro();
    XTAL32K_CLK_FACTOR @ 0xE4 = 0, rw();
    XTAL32K_CONF @ 0xE8 = 0xFF0_0000, rw();
    USB_CONF @ 0xEC = 0, rw_bits(0x4_0000);
    SLP_REJECT_CAUSE @ 0xF0 = 0, ro();
    OPTION1 @ 0xF4 = 0, rw_bits(0x1);
    SLP_WAKEUP_CAUSE @ 0xF8 = 0, ro();
    ULP_CP_TIMER_1 @ 0xFC = 0xC800, rw_bits(0xFFFF_FF00);
    INT_ENA_RTC_W1TS @ 0x100 = 0, wo();
    INT_ENA_RTC_W1TC @ 0x104 = 0, wo();
    RETENTION_CTRL @ 0x108 = 0xA0D0_0000, rw_bits(0xFFFC_0000);
    FIB_SEL @ 0x10C = 0x7, rw_bits(0x7);
    GPIO_WAKEUP @ 0x110 = 0, rw_bits(0xFFFF_FFC0);
    DBG_SEL @ 0x114 = 0, rw_bits(0xFFFF_FFFE);
    DBG_MAP @ 0x118 = 0, rw_bits(0xFFFF_FFFC);
    SENSOR_CTRL @ 0x11C = 0, rw_bits(0xF800_0000);
    DBG_SAR_SEL @ 0x120 = 0, rw_bits(0xF800_0000);
    PG_CTRL @ 0x124 = 0, rw_bits(0xFC00_0000);
    STORE4[4] @ 0xB8 = 0, rw();
    DATE @ 0x1FC = 0x0200_7270, rw();
}

/// The slow RC oscillator.
const RC_SLOW: Frequency = Frequency::from_hertz(136_000);

mod options0 {
    pub const SW_PROCPU_RST: u32 = 1 << 5;
    pub const SW_SYS_RST: u32 = 1 << 31;
}

mod time_update {
    pub const UPDATE: u32 = 1 << 31;
}

mod reset_state {
    /// The cause of the core's last reset. There is one core; the ESP32's second one has a field too.
    pub const CAUSE_PROCPU: u32 = 0x3F;
}

/// The request of a write to the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcEffect {
    /// A reset for this cause.
    Reset(ResetCause),
}

espalier_core::persist!(
    enum RtcEffect {
        Reset(cause),
    }
);

/// The block.
#[derive(Clone, Debug)]
pub struct RtcCntl {
    registers: Registers,
    counter: Counter,
    effect: Option<RtcEffect>,
}

espalier_core::persist!(state RtcCntl { registers, counter, effect });

impl Default for RtcCntl {
    fn default() -> RtcCntl {
        RtcCntl::new()
    }
}

impl RtcCntl {
    pub fn new() -> RtcCntl {
        let mut counter = Counter::new(RC_SLOW);
        counter.set_running(true, Time::ZERO);
        RtcCntl { registers: Registers::new(&REGISTERS), counter, effect: None }
    }

    pub fn take_effect(&mut self) -> Option<RtcEffect> {
        self.effect.take()
    }

    /// The chip was reset for `cause`. Only the loss of power clears what is kept here.
    pub fn apply_reset(&mut self, cause: ResetCause) {
        if cause == ResetCause::PowerOn {
            self.registers.reset();
        }
        self.registers.modify(reg::OPTIONS0, options0::SW_PROCPU_RST | options0::SW_SYS_RST, 0);
        self.registers.modify(reg::RESET_STATE, reset_state::CAUSE_PROCPU, cause as u32);
        self.effect = None;
    }

    /// The word in which ESP-IDF keeps why it resets.
    pub fn note(&self) -> u32 {
        self.registers.get(reg::STORE4 + 8)
    }
}

impl Device for RtcCntl {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "sleep, watchdogs, the choice of the slow clock, power and pads of the RTC domain are registers only",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        match offset {
            reg::OPTIONS0 if value & options0::SW_SYS_RST != 0 => {
                self.effect = Some(RtcEffect::Reset(ResetCause::SoftwareSystem));
            }
            reg::OPTIONS0 if value & options0::SW_PROCPU_RST != 0 => {
                self.effect = Some(RtcEffect::Reset(ResetCause::SoftwareCpu));
            }
            reg::TIME_UPDATE if value & time_update::UPDATE != 0 => {
                let count = self.counter.value(now);
                self.registers.set(reg::TIME_LOW0, count as u32);
                self.registers.set(reg::TIME_HIGH0, (count >> u32::BITS) as u32);
                self.registers.set(reg::TIME_UPDATE, 0);
            }
            _ => {}
        }
        Ok(())
    }

    /// The block has a power domain of its own: see [`RtcCntl::apply_reset`].
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::{RtcCntl, RtcEffect, reg};
    use crate::rtc_cntl::ResetCause;
    use espalier_core::{Device, Time};

    #[test]
    fn software_resets_the_chip_and_finds_out_why() {
        let mut rtc = RtcCntl::new();
        rtc.write(reg::STORE, 7, Time::ZERO).unwrap();
        rtc.write(reg::OPTIONS0, 0x9C00_A000, Time::ZERO).unwrap();
        assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset(ResetCause::SoftwareSystem)));
        rtc.apply_reset(ResetCause::SoftwareSystem);
        assert_eq!(rtc.read(reg::RESET_STATE, Time::ZERO).unwrap() & 0x3F, 3);
        assert_eq!((rtc.read(reg::STORE, Time::ZERO), rtc.read(reg::OPTIONS0, Time::ZERO)), (Ok(7), Ok(0x1C00_A000)));
        rtc.apply_reset(ResetCause::PowerOn);
        assert_eq!(rtc.read(reg::STORE, Time::ZERO), Ok(0));
    }

    #[test]
    fn the_counter_counts_the_slow_clock() {
        let mut rtc = RtcCntl::new();
        rtc.write(reg::TIME_UPDATE, 1 << 31, Time::from_micros(1_000_000)).unwrap();
        // A clock has a whole number of ticks per cycle.
        let count = rtc.read(reg::TIME_LOW0, Time::ZERO).unwrap();
        assert!(count.abs_diff(136_000) < 100, "{count}");
    }
}
