//! eFuses of the ESP32-C3 (TRM, chapter "eFuse Controller"; crate `esp32c3`): eleven blocks that software reads as registers.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    PGM_DATA[8] @ 0x00 = 0, rw();
    PGM_CHECK_VALUE[3] @ 0x20 = 0, rw();
    RD_WR_DIS @ 0x2C = 0, ro();
    RD_REPEAT_DATA[5] @ 0x30 = 0, ro();
    RD_MAC_SPI_SYS[6] @ 0x44 = 0, ro();
    RD_SYS_PART1_DATA[8] @ 0x5C = 0, ro();
    RD_USR_DATA[8] @ 0x7C = 0, ro();
    RD_KEY0_DATA[8] @ 0x9C = 0, ro();
    RD_KEY1_DATA[8] @ 0xBC = 0, ro();
    RD_KEY2_DATA[8] @ 0xDC = 0, ro();
    RD_KEY3_DATA[8] @ 0xFC = 0, ro();
    RD_KEY4_DATA[8] @ 0x11C = 0, ro();
    RD_KEY5_DATA[8] @ 0x13C = 0, ro();
    RD_SYS_PART2_DATA[8] @ 0x15C = 0, ro();
    RD_REPEAT_ERR0 @ 0x17C = 0, ro();
    RD_REPEAT_ERR1 @ 0x180 = 0, ro();
    RD_REPEAT_ERR2 @ 0x184 = 0, ro();
    RD_REPEAT_ERR3 @ 0x188 = 0, ro();
    RD_REPEAT_ERR4 @ 0x190 = 0, ro();
    RD_RS_ERR0 @ 0x1C0 = 0, ro();
    RD_RS_ERR1 @ 0x1C4 = 0, ro();
    CLK @ 0x1C8 = 0x2, rw_bits(0x1_0007);
    CONF @ 0x1CC = 0, rw_bits(0xFFFF);
    STATUS @ 0x1D0 = 0, ro();
    CMD @ 0x1D4 = 0, rw_bits(0x3F);
    INT_RAW @ 0x1D8 = 0, rw_bits(0x3);
    INT_ST @ 0x1DC = 0, ro();
    INT_ENA @ 0x1E0 = 0, rw_bits(0x3);
    INT_CLR @ 0x1E4 = 0, wo();
    DAC_CONF @ 0x1E8 = 0x1_FE1C, rw_bits(0x3_FFFF);
    RD_TIM_CONF @ 0x1EC = 0x1200_0000, rw_bits(0xFF00_0000);
    WR_TIM_CONF1 @ 0x1F0 = 0x28_8000, rw_bits(0xFF_FF00);
    WR_TIM_CONF2 @ 0x1F4 = 0x190, rw_bits(0xFFFF);
    DATE @ 0x1FC = 0x0200_7200, rw();
}

/// `RD_MAC_SPI_SYS`, word 3: the low bits of the minor version of the wafer. Version 0.4 is the one that is sold.
const WAFER_VERSION_MINOR: u32 = 4 << 18;
/// `CMD`: program, and read again.
const CMD_PGM: u32 = 1 << 1;

/// The fuses.
#[derive(Clone, Debug)]
pub struct Efuse {
    registers: Registers,
}

espalier_core::persist!(state Efuse { registers });

impl Efuse {
    /// A chip with this address, and nothing else burnt than what the factory does.
    pub fn new(mac: [u8; 6]) -> Efuse {
        let mut registers = Registers::new(&REGISTERS);
        let [a, b, c, d, e, f] = mac;
        registers.set(reg::RD_MAC_SPI_SYS, u32::from_be_bytes([c, d, e, f]));
        registers.set(reg::RD_MAC_SPI_SYS + 4, u32::from_be_bytes([0, 0, a, b]));
        registers.set(reg::RD_MAC_SPI_SYS + 12, WAFER_VERSION_MINOR);
        Efuse { registers }
    }
}

impl Device for Efuse {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("fuses can be read and not burnt; timing and error counts are registers only")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        if offset != reg::CMD {
            return Ok(());
        }
        // Commands are done at once. Burning is not modelled.
        self.registers.set(reg::CMD, 0);
        if value & CMD_PGM != 0 { Err(Unmodelled) } else { Ok(()) }
    }

    /// Burnt fuses stay burnt.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::{Efuse, reg};
    use espalier_core::{Device, Time, Unmodelled};

    #[test]
    fn the_address_is_where_software_looks_for_it() {
        let mut efuse = Efuse::new([0x24, 0x0A, 0xC4, 1, 2, 3]);
        assert_eq!(efuse.read(reg::RD_MAC_SPI_SYS, Time::ZERO), Ok(0xC401_0203));
        assert_eq!(efuse.read(reg::RD_MAC_SPI_SYS + 4, Time::ZERO), Ok(0x240A));
        assert_eq!(efuse.write(reg::CMD, 2, Time::ZERO), Err(Unmodelled));
        assert_eq!((efuse.write(reg::CMD, 1, Time::ZERO), efuse.read(reg::CMD, Time::ZERO)), (Ok(()), Ok(0)));
    }
}
