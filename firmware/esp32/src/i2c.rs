//! I2C0 as a master that writes (TRM chapter 11), on the pins of the mPython board.

use crate::cpu::{self, Source};
use crate::register::Register;

const I2C0: u32 = 0x3FF5_3000;
const SCL_LOW_PERIOD: Register = Register::at(I2C0, 0x00);
const CTR: Register = Register::at(I2C0, 0x04);
const TO: Register = Register::at(I2C0, 0x0C);
const FIFO_CONF: Register = Register::at(I2C0, 0x18);
const INT_RAW: Register = Register::at(I2C0, 0x20);
const INT_CLR: Register = Register::at(I2C0, 0x24);
const INT_ENA: Register = Register::at(I2C0, 0x28);
const SDA_HOLD: Register = Register::at(I2C0, 0x30);
const SDA_SAMPLE: Register = Register::at(I2C0, 0x34);
const SCL_HIGH_PERIOD: Register = Register::at(I2C0, 0x38);
const SCL_START_HOLD: Register = Register::at(I2C0, 0x40);
const SCL_RSTART_SETUP: Register = Register::at(I2C0, 0x44);
const SCL_STOP_HOLD: Register = Register::at(I2C0, 0x48);
const SCL_STOP_SETUP: Register = Register::at(I2C0, 0x4C);
const SCL_FILTER_CFG: Register = Register::at(I2C0, 0x50);
const SDA_FILTER_CFG: Register = Register::at(I2C0, 0x54);
const COMD: Register = Register::at(I2C0, 0x58);

/// The FIFO on the AHB bus: stores to it have to go this way, as with the UART.
const DATA_AHB: Register = Register::at(0x6001_3000, 0x1C);

const CTR_CLK_EN: u32 = 1 << 8;
const CTR_TRANS_START: u32 = 1 << 5;
const CTR_MS_MODE: u32 = 1 << 4;
/// Drive SDA and SCL as open drains.
const CTR_FORCE_OUT: u32 = 1 << 1 | 1 << 0;

const FIFO_CONF_TX_FIFO_RST: u32 = 1 << 13;
const FIFO_CONF_RX_FIFO_RST: u32 = 1 << 12;

const TRANS_COMPLETE_INT: u32 = 1 << 7;
const TIME_OUT_INT: u32 = 1 << 8;
const ARBITRATION_LOST_INT: u32 = 1 << 5;
const ACK_ERR_INT: u32 = 1 << 10;
const FAILURES: u32 = TIME_OUT_INT | ARBITRATION_LOST_INT | ACK_ERR_INT;

/// Command words: operation, acknowledge check, number of bytes.
const COMD_RSTART: u32 = 0 << 11;
const COMD_WRITE: u32 = 1 << 11;
const COMD_STOP: u32 = 3 << 11;
const COMD_ACK_CHECK: u32 = 1 << 8;

/// Half a period of 400 kHz in cycles of the APB clock of 80 MHz.
const HALF_PERIOD: u32 = 100;
/// A target may stretch the clock for 12.5 ms.
const STRETCH_LIMIT: u32 = 1_000_000;
/// Ignore pulses of up to this many cycles, which the bus specification asks for at 400 kHz (50 ns).
const FILTER: u32 = 1 << 3 | 4;

/// Bytes in the transmit FIFO.
const FIFO_LENGTH: usize = 32;
/// Bytes that one transaction carries beside the address.
pub const TRANSACTION_LENGTH: usize = FIFO_LENGTH - 1;

/// A transaction failed: no target acknowledged, or the bus is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError;

/// The controller.
pub struct I2c;

impl I2c {
    /// Connects the controller to its pins and sets it to 400 kHz.
    pub fn start() -> I2c {
        crate::gpio::connect_i2c0();
        CTR.write(CTR_MS_MODE | CTR_FORCE_OUT | CTR_CLK_EN);
        for period in [SCL_LOW_PERIOD, SCL_HIGH_PERIOD, SCL_START_HOLD, SCL_RSTART_SETUP, SCL_STOP_HOLD, SCL_STOP_SETUP]
        {
            period.write(HALF_PERIOD);
        }
        for half in [SDA_HOLD, SDA_SAMPLE] {
            half.write(HALF_PERIOD / 2);
        }
        for filter in [SCL_FILTER_CFG, SDA_FILTER_CFG] {
            filter.write(FILTER);
        }
        TO.write(STRETCH_LIMIT);
        INT_ENA.write(TRANS_COMPLETE_INT | FAILURES);
        I2c
    }

    /// Writes up to [`TRANSACTION_LENGTH`] bytes to a target, from start to stop condition. Sleeps meanwhile.
    pub fn write(&mut self, address: u8, bytes: &[u8]) -> Result<(), BusError> {
        FIFO_CONF.modify(0, FIFO_CONF_TX_FIFO_RST | FIFO_CONF_RX_FIFO_RST);
        FIFO_CONF.modify(FIFO_CONF_TX_FIFO_RST | FIFO_CONF_RX_FIFO_RST, 0);
        DATA_AHB.write(u32::from(address) << 1);
        for byte in bytes {
            DATA_AHB.write(u32::from(*byte));
        }
        COMD.nth(0).write(COMD_RSTART);
        COMD.nth(1).write(COMD_WRITE | COMD_ACK_CHECK | (bytes.len() as u32 + 1));
        COMD.nth(2).write(COMD_STOP);
        INT_CLR.write(u32::MAX);
        CTR.modify(0, CTR_TRANS_START);
        loop {
            let raw = INT_RAW.read();
            if raw & FAILURES != 0 {
                return Err(BusError);
            }
            if raw & TRANS_COMPLETE_INT != 0 {
                return Ok(());
            }
            cpu::sleep(&[Source::I2cExt0]);
        }
    }
}
