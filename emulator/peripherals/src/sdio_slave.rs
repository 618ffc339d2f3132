//! The SDIO slave: SLC with its DMA links, HINF and SLCHOST (ESP32 TRM, chapter "SDIO Slave").
//!
//! No SDIO host is ever connected, so nothing moves. The ROM's download mode sets these blocks up before it listens on the UARTs,
//! and waits for a link that it stopped to be parked.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::storage::Storage;

const NO_HOST: &str = "registers only: no SDIO host is connected";

mod slc {
    espalier_core::registers! {
        CONF0 @ 0x000 = 0xFF3C_FF30, rw();
        SLC0_INT_RAW @ 0x004 = 0, ro();
        SLC0_INT_ST @ 0x008 = 0, ro();
        SLC0_INT_ENA @ 0x00C = 0, rw_bits(0x7FF_FFFF);
        SLC0_INT_CLR @ 0x010 = 0, wo();
        SLC1_INT_RAW @ 0x014 = 0, ro();
        SLC1_INT_ST @ 0x018 = 0, ro();
        SLC1_INT_ENA @ 0x01C = 0, rw_bits(0x1FF_FFFF);
        SLC1_INT_CLR @ 0x020 = 0, wo();
        RX_STATUS @ 0x024 = 0x0002_0002, ro();
        SLC0_RXFIFO_PUSH @ 0x028 = 0, rw_bits(0x1_01FF);
        SLC1_RXFIFO_PUSH @ 0x02C = 0, rw_bits(0x1_01FF);
        TX_STATUS @ 0x030 = 0x0002_0002, ro();
        SLC0_TXFIFO_POP @ 0x034 = 0, rw_bits(0x1_0000);
        SLC1_TXFIFO_POP @ 0x038 = 0, rw_bits(0x1_0000);
        SLC0_RX_LINK @ 0x03C = 0, rw_bits(0x000F_FFFF);
        SLC0_TX_LINK @ 0x040 = 0, rw_bits(0x000F_FFFF);
        SLC1_RX_LINK @ 0x044 = 0x0010_0000, rw_bits(0x001F_FFFF);
        SLC1_TX_LINK @ 0x048 = 0, rw_bits(0x000F_FFFF);
        INTVEC_TOHOST @ 0x04C = 0, wo();
        SLC0_TOKEN0 @ 0x050 = 0, rw_bits(0x7FFF);
        SLC0_TOKEN1 @ 0x054 = 0, rw_bits(0x7FFF);
        SLC1_TOKEN0 @ 0x058 = 0, rw_bits(0x7FFF);
        SLC1_TOKEN1 @ 0x05C = 0, rw_bits(0x7FFF);
        CONF1 @ 0x060 = 0x0030_0078, rw_bits(0x7F_007F);
        SLC0_STATE0 @ 0x064 = 0, ro();
        SLC0_STATE1 @ 0x068 = 0, ro();
        SLC1_STATE0 @ 0x06C = 0, ro();
        SLC1_STATE1 @ 0x070 = 0, ro();
        BRIDGE_CONF @ 0x074 = 0x000A_7720, rw_bits(0xFFFF_7F3F);
        SLC0_TO_EOF_DES_ADDR @ 0x078 = 0, ro();
        SLC0_TX_EOF_DES_ADDR @ 0x07C = 0, ro();
        SLC0_TO_EOF_BFR_DES_ADDR @ 0x080 = 0, ro();
        SLC1_TO_EOF_DES_ADDR @ 0x084 = 0, ro();
        SLC1_TX_EOF_DES_ADDR @ 0x088 = 0, ro();
        SLC1_TO_EOF_BFR_DES_ADDR @ 0x08C = 0, ro();
        AHB_TEST @ 0x090 = 0, rw_bits(0x37);
        SDIO_ST @ 0x094 = 0, ro();
        RX_DSCR_CONF @ 0x098 = 0x101B_101A, rw();
        SLC0_TXLINK_DSCR @ 0x09C = 0, ro();
        SLC0_TXLINK_DSCR_BF0 @ 0x0A0 = 0, ro();
        SLC0_TXLINK_DSCR_BF1 @ 0x0A4 = 0, ro();
        SLC0_RXLINK_DSCR @ 0x0A8 = 0, ro();
        SLC0_RXLINK_DSCR_BF0 @ 0x0AC = 0, ro();
        SLC0_RXLINK_DSCR_BF1 @ 0x0B0 = 0, ro();
        SLC1_TXLINK_DSCR @ 0x0B4 = 0, ro();
        SLC1_TXLINK_DSCR_BF0 @ 0x0B8 = 0, ro();
        SLC1_TXLINK_DSCR_BF1 @ 0x0BC = 0, ro();
        SLC1_RXLINK_DSCR @ 0x0C0 = 0, ro();
        SLC1_RXLINK_DSCR_BF0 @ 0x0C4 = 0, ro();
        SLC1_RXLINK_DSCR_BF1 @ 0x0C8 = 0, ro();
        SLC0_TX_ERREOF_DES_ADDR @ 0x0CC = 0, ro();
        SLC1_TX_ERREOF_DES_ADDR @ 0x0D0 = 0, ro();
        TOKEN_LAT @ 0x0D4 = 0, ro();
        TX_DSCR_CONF @ 0x0D8 = 0x80, rw_bits(0x7FF);
        CMD_INFOR0 @ 0x0DC = 0, ro();
        CMD_INFOR1 @ 0x0E0 = 0, ro();
        SLC0_LEN_CONF @ 0x0E4 = 0, rw_bits(0x7FF_FFFF);
        SLC0_LENGTH @ 0x0E8 = 0, ro();
        SLC0_TXPKT_H_DSCR @ 0x0EC = 0, rw();
        SLC0_TXPKT_E_DSCR @ 0x0F0 = 0, rw();
        SLC0_RXPKT_H_DSCR @ 0x0F4 = 0, rw();
        SLC0_RXPKT_E_DSCR @ 0x0F8 = 0, rw();
        SLC0_TXPKTU_H_DSCR @ 0x0FC = 0, ro();
        SLC0_TXPKTU_E_DSCR @ 0x100 = 0, ro();
        SLC0_RXPKTU_H_DSCR @ 0x104 = 0, ro();
        SLC0_RXPKTU_E_DSCR @ 0x108 = 0, ro();
        SEQ_POSITION @ 0x114 = 0x509, rw_bits(0xFFFF);
        SLC0_DSCR_REC_CONF @ 0x118 = 0x3FF, rw_bits(0x3FF);
        SDIO_CRC_ST0 @ 0x11C = 0, ro();
        SDIO_CRC_ST1 @ 0x120 = 0, rw_bits(0x8000_0000);
        SLC0_EOF_START_DES @ 0x124 = 0, ro();
        SLC0_PUSH_DSCR_ADDR @ 0x128 = 0, ro();
        SLC0_DONE_DSCR_ADDR @ 0x12C = 0, ro();
        SLC0_SUB_START_DES @ 0x130 = 0, ro();
        SLC0_DSCR_CNT @ 0x134 = 0, ro();
        SLC0_LEN_LIM_CONF @ 0x138 = 0x5400, rw_bits(0xF_FFFF);
        SLC0_INT_ST1 @ 0x13C = 0, ro();
        SLC0_INT_ENA1 @ 0x140 = 0, rw_bits(0x7FF_FFFF);
        SLC1_INT_ST1 @ 0x144 = 0, ro();
        SLC1_INT_ENA1 @ 0x148 = 0, rw_bits(0x1FF_FFFF);
        DATE @ 0x1F8 = 0, rw();
        ID @ 0x1FC = 0x100, rw();
    }

