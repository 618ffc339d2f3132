//! The UART of the ESP32-C3 and its contemporaries (ESP32-C3 TRM, chapter "UART Controller"): the ESP32's, with a clock that it
//! chooses itself and registers that are laid out anew.
//!
//! What software writes is put where the ESP32's UART has it, and that UART does the work. The threshold of the receiver's time-out
//! counts bits here and eight bits there, so that a time-out can come up to seven bits late.

use espalier_core::{Device, Fidelity, Frequency, Register, Registers, SerialPort, Surroundings, Time, Unmodelled};

use super::Uart;
use super::registers as engine;
use super::registers::reg::STATUS;
use crate::clocks::{RC_FAST, XTAL};

espalier_core::registers! {
    FIFO @ 0x00 = 0, rw();
    INT_RAW @ 0x04 = 0x2, ro();
    INT_ST @ 0x08 = 0, ro();
    INT_ENA @ 0x0C = 0, rw_bits(0xF_FFFF);
    INT_CLR @ 0x10 = 0, wo();
    CLKDIV @ 0x14 = 0x2B6, rw_bits(0x00F0_0FFF);
    RX_FILT @ 0x18 = 0x8, rw_bits(0x1FF);
    STATUS @ 0x1C = 0xE000_C000, ro();
    CONF0 @ 0x20 = 0x1000_001C, rw_bits(0x1FFF_FFFF);
    CONF1 @ 0x24 = 0xC060, rw_bits(0x003F_FFFF);
    LOWPULSE @ 0x28 = 0xFFF, ro();
    HIGHPULSE @ 0x2C = 0xFFF, ro();
    RXD_CNT @ 0x30 = 0, ro();
    FLOW_CONF @ 0x34 = 0, rw_bits(0x3F);
    SLEEP_CONF @ 0x38 = 0xF0, rw_bits(0x3FF);
    SWFC_CONF0 @ 0x3C = 0x26E0, rw_bits(0x1_FFFF);
    SWFC_CONF1 @ 0x40 = 0x2200, rw_bits(0x1_FFFF);
    TXBRK_CONF @ 0x44 = 0xA, rw_bits(0xFF);
    IDLE_CONF @ 0x48 = 0x4_0100, rw_bits(0xF_FFFF);
    RS485_CONF @ 0x4C = 0, rw_bits(0x3FF);
    AT_CMD_PRECNT @ 0x50 = 0x901, rw_bits(0xFFFF);
    AT_CMD_POSTCNT @ 0x54 = 0x901, rw_bits(0xFFFF);
    AT_CMD_GAPTOUT @ 0x58 = 0xB, rw_bits(0xFFFF);
    AT_CMD_CHAR @ 0x5C = 0x32B, rw_bits(0xFFFF);
    MEM_CONF @ 0x60 = 0xA_0012, rw_bits(0x0FFF_FFFE);
    MEM_TX_STATUS @ 0x64 = 0, ro();
    MEM_RX_STATUS @ 0x68 = 0x8_0100, ro();
    FSM_STATUS @ 0x6C = 0, ro();
    POSPULSE @ 0x70 = 0xFFF, ro();
    NEGPULSE @ 0x74 = 0xFFF, ro();
    CLK_CONF @ 0x78 = 0x0370_1000, rw_bits(0x0FFF_FFFF);
    DATE @ 0x7C = 0x0200_8270, rw();
    ID @ 0x80 = 0x4000_0500, rw_bits(0x7FFF_FFFF);
}

mod conf0 {
    /// Format, break, loop-back and the resets of the FIFOs, which lie where the ESP32's are.
    pub const SHARED: u32 = 0x3F | 1 << 8 | 1 << 14 | 1 << 17 | 1 << 18;
    pub const ERR_WR_MASK: u32 = 1 << 26;
    pub const AUTOBAUD_EN: u32 = 1 << 27;
}

mod conf1 {
    pub const RXFIFO_FULL_THRHD: u32 = 0x1FF;
    pub const TXFIFO_EMPTY_THRHD_SHIFT: u32 = 9;
    pub const TXFIFO_EMPTY_THRHD: u32 = 0x1FF;
    pub const RX_TOUT_EN: u32 = 1 << 21;
}

mod mem_conf {
    pub const RX_SIZE_SHIFT: u32 = 1;
    pub const TX_SIZE_SHIFT: u32 = 4;
    pub const SIZE: u32 = 0x7;
    pub const RX_TOUT_THRHD_SHIFT: u32 = 16;
    pub const RX_TOUT_THRHD: u32 = 0x3FF;
}

