//! IO_MUX: what each pad is used for, its pull resistors and its input buffer (ESP32 TRM, chapter "IO_MUX and GPIO Matrix").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

/// Reset values by the last column of the table "IO_MUX Pad List": the input buffer off, on, on with pull-down, on with
/// pull-up. The drive strength is 2 in all of them.
const OFF: u32 = 0x800;
const ON: u32 = OFF | reg::GPIO0::FUN_IE.mask();
const DOWN: u32 = ON | reg::GPIO0::FUN_WPD.mask();
const UP: u32 = ON | reg::GPIO0::FUN_WPU.mask();

const WRITABLE: u32 = 0x7FFF;

espalier_core::registers! {
    PIN_CTRL @ 0x00 = 0, rw_bits(0xFFF);
    GPIO36 @ 0x04 = OFF, rw_bits(WRITABLE);
    GPIO37 @ 0x08 = OFF, rw_bits(WRITABLE);
    GPIO38 @ 0x0C = OFF, rw_bits(WRITABLE);
    GPIO39 @ 0x10 = OFF, rw_bits(WRITABLE);
    GPIO34 @ 0x14 = OFF, rw_bits(WRITABLE);
    GPIO35 @ 0x18 = OFF, rw_bits(WRITABLE);
    GPIO32 @ 0x1C = OFF, rw_bits(WRITABLE);
    GPIO33 @ 0x20 = OFF, rw_bits(WRITABLE);
    GPIO25 @ 0x24 = OFF, rw_bits(WRITABLE);
    GPIO26 @ 0x28 = OFF, rw_bits(WRITABLE);
    GPIO27 @ 0x2C = OFF, rw_bits(WRITABLE);
    MTMS @ 0x30 = UP, rw_bits(WRITABLE);
    MTDI @ 0x34 = DOWN, rw_bits(WRITABLE);
    MTCK @ 0x38 = DOWN, rw_bits(WRITABLE);
    MTDO @ 0x3C = UP, rw_bits(WRITABLE);
    GPIO2 @ 0x40 = DOWN, rw_bits(WRITABLE);
    GPIO0 @ 0x44 = UP, rw_bits(WRITABLE) {
        /// Fields of a pad's register.
        FUN_WPD: 7,
        FUN_WPU: 8,
        FUN_IE: 9,
        MCU_SEL: 12..=14,
    };
    GPIO4 @ 0x48 = DOWN, rw_bits(WRITABLE);
    GPIO16 @ 0x4C = ON, rw_bits(WRITABLE);
    GPIO17 @ 0x50 = ON, rw_bits(WRITABLE);
    SD_DATA2 @ 0x54 = UP, rw_bits(WRITABLE);
    SD_DATA3 @ 0x58 = UP, rw_bits(WRITABLE);
    SD_CMD @ 0x5C = UP, rw_bits(WRITABLE);
    SD_CLK @ 0x60 = UP, rw_bits(WRITABLE);
    SD_DATA0 @ 0x64 = UP, rw_bits(WRITABLE);
    SD_DATA1 @ 0x68 = UP, rw_bits(WRITABLE);
    GPIO5 @ 0x6C = UP, rw_bits(WRITABLE);
    GPIO18 @ 0x70 = ON, rw_bits(WRITABLE);
    GPIO19 @ 0x74 = ON, rw_bits(WRITABLE);
    GPIO20 @ 0x78 = ON, rw_bits(WRITABLE);
    GPIO21 @ 0x7C = ON, rw_bits(WRITABLE);
    GPIO22 @ 0x80 = ON, rw_bits(WRITABLE);
    U0RXD @ 0x84 = UP, rw_bits(WRITABLE);
    U0TXD @ 0x88 = UP, rw_bits(WRITABLE);
    GPIO23 @ 0x8C = ON, rw_bits(WRITABLE);
    GPIO24 @ 0x90 = ON, rw_bits(WRITABLE);
}

