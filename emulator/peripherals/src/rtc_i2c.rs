//! RTC_I2C, the I2C controller of the ULP coprocessor (ESP32 TRM, chapter "ULP Coprocessor", section "RTC_I2C Controller"; the
//! instructions I2C_RD and I2C_WR).
//!
//! An instruction is one transaction: a byte from a register of a device, or a byte to it. It is carried out at once, and takes the time of
//! its bits by the fast RTC clock.

use espalier_core::{Device, Fidelity, I2cTarget, Register, Registers, Span, Time, Unmodelled};

use crate::clocks::RC_FAST;

espalier_core::registers! {
    SCL_LOW_PERIOD @ 0x00 = 0, rw_bits(0x01FF_FFFF);
    CTRL @ 0x04 = 0, rw_bits(0xF3) { MS_MODE: 4, TX_LSB_FIRST: 6, RX_LSB_FIRST: 7 };
    DEBUG_STATUS @ 0x08 = 0, rw_bits(0x7E00_007F) { ACK_VAL: 0 };
    TIMEOUT @ 0x0C = 0, rw_bits(0x000F_FFFF);
    SLAVE_ADDR @ 0x10 = 0, rw_bits(0x8000_7FFF);
    DATA @ 0x1C = 0, rw();
    INT_RAW @ 0x20 = 0, rw_bits(0x78) { MASTER_TRANS_COMPLETE: 5, TRANS_COMPLETE: 6 };
    INT_CLR @ 0x24 = 0, wo();
    INT_ENA @ 0x28 = 0, rw();
    INT_ST @ 0x2C = 0, rw();
    SDA_DUTY @ 0x30 = 0, rw_bits(0x000F_FFFF);
    SCL_HIGH_PERIOD @ 0x38 = 0, rw_bits(0x000F_FFFF);
    SCL_START_PERIOD @ 0x40 = 0, rw_bits(0x000F_FFFF);
    SCL_STOP_PERIOD @ 0x44 = 0, rw_bits(0x000F_FFFF);
    CMD @ 0x48 = 0, rw_bits(0x8000_3FFF);
}

/// Bits on the wire for each byte.
const BITS_PER_BYTE: u64 = 9;
/// The byte that is read where no device drives the line.
const RELEASED: u8 = 0xFF;

/// The controller.
#[derive(Clone, Debug)]
pub struct RtcI2c {
    registers: Registers,
}

espalier_core::persist!(state RtcI2c { registers });

impl Default for RtcI2c {
    fn default() -> RtcI2c {
        RtcI2c::new()
    }
}

impl RtcI2c {
    pub fn new() -> RtcI2c {
        RtcI2c { registers: Registers::new(&REGISTERS) }
    }

    /// Writes `data` to a register of the device at `address`, or reads the register. Returns what was read, and the time that it took.
    pub fn transact(
        &mut self,
        address: u8,
        register: u8,
        data: Option<u8>,
        bus: Option<&mut dyn I2cTarget>,
        at: Time,
    ) -> (u8, Span) {
        if !self.registers.is_set(reg::CTRL::MS_MODE) {
            return (RELEASED, Span::ZERO);
        }
        let mut wires = Wires { registers: &self.registers, bus, at };
        wires.pass(reg::SCL_START_PERIOD);
        let (mut acknowledged, mut read) = (wires.start(address, false) && wires.write(register), RELEASED);
        if acknowledged {
            match data {
                Some(data) => acknowledged = wires.write(data),
                None => {
                    wires.pass(reg::SCL_START_PERIOD);
                    acknowledged = wires.start(address, true);
                    if acknowledged {
                        read = wires.read();
                    }
                }
            }
        }
        wires.pass(reg::SCL_STOP_PERIOD);
        let end = wires.stop();
        let done = reg::INT_RAW::MASTER_TRANS_COMPLETE.mask() | reg::INT_RAW::TRANS_COMPLETE.mask();
        self.registers.modify(reg::INT_RAW, 0, done);
        self.registers.set_field(reg::DEBUG_STATUS::ACK_VAL, u32::from(!acknowledged));
        (read, end.since(at))
    }
}

/// The wires in one transaction.
struct Wires<'a, 'b> {
    registers: &'a Registers,
    bus: Option<&'b mut dyn I2cTarget>,
    at: Time,
}

impl Wires<'_, '_> {
    /// So many cycles pass as a register says.
    fn pass(&mut self, register: u32) {
        self.at += RC_FAST.cycles(self.registers.get(register).into());
    }

    fn pass_byte(&mut self) {
        let bit =
            u64::from(self.registers.get(reg::SCL_LOW_PERIOD)) + u64::from(self.registers.get(reg::SCL_HIGH_PERIOD));
        self.at += RC_FAST.cycles(bit * BITS_PER_BYTE);
    }

    fn sent(&self, byte: u8) -> u8 {
        if self.registers.is_set(reg::CTRL::TX_LSB_FIRST) { byte.reverse_bits() } else { byte }
    }

