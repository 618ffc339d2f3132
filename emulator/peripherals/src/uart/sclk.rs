//! The UART of the ESP32-C3 and its contemporaries (ESP32-C3 TRM, chapter "UART Controller"): the ESP32's, with a clock that it
//! chooses itself and registers that are laid out anew.
//!
//! Written values are moved to the fields of the ESP32's UART, which does the work. The threshold of the receiver's time-out counts
//! bits here and eight bits there, so that a time-out can come up to seven bits late.

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
    STATUS @ 0x1C = 0xE000_C000, ro() {
        RXFIFO_CNT: 0..=9, DSRN: 13, CTSN: 14, RXD: 15, TXFIFO_CNT: 16..=25, DTRN: 29, RTSN: 30, TXD: 31,
    };
    CONF0 @ 0x20 = 0x1000_001C, rw_bits(0x1FFF_FFFF) {
        /// PARITY, PARITY_EN, BIT_NUM and STOP_BIT_NUM.
        FORMAT: 0..=5,
        TXD_BRK: 8, LOOPBACK: 14, RXFIFO_RST: 17, TXFIFO_RST: 18, ERR_WR_MASK: 26, AUTOBAUD_EN: 27,
    };
    CONF1 @ 0x24 = 0xC060, rw_bits(0x003F_FFFF) {
        RXFIFO_FULL_THRHD: 0..=8, TXFIFO_EMPTY_THRHD: 9..=17, RX_TOUT_EN: 21,
    };
    LOWPULSE @ 0x28 = 0xFFF, ro() { MIN_CNT: 0..=11 };
    HIGHPULSE @ 0x2C = 0xFFF, ro();
    RXD_CNT @ 0x30 = 0, ro() { RXD_EDGE_CNT: 0..=9 };
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
    MEM_CONF @ 0x60 = 0xA_0012, rw_bits(0x0FFF_FFFE) {
        RX_SIZE: 1..=3, TX_SIZE: 4..=6, RX_TOUT_THRHD: 16..=25,
    };
    MEM_TX_STATUS @ 0x64 = 0, ro() { APB_TX_WADDR: 0..=9, TX_RADDR: 11..=20 };
    MEM_RX_STATUS @ 0x68 = 0x8_0100, ro() { APB_RX_RADDR: 0..=9, RX_WADDR: 11..=20 };
    FSM_STATUS @ 0x6C = 0, ro() { ST_URX_OUT: 0..=3, ST_UTX_OUT: 4..=7 };
    POSPULSE @ 0x70 = 0xFFF, ro();
    NEGPULSE @ 0x74 = 0xFFF, ro();
    CLK_CONF @ 0x78 = 0x0370_1000, rw_bits(0x0FFF_FFFF) { SCLK_DIV_NUM: 12..=19, SCLK_SEL: 20..=21 };
    DATE @ 0x7C = 0x0200_8270, rw();
    ID @ 0x80 = 0x4000_0500, rw_bits(0x7FFF_FFFF);
}

/// Fields of `CONF0` that lie where the ESP32's are: format, break, loop-back and the resets of the FIFOs.
const SHARED: u32 = reg::CONF0::FORMAT.mask()
    | reg::CONF0::TXD_BRK.mask()
    | reg::CONF0::LOOPBACK.mask()
    | reg::CONF0::RXFIFO_RST.mask()
    | reg::CONF0::TXFIFO_RST.mask();
