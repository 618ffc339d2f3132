//! Register accesses of software.

use espalier_core::{
    Device, Fidelity, Field, Frequency, LineSettings, OutputChange, Register, SerialPort, Signal, Surroundings, Time,
    Unmodelled,
};

use super::Uart;
use super::frame::Format;
use super::line::Autobaud;
use super::registers::{REGISTERS, reg};
use super::transmit::Phase;

impl Uart {
    fn status(&self, now: Time) -> u32 {
        let (rx_state, rx_level) = match self.line.current(now) {
            Some((byte, start)) => self.format.at(byte, self.line.bit.bits_in(now.since(start))),
            None => (Format::idle().0, self.rxd().unwrap_or(true)),
        };
        let (tx_state, tx_level) = match self.transmitter.phase {
            Phase::Frame { byte, start, .. } => self.format.at(byte, self.bit.bits_in(now.since(start))),
            Phase::Break { .. } => (Format::idle().0, false),
            Phase::Pause { .. } | Phase::Idle => Format::idle(),
        };
        let level = |set: bool, bit: u32| if set { bit } else { 0 };
        reg::STATUS::RXFIFO_CNT.put(self.receiver.fifo.len() as u32)
            | reg::STATUS::ST_URX_OUT.put(rx_state)
            | level(self.cts(), reg::STATUS::CTSN.mask())
            | level(rx_level, reg::STATUS::RXD.mask())
            | reg::STATUS::TXFIFO_CNT.put(self.transmitter.fifo.len() as u32)
            | reg::STATUS::ST_UTX_OUT.put(tx_state)
            | level(tx_level, reg::STATUS::TXD.mask())
    }

    /// FIFO pointers: software takes their difference, because the counter in `STATUS` is not to be trusted (ESP32 errata,
    /// "UART fifo_cnt does not indicate data length correctly").
    fn pointers(&self, read: u32, written: u32, size: Field) -> u32 {
        let capacity = self.fifo_capacity(size) as u32;
        reg::MEM_RX_STATUS::MEM_RX_RD_ADDR.put(read % capacity)
            | reg::MEM_RX_STATUS::MEM_RX_WR_ADDR.put(written % capacity)
    }

    fn read_register(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        let clock = self.source_clock();
        let measured =
            |read: fn(&Autobaud, Frequency) -> u32| self.autobaud.as_ref().map(|counters| read(counters, clock));
        Ok(match offset {
            // An empty one gives 0.
            reg::FIFO => u32::from(self.take(now).unwrap_or(0)),
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            reg::STATUS => self.status(now),
            reg::MEM_RX_STATUS => self.pointers(self.receiver.taken, self.receiver.written, reg::MEM_CONF::RX_SIZE),
            reg::MEM_TX_STATUS => {
                let taken = self.transmitter.taken;
                let written = taken.wrapping_add(self.transmitter.fifo.len() as u32);
                self.pointers(taken, written, reg::MEM_CONF::TX_SIZE)
            }
            reg::MEM_CNT_STATUS => {
                let high = |level: usize| level as u32 >> reg::STATUS::RXFIFO_CNT.width;
                reg::MEM_CNT_STATUS::RX_MEM_CNT.put(high(self.receiver.fifo.len()))
                    | reg::MEM_CNT_STATUS::TX_MEM_CNT.put(high(self.transmitter.fifo.len()))
            }
            reg::RXD_CNT => self.autobaud.as_ref().map_or(0, |counters| counters.edges),
            reg::LOWPULSE => measured(Autobaud::low_pulse).unwrap_or(self.registers.read(offset)?),
            reg::HIGHPULSE => measured(Autobaud::high_pulse).unwrap_or(self.registers.read(offset)?),
            reg::POSPULSE => measured(Autobaud::positive_pulse).unwrap_or(self.registers.read(offset)?),
            reg::NEGPULSE => measured(Autobaud::negative_pulse).unwrap_or(self.registers.read(offset)?),
            _ => self.registers.read(offset)?,
        })
    }