mod clk_conf {
    pub const DIV_NUM_SHIFT: u32 = 12;
    pub const DIV_NUM: u32 = 0xFF;
    pub const SEL_SHIFT: u32 = 20;
    pub const SEL: u32 = 0x3;
    pub const SEL_RC_FAST: u32 = 2;
    pub const SEL_XTAL: u32 = 3;
}

/// A FIFO's level in `STATUS`.
const LEVEL: u32 = 0x3FF;
/// DTRN, RTSN, CTSN and DSRN stand high while nothing is connected; DSRN is not in the reset value.
const MODEM_LINES: u32 = 1 << 29 | 1 << 30 | 1 << 14;
/// Widths of the counters of pulses and edges.
const PULSE: u32 = 0xFFF;
const EDGES: u32 = 0x3FF;
/// The receive FIFO starts here in the memory that all FIFOs share, and the transmit FIFO at 0.
const RX_START: u32 = 0x100;
const WRITTEN_SHIFT: u32 = 11;
const STATE: u32 = 0xF;

/// A UART that chooses its own clock.
#[derive(Clone, Debug)]
pub struct SclkUart {
    registers: Registers,
    engine: Uart,
    apb: Frequency,
}

espalier_core::persist!(state SclkUart { registers, engine, apb });

impl SclkUart {
    /// A UART after reset; `apb` is the rate of APB_CLK.
    pub fn new(apb: Frequency) -> SclkUart {
        let mut uart = SclkUart { registers: Registers::new(&REGISTERS), engine: Uart::new(apb), apb };
        uart.engine.set_apb_clock(uart.clock(), Time::ZERO);
        for offset in [reg::CLKDIV, reg::CONF0, reg::CONF1, reg::IDLE_CONF] {
            uart.configure(offset, Time::ZERO);
        }
        uart
    }

    /// The clock that `CLK_CONF` chooses and divides. The fraction of the divider is a register only.
    fn clock(&self) -> Frequency {
        let conf = self.registers.get(reg::CLK_CONF);
        let source = match conf >> clk_conf::SEL_SHIFT & clk_conf::SEL {
            clk_conf::SEL_RC_FAST => RC_FAST,
            clk_conf::SEL_XTAL => XTAL,
            _ => self.apb,
        };
        source.divided_by(u64::from(conf >> clk_conf::DIV_NUM_SHIFT & clk_conf::DIV_NUM) + 1)
    }

    fn set(&mut self, offset: u32, value: u32, now: Time) {
        // Every register that is named here is in the engine's table.
        let written = self.engine.write(offset, value, now);
        debug_assert_eq!(written, Ok(()));
    }

    /// Puts what the register at `offset` configures where the engine has it.
    fn configure(&mut self, offset: u32, now: Time) {
        let value = self.registers.get(offset);
        match offset {
            reg::INT_ENA => self.set(engine::reg::INT_ENA, value, now),
            reg::CLKDIV => self.set(engine::reg::CLKDIV, value, now),
            reg::RS485_CONF => self.set(engine::reg::RS485_CONF, value, now),
            reg::CONF0 => {
                let errors = if value & conf0::ERR_WR_MASK != 0 { engine::reg::CONF0::ERR_WR_MASK.mask() } else { 0 };
                let shared = value & conf0::SHARED | errors | engine::reg::CONF0::TICK_REF_ALWAYS_ON.mask();
                self.set(engine::reg::CONF0, shared, now);
                let measures = if value & conf0::AUTOBAUD_EN != 0 { engine::reg::AUTOBAUD::EN.mask() } else { 0 };
                self.set(engine::reg::AUTOBAUD, measures, now);
            }
            reg::CONF1 | reg::MEM_CONF => self.configure_fifos(now),
            reg::TXBRK_CONF | reg::IDLE_CONF => {
                let idle = self.registers.get(reg::IDLE_CONF);
                let brk = self.registers.get(reg::TXBRK_CONF);
                self.set(engine::reg::IDLE_CONF, idle | engine::reg::IDLE_CONF::TX_BRK_NUM.put(brk), now);
            }
            reg::CLK_CONF => self.engine.set_apb_clock(self.clock(), now),
            _ => {}
        }
    }