    fn start(&mut self, address: u8, read: bool) -> bool {
        self.pass_byte();
        let byte = self.sent(address << 1 | u8::from(read));
        let at = self.at;
        self.bus.as_mut().is_some_and(|bus| bus.start(byte >> 1, byte & 1 != 0, at))
    }

    fn write(&mut self, byte: u8) -> bool {
        self.pass_byte();
        let (byte, at) = (self.sent(byte), self.at);
        self.bus.as_mut().is_some_and(|bus| bus.write(byte, at))
    }

    fn read(&mut self) -> u8 {
        self.pass_byte();
        let at = self.at;
        let byte = self.bus.as_mut().map_or(RELEASED, |bus| bus.read(at));
        if self.registers.is_set(reg::CTRL::RX_LSB_FIRST) { byte.reverse_bits() } else { byte }
    }

    fn stop(&mut self) -> Time {
        let at = self.at;
        if let Some(bus) = &mut self.bus {
            bus.stop(at);
        }
        at
    }
}

impl Device for RtcI2c {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "reaches the parts of the board only, for the ULP coprocessor's instructions only; no slave mode, arbitration and time-out",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        if offset == reg::INT_CLR {
            // Each bit clears the one below its own place.
            self.registers.modify(reg::INT_RAW, value >> 1, 0);
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = RtcI2c::new();
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, I2cTarget, Span, Time};

    use super::{RtcI2c, reg};
    use crate::clocks::RC_FAST;

    /// A device with registers that answers to 0x5A.
    #[derive(Default)]
    struct Sensor {
        registers: Vec<(u8, u8)>,
        pointer: Option<u8>,
        stops: usize,
    }

    impl I2cTarget for Sensor {
        fn start(&mut self, address: u8, read: bool, _now: Time) -> bool {
            self.pointer = self.pointer.filter(|_| read);
            address == 0x5A
        }

        fn write(&mut self, byte: u8, _now: Time) -> bool {
            match self.pointer {
                Some(pointer) => self.registers.push((pointer, byte)),
                None => self.pointer = Some(byte),
            }
            true
        }

        fn read(&mut self, _now: Time) -> u8 {
            self.pointer.map_or(0, |pointer| pointer.wrapping_mul(3))
        }

        fn stop(&mut self, _now: Time) {
            self.stops += 1;
        }
    }

    /// The settings of the TRM's example, with 40 cycles of each level.
    fn set_up() -> RtcI2c {
        let mut i2c = RtcI2c::new();
        let settings = [
            (reg::SCL_LOW_PERIOD, 40),
            (reg::SCL_HIGH_PERIOD, 40),
            (reg::SCL_START_PERIOD, 30),
            (reg::SCL_STOP_PERIOD, 44),
            (reg::CTRL, reg::CTRL::MS_MODE.mask()),
        ];
        settings.into_iter().for_each(|(offset, value)| i2c.write(offset, value, Time::ZERO).expect("a register"));
        i2c
    }

    #[test]
    fn a_register_is_written_and_read_in_the_time_of_the_bits() {
        let (mut i2c, mut sensor) = (set_up(), Sensor::default());
        let (_, time) = i2c.transact(0x5A, 0x10, Some(0x77), Some(&mut sensor), Time::ZERO);
        assert_eq!((sensor.registers.as_slice(), time), ([(0x10, 0x77)].as_slice(), RC_FAST.cycles(27 * 80 + 74)));
        let (read, time) = i2c.transact(0x5A, 0x11, None, Some(&mut sensor), Time::ZERO);
        assert_eq!((read, sensor.stops), (0x33, 2));
        assert!(time.ticks().abs_diff(RC_FAST.cycles(36 * 80 + 104).ticks()) <= 8, "{time}");
        assert_eq!(i2c.read(reg::INT_RAW, Time::ZERO), Ok(0x60));
        i2c.write(reg::INT_CLR, 0xC0, Time::ZERO).expect("a register");
        assert_eq!(i2c.read(reg::INT_RAW, Time::ZERO), Ok(0));
    }

    #[test]
    fn a_device_that_is_not_there_reads_as_ones_and_is_told() {
        let (mut i2c, mut sensor) = (set_up(), Sensor::default());
        let (read, _) = i2c.transact(0x5B, 0x11, None, Some(&mut sensor), Time::ZERO);
        assert_eq!((read, i2c.read(reg::DEBUG_STATUS, Time::ZERO)), (0xFF, Ok(1)));
        assert_eq!(i2c.transact(0x5A, 0x11, None, None, Time::ZERO).0, 0xFF);
        // Bits in the other order make another address.
        i2c.write(reg::CTRL, 0x50, Time::ZERO).expect("a register");
        assert_eq!(i2c.transact(0x5A, 0x11, None, Some(&mut sensor), Time::ZERO).0, 0xFF);
        // Not a master.
        i2c.write(reg::CTRL, 0, Time::ZERO).expect("a register");
        assert_eq!(i2c.transact(0x5A, 0x11, None, Some(&mut sensor), Time::ZERO), (0xFF, Span::ZERO));
    }
}
