//! The DMA's registers: where its lists are, whether it works on them, and what it tells (TRM, section "DMA Registers").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use super::descriptor::Follows;
use super::mac::Emac;

espalier_core::registers! {
    DMABUSMODE @ 0x00 = 0x0002_0100, rw_bits(0x07FF_FFFF) { SW_RST: 0, DESC_SKIP_LEN: 2..=6, ALT_DESC_SIZE: 7 };
    DMATXPOLLDEMAND @ 0x04 = 0, rw();
    DMARXPOLLDEMAND @ 0x08 = 0, rw();
    DMARXBASEADDR @ 0x0C = 0, rw_bits(0xFFFF_FFFC);
    DMATXBASEADDR @ 0x10 = 0, rw_bits(0xFFFF_FFFC);
    DMASTATUS @ 0x14 = 0, w1c_bits(0x1_E7FF) { NORM_INT_SUMM: 16, ABN_INT_SUMM: 15, RECV_PROC_STATE: 17..=19, TRANS_PROC_STATE: 20..=22 };
    DMAOPERATION_MODE @ 0x18 = 0, rw_bits(0x0730_E0FE) { START_STOP_RX: 1, START_STOP_TX: 13, FLUSH_TX_FIFO: 20 };
    DMAIN_EN @ 0x1C = 0, rw_bits(0x1_E7FF) { ABN_INT_SUMM: 15, NORM_INT_SUMM: 16 };
    DMAMISSEDFR @ 0x20 = 0, ro() { MISSED: 0..=15, OVERFLOW: 16 };
    DMARINTWDTIMER @ 0x24 = 0, rw_bits(0xFF);
    DMATXCURRDESC @ 0x48 = 0, ro();
    DMARXCURRDESC @ 0x4C = 0, ro();
    DMATXCURRADDR_BUF @ 0x50 = 0, ro();
    DMARXCURRADDR_BUF @ 0x54 = 0, ro();
}

/// Bits of DMASTATUS and DMAIN_EN.
pub(super) mod interrupt {
    pub(crate) const SENT: u32 = 1 << 0;
    pub(crate) const NOTHING_TO_SEND: u32 = 1 << 2;
    pub(crate) const JABBER: u32 = 1 << 3;
    pub(crate) const RECEIVED: u32 = 1 << 6;
    pub(crate) const NO_BUFFER: u32 = 1 << 7;
    pub(crate) const BUS_ERROR: u32 = 1 << 13;
    /// Bits that NORM_INT_SUMM sums up, and those of ABN_INT_SUMM.
    pub(super) const NORMAL: u32 = SENT | NOTHING_TO_SEND | RECEIVED | 1 << 14;
    pub(super) const ABNORMAL: u32 = 0x27BA;
}

/// The states of the two processes in DMASTATUS.
mod state {
    pub const STOPPED: u32 = 0;
    pub const RECEIVE_WAITS: u32 = 0b011;
    pub const RECEIVE_SUSPENDED: u32 = 0b100;
    pub const TRANSMIT_SUSPENDED: u32 = 0b110;
}

/// Bytes of a descriptor, and of one with ALT_DESC_SIZE.
const SHORT: u32 = 16;
const LONG: u32 = 32;

/// One of the two processes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// The descriptor that comes next.
    pub at: u32,
    /// It waits for software: the descriptor was not the DMA's.
    pub suspended: bool,
}

/// The DMA of the Ethernet MAC.
///
/// The wiring takes what is to be sent with [`take_frame`](EmacDma::take_frame) after each write to it or to the MAC, and hands over what
/// arrives with [`receive`](EmacDma::receive).
#[derive(Clone, Debug)]
pub struct EmacDma {
    pub(super) registers: Registers,
    pub(super) transmit: Process,
    pub(super) receive: Process,
    /// The frame that is being fetched, with the first word of its first descriptor.
    pub(super) frame: Option<(u32, Vec<u8>)>,
    /// An access failed: nothing goes on until a reset.
    failed: bool,
    /// Software has reset the core; the MAC has not been told.
    reset_mac: bool,
}

espalier_core::persist! {
    value Process { at, suspended }
    state EmacDma { registers, transmit, receive, frame, failed, reset_mac }
}

impl Default for EmacDma {
    fn default() -> EmacDma {
        EmacDma::new()
    }
}

impl EmacDma {
    /// The block after power-on.
    pub fn new() -> EmacDma {
        EmacDma {
            registers: Registers::new(&REGISTERS),
            transmit: Process::default(),
            receive: Process::default(),
            frame: None,
            failed: false,
            reset_mac: false,
        }
    }

    /// Lets the software reset of the core reach the MAC.
    pub(super) fn carry_reset(&mut self, mac: &mut Emac) {
        if std::mem::take(&mut self.reset_mac) {
            mac.reset_core();
        }
    }

    pub(super) fn is_sending(&self) -> bool {
        self.registers.is_set(reg::DMAOPERATION_MODE::START_STOP_TX) && !self.transmit.suspended && !self.failed
    }

