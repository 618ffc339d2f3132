//! The transmitter: buffers of a linked list become frames on the data lines, at the pace of the bit clock.
//!
//! Only the ends of buffers are events. What is in a buffer is told to the parts at its end, or earlier if a register is
//! accessed.

use espalier_core::{AudioFrame, DmaFault, GuestMemory, Time};

use super::I2s;
use super::clock::TX;
use super::format::Format;
use super::line::{Form, Way};
use super::registers::{FIFO_16_SINGLE, FIFO_32_SINGLE, reg};
use crate::linked_list::{self, Descriptor, OWNER};

const WORD: u32 = 4;
/// TX_CHAN_MOD: both channels carry what is in the left one, or the right one.
const MONO: u32 = 1;
const MONO_OTHER: u32 = 2;

/// The buffer that is being sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    descriptor: Descriptor,
    /// Words of it that were sent.
    sent: u32,
}

espalier_core::persist!(value Outgoing { descriptor, sent });

impl Outgoing {
    fn words_left(&self) -> u32 {
        (self.descriptor.length() / WORD).saturating_sub(self.sent)
    }
}

/// The transmitter.
#[derive(Clone, Debug, Default)]
pub(super) struct Transmitter {
    /// The next descriptor, while the list runs.
    pub link: Option<u32>,
    outgoing: Option<Outgoing>,
    /// When frames began, and how many were sent since.
    running: Option<(Time, u64)>,
}

espalier_core::persist!(value Transmitter { link, outgoing, running });

impl Transmitter {
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }
}

/// Frames of a time without a gap, from the first one on.
pub(super) struct Sent {
    pub first: Time,
    pub frames: Vec<AudioFrame>,
}

impl I2s {
    fn tx_format(&self) -> Format {
        let forced = self.registers.is_set(reg::FIFO_CONF::TX_FIFO_MOD_FORCE_EN);
        // ESP-IDF's driver of parallel displays leaves the mode to the controller: one datum a word if it is wide, two if it is not.
        let mode = match self.registers.field(TX.bits) {
            _ if forced || !self.is_lcd() => self.registers.field(reg::FIFO_CONF::TX_FIFO_MOD),
            ..=16 => FIFO_16_SINGLE,
            _ => FIFO_32_SINGLE,
        };
        Format::new(mode, self.registers.is_set(reg::CONF::TX_MSB_RIGHT))
    }

    /// The form of its frames on the lines; none if it cannot do what it is set to.
    pub(super) fn form(&self) -> Option<Form> {
        let (pdm, mode) = (self.registers.get(reg::PDM_CONF), self.registers.get(reg::CONF2));
        let doubled = reg::CONF2::LCD_TX_WRX2_EN.mask() | reg::CONF2::LCD_TX_SDX2_EN.mask();
        let way = match (self.is_lcd(), reg::PDM_CONF::TX_PDM_EN.is_set(pdm)) {
            _ if self.registers.is_set(reg::CONF::TX_SLAVE_MOD) => return None,
            (true, _) => (mode & doubled == 0).then_some(Way::Parallel)?,
            (false, true) => reg::PDM_CONF::PCM2PDM_CONV_EN.is_set(pdm).then_some(Way::Density)?,
            (false, false) => Way::Serial,
        };
        Some(Form {
            way,
            bits: self.registers.field(TX.bits),
            late: self.registers.is_set(reg::CONF::TX_MSB_SHIFT),
            right_first: self.registers.is_set(reg::CONF::TX_RIGHT_FIRST),
            clocks: self.clocks_of_frame(&TX),
        })
    }

    /// Begins and ends frames, as the registers say. `changed` is whether the clock is another one.
    pub(super) fn update_transmitter(&mut self, changed: bool, now: Time) {
        let started = self.registers.is_set(reg::CONF::TX_START)
            && self.registers.is_set(reg::FIFO_CONF::DSCR_EN)
            && self.form().is_some()
            && self.tx.link.is_some();
        match (started, self.tx.running) {
            (false, _) => self.tx.running = None,
            (true, Some(_)) if !changed => {}
            (true, _) => self.tx.running = Some((now, 0)),
        }
    }

    pub(super) fn stop_transmitting(&mut self) {
        self.tx = Transmitter::default();
    }

    /// When the buffer that is being sent is at its end.
    pub(super) fn sent_at(&self) -> Option<Time> {
        let (base, frames) = self.tx.running?;
        let format = self.tx_format();
        let groups =
            self.tx.outgoing.as_ref().map_or(0, |buffer| u64::from(buffer.words_left()) / format.words_per_group());
        Some(base + self.frames(&TX).after(frames + (groups * format.frames_per_group()).max(1)))
    }