    /// Thresholds and sizes, whose upper bits the ESP32's UART has in `MEM_CONF`.
    fn configure_fifos(&mut self, now: Time) {
        use engine::reg::{CONF1 as LOW, MEM_CONF as HIGH};
        let (conf, memory) = (self.registers.get(reg::CONF1), self.registers.get(reg::MEM_CONF));
        let full = conf & conf1::RXFIFO_FULL_THRHD;
        let empty = conf >> conf1::TXFIFO_EMPTY_THRHD_SHIFT & conf1::TXFIFO_EMPTY_THRHD;
        let bits = memory >> mem_conf::RX_TOUT_THRHD_SHIFT & mem_conf::RX_TOUT_THRHD;
        let timeout = bits.div_ceil(super::TIMEOUT_UNIT_BITS);
        let enabled = if conf & conf1::RX_TOUT_EN != 0 { LOW::RX_TOUT_EN.mask() } else { 0 };
        let upper = |threshold: u32| threshold >> LOW::RXFIFO_FULL_THRHD.width;
        let size = |shift: u32| memory >> shift & mem_conf::SIZE;
        self.set(
            engine::reg::MEM_CONF,
            HIGH::RX_SIZE.put(size(mem_conf::RX_SIZE_SHIFT))
                | HIGH::TX_SIZE.put(size(mem_conf::TX_SIZE_SHIFT))
                | HIGH::RX_TOUT_THRHD_H3.put(upper(timeout))
                | HIGH::RX_MEM_FULL_THRHD.put(upper(full))
                | HIGH::TX_MEM_EMPTY_THRHD.put(upper(empty)),
            now,
        );
        self.set(
            engine::reg::CONF1,
            LOW::RXFIFO_FULL_THRHD.put(full)
                | LOW::TXFIFO_EMPTY_THRHD.put(empty)
                | LOW::RX_TOUT_THRHD.put(timeout)
                | enabled,
            now,
        );
    }

    fn status(&mut self, now: Time) -> Result<u32, Unmodelled> {
        let lines = self.engine.read(STATUS, now)? & (STATUS::RXD.mask() | STATUS::TXD.mask());
        let received = self.engine.receiver.fifo.len() as u32 & LEVEL;
        let waiting = self.engine.transmitter.fifo.len() as u32 & LEVEL;
        Ok(lines | MODEM_LINES | received | STATUS::TXFIFO_CNT.put(waiting))
    }

    fn pulse(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        Ok(self.engine.read(offset, now)?.min(PULSE))
    }
}

