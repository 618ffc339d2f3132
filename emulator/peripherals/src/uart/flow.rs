//! Flow control by the characters XON and XOFF (ESP32 TRM, section "Software Flow Control"; registers UART_FLOW_CONF_REG and
//! UART_SWFC_CONF_REG).
//!
//! The manual does not say where in its stream the transmitter sends such a character: here it is the next one, also while XOFF holds the
//! others.

use espalier_core::Time;

use super::Uart;
use super::frame::Passed;
use super::registers::reg;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CharacterFlow {
    /// The other side, or software, has stopped the transmitter.
    paused: bool,
    /// The other side was told to stop.
    told_to_stop: bool,
}

espalier_core::persist!(value CharacterFlow { paused, told_to_stop });

impl CharacterFlow {
    pub(super) fn is_paused(self) -> bool {
        self.paused
    }
}

impl Uart {
    pub(super) fn flows_by_characters(&self) -> bool {
        self.registers.is_set(reg::FLOW_CONF::SW_FLOW_CON_EN)
    }

    /// When the next character comes that may stop the transmitter or let it go on.
    pub(super) fn flow_may_change(&self) -> Option<Time> {
        if self.flows_by_characters() { self.line.passes(1) } else { None }
    }

    /// Takes a character of flow control. True if it does not go into the FIFO.
    pub(super) fn takes_flow_character(&mut self, frame: Passed) -> bool {
        if !self.flows_by_characters() {
            return false;
        }
        let byte = u32::from(frame.byte);
        if byte == self.registers.field(reg::SWFC_CONF::XON_CHAR) {
            self.raise(reg::INT_RAW::SW_XON.mask());
            self.pause(false, frame.end);
        } else if byte == self.registers.field(reg::SWFC_CONF::XOFF_CHAR) {
            self.raise(reg::INT_RAW::SW_XOFF.mask());
            self.pause(true, frame.end);
        } else {
            return false;
        }
        self.registers.is_set(reg::FLOW_CONF::XONOFF_DEL)
    }

    /// Stops the transmitter behind the frame that it is sending, or lets it go on.
    fn pause(&mut self, paused: bool, at: Time) {
        self.flow.paused = paused;
        self.transmitter.go_on(at, self.transmit_timing());
        self.trace_txd(at);
    }

    /// The FIFO of the receiver was filled or emptied: tells the other side to stop, or to go on.
    pub(super) fn tell_fill(&mut self, at: Time) {
        if !self.flows_by_characters() {
            return;
        }
        let filled = self.receiver.fifo.len() as u32;
        if !self.flow.told_to_stop && filled > self.registers.field(reg::SWFC_CONF::XOFF_THRESHOLD) {
            self.send_flow_character(true, at);
        } else if self.flow.told_to_stop && filled < self.registers.field(reg::SWFC_CONF::XON_THRESHOLD) {
            self.send_flow_character(false, at);
        }
    }

    fn send_flow_character(&mut self, stop: bool, at: Time) {
        let character = if stop { reg::SWFC_CONF::XOFF_CHAR } else { reg::SWFC_CONF::XON_CHAR };
        self.flow.told_to_stop = stop;
        self.transmitter.urgent = Some(self.registers.field(character) as u8);
        self.transmitter.go_on(at, self.transmit_timing());
        self.trace_txd(at);
    }

