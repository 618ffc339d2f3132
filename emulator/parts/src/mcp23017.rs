//! MCP23017: sixteen pins on I2C (Microchip, "MCP23017/MCP23S17 16-Bit I/O Expander", DS20001952).

use espalier_core::{I2cTarget, Time};

use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};

/// Registers of port A with IOCON.BANK = 0; that of port B follows each (table 3-5).
const IODIR: u8 = 0;
const IPOL: u8 = 1;
const GPINTEN: u8 = 2;
const DEFVAL: u8 = 3;
const INTCON: u8 = 4;
const IOCON: u8 = 5;
const GPPU: u8 = 6;
const INTF: u8 = 7;
const INTCAP: u8 = 8;
const GPIO: u8 = 9;
const OLAT: u8 = 10;
const REGISTERS: u8 = 11;
/// With IOCON.BANK = 1, the registers of port B begin here.
const BANK_B: u8 = 0x10;

/// Bits of IOCON (register 3-6).
const BANK: u8 = 1 << 7;
const MIRROR: u8 = 1 << 6;
const SEQOP: u8 = 1 << 5;
const ODR: u8 = 1 << 2;
const INTPOL: u8 = 1 << 1;

const RESET: usize = 2;

/// One of the two ports.
#[derive(Clone, Copy, Debug)]
struct Port {
    registers: [u8; REGISTERS as usize],
    /// Pins that are driven from outside, and to which level.
    driven: u8,
    levels: u8,
    /// The levels that interrupts on change compare with.
    last: u8,
}

espalier_core::persist!(value Port { registers, driven, levels, last });

impl Port {
    fn new() -> Port {
        let mut registers = [0; REGISTERS as usize];
        registers[usize::from(IODIR)] = 0xFF;
        Port { registers, driven: 0, levels: 0, last: 0 }
    }

    fn get(&self, register: u8) -> u8 {
        self.registers[usize::from(register)]
    }

    /// The levels of the pins: outputs are driven, inputs follow the outside, then their pull-up.
    fn pins(&self) -> u8 {
        let inputs = self.driven & self.levels | !self.driven & self.get(GPPU);
        let directions = self.get(IODIR);
        directions & inputs | !directions & self.get(OLAT)
    }

    /// GPIO as it reads.
    fn read(&self) -> u8 {
        self.pins() ^ self.get(IPOL) & self.get(IODIR)
    }

    /// Looks for interrupts after pins or settings have changed (section 3.6).
    fn sense(&mut self) {
        let value = self.read();
        let reference = self.get(INTCON) & self.get(DEFVAL) | !self.get(INTCON) & self.last;
        let found = (value ^ reference) & self.get(GPINTEN) & self.get(IODIR);
        self.last = value;
        if found != 0 && self.get(INTF) == 0 {
            self.registers[usize::from(INTF)] = found;
            self.registers[usize::from(INTCAP)] = value;
        }
    }

    /// Reading GPIO or INTCAP ends the interrupt; a comparison with DEFVAL that still holds begins a new one.
    fn acknowledge(&mut self) {
        self.registers[usize::from(INTF)] = 0;
        self.sense();
    }
}

/// The expander.
///
/// ```
/// use espalier_parts::Mcp23017;
///
/// let mut expander = Mcp23017::new();
/// expander.drive_pin(8, Some(true)); // GPB0
/// assert_eq!(expander.pins(), 1 << 8, "all pins are inputs after power-on");
/// ```
#[derive(Clone, Debug)]
pub struct Mcp23017 {
    ports: [Port; 2],
    iocon: u8,
    pointer: u8,
    choosing: bool,
}

espalier_core::persist!(state Mcp23017 { ports, iocon, pointer, choosing });

impl Default for Mcp23017 {
    fn default() -> Mcp23017 {
        Mcp23017::new()
    }
}

impl Mcp23017 {
    /// 7-bit address with A2 to A0 low.
    pub const ADDRESS: u8 = 0x20;

    pub fn new() -> Mcp23017 {
        Mcp23017 { ports: [Port::new(); 2], iocon: 0, pointer: 0, choosing: false }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(Mcp23017::ADDRESS)?;
        wiring.optional_pad("inta", 0, PadUse::Drives)?;
        wiring.optional_pad("intb", 1, PadUse::Drives)?;
        wiring.optional_pad("reset", RESET, PadUse::Hears)?;
        Ok(Box::new(Mcp23017::new()))
    }

    /// The levels of all pins: bits 0 to 7 are GPA, bits 8 to 15 GPB.
    pub fn pins(&self) -> u16 {
        u16::from_le_bytes([self.ports[0].pins(), self.ports[1].pins()])
    }

    /// Drives pin `pin` from outside, or releases it.
    ///
    /// # Panics
    /// If there is no such pin.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>) {
        assert!(pin < 16, "the expander has no pin {pin}");
        let (port, bit) = (&mut self.ports[pin / 8], 1 << (pin % 8));
        port.driven = if level.is_some() { port.driven | bit } else { port.driven & !bit };
        port.levels = if level == Some(true) { port.levels | bit } else { port.levels & !bit };
        port.sense();
    }

    /// The port and the register that an address stands for.
    fn place(&self, address: u8) -> Option<(usize, u8)> {
        let (port, register) = match self.iocon & BANK {
            0 => (address & 1, address >> 1),
            _ => (address / BANK_B, address % BANK_B),
        };
        (port < 2 && register < REGISTERS).then_some((usize::from(port), register))
    }

    /// Section 3.2.1: the pointer moves on, or toggles within a pair of registers.
    fn step(&mut self) {
        self.pointer = match (self.iocon & SEQOP, self.iocon & BANK) {
            (0, 0) if self.pointer >= 2 * REGISTERS - 1 => 0,
            (0, _) => self.pointer.wrapping_add(1),
            (_, 0) => self.pointer ^ 1,
            _ => self.pointer,
        };
    }
}

