//! OpenCores Ethernet MAC, as Espressif's QEMU and the Espalier emulator have it in place of the chip's own MAC.
//!
//! OpenCores "Ethernet IP Core Specification", chapters 3 (registers) and 4.2 (buffer descriptors).

use alloc::boxed::Box;
use alloc::vec;
use core::sync::atomic::{Ordering, compiler_fence};

use espalier_app::Nic;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::register::Register;

const OPENETH: u32 = 0x3FF6_9000;
const MODER: Register = Register::at(OPENETH, 0x00);
const INT_SOURCE: Register = Register::at(OPENETH, 0x04);
const INT_MASK: Register = Register::at(OPENETH, 0x08);
const TX_BD_NUM: Register = Register::at(OPENETH, 0x20);
const MIICOMMAND: Register = Register::at(OPENETH, 0x2C);
const MIIADDRESS: Register = Register::at(OPENETH, 0x30);
const MIIRX_DATA: Register = Register::at(OPENETH, 0x38);
const MIISTATUS: Register = Register::at(OPENETH, 0x3C);
const MAC_ADDR0: Register = Register::at(OPENETH, 0x40);
const MAC_ADDR1: Register = Register::at(OPENETH, 0x44);
const DESCRIPTORS: Register = Register::at(OPENETH, 0x400);

/// MODER after reset, by which the MAC is told from the silicon's registers at this address.
const MODER_RESET: u32 = MODER_PAD | MODER_CRCEN;
const MODER_PAD: u32 = 1 << 15;
const MODER_CRCEN: u32 = 1 << 13;
const MODER_FULLD: u32 = 1 << 10;
const MODER_TXEN: u32 = 1 << 1;
const MODER_RXEN: u32 = 1 << 0;

const INT_BUSY: u32 = 1 << 4;
const INT_RXE: u32 = 1 << 3;
const INT_RXB: u32 = 1 << 2;
const INT_RECEIVED: u32 = INT_BUSY | INT_RXE | INT_RXB;

const MIICOMMAND_RSTAT: u32 = 1 << 1;
const MIISTATUS_BUSY: u32 = 1 << 1;
const MIIADDRESS_RGAD_SHIFT: u32 = 8;
/// Address of the PHY on the management bus.
const PHY: u32 = 1;
/// Basic mode status register and its link bit (IEEE 802.3, chapter 22.2.4.2).
const BMSR: u32 = 1;
const BMSR_LINK: u32 = 1 << 2;

/// Flags of a transmit descriptor: ready, wrap, pad, CRC. Of a receive descriptor: empty, interrupt, wrap.
const TXD_RD: u32 = 1 << 15;
const TXD_WR: u32 = 1 << 13;
const TXD_PAD: u32 = 1 << 12;
const TXD_CRC: u32 = 1 << 11;
const RXD_E: u32 = 1 << 15;
const RXD_IRQ: u32 = 1 << 14;
const RXD_WRAP: u32 = 1 << 13;
const LENGTH_SHIFT: u32 = 16;

const TX_BUFFERS: u32 = 4;
const RX_BUFFERS: u32 = 8;
/// Longest frame with its checksum, rounded up to words.
const BUFFER_SIZE: usize = 1536;
const FCS: usize = 4;
const MTU: usize = 1514;

/// A buffer that the MAC's DMA reads and writes.
#[repr(C, align(4))]
#[derive(Clone)]
struct Buffer([u8; BUFFER_SIZE]);

/// The MAC; without hardware it is a cable that is never plugged in.
pub struct OpenEth {
    address: [u8; 6],
    transmit: Box<[Buffer]>,
    receive: Box<[Buffer]>,
    next_transmit: u32,
    next_receive: u32,
}

impl OpenEth {
    /// Starts the MAC if there is one.
    pub fn start(address: [u8; 6]) -> OpenEth {
        let exists = MODER.read() == MODER_RESET;
        let buffers = |count: u32| vec![Buffer([0; BUFFER_SIZE]); if exists { count as usize } else { 0 }].into();
        let (transmit, receive) = (buffers(TX_BUFFERS), buffers(RX_BUFFERS));
        let mac = OpenEth { address, transmit, receive, next_transmit: 0, next_receive: 0 };
        if exists {
            mac.configure();
        }
        mac
    }

