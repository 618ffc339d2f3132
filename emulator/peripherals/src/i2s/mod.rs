//! I2S as the master of a serial audio bus, and as the way of the SAR ADCs' samples into memory (ESP32 TRM, chapter "I2S").
//!
//! Transmitter and receiver are independent. Each moves frames, of a sample for both channels, between a linked list of buffers and its
//! data line while its list runs. In the mode of the ADCs the bit clock starts a conversion every other cycle instead, and the results
//! take the way of the receiver. Slave modes, PDM, LCD and camera are not there, and starting one says so.

mod clock;
mod dma;
mod format;
mod line;
mod registers;
#[cfg(test)]
mod serial_tests;
#[cfg(test)]
mod tests;
mod transmit;

use std::collections::VecDeque;

use espalier_core::{
    AudioFrame, AudioTarget, Device, Fidelity, OutputChange, Register, Registers, Signal, Surroundings, Time,
    Unmodelled,
};

use crate::linked_list;
use clock::{RX, Rate};
use dma::Buffer;
use line::Line;
use registers::{REGISTERS, reg};
use transmit::Transmitter;

/// Frames that are asked for at a time.
const PIECE: usize = 256;

/// An I2S controller.
#[derive(Clone, Debug)]
pub struct I2s {
    registers: Registers,
    /// The next descriptor of the receiving list, while it runs.
    link: Option<u32>,
    buffer: Option<Buffer>,
    /// Words since the last end of file.
    words: u32,
    /// Samples of the ADCs that are not in memory yet.
    fifo: VecDeque<u16>,
    /// The same for frames from the data line.
    frames: VecDeque<AudioFrame>,
    /// When conversions or frames began, and how many there have been.
    running: Option<(Time, u64)>,
    tx: Transmitter,
    /// The data output, for those who look at its pad.
    line: Line,
}

espalier_core::persist!(state I2s { registers, link, buffer, words, fifo, frames, running, tx, line });

impl Default for I2s {
    fn default() -> I2s {
        I2s::new()
    }
}

impl I2s {
    /// The controller after reset.
    pub fn new() -> I2s {
        I2s {
            registers: Registers::new(&REGISTERS),
            link: None,
            buffer: None,
            words: 0,
            fifo: VecDeque::new(),
            frames: VecDeque::new(),
            running: None,
            tx: Transmitter::default(),
            line: Line::default(),
        }
    }

    /// Takes the samples that are due at `now` from the ADCs.
    pub fn sample(&mut self, now: Time, mut convert: impl FnMut() -> u16) {
        if !self.is_adc_mode() {
            return;
        }
        let rate = self.rate();
        let Some((base, count)) = &mut self.running else { return };
        while *base + rate.after(*count + 1) <= now {
            *count += 1;
            self.fifo.push_back(convert());
        }
    }

    /// True if it takes samples: a change of what the ADCs convert has to be announced by [`I2s::sample`] first.
    pub fn is_sampling(&self) -> bool {
        self.running.is_some() && self.is_adc_mode()
    }

    /// Takes the frames that are due from the data line; it is low where no part drives it.
    fn receive(&mut self, mut line: Option<&mut dyn AudioTarget>, now: Time) {
        let rate = self.rate();
        let Some((base, count)) = self.running.filter(|_| !self.is_adc_mode()) else { return };
        let mut left = rate.count(now.since(base)).saturating_sub(count);
        let mut first = count;
        while left > 0 {
            let mut frames = vec![[0; 2]; left.min(PIECE as u64) as usize];
            if let Some(line) = &mut line {
                line.speak(rate.clock(base + rate.after(first)), &mut frames);
            }
            first += frames.len() as u64;
            left -= frames.len() as u64;
            self.frames.extend(frames);
        }
        self.running = Some((base, first));
    }

    /// The pace of what comes in.
    fn rate(&self) -> Rate {
        if self.is_adc_mode() { self.conversions() } else { self.frames(&RX) }
    }

    fn is_adc_mode(&self) -> bool {
        let mode = self.registers.get(reg::CONF2);
        reg::CONF2::LCD_EN.is_set(mode) && mode & reg::CONF2::CAMERA_EN.mask() == 0
    }

