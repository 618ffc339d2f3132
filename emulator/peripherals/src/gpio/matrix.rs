//! The settings of the PIN and SEL registers, gathered into one bit per pad.

use espalier_core::Registers;

use super::PINS;
use super::registers::{self, reg};

/// The signal number that connects a pad to its own GPIO output.
pub const SIGNAL_GPIO: u32 = 256;

/// Peripheral input signals of the matrix.
const IN_SIGNALS: u32 = 256;

/// Where a peripheral input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// A pad, through the matrix.
    Pin { pin: usize, inverted: bool },
    /// A constant level.
    Constant(bool),
    /// The pad that IO_MUX connects to the signal, past the matrix.
    IoMux,
}

/// One bit per pad for each setting.
#[derive(Clone, Debug, Default)]
pub(super) struct Masks {
    pub(super) rising: u64,
    pub(super) falling: u64,
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) wakeup: u64,
    pub(super) open_drain: u64,
    /// Pads that show their own GPIO output.
    pub(super) simple: u64,
    pub(super) out_inverted: u64,
    pub(super) enable_inverted: u64,
    /// Pads whose driver GPIO_ENABLE switches, whatever signal they carry.
    pub(super) enable_by_gpio: u64,
    /// Interrupt enables, in the order of the block's interrupt lines.
    pub(super) enabled: [u64; 4],
}

espalier_core::persist! {
    value Masks {
        rising, falling, low, high, wakeup, open_drain, simple, out_inverted, enable_inverted, enable_by_gpio, enabled
    }
}

impl Masks {
    pub(super) fn of(registers: &Registers) -> Masks {
        let mut masks = Masks::default();
        for pin in 0..PINS {
            masks.update(registers, pin);
        }
        masks
    }

    /// Pads whose edges or levels set STATUS or wake the chip.
    pub(super) fn sensed(&self) -> u64 {
        self.rising | self.falling | self.low | self.high
    }

    /// The sensed pads with an enabled interrupt or the wake-up.
    pub(super) fn awaited(&self) -> u64 {
        self.enabled.iter().fold(self.wakeup, |mask, enabled| mask | enabled) & self.sensed()
    }

    /// Takes over the settings of one pad.
    pub(super) fn update(&mut self, registers: &Registers, pin: usize) {
        let put = |mask: &mut u64, set: bool| *mask = *mask & !(1 << pin) | u64::from(set) << pin;
        let config = registers.get(pin_register(reg::PIN0, pin));
        let kind = reg::PIN0::INT_TYPE.get(config);
        put(&mut self.rising, kind == 1 || kind == 3);
        put(&mut self.falling, kind == 2 || kind == 3);
        put(&mut self.low, kind == 4);
        put(&mut self.high, kind == 5);
        put(&mut self.wakeup, reg::PIN0::WAKEUP_ENABLE.is_set(config));
        put(&mut self.open_drain, reg::PIN0::PAD_DRIVER.is_set(config));
        let enables =
            [registers::PCPU_INT_ENA, registers::PCPU_NMI_ENA, registers::ACPU_INT_ENA, registers::ACPU_NMI_ENA];
        for (mask, enable) in self.enabled.iter_mut().zip(enables) {
            put(mask, reg::PIN0::INT_ENA.get(config) & enable != 0);
        }
        let out = registers.get(pin_register(reg::FUNC0_OUT_SEL_CFG, pin));
        put(&mut self.simple, reg::FUNC0_OUT_SEL_CFG::OUT_SEL.get(out) == SIGNAL_GPIO);
        put(&mut self.out_inverted, reg::FUNC0_OUT_SEL_CFG::INV_SEL.is_set(out));
        put(&mut self.enable_by_gpio, reg::FUNC0_OUT_SEL_CFG::OEN_SEL.is_set(out));
        put(&mut self.enable_inverted, reg::FUNC0_OUT_SEL_CFG::OEN_INV_SEL.is_set(out));
    }
}

/// The pad to which the register at `offset` of an array that starts at `first` belongs.
pub(super) fn pin_of(first: u32, offset: u32) -> Option<usize> {
    let pin = (offset.checked_sub(first)? / 4) as usize;
    (pin < PINS).then_some(pin)
}

pub(super) fn out_signal(registers: &Registers, pin: usize) -> u32 {
    reg::FUNC0_OUT_SEL_CFG::OUT_SEL.get(registers.get(pin_register(reg::FUNC0_OUT_SEL_CFG, pin)))
}

pub(super) fn in_signal(registers: &Registers, signal: u32) -> Option<InputSource> {
    if signal >= IN_SIGNALS {
        return None;
    }
    let config = registers.get(reg::FUNC0_IN_SEL_CFG + 4 * signal);
    if !reg::FUNC0_IN_SEL_CFG::SEL.is_set(config) {
        return Some(InputSource::IoMux);
    }
    let inverted = reg::FUNC0_IN_SEL_CFG::IN_INV_SEL.is_set(config);
    Some(match reg::FUNC0_IN_SEL_CFG::IN_SEL.get(config) {
        registers::IN_SEL_ALWAYS_HIGH => InputSource::Constant(!inverted),
        select if (select as usize) < PINS => InputSource::Pin { pin: select as usize, inverted },
        // 0x30 is always low; the manual does not say what the rest is.
        _ => InputSource::Constant(inverted),
    })
}

fn pin_register(first: u32, pin: usize) -> u32 {
    first + 4 * pin as u32
}