    fn configure(&self) {
        let [a, b, c, d, e, f] = self.address;
        MAC_ADDR0.write(u32::from_be_bytes([c, d, e, f]));
        MAC_ADDR1.write(u32::from_be_bytes([0, 0, a, b]));
        TX_BD_NUM.write(TX_BUFFERS);
        for (index, buffer) in (0..).zip(&self.transmit) {
            transmit_descriptor(index, buffer).write(transmit_flags(index));
        }
        for (index, buffer) in (0..).zip(&self.receive) {
            receive_descriptor(index, buffer).write(receive_flags(index));
        }
        INT_SOURCE.write(u32::MAX);
        INT_MASK.write(INT_RECEIVED);
        MODER.write(MODER_PAD | MODER_CRCEN | MODER_FULLD | MODER_TXEN | MODER_RXEN);
    }

    /// Whether the MAC is there.
    pub fn exists(&self) -> bool {
        !self.receive.is_empty()
    }
}

/// Points a descriptor to its buffer and returns its first word, which is to be written last.
fn descriptor(index: u32, buffer: &Buffer) -> Register {
    let flags = DESCRIPTORS.nth(2 * index);
    flags.nth(1).write(buffer.0.as_ptr() as u32);
    flags
}

fn transmit_descriptor(index: u32, buffer: &Buffer) -> Register {
    descriptor(index, buffer)
}

fn receive_descriptor(index: u32, buffer: &Buffer) -> Register {
    descriptor(TX_BUFFERS + index, buffer)
}

const fn transmit_flags(index: u32) -> u32 {
    TXD_PAD | TXD_CRC | if index + 1 == TX_BUFFERS { TXD_WR } else { 0 }
}

const fn receive_flags(index: u32) -> u32 {
    RXD_E | RXD_IRQ | if index + 1 == RX_BUFFERS { RXD_WRAP } else { 0 }
}

impl Nic for OpenEth {
    fn address(&self) -> [u8; 6] {
        self.address
    }

    fn link_up(&mut self) -> bool {
        if !self.exists() {
            return false;
        }
        MIIADDRESS.write(BMSR << MIIADDRESS_RGAD_SHIFT | PHY);
        MIICOMMAND.write(MIICOMMAND_RSTAT);
        while MIISTATUS.read() & MIISTATUS_BUSY != 0 {}
        MIICOMMAND.write(0);
        MIIRX_DATA.read() & BMSR_LINK != 0
    }
}

/// A received frame in its buffer.
pub struct Received<'a> {
    buffer: &'a Buffer,
    length: usize,
    index: u32,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.buffer.0[..self.length]);
        compiler_fence(Ordering::SeqCst);
        receive_descriptor(self.index, self.buffer).write(receive_flags(self.index));
        result
    }
}

/// A free transmit buffer.
pub struct Sender<'a> {
    buffer: &'a mut Buffer,
    index: u32,
    next: &'a mut u32,
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let result = f(&mut self.buffer.0[..length]);
        compiler_fence(Ordering::SeqCst);
        let flags = (length as u32) << LENGTH_SHIFT | TXD_RD | transmit_flags(self.index);
        transmit_descriptor(self.index, self.buffer).write(flags);
        *self.next = (self.index + 1) % TX_BUFFERS;
        result
    }
}

impl Device for OpenEth {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        // Cleared before looking, so that a frame that comes after it raises the interrupt again.
        INT_SOURCE.write(INT_RECEIVED);
        let index = self.next_receive;
        let buffer = self.receive.get(index as usize)?;
        let flags = DESCRIPTORS.nth(2 * (TX_BUFFERS + index)).read();
        if flags & RXD_E != 0 {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        let length = ((flags >> LENGTH_SHIFT) as usize).saturating_sub(FCS).min(BUFFER_SIZE);
        let sender = sender(&mut self.transmit, &mut self.next_transmit)?;
        self.next_receive = (index + 1) % RX_BUFFERS;
        Some((Received { buffer, length, index }, sender))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        sender(&mut self.transmit, &mut self.next_transmit)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

fn sender<'a>(buffers: &'a mut [Buffer], next: &'a mut u32) -> Option<Sender<'a>> {
    let index = *next;
    let buffer = buffers.get_mut(index as usize)?;
    let free = DESCRIPTORS.nth(2 * index).read() & TXD_RD == 0;
    free.then_some(Sender { buffer, index, next })
}
