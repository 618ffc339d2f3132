//! OpenCores Ethernet MAC 10/100, as Espressif's QEMU puts it in place of the chip's own EMAC.
//!
//! Follows the "Ethernet IP Core Specification" (OpenCores, rev. 1.19) with a DP83848 PHY at address 1. A frame is fetched
//! and its descriptor handed back at once: ESP-IDF's `openeth` driver does not wait for a transmission to end. The time
//! that the frame spends on the wire is the business of the network behind this block. Frames enter and leave this
//! block without their frame check sequence; towards memory it is there, as the core has it.

mod crc;
mod descriptor;
mod phy;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use espalier_core::{Device, DmaFault, Fidelity, GuestMemory, Register, Registers, Time, Unmodelled};

use descriptor::{DESCRIPTORS, Ring, rx, tx};
use phy::Phy;

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
    MIICOMMAND @ 0x2C = 0, rw_bits(0x1);
    MIIADDRESS @ 0x30 = 0, rw_bits(0x1F1F);
    MIITX_DATA @ 0x34 = 0, rw_bits(0xFFFF);
    MIIRX_DATA @ 0x38 = 0, ro();
    MIISTATUS @ 0x3C = 0, ro();
    MAC_ADDR0 @ 0x40 = 0, rw();
    MAC_ADDR1 @ 0x44 = 0, rw_bits(0xFFFF);
    HASH0_ADR @ 0x48 = 0, rw();
    HASH1_ADR @ 0x4C = 0, rw();
    TXCTRL @ 0x50 = 0, rw_bits(0x1_FFFF);
    BD[256] @ 0x400 = 0, rw();
}

/// Bits of MODER (chapter 3.1).
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

/// Bits of INT_SOURCE and INT_MASK (chapter 3.2).
mod interrupt {
    pub const TXB: u32 = 1 << 0;
    pub const TXE: u32 = 1 << 1;
    pub const RXB: u32 = 1 << 2;
    pub const RXE: u32 = 1 << 3;
    pub const BUSY: u32 = 1 << 4;
    pub const RXC: u32 = 1 << 6;
}

/// Bits of CTRLMODER (chapter 3.10).
mod control {
    pub const PASSALL: u32 = 1 << 0;
    pub const RXFLOW: u32 = 1 << 1;
}

/// Bits of MIICOMMAND, MIIADDRESS and MIISTATUS (chapters 3.12 to 3.16).
mod mii {
    pub const SCANSTAT: u32 = 1 << 0;
    pub const RSTAT: u32 = 1 << 1;
    pub const WCTRLDATA: u32 = 1 << 2;
    pub const FIAD_MASK: u32 = 0x1F;
    pub const RGAD_SHIFT: u32 = 8;
    pub const LINKFAIL: u32 = 1 << 0;
    pub const NO_PHY: u32 = 0xFFFF;
}

/// Bytes of the frame check sequence.
const FCS: usize = 4;
/// Shortest frame that a transmitter puts on an Ethernet, without its frame check sequence (IEEE 802.3, 3.2.8).
const WIRE_MIN: usize = 60;
/// Frames of this many bytes or fewer are not sent at all (chapter 4.2.2, TX buffer descriptor, LEN).
const TX_TOO_SHORT: usize = 4;
const ETHERTYPE_AT: usize = 12;
const ETHERTYPE_MAC_CONTROL: [u8; 2] = [0x88, 0x08];
/// More looped-back frames than there are descriptors cannot be stored.
const LOOPBACK_DEPTH: usize = DESCRIPTORS;

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
    looped_back: VecDeque<Vec<u8>>,
}

impl Default for OpenCoresEth {
    fn default() -> OpenCoresEth {
        OpenCoresEth::new()
    }
}

/// What the address filter says to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Match,
    /// Only taken because the MAC is promiscuous.
    Miss,
    Reject,
}

impl OpenCoresEth {
    /// The block after power-on, with a link.
    pub fn new() -> OpenCoresEth {
        let registers = Registers::new(&REGISTERS);
        let receive = Ring::at(registers.get(reg::TX_BD_NUM));
        OpenCoresEth { registers, phy: Phy::new(), transmit: Ring::at(0), receive, looped_back: VecDeque::new() }
    }

    /// Plugs the cable in or pulls it out.
    pub fn set_link(&mut self, up: bool) {
        self.phy.set_link(up);
        if self.registers.get(reg::MIICOMMAND) & mii::SCANSTAT != 0 {
            self.show_link();
        }
    }

    /// True if the cable is in.
    pub fn link(&self) -> bool {
        self.phy.link()
    }

