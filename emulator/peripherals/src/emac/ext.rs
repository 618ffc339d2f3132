//! Clocks and modes of the EMAC (TRM, section "EMAC_EXT").

use crate::storage::Storage;

espalier_core::registers! {
    EX_CLKOUT_CONF @ 0x00 = 0, rw_bits(0x3FF);
    EX_OSCCLK_CONF @ 0x04 = 0, rw_bits(0x1FF_FFFF);
    EX_CLK_CTRL @ 0x08 = 0, rw_bits(0x3F);
    EX_PHYINF_CONF @ 0x0C = 0, rw_bits(0x1F_FFFF);
    PD_SEL @ 0x10 = 0, rw_bits(0x3);
    EX_DATE @ 0xFC = 0, rw();
}

/// EMAC_EXT after reset.
pub fn emac_ext() -> Storage {
    Storage::new(&REGISTERS, "registers only: the PHY's clock is always there")
}
