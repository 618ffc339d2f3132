//! RS-485: what the transmitter puts on the pair of wires comes back to the receiver (TRM, section "RS485 Configuration Register";
//! Espressif's description of UART_RS485_CONF_REG).
//!
//! Drivers switch the transceiver by RTS. In half duplex the receiver does not hear the UART's own frames; where it does, a frame that
//! comes back as another one is a collision.

use std::collections::VecDeque;

use espalier_core::{Field, Time};

use super::Uart;
use super::frame::Passed;
use super::registers::reg;
use super::sampler::Sampled;
use super::transmit::Phase;

/// Frames that are remembered until their echo has come: more than a FIFO holds.
const REMEMBERED: usize = 256;

/// The last frames that the UART has sent in this mode.
#[derive(Clone, Debug, Default)]
pub(super) struct Echo {
    sent: VecDeque<Passed>,
}

espalier_core::persist!(value Echo { sent });

impl Uart {
    fn in_rs485(&self, field: Field) -> bool {
        let settings = self.registers.get(reg::RS485_CONF);
        reg::RS485_CONF::RS485_EN.is_set(settings) && field.is_set(settings)
    }

    /// The UART has sent a frame.
    pub(super) fn remember_echo(&mut self, frame: Passed) {
        if !self.in_rs485(reg::RS485_CONF::RS485_EN) {
            self.echo.sent.clear();
            return;
        }
        if self.echo.sent.len() == REMEMBERED {
            self.echo.sent.pop_front();
        }
        self.echo.sent.push_back(frame);
    }

    /// The byte that the UART itself sent at that time.
    fn own_byte(&self, at: Time) -> Option<u8> {
        let present = match self.transmitter.phase {
            Phase::Frame { byte, start, end } => Some(Passed { byte, start, end }),
            _ => None,
        };
        let mut frames = self.echo.sent.iter().copied().chain(present);
        frames.find(|frame| frame.start <= at && at < frame.end).map(|frame| frame.byte)
    }

    /// Whether the transmitter waits for the frame of another sender that the receiver is reading (RS485RXBY_TX_EN is off).
    pub(super) fn waits_for_receiver(&self) -> bool {
        let settings = self.registers.get(reg::RS485_CONF);
        if !reg::RS485_CONF::RS485_EN.is_set(settings) || reg::RS485_CONF::RS485RXBY_TX_EN.is_set(settings) {
            return false;
        }
        let on_pad = self.pads.sampler.began().is_some_and(|start| self.own_byte(start).is_none());
        on_pad || self.line.current(self.seen).is_some()
    }

    /// A frame that was being read is over: one that waits for it begins.
    pub(super) fn go_on_behind_frame(&mut self, now: Time) {
        if self.in_rs485(reg::RS485_CONF::RS485_EN) && self.transmitter.phase == Phase::Idle {
            self.transmitter.go_on(now, self.transmit_timing());
            self.trace_txd(now);
        }
    }

    /// Looks at a frame that has come from the pad. Returns whether the receiver hears it.
    pub(super) fn hears_echo(&mut self, frame: Sampled) -> bool {
        if !self.in_rs485(reg::RS485_CONF::RS485_EN) {
            return true;
        }
        let Some(own) = self.own_byte(frame.start) else { return true };
        if !self.in_rs485(reg::RS485_CONF::RS485TX_RX_EN) {
            return false;
        }
        let (format, levels) = (self.format, frame.levels);
        let mut interrupts = 0;
        if format.data(levels) != own {
            interrupts |= reg::INT_RAW::RS485_CLASH.mask();
        }
        if levels >> format.stop_bit() & 1 == 0 {
            interrupts |= reg::INT_RAW::RS485_FRM_ERR.mask();
        }
        if format.parity_is_wrong(levels) {
            interrupts |= reg::INT_RAW::RS485_PARITY_ERR.mask();
        }
        self.raise(interrupts);
        true
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};

    use super::reg;
    use crate::clocks::APB_WITH_PLL;
    use crate::uart::Uart;

    /// When a byte has left that is written while two others come in, at 80 kbaud, with bits of RS485_CONF.
    fn leaves(rs485: u32) -> u64 {
        let mut uart = Uart::new(APB_WITH_PLL);
        uart.write(reg::CLKDIV, 1000, Time::ZERO).expect("a register");
        uart.write(reg::RS485_CONF, rs485, Time::ZERO).expect("a register");
        uart.receive(b"xy", Time::ZERO);
        uart.write(reg::FIFO, b'a'.into(), Time::from_micros(10)).expect("a register");
        while let Some(next) = uart.deadline() {
            uart.advance(next);
        }
        let sent = uart.take_transmitted();
        assert_eq!(sent.len(), 1);
        sent[0].0.as_micros()
    }

    #[test]
    fn the_transmitter_waits_for_its_receiver_unless_it_may_send_meanwhile() {
        let (on, meanwhile) = (reg::RS485_CONF::RS485_EN.mask(), reg::RS485_CONF::RS485RXBY_TX_EN.mask());
        assert_eq!([0, meanwhile, on | meanwhile].map(leaves), [135; 3]);
        assert_eq!(leaves(on), 2 * 125 + 125);
    }
}