    fn write_register(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        match offset {
            reg::FIFO => self.write_fifo(value as u8, now),
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::CLKDIV => self.retime(now),
            reg::RS485_CONF => {
                self.retime(now);
                self.go_on_behind_frame(now);
            }
            reg::CONF1 => self.switch_timeout(now),
            reg::FLOW_CONF => self.command_flow(value, now),
            reg::CONF0 => {
                self.retime(now);
                if reg::CONF0::RXFIFO_RST.is_set(value) {
                    self.receiver.clear();
                }
                if reg::CONF0::TXFIFO_RST.is_set(value) {
                    self.transmitter.fifo.clear();
                }
                let timing = self.transmit_timing();
                self.transmitter.start_break(now, timing);
                self.transmitter.go_on(now, timing);
            }
            reg::AUTOBAUD if !reg::AUTOBAUD::EN.is_set(value) => self.autobaud = None,
            reg::AUTOBAUD => {
                self.autobaud.get_or_insert_with(Autobaud::new);
            }
            _ => {}
        }
        self.update_levels();
        Ok(())
    }
}

impl Device for Uart {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "DSR and DTR, the delays of RS-485, IrDA, wake-up and the pause between transfers are registers only",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.synchronise(now);
        self.read_register(offset, now)
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.synchronise(now);
        let written = self.write_register(offset, value, now);
        self.trace_txd(now);
        self.trace_rts(now);
        written
    }

    fn deadline(&self) -> Option<Time> {
        self.next_event()
    }

    fn advance(&mut self, now: Time) {
        self.synchronise(now);
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, _now: Time) {
        let sent = self.take_transmitted();
        if !sent.is_empty() {
            surroundings.transmit(sent);
        }
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.set_apb_clock(apb, now);
    }

    fn set_watched(&mut self, outputs: u64) {
        self.set_watched_outputs(outputs);
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.set_awaited_outputs(outputs);
    }

    fn output(&self, output: usize) -> Signal {
        Signal::Level(self.output_level(output))
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        self.take_pad_changes()
    }

    fn listening(&self) -> u64 {
        self.heard_inputs()
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        self.hear(input, Some(signal.level_at(self.seen)), true, self.seen);
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.hear(input, Some(signal.level_at(at)), false, at);
    }

    fn release_input(&mut self, input: usize, at: Time) {
        self.hear(input, None, false, at);
    }

    fn serial(&mut self) -> Option<&mut dyn SerialPort> {
        Some(self)
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// Nothing but what the transmitter does is worked out from the time while nothing comes in.
    fn steady_until(&self, offset: u32, now: Time) -> Option<Time> {
        if offset == reg::FIFO || self.registers.read(offset).is_err() || !self.hears_nothing() {
            return None;
        }
        let ends = self.transmitter.phase_ends().map_or(Time::MAX, |end| if self.is_looked_at() { now } else { end });
        let until = match self.transmitter.phase {
            Phase::Frame { start, .. } if offset == reg::STATUS => {
                ends.min(start + self.bit.until_next(now.since(start)))
            }
            _ => ends,
        };
        (until > now).then_some(until)
    }

    fn plain_write(&self, offset: u32, value: u32) -> Option<u32> {
        let raw = self.registers.get(reg::INT_RAW);
        let (enabled, raised) = (raw & self.registers.get(reg::INT_ENA), raw & value);
        match offset {
            reg::INT_ENA if self.is_quiet() && enabled == 0 && raised == 0 => Some(value),
            reg::INT_CLR if self.is_quiet() && raised & !self.level_interrupts() == 0 => {
                self.registers.read(offset).ok()
            }
            _ => None,
        }
    }

    /// Frames on the line stay there: they belong to the other side.
    fn reset(&mut self) {
        let fresh = Uart::new(self.apb);
        let line = std::mem::replace(&mut self.line, fresh.line.clone());
        let sent = self.take_transmitted();
        let (other, pads) = (self.other.clone(), self.pads.after_reset());
        let (pads_traced, seen) = (self.pads_traced, self.seen);
        *self = Uart { line, line_baud: self.line_baud, other, pads, dma: self.dma, pads_traced, seen, ..fresh };
        self.transmitter.sent = sent;
        self.retime(Time::ZERO);
        self.trace_txd(seen);
    }
}

impl SerialPort for Uart {
    fn receive(&mut self, bytes: &[u8], now: Time) {
        self.receive(bytes, now);
    }

    fn cut_line(&mut self, now: Time) {
        self.cut_line(now);
    }

    fn set_line_baud(&mut self, baud: Option<u32>, now: Time) {
        self.set_line_baud(baud, now);
    }

    fn set_line(&mut self, settings: LineSettings, now: Time) {
        self.set_line(settings, now);
    }
}