    /// True if the transmitter is on and its current descriptor is ready: [`take_frame`](Self::take_frame) has work.
    pub fn has_frame(&self) -> bool {
        self.running(moder::TXEN) && self.tx_count() > 0 && self.tx_flags() & tx::RD != 0
    }

    /// True if a frame that arrives now finds a receiver that is on and a descriptor that is empty.
    pub fn can_receive(&self) -> bool {
        self.running(moder::RXEN) && self.rx_start() < DESCRIPTORS as u32 && self.rx_flags() & rx::E != 0
    }

    /// Sends the next ready descriptor's frame, without its frame check sequence. None when there is nothing to send.
    ///
    /// In loopback mode the frame goes to the receiver and not to the caller. Without a link it is sent into the void.
    pub fn take_frame(&mut self, memory: &mut dyn GuestMemory) -> Option<Vec<u8>> {
        // A descriptor loses its ready bit when it is taken, so this ends within one round of the ring.
        while self.has_frame() {
            let frame = self.transmit_one(memory);
            if self.moder() & moder::LOOPBCK != 0 {
                if let Some(frame) = frame
                    && self.looped_back.len() < LOOPBACK_DEPTH
                {
                    self.looped_back.push_back(frame);
                }
                self.receive_looped_back(memory);
            } else if self.phy.link() && frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// A frame arrives from the wire, without its frame check sequence. True if it is in memory now; false if the
    /// receiver is off, the address filter rejected it or no descriptor was empty.
    pub fn receive(&mut self, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        self.phy.link() && self.moder() & moder::LOOPBCK == 0 && self.store(frame, memory)
    }

    fn receive_looped_back(&mut self, memory: &mut dyn GuestMemory) {
        while let Some(frame) = self.looped_back.pop_front() {
            self.store(&frame, memory);
        }
    }

    fn store(&mut self, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        if !self.running(moder::RXEN) || self.rx_start() >= DESCRIPTORS as u32 || frame.len() <= ETHERTYPE_AT + 1 {
            return false;
        }
        let filter = self.filter(frame);
        let pause = frame[ETHERTYPE_AT..ETHERTYPE_AT + 2] == ETHERTYPE_MAC_CONTROL;
        let ctrlmoder = self.registers.get(reg::CTRLMODER);
        if pause && ctrlmoder & control::RXFLOW != 0 {
            self.raise(interrupt::RXC);
        }
        if filter == Filter::Reject || (pause && ctrlmoder & control::PASSALL == 0) {
            return false;
        }
        let mut bytes = frame.to_vec();
        bytes.resize(bytes.len().max(WIRE_MIN), 0);
        bytes.extend_from_slice(&crc::fcs(&bytes).to_le_bytes());
        let (shortest, longest) = self.frame_limits();
        let mut status = 0;
        if filter == Filter::Miss {
            status |= rx::M;
        }
        if pause {
            status |= rx::CF;
        }
        if bytes.len() < shortest {
            if self.moder() & moder::RECSMALL == 0 {
                return false;
            }
            status |= rx::SF;
        }
        if bytes.len() > longest {
            status |= rx::TL;
            if self.moder() & moder::HUGEN == 0 {
                bytes.truncate(longest);
            }
        }
        if self.rx_flags() & rx::E == 0 {
            self.raise(interrupt::BUSY);
            return false;
        }
        let stored = memory.write(self.rx_pointer(), &bytes).is_ok();
        if !stored {
            status |= rx::OR;
            bytes.clear();
        }
        self.finish_receive(bytes.len(), status);
        stored
    }

    fn finish_receive(&mut self, length: usize, status: u32) {
        let offset = self.receive.offset();
        let flags = self.registers.get(offset) & (rx::IRQ | rx::WRAP);
        let length = u32::try_from(length).unwrap_or(0).min(descriptor::LEN_MAX);
        self.registers.set(offset, (length << descriptor::LEN_SHIFT) | flags | status);
        self.receive.advance(flags & rx::WRAP != 0, self.rx_start(), DESCRIPTORS as u32);
        if flags & rx::IRQ != 0 {
            self.raise(if status & rx::ERRORS == 0 { interrupt::RXB } else { interrupt::RXE });
        }
    }

    /// Takes one ready descriptor. None if nothing of it reaches the wire intact.
    fn transmit_one(&mut self, memory: &mut dyn GuestMemory) -> Option<Vec<u8>> {
        let flags = self.tx_flags();
        let fetched = self.fetch(flags, memory);
        let status = if fetched.is_err() { tx::UR } else { 0 };
        let offset = self.transmit.offset();
        self.registers.set(offset, (flags & !(tx::RD | tx::STATUS)) | status);
        self.transmit.advance(flags & tx::WR != 0, 0, self.tx_count());
        if flags & tx::IRQ != 0 {
            self.raise(if status == 0 { interrupt::TXB } else { interrupt::TXE });
        }
        fetched.ok().flatten()
    }

    /// Reads a frame out of memory and makes it what the wire carries, less the frame check sequence.
    fn fetch(&self, flags: u32, memory: &mut dyn GuestMemory) -> Result<Option<Vec<u8>>, DmaFault> {
        let length = (flags >> descriptor::LEN_SHIFT) as usize;
        if length <= TX_TOO_SHORT {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        memory.read(self.tx_pointer(), &mut bytes)?;
        let (shortest, longest) = self.frame_limits();
        let moder = self.moder();
        let limit = if moder & moder::HUGEN != 0 { usize::MAX } else { longest };
        if moder & moder::CRCEN != 0 || flags & tx::CRC != 0 {
            bytes.truncate(limit.saturating_sub(FCS));
            if moder & moder::PAD != 0 || flags & tx::PAD != 0 {
                bytes.resize(bytes.len().max(shortest.saturating_sub(FCS)), 0);
            }
            return Ok(Some(bytes));
        }
        // Software brought its own frame check sequence; a wrong one makes a frame that nobody on the wire accepts.
        bytes.truncate(limit);
        let body = bytes.len().saturating_sub(FCS);
        let intact = bytes[body..] == crc::fcs(&bytes[..body]).to_le_bytes();
        bytes.truncate(body);
        Ok(intact.then_some(bytes))
    }

    fn filter(&self, frame: &[u8]) -> Filter {
        let destination = &frame[..6];
        let moder = self.moder();
        let accepted = if destination.iter().all(|&byte| byte == 0xFF) {
            moder & moder::BRO == 0
        } else if destination[0] & 1 != 0 || moder & moder::IAM != 0 {
            let bit = crc::hash_bit(destination);
            let word = if bit < 32 { reg::HASH0_ADR } else { reg::HASH1_ADR };
            self.registers.get(word) & (1 << (bit % 32)) != 0
        } else {
            let [a, b] = (self.registers.get(reg::MAC_ADDR1) as u16).to_be_bytes();
            destination[..2] == [a, b] && destination[2..] == self.registers.get(reg::MAC_ADDR0).to_be_bytes()
        };
        match (accepted, moder & moder::PRO != 0) {
            (true, _) => Filter::Match,
            (false, true) => Filter::Miss,
            (false, false) => Filter::Reject,
        }
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
        let address = self.registers.get(reg::MIIADDRESS);
        let present = address & mii::FIAD_MASK == phy::ADDRESS;
        let register = (address >> mii::RGAD_SHIFT) as u8 & phy::REGISTER_MASK;
        if command & mii::WCTRLDATA != 0 && present {
            self.phy.write(register, self.registers.get(reg::MIITX_DATA) as u16);
        }
        if command & mii::RSTAT != 0 {
            let data = if present { u32::from(self.phy.read(register)) } else { mii::NO_PHY };
            self.registers.set(reg::MIIRX_DATA, data);
        }
        if command & (mii::RSTAT | mii::SCANSTAT) != 0 {
            self.show_link();
        }
    }

    fn show_link(&mut self) {
        let fail = if self.phy.link() { 0 } else { mii::LINKFAIL };
        self.registers.set(reg::MIISTATUS, fail);
    }

    /// The core's own reset. It does not reach the PHY.
    fn reset_core(&mut self) {
        self.registers.reset();
        self.transmit = Ring::at(0);
        self.receive = Ring::at(self.rx_start());
        self.looped_back.clear();
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

    /// MINFL and MAXFL, with the frame check sequence (chapter 3.7).
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

    fn tx_flags(&self) -> u32 {
        self.registers.get(self.transmit.offset())
    }

    fn tx_pointer(&self) -> u32 {
        self.registers.get(self.transmit.offset() + descriptor::POINTER)
    }

    fn rx_flags(&self) -> u32 {
        self.registers.get(self.receive.offset())
    }

    fn rx_pointer(&self) -> u32 {
        self.registers.get(self.receive.offset() + descriptor::POINTER)
    }
}

impl Device for OpenCoresEth {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("frames are sent and auto-negotiation ends at once; no collisions, no PAUSE")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        match offset {
            reg::MODER => self.write_moder(value)?,
            // Values above the number of descriptors are ignored (chapter 3.9).
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