/// Values of `SCLK_SEL`.
const SEL_RC_FAST: u32 = 2;
const SEL_XTAL: u32 = 3;
/// DTRN, RTSN, CTSN and DSRN stand high while nothing is connected; DSRN is not in the reset value.
const MODEM_LINES: u32 = reg::STATUS::DTRN.mask() | reg::STATUS::RTSN.mask() | reg::STATUS::CTSN.mask();
/// The receive FIFO starts here in the memory that all FIFOs share, and the transmit FIFO at 0.
const RX_START: u32 = 0x100;

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
        let source = match self.registers.field(reg::CLK_CONF::SCLK_SEL) {
            SEL_RC_FAST => RC_FAST,
            SEL_XTAL => XTAL,
            _ => self.apb,
        };
        source.divided_by(u64::from(self.registers.field(reg::CLK_CONF::SCLK_DIV_NUM)) + 1)
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
                let errors = engine::reg::CONF0::ERR_WR_MASK.put(reg::CONF0::ERR_WR_MASK.get(value));
                let shared = value & SHARED | errors | engine::reg::CONF0::TICK_REF_ALWAYS_ON.mask();
                self.set(engine::reg::CONF0, shared, now);
                let measures = engine::reg::AUTOBAUD::EN.put(reg::CONF0::AUTOBAUD_EN.get(value));
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
        let full = self.registers.field(reg::CONF1::RXFIFO_FULL_THRHD);
        let empty = self.registers.field(reg::CONF1::TXFIFO_EMPTY_THRHD);
        let timeout = self.registers.field(reg::MEM_CONF::RX_TOUT_THRHD).div_ceil(super::TIMEOUT_UNIT_BITS);
        let enabled = LOW::RX_TOUT_EN.put(self.registers.field(reg::CONF1::RX_TOUT_EN));
        let upper = |threshold: u32| threshold >> LOW::RXFIFO_FULL_THRHD.width;
        self.set(
            engine::reg::MEM_CONF,
            HIGH::RX_SIZE.put(self.registers.field(reg::MEM_CONF::RX_SIZE))
                | HIGH::TX_SIZE.put(self.registers.field(reg::MEM_CONF::TX_SIZE))
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
        let received = reg::STATUS::RXFIFO_CNT.put(self.engine.receiver.fifo.len() as u32);
        let waiting = reg::STATUS::TXFIFO_CNT.put(self.engine.transmitter.fifo.len() as u32);
        Ok(lines | MODEM_LINES | received | waiting)
    }

    fn pulse(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        Ok(self.engine.read(offset, now)?.min(reg::LOWPULSE::MIN_CNT.max()))
    }
}

impl Device for SclkUart {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "lines on pads, flow control, modem lines, RS-485, IrDA, inversion, AT command detection, wake-up and the pause between \
             transfers are registers only",
        )
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
            reg::RXD_CNT => Ok(reg::RXD_CNT::RXD_EDGE_CNT.get(self.engine.read(engine::reg::RXD_CNT, now)?)),
            reg::FSM_STATUS => {
                let states = self.engine.read(STATUS, now)?;
                let (receiver, transmitter) = (STATUS::ST_URX_OUT.get(states), STATUS::ST_UTX_OUT.get(states));
                Ok(reg::FSM_STATUS::ST_URX_OUT.put(receiver) | reg::FSM_STATUS::ST_UTX_OUT.put(transmitter))
            }
            reg::MEM_RX_STATUS | reg::MEM_TX_STATUS => {
                let receives = offset == reg::MEM_RX_STATUS;
                let (inner, start) =
                    if receives { (engine::reg::MEM_RX_STATUS, RX_START) } else { (engine::reg::MEM_TX_STATUS, 0) };
                let pointers = self.engine.read(inner, now)?;
                let taken = start + engine::reg::MEM_RX_STATUS::MEM_RX_RD_ADDR.get(pointers);
                let written = start + engine::reg::MEM_RX_STATUS::MEM_RX_WR_ADDR.get(pointers);
                // The side of the bus comes first: it reads what is received and writes what is sent.
                let (first, second) = if receives { (taken, written) } else { (written, taken) };
                Ok(reg::MEM_RX_STATUS::APB_RX_RADDR.put(first) | reg::MEM_RX_STATUS::RX_WADDR.put(second))
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
    fn received_bytes_are_counted_and_interrupt_where_these_chips_have_it() {
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
