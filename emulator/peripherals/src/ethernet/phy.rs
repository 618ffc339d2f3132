//! The DP83848C (Texas Instruments SNLS250) and the LAN8720A (Microchip DS00002165), as far as drivers look at them. Auto-negotiation
//! ends at once, with 100 Mbit/s full duplex.

/// A PHY that a board may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhyKind {
    Dp83848,
    Lan8720,
}

espalier_core::persist!(
    enum PhyKind {
        Dp83848,
        Lan8720,
    }
);

/// Registers, by their names in the data sheets. Those from 0x10 on are the maker's.
mod register {
    pub const BMCR: u8 = 0x00;
    pub const BMSR: u8 = 0x01;
    pub const PHYIDR1: u8 = 0x02;
    pub const PHYIDR2: u8 = 0x03;
    pub const ANAR: u8 = 0x04;
    pub const ANLPAR: u8 = 0x05;
    pub const DP83848_PHYSTS: u8 = 0x10;
    pub const LAN8720_MODE_CONTROL: u8 = 0x11;
    pub const LAN8720_SPECIAL_MODES: u8 = 0x12;
    pub const LAN8720_INTERRUPT_MASK: u8 = 0x1E;
    pub const LAN8720_SPECIAL_CONTROL: u8 = 0x1F;
}

mod bmcr {
    pub const RESET: u16 = 1 << 15;
    pub const AUTO_NEGOTIATION_ENABLE: u16 = 1 << 12;
    pub const POWER_DOWN: u16 = 1 << 11;
    pub const RESTART_AUTO_NEGOTIATION: u16 = 1 << 9;
    pub const DEFAULT: u16 = 0x3100;
}

mod bmsr {
    /// 100BASE-TX and 10BASE-T in both duplexes, auto-negotiation ability, extended registers.
    pub const ABILITIES: u16 = 0x7809;
    /// Frames on the management bus without their preamble, which the DP83848 takes.
    pub const PREAMBLE_SUPPRESSION: u16 = 1 << 6;
    pub const AUTO_NEGOTIATION_COMPLETE: u16 = 1 << 5;
    pub const LINK: u16 = 1 << 2;
}

/// PHYSTS of the DP83848.
mod physts {
    pub const LINK: u16 = 1 << 0;
    pub const FULL_DUPLEX: u16 = 1 << 2;
    pub const AUTO_NEGOTIATION_COMPLETE: u16 = 1 << 4;
}

/// Mode Control/Status and PHY Special Control/Status of the LAN8720.
mod lan8720 {
    pub const ENERGY_ON: u16 = 1 << 1;
    pub const ENERGY_DETECT_POWER_DOWN: u16 = 1 << 13;
    /// All modes, as the straps say.
    pub const MODE_ALL: u16 = 0x40E0;
    pub const AUTO_NEGOTIATION_DONE: u16 = 1 << 12;
    pub const FULL_DUPLEX_100: u16 = 0b110 << 2;
    pub const SCRAMBLE: u16 = 1 << 6;
}

/// 10 and 100 Mbit/s in both duplexes, IEEE 802.3.
const ANAR_DEFAULT: u16 = 0x01E1;
/// The other end acknowledges the same abilities.
const ANLPAR_PARTNER: u16 = 0x41E1;

#[derive(Clone, Debug)]
pub(crate) struct Phy {
    kind: PhyKind,
    bmcr: u16,
    anar: u16,
    mode_control: u16,
    interrupt_mask: u16,
    link: bool,
}

espalier_core::persist!(value Phy { kind, bmcr, anar, mode_control, interrupt_mask, link });

impl Phy {
    pub(crate) fn new(kind: PhyKind) -> Phy {
        Phy { kind, bmcr: bmcr::DEFAULT, anar: ANAR_DEFAULT, mode_control: 0, interrupt_mask: 0, link: true }
    }

    /// The pin or the bit: registers go back, the cable stays.
    pub(crate) fn reset(&mut self) {
        *self = Phy { link: self.link, ..Phy::new(self.kind) };
    }

    pub(crate) fn set_link(&mut self, up: bool) {
        self.link = up;
    }

    pub(crate) fn link(&self) -> bool {
        self.link && self.bmcr & bmcr::POWER_DOWN == 0
    }

    /// Organisation, model and revision.
    fn identity(&self) -> [u16; 2] {
        match self.kind {
            PhyKind::Dp83848 => [0x2000, 0x5C90],
            PhyKind::Lan8720 => [0x0007, 0xC0F1],
        }
    }

    /// Reads a register; `address` is that of the PHY, which one of them repeats in a register.
    pub(crate) fn read(&self, register: u8, address: u8) -> u16 {
        let link = self.link();
        let negotiated = link && self.bmcr & bmcr::AUTO_NEGOTIATION_ENABLE != 0;
        let when = |condition: bool, bits: u16| if condition { bits } else { 0 };
        match register {
            register::BMCR => self.bmcr,
            register::BMSR => {
                bmsr::ABILITIES
                    | when(self.kind == PhyKind::Dp83848, bmsr::PREAMBLE_SUPPRESSION)
                    | when(link, bmsr::LINK)
                    | when(negotiated, bmsr::AUTO_NEGOTIATION_COMPLETE)
            }
            register::PHYIDR1 => self.identity()[0],
            register::PHYIDR2 => self.identity()[1],
            register::ANAR => self.anar,
            register::ANLPAR => when(negotiated, ANLPAR_PARTNER),
            _ => match (self.kind, register) {
                (PhyKind::Dp83848, register::DP83848_PHYSTS) => {
                    when(link, physts::LINK | physts::FULL_DUPLEX) | when(negotiated, physts::AUTO_NEGOTIATION_COMPLETE)
                }
                (PhyKind::Lan8720, register::LAN8720_MODE_CONTROL) => {
                    self.mode_control | when(self.link, lan8720::ENERGY_ON)
                }
                (PhyKind::Lan8720, register::LAN8720_SPECIAL_MODES) => lan8720::MODE_ALL | u16::from(address),
                (PhyKind::Lan8720, register::LAN8720_INTERRUPT_MASK) => self.interrupt_mask,
                (PhyKind::Lan8720, register::LAN8720_SPECIAL_CONTROL) => {
                    lan8720::SCRAMBLE
                        | when(negotiated, lan8720::AUTO_NEGOTIATION_DONE)
                        | when(link, lan8720::FULL_DUPLEX_100)
                }
                _ => 0,
            },
        }
    }

    pub(crate) fn write(&mut self, register: u8, value: u16) {
        match register {
            register::BMCR if value & bmcr::RESET != 0 => self.reset(),
            // Restarting auto-negotiation clears itself when it begins.
            register::BMCR => self.bmcr = value & !bmcr::RESTART_AUTO_NEGOTIATION,
            register::ANAR => self.anar = value,
            register::LAN8720_MODE_CONTROL if self.kind == PhyKind::Lan8720 => {
                self.mode_control = value & lan8720::ENERGY_DETECT_POWER_DOWN;
            }
            register::LAN8720_INTERRUPT_MASK if self.kind == PhyKind::Lan8720 => self.interrupt_mask = value & 0xFF,
            _ => {}
        }
    }
}
