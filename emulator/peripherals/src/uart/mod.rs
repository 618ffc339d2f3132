//! The ESP32's UARTs (TRM, chapter 13).
//!
//! Bytes take guest time in both directions, but the model does not count it: at each access it works out what has
//! passed since it was last looked at. It asks to be called only for an interrupt that software enabled, and when the last
//! byte of an output has left.

mod access;
mod at_command;
mod deadline;
mod dma;
mod flow;
mod frame;
mod line;
mod pads;
mod receive;
mod registers;
mod rs485;
mod sampler;
mod sclk;
#[cfg(test)]
mod tests;
mod transmit;

use std::collections::VecDeque;

use espalier_core::{Field, Frequency, LineSettings, Registers, Span, Time};

use crate::clocks::REF_TICK;
use at_command::AtCommand;
use flow::CharacterFlow;
use frame::{BitTime, Format, Passed};
use line::{Autobaud, Line};
use pads::Pads;
use receive::{ReceiveSettings, Receiver};
use registers::{REGISTERS, reg};
use rs485::Echo;
use sampler::{Sampled, Sampler};
pub use sclk::SclkUart;
use transmit::{Phase, Step, TransmitTiming, Transmitter};

/// FIFO memory comes in blocks of this many bytes.
const BLOCK_BYTES: usize = 128;
/// `RX_TOUT_THRHD` counts units of so many bits.
const TIMEOUT_UNIT_BITS: u32 = 8;

/// A UART.
#[derive(Clone, Debug)]
pub struct Uart {
    registers: Registers,
    apb: Frequency,
    /// The UART's own bit time and format, kept because every access needs them.
    bit: BitTime,
    format: Format,
    receiver: Receiver,
    transmitter: Transmitter,
    line: Line,
    line_baud: Option<u32>,
    other: OtherSide,
    sampler: Sampler,
    autobaud: Option<Autobaud>,
    pads: Pads,
    echo: Echo,
    /// DMA takes what is received.
    dma: bool,
    flow: CharacterFlow,
    at_command: AtCommand,
    /// Up to when TXD has been told.
    pads_traced: Time,
    /// When the block was last looked at.
    seen: Time,
}

espalier_core::persist! {
    state Uart {
        registers, apb, bit, format, receiver, transmitter, line, line_baud, other, sampler, autobaud, pads,
        echo, dma, flow, at_command, pads_traced, seen
    }
}

/// The device at the other end of the serial port's line, if it has settings of its own.
#[derive(Clone, Debug, Default)]
struct OtherSide {
    /// It reads at a rate of its own.
    own_rate: bool,
    format: Option<Format>,
    inverted: Option<bool>,
    /// Its receiver for the port's output.
    sampler: Sampler,
}

espalier_core::persist!(value OtherSide { own_rate, format, inverted, sampler });

impl Uart {
    /// A UART after reset; `apb` is the rate of APB_CLK.
    pub fn new(apb: Frequency) -> Uart {
        let registers = Registers::new(&REGISTERS);
        let bit = BitTime::divided(apb, registers.get(reg::CLKDIV));
        let format = Format::of(registers.get(reg::CONF0), registers.get(reg::RS485_CONF));
        let frame = bit.half_bits(format.half_bits());
        Uart {
            registers,
            apb,
            bit,
            format,
            receiver: Receiver::default(),
            transmitter: Transmitter::default(),
            line: Line { bytes: VecDeque::new(), start: Time::ZERO, bit, frame },
            line_baud: None,
            other: OtherSide::default(),
            sampler: Sampler::default(),
            autobaud: None,
            pads: Pads::default(),
            echo: Echo::default(),
            dma: false,
            flow: CharacterFlow::default(),
            at_command: AtCommand::default(),
            pads_traced: Time::ZERO,
            seen: Time::ZERO,
        }
    }

