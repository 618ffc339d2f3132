//! The DP83848C PHY (Texas Instruments SNLS250), as far as drivers look at it. Auto-negotiation ends at once, with
//! 100 Mbit/s full duplex.

/// The PHY's address on the management bus, its strap default.
pub(super) const ADDRESS: u32 = 1;

/// Registers, by their names in the data sheet.
mod register {
    pub const BMCR: u8 = 0x00;
    pub const BMSR: u8 = 0x01;
    pub const PHYIDR1: u8 = 0x02;
    pub const PHYIDR2: u8 = 0x03;
    pub const ANAR: u8 = 0x04;
    pub const ANLPAR: u8 = 0x05;
    pub const PHYSTS: u8 = 0x10;
}

mod bmcr {
    pub const RESET: u16 = 1 << 15;
    pub const AUTO_NEGOTIATION_ENABLE: u16 = 1 << 12;
    pub const POWER_DOWN: u16 = 1 << 11;
    pub const RESTART_AUTO_NEGOTIATION: u16 = 1 << 9;
    pub const DEFAULT: u16 = 0x3100;
}

mod bmsr {
    /// 100BASE-TX and 10BASE-T in both duplexes, preamble suppression, auto-negotiation ability, extended registers.
    pub const ABILITIES: u16 = 0x7849;
    pub const AUTO_NEGOTIATION_COMPLETE: u16 = 1 << 5;
    pub const LINK: u16 = 1 << 2;
}

mod physts {
    pub const LINK: u16 = 1 << 0;
    pub const FULL_DUPLEX: u16 = 1 << 2;
    pub const AUTO_NEGOTIATION_COMPLETE: u16 = 1 << 4;
}

/// National Semiconductor's organisation, model DP83848C, revision 0.
const PHYIDR1: u16 = 0x2000;
const PHYIDR2: u16 = 0x5C90;
/// 10 and 100 Mbit/s in both duplexes, IEEE 802.3.
const ANAR_DEFAULT: u16 = 0x01E1;
/// The other end acknowledges the same abilities.
const ANLPAR_PARTNER: u16 = 0x41E1;

#[derive(Clone, Debug)]
pub(super) struct Phy {
    bmcr: u16,
    anar: u16,
    link: bool,
}

espalier_core::persist!(value Phy { bmcr, anar, link });

impl Phy {
    pub(super) fn new() -> Phy {
        Phy { bmcr: bmcr::DEFAULT, anar: ANAR_DEFAULT, link: true }
    }

    /// The pin or the bit: registers go back, the cable stays.
    pub(super) fn reset(&mut self) {
        *self = Phy { link: self.link, ..Phy::new() };
    }

    pub(super) fn set_link(&mut self, up: bool) {
        self.link = up;
    }

    pub(super) fn link(&self) -> bool {
        self.link && self.bmcr & bmcr::POWER_DOWN == 0
    }

    pub(super) fn read(&self, register: u8) -> u16 {
        let link = self.link();
        let negotiated = link && self.bmcr & bmcr::AUTO_NEGOTIATION_ENABLE != 0;
        let when = |condition: bool, bits: u16| if condition { bits } else { 0 };
        match register {
            register::BMCR => self.bmcr,
            register::BMSR => {
                bmsr::ABILITIES | when(link, bmsr::LINK) | when(negotiated, bmsr::AUTO_NEGOTIATION_COMPLETE)
            }
            register::PHYIDR1 => PHYIDR1,
            register::PHYIDR2 => PHYIDR2,
            register::ANAR => self.anar,
            register::ANLPAR => when(negotiated, ANLPAR_PARTNER),
            register::PHYSTS => {
                when(link, physts::LINK | physts::FULL_DUPLEX) | when(negotiated, physts::AUTO_NEGOTIATION_COMPLETE)
            }
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, register: u8, value: u16) {
        match register {
            register::BMCR if value & bmcr::RESET != 0 => self.reset(),
            // Restarting auto-negotiation clears itself when it begins.
            register::BMCR => self.bmcr = value & !bmcr::RESTART_AUTO_NEGOTIATION,
            register::ANAR => self.anar = value,
            _ => {}
        }
    }
}