impl Part for Mcp23017 {
    fn power_cycle(&mut self, _now: Time) {
        let outside = self.ports.map(|port| (port.driven, port.levels));
        *self = Mcp23017::new();
        for (port, (driven, levels)) in self.ports.iter_mut().zip(outside) {
            (port.driven, port.levels) = (driven, levels);
        }
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn sense(&mut self, _terminal: usize, signal: espalier_core::Signal, at: Time) {
        if signal == espalier_core::Signal::Level(false) {
            self.power_cycle(at);
        }
    }

    fn drive(&self, terminal: usize) -> Drive {
        let mirrored = self.iocon & MIRROR != 0;
        let pending =
            self.ports.iter().enumerate().any(|(port, state)| (mirrored || port == terminal) && state.get(INTF) != 0);
        match (self.iocon & ODR != 0, pending == (self.iocon & INTPOL != 0)) {
            (true, _) if pending => Drive::Low,
            (true, _) => Drive::Released,
            (false, true) => Drive::High,
            (false, false) => Drive::Low,
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        &["inputs", "pins"]
    }

    /// Drives all pins from outside: bit n is pin n.
    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        if property != "inputs" {
            return Err(ValueError::fixed());
        }
        let levels = value.integer(0..=0xFFFF)?;
        (0..16).for_each(|pin| self.drive_pin(pin, Some(levels >> pin & 1 != 0)));
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(i64::from(self.pins()).into())
    }
}

impl I2cTarget for Mcp23017 {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.choosing = !read;
        true
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        if std::mem::take(&mut self.choosing) {
            self.pointer = byte;
            return true;
        }
        if let Some((port, register)) = self.place(self.pointer) {
            match register {
                IOCON => self.iocon = byte & !1,
                INTF | INTCAP => {}
                // Section 3.5.10: writing the port writes its latch.
                GPIO => self.ports[port].registers[usize::from(OLAT)] = byte,
                _ => self.ports[port].registers[usize::from(register)] = byte,
            }
            self.ports[port].sense();
        }
        self.step();
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let place = self.place(self.pointer);
        self.step();
        match place {
            Some((_, IOCON)) => self.iocon,
            Some((port, GPIO)) => {
                let value = self.ports[port].read();
                self.ports[port].acknowledge();
                value
            }
            Some((port, INTCAP)) => {
                let value = self.ports[port].get(INTCAP);
                self.ports[port].acknowledge();
                value
            }
            Some((port, register)) => self.ports[port].get(register),
            None => 0,
        }
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    const AT: u8 = Mcp23017::ADDRESS;

    fn write(wire: &Wire<Mcp23017>, bytes: &[u8]) {
        assert!(wire.send(AT, bytes));
    }

    /// Sections 3.5.1, 3.5.2, 3.5.7, 3.5.10 and 3.5.11.
    #[test]
    fn pins_are_inputs_until_they_are_made_outputs() {
        let wire = Wire::new(Mcp23017::new());
        assert_eq!(wire.registers(AT, 0), [0xFF, 0xFF, 0, 0]);
        write(&wire, &[2 * GPIO, 0xA5, 0x5A]);
        assert_eq!(wire.part().pins(), 0, "nothing is driven yet");
        write(&wire, &[2 * IODIR, 0x0F, 0x00]);
        assert_eq!(wire.part().pins(), 0x5AA0);
        wire.part_mut().drive_pin(1, Some(true));
        write(&wire, &[2 * GPPU, 0x01]);
        assert_eq!(wire.registers(AT, 2 * GPIO), [0xA3, 0x5A]);
        write(&wire, &[2 * IPOL, 0xFF]);
        assert_eq!(wire.registers(AT, 2 * GPIO), [0xAC]);
    }

    /// Sections 3.6.3 and 3.6.4.
    #[test]
    fn a_change_interrupts_until_the_port_is_read() {
        let wire = Wire::new(Mcp23017::new());
        write(&wire, &[2 * GPINTEN, 0x04]);
        assert_eq!(wire.part().drive(0), Drive::High);
        wire.part_mut().drive_pin(2, Some(true));
        assert_eq!((wire.part().drive(0), wire.part().drive(1)), (Drive::Low, Drive::High));
        wire.part_mut().drive_pin(2, Some(false));
        assert_eq!(wire.registers(AT, 2 * INTF), [0x04, 0, 0x04]);
        write(&wire, &[2 * IOCON, MIRROR | INTPOL]);
        assert_eq!(wire.part().drive(1), Drive::Low);
        // Compared with DEFVAL, it goes on as long as the pin differs.
        write(&wire, &[2 * DEFVAL, 0x04, 0, 0x04]);
        assert_eq!((wire.part().drive(0), wire.part().drive(1)), (Drive::High, Drive::High));
        let _: [u8; 1] = wire.registers(AT, 2 * GPIO);
        assert_eq!(wire.part().drive(0), Drive::High);
        wire.part_mut().drive_pin(2, Some(true));
        let _: [u8; 1] = wire.registers(AT, 2 * GPIO);
        assert_eq!(wire.part().drive(0), Drive::Low);
    }

    /// Table 3-4 and section 3.2.1.
    #[test]
    fn banks_and_sequences_choose_the_registers() {
        let wire = Wire::new(Mcp23017::new());
        write(&wire, &[2 * IOCON, BANK]);
        write(&wire, &[BANK_B + OLAT, 0x11]);
        write(&wire, &[IOCON, SEQOP]);
        write(&wire, &[2 * OLAT, 0x22, 0x33, 0x44]);
        assert_eq!(wire.registers(AT, 2 * OLAT), [0x44, 0x33, 0x44]);
    }
}