    /// Software writes FLOW_CONF. The bits that send a character clear themselves.
    pub(super) fn command_flow(&mut self, value: u32, now: Time) {
        use reg::FLOW_CONF as conf;
        self.registers.modify(reg::FLOW_CONF, conf::SEND_XON.mask() | conf::SEND_XOFF.mask(), 0);
        if conf::FORCE_XOFF.is_set(value) {
            self.pause(true, now);
        } else if conf::FORCE_XON.is_set(value) || !conf::SW_FLOW_CON_EN.is_set(value) {
            self.pause(false, now);
        }
        if conf::SEND_XOFF.is_set(value) {
            self.send_flow_character(true, now);
        } else if conf::SEND_XON.is_set(value) {
            self.send_flow_character(false, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Span, Time};

    use super::reg;
    use crate::clocks::APB_WITH_PLL;
    use crate::uart::Uart;

    const ON: u32 = reg::FLOW_CONF::SW_FLOW_CON_EN.mask();
    const XON: u8 = 0x11;
    const XOFF: u8 = 0x13;

    fn write(uart: &mut Uart, offset: u32, value: u32, now: Time) {
        uart.write(offset, value, now).expect("a register");
    }

    /// A UART that has this much to send at 80 kbaud, so that a frame takes 125 us, with bits of FLOW_CONF.
    fn sending(bytes: &[u8], flow: u32) -> Uart {
        let mut uart = Uart::new(APB_WITH_PLL);
        write(&mut uart, reg::CLKDIV, 1000, Time::ZERO);
        write(&mut uart, reg::FLOW_CONF, flow, Time::ZERO);
        for byte in bytes {
            write(&mut uart, reg::FIFO, (*byte).into(), Time::ZERO);
        }
        uart
    }

    fn frames(count: u64) -> Time {
        Time::ZERO + Span::from_micros(125) * count
    }

    fn sent(uart: &mut Uart, now: Time) -> Vec<u8> {
        uart.advance(now);
        uart.take_transmitted().into_iter().map(|(_, byte)| byte).collect()
    }

    #[test]
    fn xoff_stops_the_transmitter_behind_its_frame_and_xon_lets_it_go_on() {
        let mut uart = sending(b"abcdefgh", ON | reg::FLOW_CONF::XONOFF_DEL.mask());
        uart.receive(&[b'x', XOFF], Time::ZERO);
        // XOFF has come with the end of the second frame, when the third one began. Nothing looked at the UART before.
        assert_eq!(sent(&mut uart, frames(6)), b"abc");
        assert!(reg::INT_RAW::SW_XOFF.is_set(uart.read(reg::INT_RAW, frames(6)).unwrap()));
        uart.receive(&[XON, b'y'], frames(6));
        assert_eq!(sent(&mut uart, frames(20)), b"defgh");
        assert!(reg::INT_RAW::SW_XON.is_set(uart.read(reg::INT_RAW, frames(20)).unwrap()));
        let heard = [0; 2].map(|_| uart.read(reg::FIFO, frames(20)).unwrap());
        assert_eq!(
            (heard, reg::STATUS::RXFIFO_CNT.get(uart.read(reg::STATUS, frames(20)).unwrap())),
            ([0x78, 0x79], 0)
        );
    }

    #[test]
    fn the_characters_are_data_where_the_function_is_off_or_keeps_them() {
        let mut uart = sending(b"ab", 0);
        uart.receive(&[XOFF], Time::ZERO);
        assert_eq!((sent(&mut uart, frames(4)), uart.read(reg::FIFO, frames(4))), (b"ab".to_vec(), Ok(XOFF.into())));
        let mut uart = sending(b"abc", ON);
        uart.receive(&[XOFF], Time::ZERO);
        assert_eq!((sent(&mut uart, frames(4)), uart.read(reg::FIFO, frames(4))), (b"ab".to_vec(), Ok(XOFF.into())));
    }

    #[test]
    fn a_full_receiver_stops_the_other_side() {
        let mut uart = sending(b"", 0);
        let levels = reg::SWFC_CONF::XON_THRESHOLD.put(2) | reg::SWFC_CONF::XOFF_THRESHOLD.put(3);
        let characters = reg::SWFC_CONF::XON_CHAR.put(XON.into()) | reg::SWFC_CONF::XOFF_CHAR.put(XOFF.into());
        write(&mut uart, reg::SWFC_CONF, levels | characters, Time::ZERO);
        write(&mut uart, reg::FLOW_CONF, ON, Time::ZERO);
        uart.receive(b"12345", Time::ZERO);
        assert_eq!(sent(&mut uart, frames(8)), [XOFF]);
        for left in (1..5).rev() {
            match left {
                3 => assert!(uart.pop(frames(8)).is_some(), "DMA takes one of them"),
                _ => assert!(uart.read(reg::FIFO, frames(8)).is_ok()),
            }
            assert_eq!(uart.transmitter.phase_ends().is_some(), left <= 1, "{left} are left");
        }
        assert_eq!(sent(&mut uart, frames(10)), [XON]);
    }

    #[test]
    fn software_stops_and_sends_the_characters() {
        let mut uart = sending(b"abc", ON | reg::FLOW_CONF::FORCE_XOFF.mask());
        assert_eq!(sent(&mut uart, frames(5)), b"");
        write(
            &mut uart,
            reg::FLOW_CONF,
            ON | reg::FLOW_CONF::FORCE_XOFF.mask() | reg::FLOW_CONF::SEND_XOFF.mask(),
            frames(5),
        );
        assert_eq!(uart.read(reg::FLOW_CONF, frames(5)), Ok(ON | reg::FLOW_CONF::FORCE_XOFF.mask()));
        assert_eq!(sent(&mut uart, frames(7)), [XOFF]);
        write(
            &mut uart,
            reg::FLOW_CONF,
            ON | reg::FLOW_CONF::FORCE_XON.mask() | reg::FLOW_CONF::SEND_XON.mask(),
            frames(7),
        );
        assert_eq!(sent(&mut uart, frames(12)), [b'a', XON, b'b', b'c']);
    }
}