impl Device for SclkUart {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        self.engine.fidelity()
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        let read = offset;
        match offset {
            reg::FIFO | reg::INT_RAW | reg::INT_ST => self.engine.read(read, now),
            reg::STATUS => self.status(now),
            reg::LOWPULSE => self.pulse(engine::reg::LOWPULSE, now),
            reg::HIGHPULSE => self.pulse(engine::reg::HIGHPULSE, now),
            reg::POSPULSE => self.pulse(engine::reg::POSPULSE, now),
            reg::NEGPULSE => self.pulse(engine::reg::NEGPULSE, now),
            reg::RXD_CNT => Ok(self.engine.read(engine::reg::RXD_CNT, now)? & EDGES),
            reg::FSM_STATUS => {
                let states = self.engine.read(STATUS, now)?;
                let (receiver, transmitter) =
                    (states >> STATUS::ST_URX_OUT.lowest, states >> STATUS::ST_UTX_OUT.lowest);
                Ok(receiver & STATE | (transmitter & STATE) << STATE.count_ones())
            }
            reg::MEM_RX_STATUS | reg::MEM_TX_STATUS => {
                let receives = offset == reg::MEM_RX_STATUS;
                let (inner, start) =
                    if receives { (engine::reg::MEM_RX_STATUS, RX_START) } else { (engine::reg::MEM_TX_STATUS, 0) };
                let pointers = self.engine.read(inner, now)?;
                let taken = start + (pointers >> engine::reg::MEM_RX_STATUS::MEM_RX_RD_ADDR.lowest & PULSE >> 1);
                let written = start + (pointers >> engine::reg::MEM_RX_STATUS::MEM_RX_WR_ADDR.lowest & PULSE >> 1);
                // The side of the bus comes first: it reads what is received and writes what is sent.
                let (first, second) = if receives { (taken, written) } else { (written, taken) };
                Ok(first | second << WRITTEN_SHIFT)
            }
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        match offset {
            reg::FIFO => self.engine.write(engine::reg::FIFO, value, now),
            reg::INT_CLR => self.engine.write(engine::reg::INT_CLR, value, now),
            _ => {
                self.configure(offset, now);
                Ok(())
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.engine.deadline()
    }

    fn advance(&mut self, now: Time) {
        self.engine.advance(now);
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        self.engine.settle(surroundings, now);
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.apb = apb;
        self.engine.set_apb_clock(self.clock(), now);
    }

    fn serial(&mut self) -> Option<&mut dyn SerialPort> {
        self.engine.serial()
    }

    fn interrupts(&self) -> u32 {
        self.engine.interrupts()
    }

    fn reset(&mut self) {
        let fresh = SclkUart::new(self.apb);
        self.registers = fresh.registers;
        self.engine.reset();
        for offset in [reg::INT_ENA, reg::CLKDIV, reg::CONF0, reg::CONF1, reg::IDLE_CONF, reg::CLK_CONF] {
            self.configure(offset, Time::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SclkUart, reg};
    use crate::clocks::APB_WITH_PLL;
    use espalier_core::{Device, Span, Time};

    /// The ROM of the ESP32-C3 at 115200 baud from the crystal: 347 and 3/16.
    fn at_115200() -> SclkUart {
        let mut uart = SclkUart::new(APB_WITH_PLL);
        uart.write(reg::CLK_CONF, 0x0370_0000, Time::ZERO).unwrap();
        uart.write(reg::CLKDIV, 0x30_015B, Time::ZERO).unwrap();
        uart
    }

    #[test]
    fn bytes_leave_at_the_rate_that_the_own_clock_gives() {
        let mut uart = at_115200();
        uart.write(reg::FIFO, u32::from(b'x'), Time::ZERO).unwrap();
        let frame = Span::from_nanos(10 * 1_000_000_000 / 115_200);
        uart.advance(Time::ZERO + Span::from_ticks(frame.ticks() * 2));
        let sent = uart.engine.take_transmitted();
        let [(at, byte)] = sent[..] else { panic!("one byte leaves, not {sent:?}") };
        let error = at.ticks().abs_diff(frame.ticks());
        assert!(byte == b'x' && error * 1000 < frame.ticks(), "{byte:#x} after {at:?}");
        // Another source, another rate.
        uart.write(reg::CLK_CONF, 0x0310_0000, at).unwrap();
        uart.write(reg::FIFO, 0, at).unwrap();
        uart.advance(at + frame);
        let later = uart.engine.take_transmitted()[0].0.since(at);
        assert!(
            (later.ticks() * 2).abs_diff(frame.ticks()) * 1000 < frame.ticks(),
            "half the time at 80 MHz: {later:?}"
        );
    }

    #[test]
    fn what_arrives_is_counted_and_interrupts_where_these_chips_have_it() {
        let mut uart = at_115200();
        uart.write(reg::CONF1, 3, Time::ZERO).unwrap();
        uart.write(reg::INT_ENA, 1, Time::ZERO).unwrap();
        uart.serial().unwrap().receive(b"abc", Time::ZERO);
        let now = Time::from_micros(1000);
        uart.advance(now);
        assert_eq!((uart.read(reg::STATUS, now).unwrap() & 0x3FF, uart.interrupts()), (3, 1));
        assert_eq!(uart.read(reg::MEM_RX_STATUS, now), Ok(0x100 | 0x103 << 11));
        assert_eq!(uart.read(reg::FIFO, now), Ok(u32::from(b'a')));
        uart.write(reg::INT_CLR, 1, now).unwrap();
        assert_eq!((uart.read(reg::INT_RAW, now).unwrap() & 1, uart.interrupts()), (0, 0));
        assert_eq!(uart.read(reg::MEM_RX_STATUS, now), Ok(0x101 | 0x103 << 11));
    }

    #[test]
    fn a_long_threshold_and_the_time_out_reach_the_receiver() {
        let mut uart = at_115200();
        uart.write(reg::CONF1, 120 | 1 << 21, Time::ZERO).unwrap();
        uart.write(reg::MEM_CONF, 0x12 | 16 << 16, Time::ZERO).unwrap();
        uart.write(reg::INT_ENA, 0x101, Time::ZERO).unwrap();
        uart.serial().unwrap().receive(&[0x55; 100], Time::ZERO);
        let sent = Time::from_micros(100 * 87);
        uart.advance(sent);
        assert_eq!(uart.interrupts(), 0);
        let later = sent + Span::from_micros(300);
        uart.advance(later);
        assert_eq!(uart.read(reg::INT_ST, later), Ok(0x100));
    }

    #[test]
    fn a_reset_brings_the_registers_back_and_keeps_the_clock_of_the_bus() {
        let mut uart = at_115200();
        uart.write(reg::INT_ENA, 1, Time::ZERO).unwrap();
        uart.reset();
        let read = |uart: &mut SclkUart, offset| uart.read(offset, Time::ZERO).unwrap();
        assert_eq!((read(&mut uart, reg::CLKDIV), read(&mut uart, reg::INT_ENA)), (0x2B6, 0));
        assert_eq!(read(&mut uart, reg::STATUS), 0xE000_C000);
    }
}
