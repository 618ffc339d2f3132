//! Register accesses of software to the RMT.

use espalier_core::{Device, Fidelity, Frequency, OutputChange, Register, Signal, Time, Unmodelled};

use super::registers::{CONF_STRIDE, RAM, RAM_WORDS, REGISTERS, RESETS, WORD, reg};
use super::{Channel, RMT_CHANNELS, Rmt};

/// The channel that a register of an array belongs to.
fn channel_of(first: u32, stride: u32, offset: u32) -> Option<usize> {
    let channel = (offset.checked_sub(first)? / stride) as usize;
    (channel < RMT_CHANNELS && (offset - first).is_multiple_of(stride)).then_some(channel)
}

/// The word of the memory at an offset.
fn word_of(offset: u32) -> Option<usize> {
    let word = (offset.checked_sub(RAM)? / WORD) as usize;
    (word < RAM_WORDS).then_some(word)
}

impl Rmt {
    fn is_fifo(&self) -> bool {
        !self.registers.is_set(reg::APB_CONF::APB_FIFO_MASK)
    }

    fn write_memory(&mut self, word: usize, value: u32) {
        if std::mem::replace(&mut self.memory[word], value) == value {
            return;
        }
        for channel in 0..RMT_CHANNELS {
            let (first, size) = self.blocks(channel);
            self.stale |= u8::from((first..first + size).contains(&word)) << channel;
        }
    }

    /// Software writes the next word of a channel's memory.
    fn push(&mut self, channel: usize, value: u32) {
        let (first, size) = self.blocks(channel);
        let state = &mut self.channels[channel];
        if state.pushed < size {
            let word = first + state.pushed;
            state.pushed += 1;
            self.write_memory(word, value);
        } else {
            state.push_error = true;
        }
    }

    fn pop(&mut self, channel: usize) -> u32 {
        let (first, size) = self.blocks(channel);
        let state = &mut self.channels[channel];
        if state.popped >= size {
            state.pop_error = true;
            return 0;
        }
        state.popped += 1;
        self.memory[first + state.popped - 1]
    }

    fn configure(&mut self, channel: usize, before: u32, now: Time) {
        let conf1 = self.conf1(channel);
        let Channel { transmitter, receiver, input, .. } = &mut self.channels[channel];
        if reg::CH0CONF1::MEM_RD_RST.is_set(conf1) {
            transmitter.rewind();
        }
        if reg::CH0CONF1::MEM_WR_RST.is_set(conf1) {
            receiver.rewind();
        }
        receiver.enable(reg::CH0CONF1::RX_EN.is_set(conf1), *input, now);
        if reg::CH0CONF1::APB_MEM_RST.is_set(conf1) {
            let state = &mut self.channels[channel];
            (state.pushed, state.popped, state.push_error, state.pop_error) = (0, 0, false, false);
        }
        // The reset bits are pulses: drivers set them again without clearing them in between.
        self.registers.modify(reg::CH0CONF1 + CONF_STRIDE * channel as u32, RESETS, 0);
        let sending = self.channels[channel].transmitter.is_sending();
        if conf1 & !before & reg::CH0CONF1::TX_START.mask() != 0 && !sending {
            self.start(channel, now);
        } else if !sending && conf1 & reg::CH0CONF1::IDLE_OUT_EN.mask() != 0 {
            self.channels[channel].transmitter.level = reg::CH0CONF1::IDLE_OUT_LV.is_set(conf1);
            self.drive(channel, now);
        }
    }
}

impl Device for Rmt {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the idle level carries no carrier, the divider restarts with each transmission, sending goes on in light sleep, and \
             the memory's power-down is a register only",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance(now);
        if let Some(word) = word_of(offset) {
            return Ok(self.memory[word]);
        }
        let value = self.registers.read(offset)?;
        if let Some(channel) = channel_of(reg::CHDATA, WORD, offset) {
            return Ok(if self.is_fifo() { self.pop(channel) } else { 0 });
        }
        if let Some(channel) = channel_of(reg::CHSTATUS, WORD, offset) {
            return Ok(self.status(channel));
        }
        if let Some(channel) = channel_of(reg::CHADDR, WORD, offset) {
            let state = &self.channels[channel];
            return Ok((self.blocks(channel).0 + state.pushed.max(state.popped)) as u32);
        }
        Ok(match offset {
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.follow(now);
        if let Some(word) = word_of(offset) {
            self.write_memory(word, value);
            self.look_ahead();
            return Ok(());
        }
        if let Some(channel) = channel_of(reg::CHDATA, WORD, offset) {
            if self.is_fifo() {
                self.push(channel, value);
                self.look_ahead();
            }
            return Ok(());
        }
        let configured = channel_of(reg::CH0CONF1, CONF_STRIDE, offset);
        let before = configured.map(|channel| self.conf1(channel));
        self.registers.write(offset, value)?;
        if let (Some(channel), Some(before)) = (configured, before) {
            self.configure(channel, before, now);
        } else if offset == reg::INT_CLR {
            self.registers.modify(reg::INT_RAW, value, 0);
        }
        self.stale = u8::MAX;
        self.look_ahead();
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        (0..RMT_CHANNELS).filter_map(|channel| self.next_event(channel)).min()
    }

    fn advance(&mut self, now: Time) {
        self.follow(now);
        self.look_ahead();
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    /// The memory keeps its content. The outputs go low.
    fn reset(&mut self) {
        let now = self.advanced;
        self.registers.reset();
        let inputs = self.channels.each_ref().map(|channel| channel.input);
        self.channels = inputs.map(|input| Channel { input, ..Channel::default() });
        self.wanted = [None; RMT_CHANNELS];
        for channel in 0..RMT_CHANNELS {
            self.outputs.drive(channel, false, now);
        }
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.set_apb_clock(apb, now);
    }

    fn set_watched(&mut self, outputs: u64) {
        self.set_watched(outputs as u8);
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.set_awaited(outputs as u8);
    }

    fn output(&self, output: usize) -> Signal {
        Signal::Level(self.output(output))
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        let edges = self.take_edges().into_iter();
        edges
            .map(|edge| OutputChange { output: edge.channel, at: edge.at, signal: Signal::Level(edge.level) })
            .collect()
    }

    fn listening(&self) -> u64 {
        u64::from(self.receiving())
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        self.connect_input(input, signal == Signal::Level(true));
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.set_input(input, signal == Signal::Level(true), at);
    }

    fn steps(&self) -> u64 {
        self.steps()
    }
}
