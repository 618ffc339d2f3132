//! I2S as the master of a bus of serial audio, of pulse density (PDM) or of parallel data (LCD mode), and as the way between memory and the
//! SAR ADCs and the DACs (ESP32 TRM, chapter "I2S").
//!
//! Transmitter and receiver are independent. Each moves frames, of a sample for both channels, between a linked list of buffers and its
//! data lines while its list runs. In the mode of the ADCs the bit clock starts a conversion every other cycle instead, and the results
//! take the way of the receiver. In LCD mode the transmitter's frames go to the DACs as well, if these listen. Slaves of clocks from outside,
//! camera and the forms of LCD data with doubled lines are not there, and starting one says so.

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
    AudioClock, AudioFrame, AudioTarget, Device, Fidelity, OutputChange, Register, Registers, Signal, Surroundings,
    Time, Unmodelled,
};

use crate::linked_list;
use clock::{RX, Rate};
use dma::Buffer;
use line::{Line, Way};
use registers::{REGISTERS, reg};
use transmit::Transmitter;

/// Frames that are asked for at a time.
const PIECE: usize = 256;
/// Frames that wait for the DACs; of more than these the oldest are lost.
const CONVERTED: usize = 1 << 16;
/// The frequency of the audio PLL before anything is set, in hertz.
const AUDIO_PLL: u64 = 40_000_000;
/// RX_CHAN_MOD in PDM mode: one microphone is heard, on both channels.
const RIGHT_SLOT: u32 = 1;
const LEFT_SLOT: u32 = 2;

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
    /// The outputs, for those who look at their pads.
    line: Line,
    /// Whether the DACs take what is sent in LCD mode.
    feeds_dacs: bool,
    /// The frames that they have not taken yet.
    converted: Vec<Converted>,
    /// The frequency of the audio PLL, in hertz.
    audio_pll: u64,
}

/// Frames for the DACs, without a gap, from the time of the first one on.
#[derive(Clone, Debug)]
struct Converted {
    first: Time,
    ticks: u64,
    per: u64,
    frames: Vec<AudioFrame>,
}

