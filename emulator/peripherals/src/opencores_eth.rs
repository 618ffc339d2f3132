//! OpenCores Ethernet MAC 10/100, as Espressif's QEMU puts it in place of the chip's own EMAC.
//!
//! Follows the "Ethernet IP Core Specification" (OpenCores) with a DP83848 PHY at address 1. A frame is fetched
//! and its descriptor handed back at once: ESP-IDF's `openeth` driver does not wait for a transmission to end. The time
//! that the frame spends on the wire is the business of the network behind this block. Frames enter and leave this
//! block without their frame check sequence; towards memory it is there, as the core has it.

mod descriptor;
mod receiver;
#[cfg(test)]
mod tests;
mod transmitter;

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::ethernet::phy::{Phy, PhyKind};
use descriptor::{DESCRIPTORS, Ring};

espalier_core::registers! {
    MODER @ 0x00 = 0xA000, rw_bits(0x1_FFFF);
    INT_SOURCE @ 0x04 = 0, w1c_bits(0x7F);
    INT_MASK @ 0x08 = 0, rw_bits(0x7F);
    IPGT @ 0x0C = 0x12, rw_bits(0x7F);
    IPGR1 @ 0x10 = 0x0C, rw_bits(0x7F);
    IPGR2 @ 0x14 = 0x12, rw_bits(0x7F);
    PACKETLEN @ 0x18 = 0x0040_0600, rw();
    COLLCONF @ 0x1C = 0x000F_003F, rw_bits(0xF_003F);
    TX_BD_NUM @ 0x20 = 0x40, ro();
    CTRLMODER @ 0x24 = 0, rw_bits(0x7);
    MIIMODER @ 0x28 = 0x64, rw_bits(0x1FF);
    MIICOMMAND @ 0x2C = 0, rw_bits(0x1) { SCANSTAT: 0, RSTAT: 1, WCTRLDATA: 2 };
    MIIADDRESS @ 0x30 = 0, rw_bits(0x1F1F) { FIAD: 0..=4, RGAD: 8..=12 };
    MIITX_DATA @ 0x34 = 0, rw_bits(0xFFFF);
    MIIRX_DATA @ 0x38 = 0, ro();
    MIISTATUS @ 0x3C = 0, ro() { LINKFAIL: 0 };
    MAC_ADDR0 @ 0x40 = 0, rw();
    MAC_ADDR1 @ 0x44 = 0, rw_bits(0xFFFF);
    HASH0_ADR @ 0x48 = 0, rw();
    HASH1_ADR @ 0x4C = 0, rw();
    TXCTRL @ 0x50 = 0, rw_bits(0x1_FFFF);
    BD[256] @ 0x400 = 0, rw();
}

/// Bits of MODER.
mod moder {
    pub const RXEN: u32 = 1 << 0;
    pub const TXEN: u32 = 1 << 1;
    pub const BRO: u32 = 1 << 3;
    pub const IAM: u32 = 1 << 4;
    pub const PRO: u32 = 1 << 5;
    pub const LOOPBCK: u32 = 1 << 7;
    pub const RST: u32 = 1 << 11;
    pub const CRCEN: u32 = 1 << 13;
    pub const HUGEN: u32 = 1 << 14;
    pub const PAD: u32 = 1 << 15;
    pub const RECSMALL: u32 = 1 << 16;
}

/// Bits of INT_SOURCE and INT_MASK.
mod interrupt {
    pub const TXB: u32 = 1 << 0;
    pub const TXE: u32 = 1 << 1;
    pub const RXB: u32 = 1 << 2;
    pub const RXE: u32 = 1 << 3;
    pub const BUSY: u32 = 1 << 4;
    pub const RXC: u32 = 1 << 6;
}

/// Bits of CTRLMODER.
mod control {
    pub const PASSALL: u32 = 1 << 0;
    pub const RXFLOW: u32 = 1 << 1;
}

/// The value of MIIRX_DATA if no PHY answers: the line is pulled up.
const NO_PHY: u32 = 0xFFFF;

/// The PHY's address on the management bus, its strap default.
const PHY_ADDRESS: u32 = 1;

/// The OpenCores Ethernet MAC with its PHY.
///
/// The wiring takes what is to be sent with [`take_frame`](OpenCoresEth::take_frame) after each write, and hands over what
/// arrives with [`receive`](OpenCoresEth::receive). Both reach the chip's memory, as the core's DMA does.
#[derive(Clone, Debug)]
pub struct OpenCoresEth {
    registers: Registers,
    phy: Phy,
    transmit: Ring,
    receive: Ring,
}

