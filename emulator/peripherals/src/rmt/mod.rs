//! The remote control peripheral (ESP32 TRM, chapter "Remote Control Peripheral (RMT)"): eight channels that send and measure
//! levels and how long they last.
//!
//! Nothing here ticks. The deadline is the next interrupt that software has enabled. At an access, a transmission is
//! followed entry by entry, but only through one lap of its memory if it goes round and round. The edges of a channel are
//! followed and kept only while something is connected to it (see [`set_watched`](Rmt::set_watched)), and then at least once a
//! millisecond, so that no call has many of them to do. Where a block or another board hears them (see
//! [`set_awaited`](Rmt::set_awaited)), they are followed as they come, but for those that come within a microsecond.

mod device;
mod output;
mod receive;
mod registers;
#[cfg(test)]
mod tests;
mod transmit;

use espalier_core::{Frequency, Registers, Span, Time};

use crate::clocks::{REF_TICK, XTAL};
use output::Outputs;
pub use output::RmtEdge;
use receive::{Measured, Receiver, Settings};
use registers::{BLOCK_WORDS, CONF_STRIDE, RAM_WORDS, REGISTERS, WORD, entry, interrupt, reg, status};
use transmit::{Events, Program, Transmitter};

/// Channels of the block.
pub const RMT_CHANNELS: usize = 8;

/// Pulses that a deadline looks ahead: twice as many as fit into the memory or are counted to a threshold. An event that does
/// not come within them never does.
const LOOK_AHEAD: usize = 4 * RAM_WORDS;
/// Longest time for which the edges of a watched channel are kept back.
const REPORT_EVERY: Span = Span::from_millis(1);
/// The same for those of a channel that is awaited.
const AWAITED_EVERY: Span = Span::from_micros(1);

#[derive(Clone, Debug, Default)]
struct Channel {
    transmitter: Transmitter,
    receiver: Receiver,
    /// The level at the input.
    input: bool,
    /// Words written and read through the FIFO.
    pushed: usize,
    popped: usize,
    push_error: bool,
    pop_error: bool,
}

espalier_core::persist!(value Channel { transmitter, receiver, input, pushed, popped, push_error, pop_error });

/// RMT.
#[derive(Clone, Debug)]
pub struct Rmt {
    registers: Registers,
    memory: Box<[u32; RAM_WORDS]>,
    apb: Frequency,
    channels: [Channel; RMT_CHANNELS],
    outputs: Outputs,
    /// The outputs whose edges have to be told in time: bit n is channel n.
    awaited: u8,
    /// When each transmitter next does something that software has asked to be told of.
    wanted: [Option<Time>; RMT_CHANNELS],
    /// The channels for which that has to be found out again: bit n is channel n.
    stale: u8,
    /// Until when everything has been followed.
    advanced: Time,
    /// Pulses and edges that were followed, for those who want to know what that costs.
    steps: u64,
}

espalier_core::persist!(state Rmt { registers, memory, apb, channels, outputs, awaited, wanted, stale, advanced, steps });

impl Default for Rmt {
    fn default() -> Rmt {
        Rmt::new()
    }
}

impl Rmt {
    /// The block after power-on, with the APB at the frequency of the crystal.
    pub fn new() -> Rmt {
        Rmt {
            registers: Registers::new(&REGISTERS),
            memory: Box::new([0; RAM_WORDS]),
            apb: XTAL,
            channels: Default::default(),
            outputs: Outputs::default(),
            awaited: 0,
            wanted: [None; RMT_CHANNELS],
            stale: 0,
            advanced: Time::ZERO,
            steps: 0,
        }
    }