    /// Fields of the link registers.
    pub const LINK_STOP: u32 = 1 << 28;
    pub const LINK_START: u32 = 1 << 29;
    pub const LINK_RESTART: u32 = 1 << 30;
    pub const LINK_PARK: u32 = 1 << 31;
}

mod hinf {
    espalier_core::registers! {
        CFG_DATA0 @ 0x000 = 0x2222_6666, rw();
        CFG_DATA1 @ 0x004 = 0x0111_0011, rw_bits(0xEFFF_F077);
        CFG_DATA7 @ 0x01C = 0x0002_0000, rw_bits(0x3_FFFF);
        CIS_CONF0 @ 0x020 = 0xFFFF_FFFF, rw();
        CIS_CONF1 @ 0x024 = 0xFFFF_FFFF, rw();
        CIS_CONF2 @ 0x028 = 0xFFFF_FFFF, rw();
        CIS_CONF3 @ 0x02C = 0xFFFF_FFFF, rw();
        CIS_CONF4 @ 0x030 = 0xFFFF_FFFF, rw();
        CIS_CONF5 @ 0x034 = 0xFFFF_FFFF, rw();
        CIS_CONF6 @ 0x038 = 0xFFFF_FFFF, rw();
        CIS_CONF7 @ 0x03C = 0xFFFF_FFFF, rw();
        CFG_DATA16 @ 0x040 = 0x3333_6666, rw();
        DATE @ 0x0FC = 0, rw();
    }
}