espalier_core::persist!(state OpenCoresEth { registers, phy, transmit, receive });

impl Default for OpenCoresEth {
    fn default() -> OpenCoresEth {
        OpenCoresEth::new()
    }
}

impl OpenCoresEth {
    /// The block after power-on, with a link.
    pub fn new() -> OpenCoresEth {
        let registers = Registers::new(&REGISTERS);
        let receive = Ring::at(registers.get(reg::TX_BD_NUM));
        OpenCoresEth { registers, phy: Phy::new(PhyKind::Dp83848), transmit: Ring::at(0), receive }
    }

    /// Plugs the cable in or pulls it out.
    pub fn set_link(&mut self, up: bool) {
        self.phy.set_link(up);
        if self.registers.is_set(reg::MIICOMMAND::SCANSTAT) {
            self.show_link();
        }
    }

    /// True if the cable is in.
    pub fn link(&self) -> bool {
        self.phy.link()
    }

    fn write_moder(&mut self, value: u32) -> Result<(), Unmodelled> {
        let old = self.moder();
        let new = self.registers.write(reg::MODER, value)?;
        let set = new & !old;
        if set & moder::RST != 0 {
            self.reset_core();
            self.registers.write(reg::MODER, value)?;
        }
        if set & moder::RXEN != 0 {
            self.receive = Ring::at(self.rx_start());
        }
        if set & moder::TXEN != 0 {
            self.transmit = Ring::at(0);
        }
        Ok(())
    }

    fn command_mii(&mut self, command: u32) {
        use reg::MIICOMMAND::{RSTAT, SCANSTAT, WCTRLDATA};
        let present = self.registers.field(reg::MIIADDRESS::FIAD) == PHY_ADDRESS;
        let register = self.registers.field(reg::MIIADDRESS::RGAD) as u8;
        if WCTRLDATA.is_set(command) && present {
            self.phy.write(register, self.registers.get(reg::MIITX_DATA) as u16);
        }
        if RSTAT.is_set(command) {
            let data = if present { u32::from(self.phy.read(register, PHY_ADDRESS as u8)) } else { NO_PHY };
            self.registers.set(reg::MIIRX_DATA, data);
        }
        if RSTAT.is_set(command) || SCANSTAT.is_set(command) {
            self.show_link();
        }
    }

    fn show_link(&mut self) {
        self.registers.set_field(reg::MIISTATUS::LINKFAIL, (!self.phy.link()).into());
    }

    /// The core's own reset. It does not reach the PHY, nor the descriptors: they are RAM, and ESP-IDF's driver fills them
    /// before it resets the core.
    fn reset_core(&mut self) {
        for register in REGISTERS.iter().filter(|register| register.offset < reg::BD) {
            self.registers.set(register.offset, register.reset);
        }
        self.transmit = Ring::at(0);
        self.receive = Ring::at(self.rx_start());
    }

    fn raise(&mut self, bits: u32) {
        self.registers.modify(reg::INT_SOURCE, 0, bits);
    }

    fn moder(&self) -> u32 {
        self.registers.get(reg::MODER)
    }

    fn running(&self, enable: u32) -> bool {
        self.moder() & (enable | moder::RST) == enable
    }

    /// MINFL and MAXFL, with the frame check sequence: register PACKETLEN.
    fn frame_limits(&self) -> (usize, usize) {
        let packetlen = self.registers.get(reg::PACKETLEN);
        ((packetlen >> 16) as usize, (packetlen & 0xFFFF) as usize)
    }

    fn tx_count(&self) -> u32 {
        self.registers.get(reg::TX_BD_NUM)
    }

    /// Receive descriptors follow the transmit descriptors.
    fn rx_start(&self) -> u32 {
        self.tx_count()
    }
}

impl Device for OpenCoresEth {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "OpenCores' MAC, as in QEMU, on boards without `[ethernet]`; with it the EMAC's DMA. Frames are sent and auto-negotiation ends at once; no \
             collisions, no PAUSE",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        match offset {
            reg::MODER => self.write_moder(value)?,
            // Values above the number of descriptors are ignored.
            reg::TX_BD_NUM if value <= DESCRIPTORS as u32 => self.registers.set(reg::TX_BD_NUM, value),
            reg::MIICOMMAND => {
                self.registers.write(offset, value)?;
                self.command_mii(value);
            }
            _ => {
                self.registers.write(offset, value)?;
            }
        }
        Ok(())
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_SOURCE) & self.registers.get(reg::INT_MASK) != 0)
    }

    fn reset(&mut self) {
        self.reset_core();
        self.phy.reset();
    }
}