    /// Sends the frames that are due.
    pub(super) fn transmit(&mut self, memory: &mut dyn GuestMemory, now: Time) -> Option<Sent> {
        let (base, before) = self.tx.running?;
        let mut sent = Sent { first: base + self.frames(&TX).after(before), frames: Vec::new() };
        let mut empty = 0;
        while self.tx.running.is_some() {
            match self.send_from_buffer(memory, now, &mut sent.frames) {
                // On silicon, the DMA would run in a circle of empty buffers for ever.
                Ok(Some(0)) if empty < linked_list::MAX_EMPTY => empty += 1,
                Ok(None) => break,
                Ok(Some(words)) if words > 0 => empty = 0,
                Ok(Some(_)) | Err(DmaFault { .. }) => {
                    self.stop_transmitting();
                    self.raise(reg::INT_RAW::OUT_DSCR_ERR.mask());
                }
            }
        }
        (!sent.frames.is_empty()).then_some(sent)
    }

    /// Sends what is due of one buffer. Returns the number of its words once all are sent.
    fn send_from_buffer(
        &mut self,
        memory: &mut dyn GuestMemory,
        now: Time,
        into: &mut Vec<AudioFrame>,
    ) -> Result<Option<u32>, DmaFault> {
        let (Some((base, frames)), Some(address)) = (self.tx.running, self.tx.link) else { return Ok(None) };
        let mut buffer = match self.tx.outgoing.take() {
            Some(buffer) => buffer,
            None => Outgoing { descriptor: Descriptor::read(address, memory)?, sent: 0 },
        };
        if self.registers.is_set(reg::LC_CONF::CHECK_OWNER) && !buffer.descriptor.is_for_dma() {
            return Err(DmaFault { address });
        }
        self.registers.set(reg::OUTLINK_DSCR, address);
        let format = self.tx_format();
        let due = self.frames(&TX).count(now.since(base)).saturating_sub(frames) / format.frames_per_group();
        let words_per_group = format.words_per_group() as u32;
        let groups = (buffer.words_left() / words_per_group).min(due.min(u64::from(u32::MAX)) as u32);
        for _ in 0..groups {
            let mut words = [0; 2];
            for word in words.iter_mut().take(words_per_group as usize) {
                *word = memory.read_u32(buffer.descriptor.buffer.wrapping_add(WORD * buffer.sent))?;
                buffer.sent += 1;
            }
            into.extend(
                format.frames(&words[..words_per_group as usize]).into_iter().map(|frame| self.on_channels(frame)),
            );
        }
        self.tx.running = Some((base, frames + u64::from(groups) * format.frames_per_group()));
        if buffer.words_left() >= words_per_group {
            self.tx.outgoing = Some(buffer);
            return Ok(None);
        }
        self.finish_outgoing(&buffer, memory)?;
        Ok(Some(buffer.sent))
    }

    fn on_channels(&self, [left, right]: AudioFrame) -> AudioFrame {
        let right_above = self.registers.is_set(reg::CONF::TX_MSB_RIGHT);
        match self.registers.field(reg::CONF_CHAN::TX_CHAN_MOD) {
            MONO if right_above => [right; 2],
            MONO_OTHER if !right_above => [right; 2],
            MONO | MONO_OTHER => [left; 2],
            _ => [left, right],
        }
    }

    fn finish_outgoing(&mut self, buffer: &Outgoing, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let descriptor = &buffer.descriptor;
        if self.registers.is_set(reg::LC_CONF::OUT_AUTO_WRBACK) {
            let control = memory.read_u32(descriptor.address)?;
            memory.write_u32(descriptor.address, control & !OWNER)?;
        }
        self.raise(reg::INT_RAW::OUT_DONE.mask());
        if descriptor.is_end() {
            self.registers.set(reg::OUT_EOF_DES_ADDR, descriptor.address);
            self.raise(reg::INT_RAW::OUT_EOF.mask());
        }
        if descriptor.next == 0 {
            self.stop_transmitting();
            self.raise(reg::INT_RAW::OUT_TOTAL_EOF.mask());
        } else {
            self.tx.link = Some(descriptor.next);
        }
        Ok(())
    }

    pub(super) fn out_link_written(&mut self, value: u32) {
        if reg::OUT_LINK::OUTLINK_STOP.is_set(value) {
            self.stop_transmitting();
        }
        if value & (reg::OUT_LINK::OUTLINK_START.mask() | reg::OUT_LINK::OUTLINK_RESTART.mask()) != 0 {
            self.stop_transmitting();
            self.tx.link = Some(linked_list::BASE | value & reg::OUT_LINK::OUTLINK_ADDR.mask());
        }
    }
}