    /// Whether it takes frames: a suspended receiver looks again when one comes.
    pub(super) fn is_receiving(&self) -> bool {
        self.registers.is_set(reg::DMAOPERATION_MODE::START_STOP_RX) && !self.failed
    }

    /// The address of the descriptor after one at `address` of the list at `base`.
    pub(super) fn after(&self, address: u32, follows: Follows, base: u32) -> u32 {
        match follows {
            Follows::Chained(next) => next & !3,
            Follows::First => self.registers.get(base),
            Follows::Beside => {
                let size = if self.registers.is_set(reg::DMABUSMODE::ALT_DESC_SIZE) { LONG } else { SHORT };
                address.wrapping_add(size + 4 * self.registers.field(reg::DMABUSMODE::DESC_SKIP_LEN))
            }
        }
    }

    pub(super) fn raise(&mut self, bits: u32) {
        self.registers.modify(reg::DMASTATUS, 0, bits);
        self.sum_up();
    }

    fn sum_up(&mut self) {
        let told = self.registers.get(reg::DMASTATUS) & self.registers.get(reg::DMAIN_EN);
        if told & interrupt::NORMAL != 0 {
            self.registers.set_field(reg::DMASTATUS::NORM_INT_SUMM, 1);
        }
        if told & interrupt::ABNORMAL != 0 {
            self.registers.set_field(reg::DMASTATUS::ABN_INT_SUMM, 1);
        }
    }

    /// There is no memory where a descriptor or a buffer should be.
    pub(super) fn fail(&mut self) {
        self.failed = true;
        self.raise(interrupt::BUS_ERROR);
    }

    /// A frame was lost for want of a buffer.
    pub(super) fn miss(&mut self) {
        let missed = self.registers.field(reg::DMAMISSEDFR::MISSED) + 1;
        if missed > reg::DMAMISSEDFR::MISSED.max() {
            self.registers.set_field(reg::DMAMISSEDFR::OVERFLOW, 1);
        }
        self.registers.set_field(reg::DMAMISSEDFR::MISSED, missed & reg::DMAMISSEDFR::MISSED.max());
    }

    fn status(&self) -> u32 {
        let stopped = |field| !self.registers.is_set(field) || self.failed;
        let receive = match (stopped(reg::DMAOPERATION_MODE::START_STOP_RX), self.receive.suspended) {
            (true, _) => state::STOPPED,
            (_, true) => state::RECEIVE_SUSPENDED,
            _ => state::RECEIVE_WAITS,
        };
        let transmit = match stopped(reg::DMAOPERATION_MODE::START_STOP_TX) {
            true => state::STOPPED,
            false => state::TRANSMIT_SUSPENDED,
        };
        let told = reg::DMASTATUS::RECV_PROC_STATE.replace(self.registers.get(reg::DMASTATUS), receive);
        reg::DMASTATUS::TRANS_PROC_STATE.replace(told, transmit)
    }

    fn write_operation_mode(&mut self, old: u32, new: u32) {
        use reg::DMAOPERATION_MODE::{FLUSH_TX_FIFO, START_STOP_RX, START_STOP_TX};
        let risen = new & !old;
        if START_STOP_TX.is_set(risen) {
            self.transmit.suspended = false;
        }
        if START_STOP_RX.is_set(risen) {
            self.receive.suspended = false;
        }
        if FLUSH_TX_FIFO.is_set(new) {
            self.frame = None;
            self.registers.set_field(FLUSH_TX_FIFO, 0);
        }
    }
}

impl Device for EmacDma {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("frames move at once; no timestamps, no early interrupts, no watchdog of received frames")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::DMASTATUS => self.status(),
            reg::DMATXCURRDESC => self.transmit.at,
            reg::DMARXCURRDESC => self.receive.at,
            reg::DMAMISSEDFR => {
                self.registers.set(offset, 0);
                value
            }
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        match offset {
            reg::DMABUSMODE if reg::DMABUSMODE::SW_RST.is_set(new) => {
                *self = EmacDma { reset_mac: true, ..EmacDma::new() };
            }
            reg::DMATXPOLLDEMAND => self.transmit.suspended = false,
            reg::DMARXPOLLDEMAND => self.receive.suspended = false,
            reg::DMATXBASEADDR => self.transmit.at = new,
            reg::DMARXBASEADDR => self.receive.at = new,
            reg::DMAOPERATION_MODE => self.write_operation_mode(old, new),
            reg::DMAIN_EN => self.sum_up(),
            _ => {}
        }
        Ok(())
    }

    fn interrupts(&self) -> u32 {
        let sums = reg::DMASTATUS::NORM_INT_SUMM.mask() | reg::DMASTATUS::ABN_INT_SUMM.mask();
        u32::from(self.registers.get(reg::DMASTATUS) & self.registers.get(reg::DMAIN_EN) & sums != 0)
    }

    fn reset(&mut self) {
        *self = EmacDma::new();
    }
}
