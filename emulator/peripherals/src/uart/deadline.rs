//! When the UART next has to be looked at: for an interrupt that software waits for, or because an output is complete.

use espalier_core::Time;

use super::Uart;
use super::registers::{RECEIVE_INTERRUPTS, reg};
use super::transmit::Phase;

impl Uart {
    pub(super) fn next_event(&self) -> Option<Time> {
        let wanted = self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW);
        let own = earlier(self.receive_deadline(wanted), self.transmit_deadline(wanted));
        [self.dma_deadline(), self.next_edge(), self.flow_deadline()].into_iter().fold(own, earlier)
    }

    /// When a receive interrupt that is in `wanted` can come.
    fn receive_deadline(&self, wanted: u32) -> Option<Time> {
        if wanted & RECEIVE_INTERRUPTS == 0 {
            return None;
        }
        let own = earlier(self.line_deadline(wanted), self.pads.sampler.ends(self.format, self.bit));
        let characters =
            reg::INT_RAW::AT_CMD_CHAR_DET.mask() | reg::INT_RAW::SW_XON.mask() | reg::INT_RAW::SW_XOFF.mask();
        if wanted & characters == 0 {
            return own;
        }
        earlier(own, earlier(self.line.passes(1), self.at_command.due()))
    }

    /// When the transmitter, which waits or may have to, has to look at what comes in.
    fn flow_deadline(&self) -> Option<Time> {
        let sends = self.transmitter.phase != Phase::Idle || !self.transmitter.fifo.is_empty();
        let looks = self.flows_by_characters() || self.waits_for_receiver();
        (sends && looks).then(|| earlier(self.line.passes(1), self.pads.sampler.ends(self.format, self.bit))).flatten()
    }

    /// The same for what is on the line of the serial port.
    fn line_deadline(&self, wanted: u32) -> Option<Time> {
        if self.loops_back() {
            return earlier(self.transmitter.next_byte(), self.running_timeout());
        }
        if !self.hears_line() {
            // The frame that is being sampled cannot be complete before the frame on the line has passed.
            let sampled = self.line.passes(1).or_else(|| self.sampler.ends(self.format, self.bit));
            return earlier(sampled, self.running_timeout());
        }
        let when_level = |bit: u32, level: usize| {
            let missing = level.saturating_sub(self.receiver.fifo.len()).max(1);
            if wanted & bit != 0 { self.line.passes(missing) } else { None }
        };
        let levels = earlier(
            when_level(reg::INT_RAW::RXFIFO_FULL.mask(), self.full_threshold()),
            when_level(reg::INT_RAW::RXFIFO_OVF.mask(), self.fifo_capacity(reg::MEM_CONF::RX_SIZE) + 1),
        );
        if reg::INT_RAW::RXFIFO_TOUT.is_set(wanted) { earlier(levels, self.timeout_deadline()) } else { levels }
    }

    /// When the time-out can expire at the earliest: now counting, or after the bytes that are on their way.
    fn timeout_deadline(&self) -> Option<Time> {
        let after_line = self.receive_settings().timeout.and_then(|timeout| {
            let last = self.line.passes(self.line.bytes.len())?;
            Some(last + timeout)
        });
        earlier(self.running_timeout(), after_line)
    }

    /// When the time-out expires that counts now; a frame that comes in holds it.
    fn running_timeout(&self) -> Option<Time> {
        let held_since = self.incoming_since();
        self.receiver.timeout_at.filter(|at| held_since.is_none_or(|since| *at <= since))
    }

    fn transmit_deadline(&self, wanted: u32) -> Option<Time> {
        let frame = self.frame();
        let empty = if reg::INT_RAW::TXFIFO_EMPTY.is_set(wanted) {
            self.transmitter.drains_to(self.empty_threshold(), frame)
        } else {
            None
        };
        earlier(self.transmitter.ends(frame), empty)
    }
}

/// Written out because it is part of every access, where collecting times first would cost more than the rest.
pub(super) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