/// The register of each GPIO. GPIO28 to 31 do not exist.
const REGISTER_OF_PIN: [Option<u32>; 40] = [
    Some(reg::GPIO0),
    Some(reg::U0TXD),
    Some(reg::GPIO2),
    Some(reg::U0RXD),
    Some(reg::GPIO4),
    Some(reg::GPIO5),
    Some(reg::SD_CLK),
    Some(reg::SD_DATA0),
    Some(reg::SD_DATA1),
    Some(reg::SD_DATA2),
    Some(reg::SD_DATA3),
    Some(reg::SD_CMD),
    Some(reg::MTDI),
    Some(reg::MTCK),
    Some(reg::MTMS),
    Some(reg::MTDO),
    Some(reg::GPIO16),
    Some(reg::GPIO17),
    Some(reg::GPIO18),
    Some(reg::GPIO19),
    Some(reg::GPIO20),
    Some(reg::GPIO21),
    Some(reg::GPIO22),
    Some(reg::GPIO23),
    Some(reg::GPIO24),
    Some(reg::GPIO25),
    Some(reg::GPIO26),
    Some(reg::GPIO27),
    None,
    None,
    None,
    None,
    Some(reg::GPIO32),
    Some(reg::GPIO33),
    Some(reg::GPIO34),
    Some(reg::GPIO35),
    Some(reg::GPIO36),
    Some(reg::GPIO37),
    Some(reg::GPIO38),
    Some(reg::GPIO39),
];

/// The function that hands a pad to the GPIO matrix.
pub const FUNCTION_GPIO: u32 = 2;

/// A pull resistor of a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    Up,
    Down,
}

/// IO_MUX.
#[derive(Clone, Debug)]
pub struct IoMux {
    registers: Registers,
    changes: IoMuxChanges,
}

espalier_core::persist!(state IoMux { registers, changes });

/// The pads that software has changed: bit n is GPIO n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoMuxChanges {
    /// Pads with another function.
    pub functions: u64,
    /// Pads with another resistor.
    pub pulls: u64,
    /// Pads whose input buffer was switched.
    pub inputs: u64,
}

espalier_core::persist!(value IoMuxChanges { functions, pulls, inputs });

impl Default for IoMux {
    fn default() -> IoMux {
        IoMux::new()
    }
}

impl IoMux {
    /// The pads after reset.
    pub fn new() -> IoMux {
        IoMux { registers: Registers::new(&REGISTERS), changes: IoMuxChanges::default() }
    }

    /// The function (MCU_SEL) of GPIO `pin`: [`FUNCTION_GPIO`] is the GPIO matrix. None if there is no such pad.
    pub fn function(&self, pin: usize) -> Option<u32> {
        Some(reg::GPIO0::MCU_SEL.get(self.pad(pin)?))
    }

    /// The pull resistor of GPIO `pin`; the pull-up wins if both are on.
    pub fn pull(&self, pin: usize) -> Option<Pull> {
        let pad = self.pad(pin)?;
        if reg::GPIO0::FUN_WPU.is_set(pad) {
            Some(Pull::Up)
        } else {
            (reg::GPIO0::FUN_WPD.is_set(pad)).then_some(Pull::Down)
        }
    }

    /// Whether the input buffer of GPIO `pin` is on. While it is off, the chip reads the pad as low.
    pub fn input_enabled(&self, pin: usize) -> bool {
        self.pad(pin).is_some_and(|pad| pad & reg::GPIO0::FUN_IE.mask() != 0)
    }

    /// The pads whose input buffers are on: bit n is GPIO n.
    pub fn inputs_enabled(&self) -> u64 {
        (0..REGISTER_OF_PIN.len()).fold(0, |mask, pin| mask | u64::from(self.input_enabled(pin)) << pin)
    }

    /// Returns the changes since the last call.
    pub fn take_changes(&mut self) -> IoMuxChanges {
        std::mem::take(&mut self.changes)
    }

