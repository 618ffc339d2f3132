//! The FIFOs as DMA uses them (TRM, chapter 13.3.10 "UDMA").

use espalier_core::{Span, Time};

use super::Uart;
use super::deadline::earlier;
use super::registers::reg;

impl Uart {
    /// DMA takes what is received from now on, or no more: then each byte is due when it has come.
    pub fn set_dma(&mut self, takes: bool) {
        self.dma = takes;
    }

    pub fn has_dma(&self) -> bool {
        self.dma
    }

    /// Room for bytes to send.
    pub fn room(&mut self, now: Time) -> usize {
        self.synchronise(now);
        self.fifo_capacity(reg::MEM_CONF::TX_SIZE).saturating_sub(self.transmitter.fifo.len())
    }

    /// When half of that is free, if it is not now.
    pub fn room_at(&self) -> Option<Time> {
        self.transmitter.drains_to(self.fifo_capacity(reg::MEM_CONF::TX_SIZE) / 2, self.frame())
    }

    pub fn push(&mut self, byte: u8, now: Time) {
        self.synchronise(now);
        self.write_fifo(byte, now);
        self.update_levels();
        self.trace_txd(now);
    }

    /// Takes a byte that was received.
    pub fn pop(&mut self, now: Time) -> Option<u8> {
        self.synchronise(now);
        self.take(now)
    }

    /// The quiet after a byte from which on DMA takes the line for idle.
    pub fn idle_after(&self) -> Span {
        self.bit.bits(self.registers.field(reg::IDLE_CONF::RX_IDLE_THRHD))
    }

    /// Since when a frame has been coming in.
    pub fn comes_in_since(&self) -> Option<Time> {
        self.incoming_since()
    }

    /// When the next byte can be there for DMA.
    pub(super) fn dma_deadline(&self) -> Option<Time> {
        if !self.dma {
            return None;
        }
        if !self.receiver.fifo.is_empty() {
            return Some(self.seen);
        }
        if self.loops_back() {
            return self.transmitter.next_byte();
        }
        earlier(self.line.passes(1), self.pads.sampler.ends(self.format, self.bit))
    }
}
