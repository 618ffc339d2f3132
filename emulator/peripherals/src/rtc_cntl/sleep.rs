//! Sleeping and waking (ESP32 TRM, chapter "Low-Power Management").

/// What can wake the chip; the bits of WAKEUP_ENA and WAKEUP_CAUSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum WakeupSource {
    /// One RTC pad.
    Ext0 = 1 << 0,
    /// A set of RTC pads.
    Ext1 = 1 << 1,
    /// Any GPIO; light sleep only.
    Gpio = 1 << 2,
    /// The RTC timer reaches SLP_VAL.
    Timer = 1 << 3,
    Sdio = 1 << 4,
    Mac = 1 << 5,
    Uart0 = 1 << 6,
    Uart1 = 1 << 7,
    Touch = 1 << 8,
    UlpCp = 1 << 9,
    Bt = 1 << 10,
}

/// The two ways to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// The digital core is clock-gated and goes on after waking.
    Light,
    /// The digital core is powered down and is reset on waking.
    Deep,
}