    /// APB_CLK changed its rate.
    pub fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.synchronise(now);
        self.apb = apb;
        self.retime(now);
    }

    /// The rate at which the other side sends; None follows the UART's own. A receiver that is more than 5 % off reads
    /// garbage and framing errors, as on a real line.
    pub fn set_line_baud(&mut self, baud: Option<u32>, now: Time) {
        self.synchronise(now);
        self.line_baud = baud;
        self.retime(now);
    }

    /// Sets how the other side sends and reads; a setting that is `None` follows the UART's own.
    pub fn set_line(&mut self, settings: LineSettings, now: Time) {
        self.synchronise(now);
        self.line_baud = settings.baud;
        self.other = OtherSide {
            own_rate: settings.baud.is_some(),
            format: settings.format.map(Format::of_line),
            inverted: settings.inverted,
            sampler: Sampler::default(),
        };
        self.retime(now);
    }

    /// The other side sends `bytes`, one frame after the other, after what it is sending already. This changes the deadline.
    pub fn receive(&mut self, bytes: &[u8], now: Time) {
        self.synchronise(now);
        self.line.queue(bytes, now);
    }

    /// The other side is gone: what it was sending does not arrive any more. This changes the deadline.
    pub fn cut_line(&mut self, now: Time) {
        self.synchronise(now);
        self.line.bytes.clear();
    }

    /// Bytes given to [`receive`](Uart::receive) that have not arrived yet.
    pub fn on_the_line(&self) -> usize {
        self.line.bytes.len()
    }

    /// Bytes that have left the transmitter, each with the end of its stop bits.
    pub fn take_transmitted(&mut self) -> Vec<(Time, u8)> {
        std::mem::take(&mut self.transmitter.sent)
    }

    /// Takes a byte from the receive FIFO of a block that is up to date.
    fn take(&mut self, now: Time) -> Option<u8> {
        let byte = self.receiver.take();
        self.tell_fill(now);
        self.update_levels();
        byte
    }

    /// Writes the transmit FIFO of a block that is up to date; a full one loses the byte.
    fn write_fifo(&mut self, byte: u8, now: Time) {
        if !self.registers.is_set(reg::CONF0::TXFIFO_RST) {
            let (capacity, timing) = (self.fifo_capacity(reg::MEM_CONF::TX_SIZE), self.transmit_timing());
            self.transmitter.push(byte, capacity, now, timing);
        }
    }

    /// Neither the transmitter nor the line nor the receiver has anything in progress.
    fn is_quiet(&self) -> bool {
        self.transmitter.phase == Phase::Idle && self.hears_nothing()
    }

    /// Neither the line nor the receiver has anything in progress, and what was sent is handed over.
    fn hears_nothing(&self) -> bool {
        self.transmitter.sent.is_empty()
            && self.line.bytes.is_empty()
            && self.receiver.timeout_at.is_none()
            && !self.at_command.waits()
            && self.sampler.is_idle()
            && self.pads.sampler.is_idle()
    }

    /// Brings everything up to `now`.
    fn synchronise(&mut self, now: Time) {
        while let Some(at) = self.flow_may_change().filter(|at| *at < now) {
            self.synchronise_transmitter(at);
            self.synchronise_receiver(at);
        }
        self.synchronise_transmitter(now);
        self.synchronise_receiver(now);
        self.update_levels();
        self.seen = self.seen.max(now);
        self.trace_rts(now);
    }

    fn synchronise_transmitter(&mut self, now: Time) {
        if self.transmitter.phase == Phase::Idle {
            return;
        }
        if let Some(end) = self.transmitter.phase_ends() {
            self.trace_txd(end.min(now));
        }
        // A character that comes in by loop-back may hold the next frame.
        while let Some(step) = self.transmitter.step(now, self.transmit_timing()) {
            let interrupts = match step {
                Step::Sent { last, .. } => {
                    if last {
                        reg::INT_RAW::TX_DONE.mask()
                    } else {
                        0
                    }
                }
                Step::BreakDone { .. } => reg::INT_RAW::TX_BRK_DONE.mask(),
                Step::PauseDone { .. } => reg::INT_RAW::TX_BRK_IDLE_DONE.mask(),
            };
            let ended = match step {
                Step::Sent { frame, .. } => {
                    self.hand_over(frame);
                    self.remember_echo(frame);
                    if self.loops_back() {
                        self.take_in(frame);
                    }
                    frame.end
                }
                Step::BreakDone { at } | Step::PauseDone { at } => at,
            };
            self.raise(interrupts);
            self.trace_txd(ended);
            if let Some(end) = self.transmitter.phase_ends() {
                self.trace_txd(end.min(now));
            }
        }
    }

    /// A frame has left: the other side reads it.
    fn hand_over(&mut self, frame: Passed) {
        let inversion = self.registers.is_set(reg::CONF0::TXD_INV);
        let format = self.other.format.unwrap_or(self.format);
        let bit = if self.other.own_rate { self.line.bit } else { self.bit };
        let turned = self.other.inverted.is_some_and(|inverted| inverted != inversion);
        if bit.reads(self.bit) && format == self.format && !turned {
            self.transmitter.sent.push((frame.end, frame.byte));
            return;
        }
        let mut frames = Vec::new();
        for (level, span) in self.format.spans(frame, self.bit) {
            self.other.sampler.advance(level ^ turned, span, format, bit, &mut frames);
        }
        self.transmitter.sent.extend(frames.iter().map(|frame| (frame.at, format.data(frame.levels))));
    }

    /// Whether the receiver reads what the other side sends as that means it.
    fn hears_line(&self) -> bool {
        self.bit.reads(self.line.bit)
            && self.other.format.is_none_or(|format| format == self.format)
            && !self.line_is_turned()
    }

    /// Whether the receiver sees the line of the serial port the other way round.
    fn line_is_turned(&self) -> bool {
        self.other.inverted.is_some_and(|inverted| inverted != self.registers.is_set(reg::CONF0::RXD_INV))
    }

    fn synchronise_receiver(&mut self, now: Time) {
        self.sample_pad(now);
        let matched = self.hears_line();
        while let Some(frame) = self.line.take_passed(now) {
            if let Some(autobaud) = &mut self.autobaud {
                autobaud.observe(frame, self.format, self.line.bit);
            }
            if self.loops_back() {
                continue;
            }
            if matched {
                self.take_in(frame);
            } else {
                self.sample(frame);
            }
        }
        if !matched && self.line.bytes.is_empty() {
            let idle = !self.line_is_turned();
            self.sample_level(idle, (self.line.start.min(now), now));
        }
        let quiet = self.incoming_since().unwrap_or(now);
        self.receiver.expire(quiet);
        self.end_at_command(quiet.min(now));
        self.seen = self.seen.max(now);
        self.go_on_behind_frame(now);
    }

    /// A frame has come in whole.
    fn take_in(&mut self, frame: Passed) {
        self.note_at_command(frame);
        if !self.takes_flow_character(frame) {
            let interrupts = self.receiver.arrive(frame, self.receive_settings());
            self.raise(interrupts);
            self.tell_fill(frame.end);
        }
    }

    /// The receiver has sampled a frame.
    fn take_in_sampled(&mut self, frame: Sampled) {
        let (interrupts, passed) = frame.read(self.format, self.receive_settings());
        self.raise(interrupts);
        if let Some(frame) = passed {
            self.take_in(frame);
        }
    }

    /// Since when a frame that has not passed yet has been coming in.
    fn incoming_since(&self) -> Option<Time> {
        match self.transmitter.phase {
            Phase::Frame { start, .. } if self.loops_back() => Some(start),
            _ if self.loops_back() => None,
            _ => {
                let line = (!self.line.bytes.is_empty()).then_some(self.line.start);
                [line, self.pads.sampler.began()].into_iter().flatten().min()
            }
        }
    }

    /// Reads a frame that was sent at another rate.
    fn sample(&mut self, frame: Passed) {
        let (format, turned) = (self.other.format.unwrap_or(self.format), self.line_is_turned());
        for (level, span) in format.spans(frame, self.line.bit) {
            self.sample_level(level ^ turned, span);
        }
    }

    fn sample_level(&mut self, level: bool, span: (Time, Time)) {
        let mut frames: Vec<Sampled> = Vec::new();
        self.sampler.advance(level, span, self.format, self.bit, &mut frames);
        for frame in frames {
            self.take_in_sampled(frame);
        }
    }

    /// Works out bit times and format again after a register or a clock changed.
    fn retime(&mut self, now: Time) {
        let conf0 = self.registers.get(reg::CONF0);
        self.bit = BitTime::divided(self.source_clock(), self.registers.get(reg::CLKDIV));
        self.format = Format::of(conf0, self.registers.get(reg::RS485_CONF));
        let line_bit = self.line_baud.map_or(self.bit, BitTime::of_baud);
        let line_format = self.other.format.unwrap_or(self.format);
        self.line.set_timing(line_bit, line_format, now);
        if self.hears_line() {
            self.sampler = Sampler::default();
        }
    }

    fn source_clock(&self) -> Frequency {
        if self.registers.is_set(reg::CONF0::TICK_REF_ALWAYS_ON) { self.apb } else { REF_TICK }
    }

    fn loops_back(&self) -> bool {
        self.registers.is_set(reg::CONF0::LOOPBACK)
    }

    fn fifo_capacity(&self, size: Field) -> usize {
        self.registers.field(size).max(1) as usize * BLOCK_BYTES
    }

    /// A threshold of seven bits in `CONF1`, with three more in `MEM_CONF`.
    fn threshold(&self, low: Field, high: Field) -> usize {
        (self.registers.field(low) | self.registers.field(high) << low.width) as usize
    }

    fn full_threshold(&self) -> usize {
        self.threshold(reg::CONF1::RXFIFO_FULL_THRHD, reg::MEM_CONF::RX_MEM_FULL_THRHD).max(1)
    }

    fn empty_threshold(&self) -> usize {
        self.threshold(reg::CONF1::TXFIFO_EMPTY_THRHD, reg::MEM_CONF::TX_MEM_EMPTY_THRHD)
    }

    fn receive_settings(&self) -> ReceiveSettings {
        let conf0 = self.registers.get(reg::CONF0);
        let threshold = self.threshold(reg::CONF1::RX_TOUT_THRHD, reg::MEM_CONF::RX_TOUT_THRHD_H3);
        let enabled = self.registers.is_set(reg::CONF1::RX_TOUT_EN);
        ReceiveSettings {
            capacity: self.fifo_capacity(reg::MEM_CONF::RX_SIZE),
            timeout: enabled.then(|| self.bit.bits(TIMEOUT_UNIT_BITS * threshold as u32)),
            drop_errors: reg::CONF0::ERR_WR_MASK.is_set(conf0),
            held_in_reset: reg::CONF0::RXFIFO_RST.is_set(conf0),
        }
    }

    /// Starts the time-out for what is in the FIFO when software switches it on, and stops it when it is switched off.
    fn switch_timeout(&mut self, now: Time) {
        match self.receive_settings().timeout {
            None => self.receiver.timeout_at = None,
            Some(_) if self.receiver.fifo.is_empty() || self.receiver.timed_out => {}
            Some(timeout) => {
                self.receiver.timeout_at.get_or_insert(now + timeout);
            }
        }
    }

    fn frame(&self) -> Span {
        self.bit.half_bits(self.format.half_bits())
    }

    fn transmit_timing(&self) -> TransmitTiming {
        let idle_conf = self.registers.get(reg::IDLE_CONF);
        let breaking = self.registers.is_set(reg::CONF0::TXD_BRK).then(|| {
            let length = reg::IDLE_CONF::TX_BRK_NUM.get(idle_conf);
            let pause = reg::IDLE_CONF::TX_IDLE_NUM.get(idle_conf);
            (self.bit.bits(length), self.bit.bits(pause))
        });
        TransmitTiming { frame: self.frame(), breaking, held: self.is_held() }
    }

    fn raise(&mut self, interrupts: u32) {
        self.registers.modify(reg::INT_RAW, 0, interrupts);
    }

    /// Raises the interrupts whose condition holds. `RXFIFO_FULL` also ends with its condition: the ROM's handler rids itself
    /// of an interrupt of the UART that it does not listen to by reading that one's FIFO (`uart_rx_intr_handler`).
    fn update_levels(&mut self) {
        let levels = self.level_interrupts();
        self.registers.modify(reg::INT_RAW, reg::INT_RAW::RXFIFO_FULL.mask() & !levels, levels);
    }

    /// Interrupts that stay as long as their condition does.
    fn level_interrupts(&self) -> u32 {
        let full = self.receiver.fifo.len() >= self.full_threshold();
        let empty = self.transmitter.fifo.len() <= self.empty_threshold();
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        flag(full, reg::INT_RAW::RXFIFO_FULL.mask())
            | flag(empty, reg::INT_RAW::TXFIFO_EMPTY.mask())
            | flag(self.receiver.timed_out, reg::INT_RAW::RXFIFO_TOUT.mask())
    }
}
