//! The clocks that several blocks share (ESP32 TRM, chapter "Reset and Clock").

use espalier_core::{Frequency, Span};

/// Frequency of the main crystal.
pub const XTAL: Frequency = Frequency::from_hertz(XTAL_HERTZ);
pub(crate) const XTAL_HERTZ: u64 = 40_000_000;

/// Frequency of the APB while the CPU runs from the PLL.
pub const APB_WITH_PLL: Frequency = Frequency::from_hertz(80_000_000);

/// The tick of timers and PWM, which APB_CTRL divides from whatever drives the APB so that it stays at 1 MHz.
pub(crate) const REF_TICK: Frequency = Frequency::from_hertz(1_000_000);

/// The internal fast RC oscillator, which the manual calls CK8M, in whole ticks of guest time.
pub const RC_FAST: Frequency = Frequency::from_hertz(RC_FAST_HERTZ);
pub(crate) const RC_FAST_HERTZ: u64 = 8_500_000;

/// Edge interrupts of one source come at most this often: a core that takes one needs longer to be ready for the next, so it
/// cannot tell those in between.
pub(crate) const FASTEST_EDGES: Span = Span::from_micros(1);

/// The sources of the RTC slow clock, as RTC_CNTL_ANA_CLK_RTC_SEL selects them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowClock {
    /// The internal RC oscillator of 150 kHz.
    #[default]
    Rc150k,
    /// An external crystal of 32768 Hz.
    Xtal32k,
    /// The internal fast RC oscillator, divided by 256.
    Rc8mDiv256,
}

espalier_core::persist!(
    enum SlowClock {
        Rc150k,
        Xtal32k,
        Rc8mDiv256,
    }
);

impl SlowClock {
    /// The clock that a field value of ANA_CLK_RTC_SEL selects; the reserved value selects the RC oscillator.
    pub(crate) fn from_field(field: u32) -> SlowClock {
        match field {
            1 => SlowClock::Xtal32k,
            2 => SlowClock::Rc8mDiv256,
            _ => SlowClock::Rc150k,
        }
    }

    /// The exact frequency in thousandths of a hertz.
    pub const fn millihertz(self) -> u64 {
        match self {
            SlowClock::Rc150k => 150_000_000,
            SlowClock::Xtal32k => 32_768_000,
            SlowClock::Rc8mDiv256 => RC_FAST_HERTZ * 1000 / 256,
        }
    }

    /// The clock in whole ticks of guest time.
    pub const fn frequency(self) -> Frequency {
        Frequency::from_hertz((self.millihertz() + 500) / 1000)
    }
}

/// The sources of the CPU clock, as RTC_CNTL_SOC_CLK_SEL selects them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocClock {
    /// The crystal behind the divider of APB_CTRL_SYSCLK_CONF.
    #[default]
    Xtal,
    /// The PLL of 320 or 480 MHz behind the divider of DPORT_CPU_PER_CONF.
    Pll,
    /// The internal fast RC oscillator behind the divider of APB_CTRL_SYSCLK_CONF.
    Rc8m,
    /// The audio PLL.
    Apll,
}

espalier_core::persist!(
    enum SocClock {
        Xtal,
        Pll,
        Rc8m,
        Apll,
    }
);

impl SocClock {
    pub(crate) fn from_field(field: u32) -> SocClock {
        match field & 3 {
            1 => SocClock::Pll,
            2 => SocClock::Rc8m,
            3 => SocClock::Apll,
            _ => SocClock::Xtal,
        }
    }
}