    /// Whether the receiver can do what it is set to.
    fn receives(&self) -> bool {
        let serial = self.registers.get(reg::CONF2) & (reg::CONF2::LCD_EN.mask() | reg::CONF2::CAMERA_EN.mask()) == 0
            && !self.registers.is_set(reg::CONF::RX_SLAVE_MOD)
            && !self.registers.is_set(reg::PDM_CONF::RX_PDM_EN);
        self.is_adc_mode() || serial
    }

    /// Begins and ends conversions and frames, as the registers say.
    fn update(&mut self, before: [Rate; 2], now: Time) {
        let started = self.registers.is_set(reg::CONF::RX_START)
            && self.registers.is_set(reg::FIFO_CONF::DSCR_EN)
            && self.receives()
            && self.link.is_some();
        match (started, self.running) {
            (false, _) => self.running = None,
            (true, Some(_)) if before[0] == self.rate() => {}
            (true, _) => self.running = Some((now, 0)),
        }
        self.update_transmitter(before[1] != self.frames(&clock::TX), now);
    }

    fn raise(&mut self, interrupts: u32) {
        self.registers.modify(reg::INT_RAW, 0, interrupts);
    }

    fn in_link_written(&mut self, value: u32) {
        if reg::IN_LINK::INLINK_STOP.is_set(value) {
            self.stop_link();
        }
        if value & (reg::IN_LINK::INLINK_START.mask() | reg::IN_LINK::INLINK_RESTART.mask()) != 0 {
            self.stop_link();
            self.link = Some(linked_list::BASE | value & reg::IN_LINK::INLINK_ADDR.mask());
        }
    }

    fn stop_link(&mut self) {
        self.link = None;
        self.buffer = None;
        self.words = 0;
    }

    /// Starts and resets. Returns whether what has been started is there.
    fn conf_written(&mut self, old: u32, new: u32) -> bool {
        if new & (reg::CONF::RX_RESET.mask() | reg::CONF::RX_FIFO_RESET.mask()) != 0 {
            self.fifo.clear();
            self.frames.clear();
        }
        let risen = new & !old;
        (!reg::CONF::TX_START.is_set(risen) || self.transmits_serially())
            && (!reg::CONF::RX_START.is_set(risen) || self.receives())
    }
}

impl Device for I2s {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "serial audio as a master, and samples of the ADCs; slave modes, PDM, LCD, camera, the DACs' DMA, loop-back and companding are not \
             there, and the audio PLL runs at 160 MHz",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        let old = self.registers.read(offset)?;
        let before = [self.rate(), self.frames(&clock::TX)];
        let new = self.registers.write(offset, value)?;
        let mut known = true;
        match offset {
            reg::CONF => known = self.conf_written(old, new),
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::IN_LINK => self.in_link_written(new),
            reg::OUT_LINK => self.out_link_written(new),
            reg::LC_CONF => {
                if reg::LC_CONF::IN_RST.is_set(new) {
                    self.stop_link();
                }
                if reg::LC_CONF::OUT_RST.is_set(new) {
                    self.stop_transmitting();
                }
            }
            _ => {}
        }
        self.update(before, now);
        if known { Ok(()) } else { Err(Unmodelled) }
    }

    /// When the buffer that is being filled is full, or that which is being sent is at its end.
    fn deadline(&self) -> Option<Time> {
        let filled = self.running.map(|(base, count)| base + self.rate().after(count + self.samples_to_fill().max(1)));
        filled.into_iter().chain(self.sent_at()).min()
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    fn reset(&mut self) {
        *self = I2s { line: self.line.after_reset(), ..I2s::new() };
    }

    fn set_watched(&mut self, outputs: u64) {
        self.line.set_watched(outputs);
    }

    fn output(&self, _output: usize) -> Signal {
        self.line.signal()
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        self.line.take_changes()
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        if self.running.is_some() {
            self.receive(surroundings.audio_in(), now);
        }
        self.run_dma(surroundings.memory());
        if let Some(sent) = self.transmit(surroundings.memory(), now) {
            let (clock, form, last) = (self.frames(&clock::TX).clock(sent.first), self.form(), !self.tx.is_running());
            self.line.carry(clock, &sent.frames, form, last);
            if let Some(line) = surroundings.audio_out() {
                line.hear(clock, &sent.frames);
            }
        }
    }
}
