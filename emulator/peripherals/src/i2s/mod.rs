//! I2S, as far as it carries what the SAR ADCs convert into memory (ESP32 TRM, chapter "I2S", section "ADC/DAC Mode").
//!
//! In this mode the bit clock starts a conversion every other cycle, and the results go through the receiving FIFO into the
//! buffers of a linked list. A serial receiver or transmitter is not there, and starting one says so.

mod dma;
mod registers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use espalier_core::{Device, Fidelity, Frequency, Register, Registers, Span, Surroundings, Time, Unmodelled};

use crate::linked_list;
use dma::Buffer;
use registers::{REGISTERS, reg};

/// The source of the block's clocks, PLL_D2_CLK. The audio PLL is taken to run as fast.
const SOURCE: Frequency = Frequency::from_hertz(160_000_000);
/// Cycles of the bit clock between two conversions.
const BITS_PER_SAMPLE: u64 = 2;
/// The ADCs give no more than two million samples a second (ESP32 datasheet, "ADC Characteristics").
const FASTEST: Span = Span::from_nanos(500);
/// Divides the bit clock if its divider is zero.
const LARGEST_BIT_DIVIDER: u64 = 64;

/// When the samples come: the n-th one `n * numerator / denominator` ticks after the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    numerator: u64,
    denominator: u64,
}

impl Rate {
    fn after(self, samples: u64) -> Span {
        Span::from_ticks(samples * self.numerator / self.denominator)
    }
}

/// An I2S controller.
#[derive(Clone, Debug)]
pub struct I2s {
    registers: Registers,
    /// The next descriptor of the receiving list, while it runs.
    link: Option<u32>,
    buffer: Option<Buffer>,
    /// Words since the last end of file.
    words: u32,
    /// Samples that are not in memory yet.
    fifo: VecDeque<u16>,
    /// When conversions began, and how many there have been.
    running: Option<(Time, u64)>,
}

espalier_core::persist!(state I2s { registers, link, buffer, words, fifo, running });

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
            running: None,
        }
    }

    /// Takes the samples that are due at `now` from the ADCs.
    pub fn sample(&mut self, now: Time, mut convert: impl FnMut() -> u16) {
        let rate = self.rate();
        let Some((base, count)) = &mut self.running else { return };
        while *base + rate.after(*count + 1) <= now {
            *count += 1;
            self.fifo.push_back(convert());
        }
    }

    /// True if it takes samples: a change of what the ADCs convert has to be announced by [`I2s::sample`] first.
    pub fn is_sampling(&self) -> bool {
        self.running.is_some()
    }

    fn rate(&self) -> Rate {
        let master = self.registers.get(reg::CLKM_CONF);
        // N + b / a; without a, there is no fraction.
        let (b, a) = match (reg::CLKM_CONF::CLKM_DIV_B.get(master), reg::CLKM_CONF::CLKM_DIV_A.get(master)) {
            (_, 0) => (0, 1),
            (b, a) => (u64::from(b), u64::from(a)),
        };
        let whole = u64::from(reg::CLKM_CONF::CLKM_DIV_NUM.get(master)).max(1);
        let bit = match u64::from(self.registers.field(reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM)) {
            0 => LARGEST_BIT_DIVIDER,
            divider => divider,
        };
        let ticks = SOURCE.cycles(1).ticks();
        Rate { numerator: (ticks * BITS_PER_SAMPLE * bit * (whole * a + b)).max(FASTEST.ticks() * a), denominator: a }
    }

    fn is_adc_mode(&self) -> bool {
        let mode = self.registers.get(reg::CONF2);
        reg::CONF2::LCD_EN.is_set(mode) && mode & reg::CONF2::CAMERA_EN.mask() == 0
    }

    /// Begins and ends conversions, as the registers say.
    fn update(&mut self, rate_before: Rate, now: Time) {
        let started = self.registers.is_set(reg::CONF::RX_START)
            && self.registers.is_set(reg::FIFO_CONF::DSCR_EN)
            && self.is_adc_mode()
            && self.link.is_some();
        match (started, self.running) {
            (false, _) => self.running = None,
            (true, Some(_)) if rate_before == self.rate() => {}
            (true, _) => self.running = Some((now, 0)),
        }
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
}

impl Device for I2s {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "carries samples of the ADCs; the serial receiver and transmitter, LCD, camera and PDM are not there",
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
        let (old, rate) = (self.registers.read(offset)?, self.rate());
        let new = self.registers.write(offset, value)?;
        let mut known = true;
        match offset {
            reg::CONF => {
                if new & (reg::CONF::RX_RESET.mask() | reg::CONF::RX_FIFO_RESET.mask()) != 0 {
                    self.fifo.clear();
                }
                let risen = new & !old;
                known =
                    !reg::CONF::TX_START.is_set(risen) && (!reg::CONF::RX_START.is_set(risen) || self.is_adc_mode());
            }
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::IN_LINK => self.in_link_written(new),
            reg::OUT_LINK => {
                known = new & (reg::IN_LINK::INLINK_START.mask() | reg::IN_LINK::INLINK_RESTART.mask()) == 0
            }
            reg::LC_CONF if reg::LC_CONF::IN_RST.is_set(new) => self.stop_link(),
            _ => {}
        }
        self.update(rate, now);
        if known { Ok(()) } else { Err(Unmodelled) }
    }

    /// When the buffer that is being filled is full.
    fn deadline(&self) -> Option<Time> {
        let (base, count) = self.running?;
        Some(base + self.rate().after(count + self.samples_to_fill().max(1)))
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    fn reset(&mut self) {
        *self = I2s::new();
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, _now: Time) {
        self.run_dma(surroundings.memory());
    }
}