    fn pad(&self, pin: usize) -> Option<u32> {
        let offset = (*REGISTER_OF_PIN.get(pin)?)?;
        Some(self.registers.get(offset))
    }
}

impl Device for IoMux {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("drive strength, sleep settings and clock outputs are registers without effect")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let before = self.registers.read(offset)?;
        let changed = before ^ self.registers.write(offset, value)?;
        if let Some(pin) = REGISTER_OF_PIN.iter().position(|register| *register == Some(offset)) {
            let bit = |changes: bool| u64::from(changes) << pin;
            self.changes.functions |= bit(reg::GPIO0::MCU_SEL.get(changed) != 0);
            self.changes.inputs |= bit(reg::GPIO0::FUN_IE.is_set(changed));
            self.changes.pulls |= bit(changed & (reg::GPIO0::FUN_WPU.mask() | reg::GPIO0::FUN_WPD.mask()) != 0);
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{FUNCTION_GPIO, IoMux, IoMuxChanges, Pull, REGISTER_OF_PIN, REGISTERS, reg};
    use espalier_core::{Device, Time, Unmodelled};

    #[test]
    fn every_pad_register_belongs_to_one_pin() {
        let mut offsets: Vec<u32> = REGISTER_OF_PIN.into_iter().flatten().collect();
        offsets.sort_unstable();
        let pads: Vec<u32> = REGISTERS.iter().map(|register| register.offset).filter(|offset| *offset != 0).collect();
        assert_eq!(offsets, pads);
    }

    #[test]
    fn strapping_pins_have_their_default_pulls() {
        // Datasheet, "Strapping Pins": GPIO0, GPIO5 and MTDO pull up; GPIO2, GPIO4 and MTDI pull down.
        let mux = IoMux::new();
        for pin in [0, 5, 15] {
            assert_eq!(mux.pull(pin), Some(Pull::Up));
        }
        for pin in [2, 4, 12] {
            assert_eq!(mux.pull(pin), Some(Pull::Down));
        }
        assert_eq!((mux.pull(36), mux.input_enabled(36), mux.function(30)), (None, false, None));
    }

    #[test]
    fn a_driver_selects_the_gpio_function_with_a_pull_up() {
        let mut mux = IoMux::new();
        mux.write(reg::GPIO22, FUNCTION_GPIO << 12 | 1 << 9 | 1 << 8, Time::ZERO).unwrap();
        assert_eq!((mux.function(22), mux.pull(22), mux.input_enabled(22)), (Some(2), Some(Pull::Up), true));
    }

    #[test]
    fn input_buffers_are_on_after_reset_but_for_the_analog_pads() {
        // TRM, table "IO_MUX Pad List", column "Reset": GPIO25 to 27 and 32 to 39 are off.
        let mut mux = IoMux::new();
        let off = (25..28).chain(28..32).chain(32..40).fold(0, |mask, pin| mask | 1 << pin);
        assert_eq!(mux.inputs_enabled(), u64::MAX >> 24 & !off);
        mux.write(reg::GPIO26, 1 << 9, Time::ZERO).unwrap();
        mux.write(reg::GPIO4, 0, Time::ZERO).unwrap();
        assert_eq!(mux.take_changes().inputs, 1 << 26 | 1 << 4);
        assert_eq!([4, 26].map(|pin| mux.input_enabled(pin)), [false, true]);
    }

    #[test]
    fn an_address_without_a_register_is_refused() {
        let mut mux = IoMux::new();
        for offset in (0..0x1000).step_by(4).filter(|offset| REGISTERS.iter().all(|one| one.offset != *offset)) {
            assert_eq!(mux.write(offset, u32::MAX, Time::ZERO), Err(Unmodelled), "{offset:#x}");
        }
        assert_eq!(mux.take_changes(), IoMuxChanges::default());
    }
}
