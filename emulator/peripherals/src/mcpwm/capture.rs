//! The capture timer and its channels, which note its value at the edges of their inputs.

use espalier_core::{Counter, Field, Frequency, Registers, Span, Time};

use super::registers::reg;

pub(super) const CHANNELS: usize = 3;
/// Bits of MODE.
const FALLING: u32 = 1;
const RISING: u32 = 2;
const WORD: u32 = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    /// Behind the inversion.
    level: bool,
    /// Rising edges since the one that passed the prescaler.
    skipped: u32,
    /// The rising edge of this pulse passed it.
    passes: bool,
}

espalier_core::persist!(value Channel { level, skipped, passes });

#[derive(Clone, Debug)]
pub(super) struct Capture {
    timer: Counter,
    apb: Frequency,
    /// The last sync, and the phase that the timer took over.
    synced: Option<Time>,
    phase: u32,
    channels: [Channel; CHANNELS],
}

espalier_core::persist!(value Capture { timer, apb, synced, phase, channels });

fn config(registers: &Registers, channel: usize, field: Field) -> u32 {
    registers.field(field.at(WORD * channel as u32))
}

/// Whether a channel captures.
pub(super) fn listens(registers: &Registers, channel: usize) -> bool {
    config(registers, channel, reg::CAP_CH_CFG::EN) != 0
}

impl Capture {
    pub(super) fn new(apb: Frequency) -> Capture {
        Capture { timer: Counter::new(apb), apb, synced: None, phase: 0, channels: [Channel::default(); CHANNELS] }
    }

    pub(super) fn set_clock(&mut self, apb: Frequency, now: Time) {
        self.apb = apb;
        self.timer.set_clock(apb, now);
    }

    pub(super) fn set_running(&mut self, running: bool, now: Time) {
        if running != self.timer.is_running() {
            self.timer.set_running(running, now);
        }
    }

    /// Takes over the phase.
    pub(super) fn sync(&mut self, phase: u32, now: Time) {
        (self.synced, self.phase) = (Some(now), phase);
        self.timer.set_value(u64::from(phase), now);
    }

    pub(super) fn clock(&self) -> Frequency {
        self.apb
    }

    /// The sync of the last round is left out for as long as `by` says, if it came since `since`.
    pub(super) fn delay(&mut self, by: Span, since: Time) {
        if let Some(synced) = self.synced.filter(|synced| *synced >= since) {
            let phase = self.phase;
            self.sync(phase, synced + by);
        }
    }

    /// The line at a channel has been connected, which is no edge.
    pub(super) fn connect(&mut self, registers: &Registers, channel: usize, level: bool) {
        self.channels[channel].level = level != (config(registers, channel, reg::CAP_CH_CFG::IN_INVERT) != 0);
    }

    /// The line at a channel has a level at `at`. True if that is captured.
    pub(super) fn set_input(&mut self, registers: &mut Registers, channel: usize, level: bool, at: Time) -> bool {
        let level = level != (config(registers, channel, reg::CAP_CH_CFG::IN_INVERT) != 0);
        let state = &mut self.channels[channel];
        if level == state.level || !listens(registers, channel) {
            state.level = level;
            return false;
        }
        state.level = level;
        let mode = config(registers, channel, reg::CAP_CH_CFG::MODE);
        let prescale = config(registers, channel, reg::CAP_CH_CFG::PRESCALE);
        if level {
            state.passes = state.skipped >= prescale;
            state.skipped = if state.passes { 0 } else { state.skipped + 1 };
        }
        let captured = (state.passes || prescale == 0) && mode & if level { RISING } else { FALLING } != 0;
        if captured {
            let edge = reg::CAP_STATUS::CAP0_EDGE.mask() << channel;
            registers.modify(reg::CAP_STATUS, edge, if level { 0 } else { edge });
            self.take(registers, channel, at);
        }
        captured
    }

    /// A channel notes the timer.
    pub(super) fn take(&self, registers: &mut Registers, channel: usize, at: Time) {
        registers.set(reg::CAP_CH + WORD * channel as u32, self.timer.value(at) as u32);
    }

    /// Nothing has come to a channel yet.
    pub(super) fn restart(&mut self, channel: usize) {
        let state = &mut self.channels[channel];
        (state.skipped, state.passes) = (0, false);
    }
}