mod slchost {
    espalier_core::registers! {
        HOST_SLCHOST_FUNC2_0 @ 0x010 = 0, rw_bits(0x100_0000);
        HOST_SLCHOST_FUNC2_1 @ 0x014 = 0, rw_bits(0x1);
        HOST_SLCHOST_FUNC2_2 @ 0x020 = 0x1, rw_bits(0x1);
        HOST_SLCHOST_GPIO_STATUS0 @ 0x034 = 0, ro();
        HOST_SLCHOST_GPIO_STATUS1 @ 0x038 = 0, ro();
        HOST_SLCHOST_GPIO_IN0 @ 0x03C = 0, ro();
        HOST_SLCHOST_GPIO_IN1 @ 0x040 = 0, ro();
        HOST_SLC0HOST_TOKEN_RDATA @ 0x044 = 0, ro();
        HOST_SLC0_HOST_PF @ 0x048 = 0, ro();
        HOST_SLC1_HOST_PF @ 0x04C = 0, ro();
        HOST_SLC0HOST_INT_RAW @ 0x050 = 0, ro();
        HOST_SLC1HOST_INT_RAW @ 0x054 = 0, ro();
        HOST_SLC0HOST_INT_ST @ 0x058 = 0, ro();
        HOST_SLC1HOST_INT_ST @ 0x05C = 0, ro();
        HOST_SLCHOST_PKT_LEN @ 0x060 = 0, ro();
        HOST_SLCHOST_STATE_W0 @ 0x064 = 0, ro();
        HOST_SLCHOST_STATE_W1 @ 0x068 = 0, ro();
        HOST_SLCHOST_CONF_W0 @ 0x06C = 0, rw();
        HOST_SLCHOST_CONF_W1 @ 0x070 = 0, rw();
        HOST_SLCHOST_CONF_W2 @ 0x074 = 0, rw();
        HOST_SLCHOST_CONF_W3 @ 0x078 = 0xC0, rw();
        HOST_SLCHOST_CONF_W4 @ 0x07C = 0x1FF, rw();
        HOST_SLCHOST_CONF_W5 @ 0x080 = 0, rw();
        HOST_SLCHOST_WIN_CMD @ 0x084 = 0, rw();
        HOST_SLCHOST_CONF_W6 @ 0x088 = 0, rw();
        HOST_SLCHOST_CONF_W7 @ 0x08C = 0, rw();
        HOST_SLCHOST_PKT_LEN0 @ 0x090 = 0, ro();
        HOST_SLCHOST_PKT_LEN1 @ 0x094 = 0, ro();
        HOST_SLCHOST_PKT_LEN2 @ 0x098 = 0, ro();
        HOST_SLCHOST_CONF_W8 @ 0x09C = 0, rw();
        HOST_SLCHOST_CONF_W9 @ 0x0A0 = 0, rw();
        HOST_SLCHOST_CONF_W10 @ 0x0A4 = 0, rw();
        HOST_SLCHOST_CONF_W11 @ 0x0A8 = 0, rw();
        HOST_SLCHOST_CONF_W12 @ 0x0AC = 0, rw();
        HOST_SLCHOST_CONF_W13 @ 0x0B0 = 0, rw();
        HOST_SLCHOST_CONF_W14 @ 0x0B4 = 0, rw();
        HOST_SLCHOST_CONF_W15 @ 0x0B8 = 0, rw();
        HOST_SLCHOST_CHECK_SUM0 @ 0x0BC = 0, ro();
        HOST_SLCHOST_CHECK_SUM1 @ 0x0C0 = 0, ro();
        HOST_SLC1HOST_TOKEN_RDATA @ 0x0C4 = 0, ro();
        HOST_SLC0HOST_TOKEN_WDATA @ 0x0C8 = 0, rw_bits(0xFFF_0FFF);
        HOST_SLC1HOST_TOKEN_WDATA @ 0x0CC = 0, rw_bits(0xFFF_0FFF);
        HOST_SLCHOST_TOKEN_CON @ 0x0D0 = 0, wo();
        HOST_SLC0HOST_INT_CLR @ 0x0D4 = 0, wo();
        HOST_SLC1HOST_INT_CLR @ 0x0D8 = 0, wo();
        HOST_SLC0HOST_FUNC1_INT_ENA @ 0x0DC = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC1HOST_FUNC1_INT_ENA @ 0x0E0 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC0HOST_FUNC2_INT_ENA @ 0x0E4 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC1HOST_FUNC2_INT_ENA @ 0x0E8 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC0HOST_INT_ENA @ 0x0EC = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC1HOST_INT_ENA @ 0x0F0 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC0HOST_RX_INFOR @ 0x0F4 = 0, rw_bits(0xF_FFFF);
        HOST_SLC1HOST_RX_INFOR @ 0x0F8 = 0, rw_bits(0xF_FFFF);
        HOST_SLC0HOST_LEN_WD @ 0x0FC = 0, rw();
        HOST_SLC_APBWIN_WDATA @ 0x100 = 0, rw();
        HOST_SLC_APBWIN_CONF @ 0x104 = 0, rw_bits(0x3FFF_FFFF);
        HOST_SLC_APBWIN_RDATA @ 0x108 = 0, ro();
        HOST_SLCHOST_RDCLR0 @ 0x10C = 0x0003_C044, rw_bits(0x3_FFFF);
        HOST_SLCHOST_RDCLR1 @ 0x110 = 0x0003_C1E0, rw_bits(0x3_FFFF);
        HOST_SLC0HOST_INT_ENA1 @ 0x114 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLC1HOST_INT_ENA1 @ 0x118 = 0, rw_bits(0x3FF_FFFF);
        HOST_SLCHOSTDATE @ 0x178 = 0x1602_2500, rw();
        HOST_SLCHOSTID @ 0x17C = 0x600, rw();
        HOST_SLCHOST_CONF @ 0x1F0 = 0, rw_bits(0xFFF_FFFF);
        HOST_SLCHOST_INF_ST @ 0x1F4 = 0, ro();
    }
}

