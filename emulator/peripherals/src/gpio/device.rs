//! Register accesses of software to GPIO.

use espalier_core::{Device, Fidelity, PadMatrix, Register, Time, Unmodelled};

use super::matrix::{self, Masks};
use super::registers::{REGISTERS, reg};
use super::{Gpio, InputSource, OUTPUTS};

/// Interrupt lines, in the order of [`Device::interrupts`].
const PCPU: usize = 0;
const PCPU_NMI: usize = 1;
const ACPU: usize = 2;
const ACPU_NMI: usize = 3;
const LINES: usize = 4;

impl Gpio {
    /// The register that a set or clear register works on, and the bits to clear and to set.
    fn masked_write(offset: u32, value: u32) -> Option<(u32, u32, u32)> {
        Some(match offset {
            reg::OUT_W1TS => (reg::OUT, 0, value),
            reg::OUT_W1TC => (reg::OUT, value, 0),
            reg::OUT1_W1TS => (reg::OUT1, 0, value),
            reg::OUT1_W1TC => (reg::OUT1, value, 0),
            reg::ENABLE_W1TS => (reg::ENABLE, 0, value),
            reg::ENABLE_W1TC => (reg::ENABLE, value, 0),
            reg::ENABLE1_W1TS => (reg::ENABLE1, 0, value),
            reg::ENABLE1_W1TC => (reg::ENABLE1, value, 0),
            reg::STATUS_W1TS => (reg::STATUS, 0, value),
            reg::STATUS_W1TC => (reg::STATUS, value, 0),
            reg::STATUS1_W1TS => (reg::STATUS1, 0, value),
            reg::STATUS1_W1TC => (reg::STATUS1, value, 0),
            _ => return None,
        })
    }

    fn store(&mut self, offset: u32, value: u32) -> Result<(), Unmodelled> {
        match Gpio::masked_write(offset, value) {
            Some((target, clear, set)) => {
                let new = self.registers.get(target) & !clear | set;
                self.registers.write(target, new)?;
            }
            None => {
                self.registers.write(offset, value)?;
            }
        }
        Ok(())
    }
}

impl Device for Gpio {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("the SDIO interrupt lines and the calibration of the slow clock are registers without effect")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        let high = |pins: u64| (pins >> 32) as u32;
        Ok(match offset {
            reg::IN => self.read_levels() as u32,
            reg::IN1 => high(self.read_levels()),
            reg::STRAP => self.strap,
            reg::PCPU_INT => self.pending(PCPU) as u32,
            reg::PCPU_NMI_INT => self.pending(PCPU_NMI) as u32,
            reg::ACPU_INT => self.pending(ACPU) as u32,
            reg::ACPU_NMI_INT => self.pending(ACPU_NMI) as u32,
            reg::PCPU_INT1 => high(self.pending(PCPU)),
            reg::PCPU_NMI_INT1 => high(self.pending(PCPU_NMI)),
            reg::ACPU_INT1 => high(self.pending(ACPU)),
            reg::ACPU_NMI_INT1 => high(self.pending(ACPU_NMI)),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let (driven_before, level_before) = self.drive();
        let before = self.settings();
        let signal_pin = matrix::pin_of(reg::FUNC0_OUT_SEL_CFG, offset);
        let signal_before = signal_pin.map(|pin| self.out_signal(pin));
        self.store(offset, value)?;
        if let Some(pin) = signal_pin.or(matrix::pin_of(reg::PIN0, offset)) {
            self.masks.update(&self.registers, pin);
        }
        let (driven, level) = self.drive();
        self.changes |= (driven ^ driven_before) | (level ^ level_before) & driven;
        if let Some(pin) = signal_pin.filter(|pin| signal_before != Some(self.out_signal(*pin))) {
            self.changes |= 1 << pin;
        }
        for (before, after) in before.into_iter().zip(self.settings()) {
            self.changes |= before ^ after;
        }
        self.rewired |= (reg::FUNC0_IN_SEL_CFG..reg::FUNC0_OUT_SEL_CFG).contains(&offset);
        self.sense();
        Ok(())
    }

    fn interrupts(&self) -> u32 {
        (0..LINES).fold(0, |lines, line| lines | u32::from(self.pending(line) != 0) << line)
    }

    fn reset(&mut self) {
        let (driven, _) = self.drive();
        self.changes |= driven | OUTPUTS & !self.masks.simple | self.masks.sensed();
        self.rewired = true;
        self.registers.reset();
        self.masks = Masks::of(&self.registers);
        self.levels = self.read_levels();
    }

    fn matrix(&self) -> Option<&dyn PadMatrix> {
        Some(self)
    }
}

impl PadMatrix for Gpio {
    fn out_signal(&self, pin: usize) -> u32 {
        self.out_signal(pin)
    }

    fn is_inverted(&self, pin: usize) -> bool {
        self.is_inverted(pin)
    }

    fn in_signal(&self, signal: u32) -> Option<(usize, bool)> {
        match self.in_signal(signal)? {
            InputSource::Pin { pin, inverted } => Some((pin, inverted)),
            InputSource::Constant(_) | InputSource::IoMux => None,
        }
    }

    fn constant(&self, signal: u32) -> Option<bool> {
        match self.in_signal(signal)? {
            InputSource::Constant(level) => Some(level),
            _ => None,
        }
    }

    fn is_direct(&self, signal: u32) -> bool {
        self.in_signal(signal) == Some(InputSource::IoMux)
    }

    fn is_enabled(&self, pin: usize) -> bool {
        self.enabled() >> pin & 1 != 0
    }

    fn is_open_drain(&self, pin: usize) -> bool {
        self.is_open_drain(pin)
    }

    fn sensed(&self) -> u64 {
        self.masks.sensed() & self.inputs
    }

    fn awaited(&self) -> u64 {
        self.masks.awaited() & self.inputs & !self.status()
    }

    fn level(&self, pin: usize) -> bool {
        self.level(pin)
    }

    fn output(&self, pin: usize) -> Option<bool> {
        self.output(pin)
    }
}