espalier_core::persist! {
    value Converted { first, ticks, per, frames }
    state I2s { registers, link, buffer, words, fifo, frames, running, tx, line, feeds_dacs, converted, audio_pll }
}

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
            feeds_dacs: false,
            converted: Vec::new(),
            audio_pll: AUDIO_PLL,
        }
    }

    /// The frequency of the audio PLL, in hertz.
    pub fn audio_pll(&self) -> u64 {
        self.audio_pll
    }

    /// The audio PLL has this frequency from now on, in hertz.
    pub fn set_audio_pll(&mut self, hertz: u64, now: Time) {
        let before = [self.rate(), self.frames(&clock::TX)];
        self.audio_pll = hertz.max(1);
        self.update(before, now);
    }

    /// Whether the DACs take the frames of LCD mode from now on.
    pub fn set_feeds_dacs(&mut self, feeds: bool) {
        self.feeds_dacs = feeds;
    }

    /// True if the DACs take frames and there are some to come.
    pub fn is_feeding_dacs(&self) -> bool {
        self.feeds_dacs && self.is_lcd() && (self.tx.is_running() || !self.converted.is_empty())
    }

    /// Takes the frames that the DACs have got since the last call, piece by piece.
    pub fn take_converted(&mut self) -> impl Iterator<Item = (AudioClock, Vec<AudioFrame>)> {
        let clock = |piece: &Converted| AudioClock { first: piece.first, ticks: piece.ticks, frames: piece.per };
        std::mem::take(&mut self.converted).into_iter().map(move |piece| (clock(&piece), piece.frames))
    }

    fn convert(&mut self, clock: AudioClock, frames: Vec<AudioFrame>) {
        self.converted.push(Converted { first: clock.first, ticks: clock.ticks, per: clock.frames, frames });
        while self.converted.iter().map(|piece| piece.frames.len()).sum::<usize>() > CONVERTED {
            self.converted.remove(0);
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
            self.select_slot(&mut frames);
            first += frames.len() as u64;
            left -= frames.len() as u64;
            self.frames.extend(frames);
        }
        self.running = Some((base, first));
    }

    /// In PDM mode, one of two microphones at the data line can be chosen.
    fn select_slot(&self, frames: &mut [AudioFrame]) {
        if !self.registers.is_set(reg::PDM_CONF::RX_PDM_EN) {
            return;
        }
        match self.registers.field(reg::CONF_CHAN::RX_CHAN_MOD) {
            RIGHT_SLOT => frames.iter_mut().for_each(|[left, right]| *left = *right),
            LEFT_SLOT => frames.iter_mut().for_each(|[left, right]| *right = *left),
            _ => {}
        }
    }

    /// The pace of what comes in.
    fn rate(&self) -> Rate {
        match self.is_adc_mode() {
            true => self.conversions(),
            false if self.shares_clocks() => self.frames(&clock::TX),
            false => self.frames(&RX),
        }
    }

    /// Whether the receiver is the slave of its own transmitter, as ESP-IDF's driver has it in full duplex.
    fn shares_clocks(&self) -> bool {
        let conf = self.registers.get(reg::CONF);
        let set = [reg::CONF::SIG_LOOPBACK, reg::CONF::RX_SLAVE_MOD].iter().all(|field| field.is_set(conf));
        set && !reg::CONF::TX_SLAVE_MOD.is_set(conf)
    }

    fn is_lcd(&self) -> bool {
        self.registers.is_set(reg::CONF2::LCD_EN)
    }

    fn is_adc_mode(&self) -> bool {
        self.is_lcd() && !self.registers.is_set(reg::CONF2::CAMERA_EN)
    }

    /// Whether the receiver can do what it is set to.
    fn receives(&self) -> bool {
        let pdm = self.registers.get(reg::PDM_CONF);
        let serial = self.registers.get(reg::CONF2) & (reg::CONF2::LCD_EN.mask() | reg::CONF2::CAMERA_EN.mask()) == 0
            && (!self.registers.is_set(reg::CONF::RX_SLAVE_MOD) || self.shares_clocks())
            && (!reg::PDM_CONF::RX_PDM_EN.is_set(pdm) || reg::PDM_CONF::PDM2PCM_CONV_EN.is_set(pdm));
        self.is_adc_mode() || serial
    }

    /// Begins and ends conversions and frames, as the registers say.
    fn update(&mut self, before: [Rate; 2], now: Time) {
        let started = self.registers.is_set(reg::CONF::RX_START)
            && self.registers.is_set(reg::FIFO_CONF::DSCR_EN)
            && self.receives()
            && (!self.shares_clocks() || self.registers.is_set(reg::CONF::TX_START))
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
        (!reg::CONF::TX_START.is_set(risen) || self.form().is_some())
            && (!reg::CONF::RX_START.is_set(risen) || self.receives())
    }
}

impl Device for I2s {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "slaves of clocks from outside, camera, LCD data with doubled lines, PDM without conversion and companding are not there",
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
        *self =
            I2s { line: self.line.after_reset(), feeds_dacs: self.feeds_dacs, audio_pll: self.audio_pll, ..I2s::new() };
    }

    fn set_watched(&mut self, outputs: u64) {
        self.line.set_watched(outputs);
    }

    fn output(&self, output: usize) -> Signal {
        self.line.signal(output)
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        self.line.take_changes()
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        if self.running.is_some() {
            self.receive(surroundings.audio_in(), now);
        }
        self.run_dma(surroundings.memory());
        let form = self.form();
        if let Some((sent, form)) = self.transmit(surroundings.memory(), now).zip(form) {
            let (clock, last) = (self.frames(&clock::TX).clock(sent.first), !self.tx.is_running());
            self.line.carry(clock, &sent.frames, form, last);
            if form.way != Way::Parallel {
                if let Some(line) = surroundings.audio_out() {
                    line.hear(clock, &sent.frames);
                }
            } else if self.feeds_dacs {
                self.convert(clock, sent.frames);
            }
        }
    }
}
