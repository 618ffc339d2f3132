//! The MAC: its configuration, the addresses of its filter, and the management bus that leads to the PHY (TRM, section "EMAC Registers").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::ethernet::phy::{Phy, PhyKind};

espalier_core::registers! {
    CONFIG @ 0x00 = 0, rw_bits(0x78DF_FEFF) { RX: 2, TX: 3, PADCRCSTRIP: 7, LOOPBACK: 12 };
    FF @ 0x04 = 0, rw_bits(0x8000_03F9) {
        PMODE: 0, DAIF: 3, PAM: 4, DBF: 5, PCF: 6..=7, SAIF: 8, SAFE: 9, RECEIVE_ALL: 31,
    };
    GMIIADDR @ 0x10 = 0, rw_bits(0xFFFF) { MIIBUSY: 0, MIIWRITE: 1, MIIREG: 6..=10, MIIDEV: 11..=15 };
    MIIDATA @ 0x14 = 0, rw_bits(0xFFFF);
    FC @ 0x18 = 0, rw_bits(0xFFFF_00BF) { FCBBA: 0 };
    DEBUG @ 0x24 = 0, ro();
    PMT_RWUFFR @ 0x28 = 0, ro();
    PMT_CSR @ 0x2C = 0, ro();
    LPI_CRS @ 0x30 = 0, ro();
    LPITIMERSCONTROL @ 0x34 = 0, ro();
    INTS @ 0x38 = 0, ro();
    INTMASK @ 0x3C = 0, rw_bits(0x408);
    ADDR0HIGH @ 0x40 = 0, rw_bits(0x8000_FFFF);
    ADDR0LOW @ 0x44 = 0, rw();
    ADDR1HIGH @ 0x48 = 0, rw_bits(0xFF00_FFFF) { MASK_BYTE_CONTROL: 24..=29, SOURCE_ADDRESS: 30, ADDRESS_ENABLE1: 31 };
    ADDR1LOW @ 0x4C = 0, rw();
    ADDR2HIGH @ 0x50 = 0, rw_bits(0xFF00_FFFF);
    ADDR2LOW @ 0x54 = 0, rw();
    ADDR3HIGH @ 0x58 = 0, rw_bits(0xFF00_FFFF);
    ADDR3LOW @ 0x5C = 0, rw();
    ADDR4HIGH @ 0x60 = 0, rw_bits(0xFF00_FFFF);
    ADDR4LOW @ 0x64 = 0, rw();
    ADDR5HIGH @ 0x68 = 0, rw_bits(0xFF00_FFFF);
    ADDR5LOW @ 0x6C = 0, rw();
    ADDR6HIGH @ 0x70 = 0, rw_bits(0xFF00_FFFF);
    ADDR6LOW @ 0x74 = 0, rw();
    ADDR7HIGH @ 0x78 = 0, rw_bits(0xFF00_FFFF);
    ADDR7LOW @ 0x7C = 0, rw();
    CSTATUS @ 0xD8 = 0, ro();
    WDOGTO @ 0xDC = 0, rw_bits(0x1_3FFF);
}

/// The data of the management bus if no PHY answers: the line is pulled up.
const NO_PHY: u32 = 0xFFFF;

/// The MAC with its PHY.
#[derive(Clone, Debug)]
pub struct Emac {
    pub(super) registers: Registers,
    /// The PHY and its address on the management bus. None on a board whose Ethernet is another one: no register answers then.
    phy: Option<(Phy, u8)>,
}

espalier_core::persist!(state Emac { registers, phy });

impl Emac {
    /// The block after power-on with the PHY that the board has, whose cable is in.
    pub fn new(phy: Option<(PhyKind, u8)>) -> Emac {
        let phy = phy.map(|(kind, address)| (Phy::new(kind), address));
        Emac { registers: Registers::new(&REGISTERS), phy }
    }

    /// Plugs the cable in or pulls it out.
    pub fn set_link(&mut self, up: bool) {
        if let Some((phy, _)) = &mut self.phy {
            phy.set_link(up);
        }
    }

    /// True if the cable is in, and the PHY works.
    pub(super) fn link(&self) -> bool {
        self.phy.as_ref().is_some_and(|(phy, _)| phy.link())
    }

    pub(super) fn transmits(&self) -> bool {
        self.registers.is_set(reg::CONFIG::TX)
    }

    pub(super) fn receives(&self) -> bool {
        self.registers.is_set(reg::CONFIG::RX)
    }

    pub(super) fn loops_back(&self) -> bool {
        self.registers.is_set(reg::CONFIG::LOOPBACK)
    }

    /// Padding and check sequence of frames with a length do not go to memory.
    pub(super) fn strips(&self) -> bool {
        self.registers.is_set(reg::CONFIG::PADCRCSTRIP)
    }

    /// The software reset of the core, which does not reach the PHY.
    pub(super) fn reset_core(&mut self) {
        self.registers.reset();
    }

    /// A transfer on the management bus, which is over when software looks.
    fn command_phy(&mut self, command: u32) {
        if !reg::GMIIADDR::MIIBUSY.is_set(command) {
            return;
        }
        let (device, register) = (reg::GMIIADDR::MIIDEV.get(command), reg::GMIIADDR::MIIREG.get(command) as u8);
        let phy = self.phy.as_mut().filter(|(_, address)| u32::from(*address) == device);
        match (phy, reg::GMIIADDR::MIIWRITE.is_set(command)) {
            (Some((phy, _)), true) => phy.write(register, self.registers.get(reg::MIIDATA) as u16),
            (Some((phy, address)), false) => self.registers.set(reg::MIIDATA, phy.read(register, *address).into()),
            (None, true) => {}
            (None, false) => self.registers.set(reg::MIIDATA, NO_PHY),
        }
        self.registers.set_field(reg::GMIIADDR::MIIBUSY, 0);
    }
}

impl Device for Emac {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the chip's own MAC, on boards with `[ethernet]`; no collisions, no PAUSE, no wake-up by frames, no energy-efficient Ethernet, and \
             checksums of what is received are not checked",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        if self.phy.is_some() { Ok(value) } else { Err(Unmodelled) }
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let new = self.registers.write(offset, value)?;
        if self.phy.is_none() {
            return Err(Unmodelled);
        }
        match offset {
            reg::GMIIADDR => self.command_phy(new),
            // A PAUSE frame is a matter of the wire, and out at once.
            reg::FC => self.registers.set_field(reg::FC::FCBBA, 0),
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.reset_core();
    }
}