/// SLC: the DMA side of the SDIO slave.
#[derive(Clone, Debug)]
pub struct Slc {
    registers: Registers,
}

espalier_core::persist!(state Slc { registers });

impl Slc {
    /// The block after reset, its links parked.
    pub fn new() -> Slc {
        let mut slc = Slc { registers: Registers::new(&slc::REGISTERS) };
        slc.reset();
        slc
    }
}

/// HINF, the card information that a host would read, after reset.
pub fn hinf() -> Storage {
    Storage::new(&hinf::REGISTERS, NO_HOST)
}

/// SLCHOST, the slave's registers that a host would see, after reset.
pub fn slc_host() -> Storage {
    Storage::new(&slchost::REGISTERS, NO_HOST)
}

impl Default for Slc {
    fn default() -> Slc {
        Slc::new()
    }
}

const LINKS: [u32; 4] =
    [slc::reg::SLC0_RX_LINK, slc::reg::SLC0_TX_LINK, slc::reg::SLC1_RX_LINK, slc::reg::SLC1_TX_LINK];

impl Device for Slc {
    fn registers(&self) -> &'static [Register] {
        &slc::REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(NO_HOST)
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    /// Start and stop clear themselves; what stays is whether the link is parked.
    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        if LINKS.contains(&offset) {
            if value & slc::LINK_STOP != 0 {
                self.registers.modify(offset, 0, slc::LINK_PARK);
            } else if value & (slc::LINK_START | slc::LINK_RESTART) != 0 {
                self.registers.modify(offset, slc::LINK_PARK, 0);
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
        for link in LINKS {
            self.registers.modify(link, 0, slc::LINK_PARK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Slc, slc};
    use espalier_core::{Device, Time};

    #[test]
    fn a_link_that_was_stopped_is_parked() {
        let mut block = Slc::new();
        let link = slc::reg::SLC0_TX_LINK;
        block.write(link, slc::LINK_START | 0x1234, Time::ZERO).unwrap();
        assert_eq!(block.read(link, Time::ZERO), Ok(0x1234));
        block.write(link, slc::LINK_STOP, Time::ZERO).unwrap();
        assert_eq!(block.read(link, Time::ZERO), Ok(slc::LINK_PARK));
    }
}
