//! Console on UART0 (TRM chapter 13), with the line settings that the bootloader left: 115200 baud, 8N1.

use core::fmt;

use espalier_app::Console;

use crate::register::Register;

const UART0: u32 = 0x3FF4_0000;
const FIFO: Register = Register::at(UART0, 0x00);
const INT_ENA: Register = Register::at(UART0, 0x0C);
const INT_CLR: Register = Register::at(UART0, 0x10);
const STATUS: Register = Register::at(UART0, 0x1C);
const CONF1: Register = Register::at(UART0, 0x24);

/// The FIFO on the AHB bus: stores through the other address may be lost (errata, CPU-3.16).
const FIFO_AHB: Register = Register::at(0x6000_0000, 0x00);

/// State of the transmitter in STATUS; zero is idle.
const ST_UTX_OUT: u32 = 0xF << 24;

const RXFIFO_FULL_INT: u32 = 1 << 0;
const RXFIFO_TOUT_INT: u32 = 1 << 8;
const RX_TOUT_EN: u32 = 1 << 31;
const RX_TOUT_THRHD_SHIFT: u32 = 24;

/// Wake up at the first byte, or after two bytes' time without one.
const WAKE_AT: u32 = RX_TOUT_EN | 2 << RX_TOUT_THRHD_SHIFT | 1;
/// Room in the transmit FIFO, one byte less than it has.
const TX_ROOM: u32 = 127;

/// UART0.
pub struct Uart;

impl Uart {
    /// Lets received bytes raise the interrupt.
    pub fn start() -> Uart {
        CONF1.write(WAKE_AT);
        INT_CLR.write(u32::MAX);
        INT_ENA.write(RXFIFO_FULL_INT | RXFIFO_TOUT_INT);
        Uart
    }

    fn received() -> u32 {
        STATUS.read() & 0xFF
    }

    fn unsent() -> u32 {
        STATUS.read() >> 16 & 0xFF
    }

    /// Waits until everything is out of the FIFO and of the shift register.
    pub fn drain() {
        while Uart::unsent() > 0 || STATUS.read() & ST_UTX_OUT != 0 {}
    }
}

impl Console for Uart {
    fn read(&mut self, into: &mut [u8]) -> usize {
        // Cleared before looking, so that a byte that comes after it raises the interrupt again.
        INT_CLR.write(RXFIFO_FULL_INT | RXFIFO_TOUT_INT);
        let length = into.len().min(Uart::received() as usize);
        for byte in &mut into[..length] {
            *byte = FIFO.read() as u8;
        }
        length
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.len().min(TX_ROOM.saturating_sub(Uart::unsent()) as usize);
        for byte in &bytes[..length] {
            FIFO_AHB.write(u32::from(*byte));
        }
        length
    }
}

/// Output that waits: for the last words before a halt.
pub struct Blocking;

impl fmt::Write for Blocking {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while Uart::unsent() >= TX_ROOM {}
            FIFO_AHB.write(u32::from(byte));
        }
        Ok(())
    }
}