    /// The APB clock changes. A pulse that is on the line keeps its length.
    pub fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.follow(now);
        self.apb = apb;
        self.stale = u8::MAX;
        self.look_ahead();
    }

    /// Pulses and edges that have been followed one by one since the block was made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Sets which outputs are connected: bit n is channel n. The edges of the others are forgotten.
    pub fn set_watched(&mut self, channels: u8) {
        self.outputs.watch(channels, self.advanced);
    }

    /// Chooses the watched outputs whose edges have to be told in time.
    pub fn set_awaited(&mut self, channels: u8) {
        self.awaited = channels;
    }

    /// The level of a channel's output as of the last access or advance.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn output(&self, channel: usize) -> bool {
        self.outputs.levels[channel]
    }

    /// Takes the edges of the watched outputs, in the order of their channels' time lines.
    pub fn take_edges(&mut self) -> Vec<RmtEdge> {
        std::mem::take(&mut self.outputs.edges)
    }

    /// The channels whose inputs matter: bit n is channel n.
    pub fn receiving(&self) -> u8 {
        (0..RMT_CHANNELS).fold(0, |mask, channel| mask | u8::from(self.channels[channel].receiver.is_on()) << channel)
    }

    /// The input of a channel is at `level` from `at` on. A channel that does not exist is ignored.
    pub fn set_input(&mut self, channel: usize, level: bool, at: Time) {
        if channel >= RMT_CHANNELS || self.channels[channel].input == level {
            return;
        }
        self.follow_receiver(channel, at);
        self.channels[channel].input = level;
        let settings = self.settings(channel);
        if let Some(measured) = self.channels[channel].receiver.edge(level, at, settings) {
            self.store(channel, measured);
        }
    }

    /// The input of a channel has been connected to a line that is at `level`, which is no edge.
    pub fn connect_input(&mut self, channel: usize, level: bool) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.input = level;
            channel.receiver.connect(level);
        }
    }

    fn conf0(&self, channel: usize) -> u32 {
        self.registers.get(reg::CH0CONF0 + CONF_STRIDE * channel as u32)
    }

    fn conf1(&self, channel: usize) -> u32 {
        self.registers.get(reg::CH0CONF1 + CONF_STRIDE * channel as u32)
    }

    /// The clock that the channel counts and sends with.
    fn clock(&self, channel: usize) -> Frequency {
        let divider = match reg::CH0CONF0::DIV_CNT.get(self.conf0(channel)) {
            0 => u64::from(reg::CH0CONF0::DIV_CNT.mask()) + 1,
            divider => u64::from(divider),
        };
        self.base_clock(channel).divided_by(divider)
    }

    fn base_clock(&self, channel: usize) -> Frequency {
        if reg::CH0CONF1::REF_ALWAYS_ON.is_set(self.conf1(channel)) { self.apb } else { REF_TICK }
    }

    /// The channel's first word, and how many it has. Blocks that would lie beyond the memory do not exist.
    fn blocks(&self, channel: usize) -> (usize, usize) {
        let first = channel * BLOCK_WORDS;
        let blocks = (reg::CH0CONF0::MEM_SIZE.get(self.conf0(channel))) as usize;
        (first, (blocks * BLOCK_WORDS).min(RAM_WORDS - first))
    }

    fn program(&self, channel: usize) -> Program<'_> {
        let (first, size) = self.blocks(channel);
        let conf1 = self.conf1(channel);
        Program {
            words: &self.memory[first..first + size],
            clock: self.clock(channel),
            limit: self.registers.get(reg::CH_TX_LIM + WORD * channel as u32),
            wraps: self.registers.is_set(reg::APB_CONF::MEM_TX_WRAP_EN),
            continuous: reg::CH0CONF1::TX_CONTI_MODE.is_set(conf1),
            idle: (reg::CH0CONF1::IDLE_OUT_EN.is_set(conf1)).then_some(reg::CH0CONF1::IDLE_OUT_LV.is_set(conf1)),
        }
    }

    fn settings(&self, channel: usize) -> Settings {
        let (conf0, conf1) = (self.conf0(channel), self.conf1(channel));
        let threshold = reg::CH0CONF1::RX_FILTER_THRES.get(conf1);
        Settings {
            clock: self.clock(channel),
            idle: u64::from(reg::CH0CONF0::IDLE_THRES.get(conf0)),
            filter: (reg::CH0CONF1::RX_FILTER_EN.is_set(conf1))
                .then(|| self.base_clock(channel).cycles(u64::from(threshold))),
        }
    }

    fn raise(&mut self, bits: u32) {
        self.registers.modify(reg::INT_RAW, 0, bits);
    }

    fn raise_events(&mut self, channel: usize, events: Events) {
        let raised = interrupt_bits(channel, events);
        if raised != 0 {
            self.raise(raised);
            self.stale |= 1 << channel;
        }
        if !self.channels[channel].transmitter.is_sending() {
            // The next transmission begins by setting the bit again; drivers never clear it.
            self.registers.modify(reg::CH0CONF1 + CONF_STRIDE * channel as u32, reg::CH0CONF1::TX_START.mask(), 0);
        }
    }

    /// Brings everything up to `now`.
    fn follow(&mut self, now: Time) {
        for channel in 0..RMT_CHANNELS {
            self.follow_transmitter(channel, now);
            self.follow_receiver(channel, now);
        }
        self.advanced = now;
    }

    fn follow_transmitter(&mut self, channel: usize, now: Time) {
        let Some(pulse) = self.channels[channel].transmitter.pulse else { return };
        if self.outputs.is_watched(channel) {
            self.follow_edges(channel, now);
        } else if pulse.until <= now {
            let mut steps = 0;
            let events =
                self.with_transmitter(channel, |transmitter, program| transmitter.skip_to(program, now, &mut steps));
            self.steps += steps;
            self.raise_events(channel, events);
            self.drive(channel, now);
        }
    }

    fn follow_edges(&mut self, channel: usize, now: Time) {
        let carrier = self.carrier(channel);
        // An edge at this very instant has happened.
        let just_after = now + Span::from_ticks(1);
        while let Some(pulse) = self.channels[channel].transmitter.pulse {
            if let Some(carrier) = carrier {
                self.steps += self.outputs.modulate(channel, pulse, carrier, just_after);
            }
            if pulse.until > now {
                return;
            }
            let events = self.with_transmitter(channel, Transmitter::step);
            self.steps += 1;
            self.raise_events(channel, events);
            self.drive(channel, pulse.until);
        }
    }

    fn with_transmitter(
        &mut self,
        channel: usize,
        act: impl FnOnce(&mut Transmitter, &Program<'_>) -> Events,
    ) -> Events {
        let mut transmitter = std::mem::take(&mut self.channels[channel].transmitter);
        let events = act(&mut transmitter, &self.program(channel));
        self.channels[channel].transmitter = transmitter;
        events
    }

    fn start(&mut self, channel: usize, now: Time) {
        let events = self.with_transmitter(channel, |transmitter, program| transmitter.start(program, now));
        self.raise_events(channel, events);
        self.drive(channel, now);
    }

    fn follow_receiver(&mut self, channel: usize, now: Time) {
        if !self.channels[channel].receiver.is_on() {
            return;
        }
        let settings = self.settings(channel);
        while let Some(measured) = self.channels[channel].receiver.advance(now, settings) {
            self.store(channel, measured);
        }
    }

    /// The receiver writes what it has measured.
    fn store(&mut self, channel: usize, measured: Measured) {
        let (first, size) = self.blocks(channel);
        let owned = reg::CH0CONF1::MEM_OWNER.is_set(self.conf1(channel));
        let receiver = &mut self.channels[channel].receiver;
        let index = receiver.written / 2;
        if !owned || index >= size {
            receiver.owner_error |= !owned;
            receiver.full |= owned;
            self.raise(interrupt::error(channel));
        } else {
            let half = measured.cycles | if measured.level { entry::LEVEL } else { 0 };
            let shift = if receiver.written.is_multiple_of(2) { 0 } else { entry::BITS };
            let word = &mut self.memory[first + index];
            *word = *word & !(0xFFFF << shift) | half << shift;
            receiver.written += 1;
        }
        if measured.cycles == 0 {
            // The next reception begins with a word of its own.
            let receiver = &mut self.channels[channel].receiver;
            receiver.written = receiver.written.next_multiple_of(2);
            self.raise(interrupt::rx_end(channel));
        }
    }

    /// When the channel next does something that software has asked to be told of, or that a watched line shows.
    fn next_event(&self, channel: usize) -> Option<Time> {
        let (transmitter, receiver) = (&self.channels[channel].transmitter, &self.channels[channel].receiver);
        let received = receiver.deadline(self.settings(channel));
        let watched = self.outputs.is_watched(channel) && transmitter.is_sending();
        let awaited = watched && self.awaited >> channel & 1 != 0;
        let reported = match transmitter.pulse.filter(|_| awaited) {
            Some(pulse) if self.carrier(channel).is_none() => Some(pulse.until.max(self.advanced + AWAITED_EVERY)),
            Some(_) => Some(self.advanced + AWAITED_EVERY),
            None => watched.then(|| self.advanced + REPORT_EVERY),
        };
        received.into_iter().chain(reported).chain(self.wanted[channel]).min()
    }

    /// Finds out when transmitters next do something that software has asked to be told of, where that may have changed.
    fn look_ahead(&mut self) {
        for channel in 0..RMT_CHANNELS {
            if self.stale >> channel & 1 != 0 {
                self.wanted[channel] = self.next_wanted(channel);
            }
        }
        self.stale = 0;
    }

    /// Follows a copy of a transmitter until something wanted happens; the memory does not change meanwhile.
    fn next_wanted(&self, channel: usize) -> Option<Time> {
        let sending = [interrupt::tx_end(channel), interrupt::error(channel), interrupt::threshold(channel)];
        let wanted = self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW);
        if wanted & sending.iter().fold(0, |bits, bit| bits | bit) == 0 {
            return None;
        }
        let program = self.program(channel);
        let mut transmitter = self.channels[channel].transmitter.clone();
        for _ in 0..LOOK_AHEAD {
            let at = transmitter.pulse?.until;
            if interrupt_bits(channel, transmitter.step(&program)) & wanted != 0 {
                return Some(at);
            }
        }
        None
    }

    fn status(&self, channel: usize) -> u32 {
        let Channel { transmitter, receiver, push_error, pop_error, .. } = &self.channels[channel];
        let (first, _) = self.blocks(channel);
        let address = |words: usize| (first + words) as u32 & reg::CHSTATUS::MEM_WADDR_EX.mask();
        let state = match (transmitter.is_sending(), receiver.is_receiving()) {
            (true, _) => status::SEND,
            (_, true) => status::RECEIVE,
            _ => 0,
        };
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        address(transmitter.read)
            | reg::CHSTATUS::MEM_RADDR_EX.put(address(receiver.written / 2))
            | reg::CHSTATUS::STATE.put(state)
            | flag(receiver.owner_error, reg::CHSTATUS::MEM_OWNER_ERR.mask())
            | flag(receiver.full, reg::CHSTATUS::MEM_FULL.mask())
            | flag(transmitter.empty, reg::CHSTATUS::MEM_EMPTY.mask())
            | flag(*push_error, reg::CHSTATUS::APB_MEM_WR_ERR.mask())
            | flag(*pop_error, reg::CHSTATUS::APB_MEM_RD_ERR.mask())
    }
}

fn interrupt_bits(channel: usize, events: Events) -> u32 {
    [
        (events.end, interrupt::tx_end(channel)),
        (events.error, interrupt::error(channel)),
        (events.threshold, interrupt::threshold(channel)),
    ]
    .into_iter()
    .fold(0, |bits, (happened, bit)| if happened { bits | bit } else { bits })
}
