//! The LED PWM controller (ESP32 TRM, chapter "LED PWM Controller (LEDC)"): eight high-speed and eight low-speed channels, each on
//! one of the four timers of its group.
//!
//! No period is ever ticked: a channel's output is described by its period and the time that it is high, and overflows are
//! counted at an access. The deadline is the next interrupt that software has enabled.

mod channel;
mod device;
mod registers;
#[cfg(test)]
mod tests;
mod timer;

use espalier_core::{Frequency, Registers, Signal, Time};

use crate::clocks::{RC_FAST, REF_TICK, XTAL};
use channel::{Change, Channel};
use registers::{REGISTERS, interrupt, reg};
use timer::{Settings, Timer};

/// Channels of the block: eight of the high-speed group, then eight of the low-speed group.
pub const LEDC_CHANNELS: usize = 16;
const TIMERS: usize = 8;
/// Of each group.
const GROUP_CHANNELS: usize = 8;
const GROUP_TIMERS: usize = 4;

/// The output of a channel changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedcChange {
    pub channel: usize,
    pub at: Time,
    pub signal: Signal,
}

espalier_core::persist!(value LedcChange { channel, at, signal });

/// LEDC.
#[derive(Clone, Debug)]
pub struct Ledc {
    registers: Registers,
    apb: Frequency,
    /// The clocks of the chip stand still, except for the RC oscillator.
    gated: bool,
    /// Limit and divider as each timer uses them.
    limits: [u32; TIMERS],
    timers: [Timer; TIMERS],
    channels: [Channel; LEDC_CHANNELS],
    signals: [Signal; LEDC_CHANNELS],
    watched: u16,
    /// The outputs whose changes the deadline covers.
    awaited: u16,
    changes: Vec<LedcChange>,
    /// Until when everything has been followed.
    advanced: Time,
}

espalier_core::persist! {
    state Ledc {
        registers, apb, gated, limits, timers, channels, signals, watched, awaited, changes, advanced
    }
}

impl Default for Ledc {
    fn default() -> Ledc {
        Ledc::new()
    }
}

impl Ledc {
    /// The block after power-on, with the APB at the frequency of the crystal.
    pub fn new() -> Ledc {
        let settings = Settings { clock: REF_TICK, divider: 0, bits: 0, running: false };
        Ledc {
            registers: Registers::new(&REGISTERS),
            apb: XTAL,
            gated: false,
            limits: [0; TIMERS],
            timers: std::array::from_fn(|_| Timer::new(settings)),
            channels: Default::default(),
            signals: [Signal::Level(false); LEDC_CHANNELS],
            watched: 0,
            awaited: 0,
            changes: Vec::new(),
            advanced: Time::ZERO,
        }
    }

    /// The APB clock changes.
    pub fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.follow(now);
        self.apb = apb;
        self.configure_timers(now);
    }

    /// The APB clock stops, as in light sleep, or goes on. Timers on the RC oscillator count all the same.
    pub fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.follow(now);
        self.gated = gated;
        self.configure_timers(now);
    }

    /// Sets which outputs are connected: bit n is channel n. The changes of the others are forgotten.
    pub fn set_watched(&mut self, channels: u16) {
        self.watched = channels;
    }

    /// Returns the output of a channel as of the last access or advance.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn signal(&self, channel: usize) -> Signal {
        self.signals[channel]
    }

    /// Takes the changes of the watched outputs, in the order of each channel's time line.
    pub fn take_changes(&mut self) -> Vec<LedcChange> {
        std::mem::take(&mut self.changes)
    }

    fn timer_conf(&self, timer: usize) -> u32 {
        self.registers.get(reg::HSTIMER0_CONF + registers::timer::STRIDE * timer as u32)
    }

    fn channel_register(&self, channel: usize, register: u32) -> u32 {
        self.registers.get(channel_offset(channel, register))
    }

    fn configure_timers(&mut self, now: Time) {
        for timer in 0..TIMERS {
            let (conf, limits) = (self.timer_conf(timer), self.limits[timer]);
            let slow = timer >= GROUP_TIMERS && self.registers.get(reg::CONF) & reg::CONF::APB_CLK_SEL.mask() == 0;
            let clock = match reg::LSTIMER0_CONF::TICK_SEL.is_set(conf) {
                true if slow => RC_FAST,
                true => self.apb,
                false => REF_TICK,
            };
            let gated = self.gated && clock != RC_FAST;
            let settings = Settings {
                clock,
                divider: reg::LSTIMER0_CONF::DIV_NUM.get(limits),
                bits: reg::LSTIMER0_CONF::DUTY_RES.get(limits),
                running: conf & (reg::LSTIMER0_CONF::PAUSE.mask() | reg::LSTIMER0_CONF::RST.mask()) == 0 && !gated,
            };
            self.timers[timer].configure(settings, now);
            if reg::LSTIMER0_CONF::RST.is_set(conf) {
                self.timers[timer].clear(now);
            }
        }
        for channel in 0..LEDC_CHANNELS {
            self.drive(channel, now);
        }
    }

    /// The timer that a channel follows.
    fn timer_of(&self, channel: usize) -> usize {
        channel / GROUP_CHANNELS * GROUP_TIMERS + self.channels[channel].timer()
    }

    /// Brings everything up to `now`.
    fn follow(&mut self, now: Time) {
        for timer in 0..TIMERS {
            let fresh = self.timers[timer].overflows(now) - self.timers[timer].taken;
            if fresh == 0 {
                continue;
            }
            for channel in 0..LEDC_CHANNELS {
                if self.timer_of(channel) == timer {
                    self.follow_channel(channel, timer, fresh);
                }
            }
            self.timers[timer].taken += fresh;
            self.registers.modify(reg::INT_RAW, 0, interrupt::overflow(timer));
        }
        self.advanced = now;
    }

    fn follow_channel(&mut self, channel: usize, timer: usize, fresh: u64) {
        let mut passed = 0;
        while let Some(wait) = self.channels[channel].waits().filter(|wait| passed + wait <= fresh) {
            passed += wait;
            let Some(at) = self.timers[timer].overflow_at(passed) else { return };
            if self.channels[channel].step() {
                self.registers.modify(reg::INT_RAW, 0, interrupt::duty_end(channel));
                self.registers.modify(
                    channel_offset(channel, registers::channel::CONF1),
                    reg::LSCH0_CONF1::DUTY_START.mask(),
                    0,
                );
            }
            self.drive(channel, at);
        }
        self.channels[channel].pass(fresh - passed);
    }

    /// Looks what a channel puts out from `at` on.
    fn drive(&mut self, channel: usize, at: Time) {
        let signal = self.channels[channel].signal(&self.timers[self.timer_of(channel)], at);
        if signal != self.signals[channel] {
            self.signals[channel] = signal;
            if self.watched >> channel & 1 != 0 {
                self.changes.push(LedcChange { channel, at, signal });
            }
        }
    }

    /// A channel takes over what software has set.
    fn update_channel(&mut self, channel: usize) {
        let register = |register| self.channel_register(channel, register);
        let conf1 = register(registers::channel::CONF1);
        let (hpoint, duty) = (register(registers::channel::HPOINT), register(registers::channel::DUTY));
        let asked = reg::LSCH0_CONF1::DUTY_START.is_set(conf1);
        self.channels[channel].ask(asked.then_some(Change { hpoint, duty, conf1 }));
    }

    fn next_event(&self) -> Option<Time> {
        let wanted = self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW);
        if wanted == 0 && self.awaited == 0 {
            return None;
        }
        // An output that something hears changes when its duty does.
        let awaited = (0..LEDC_CHANNELS).filter(|channel| self.awaited >> channel & 1 != 0);
        let changes = awaited
            .filter_map(|channel| self.timers[self.timer_of(channel)].overflow_at(self.channels[channel].waits()?));
        let overflows = (0..TIMERS)
            .filter(|timer| wanted & interrupt::overflow(*timer) != 0)
            .filter_map(|timer| self.timers[timer].overflow_at(1));
        let ends =
            (0..LEDC_CHANNELS).filter(|channel| wanted & interrupt::duty_end(*channel) != 0).filter_map(|channel| {
                self.timers[self.timer_of(channel)].overflow_at(self.channels[channel].ends_after()?)
            });
        overflows.chain(ends).chain(changes).min()
    }
}

fn channel_offset(channel: usize, register: u32) -> u32 {
    reg::HSCH0_CONF0 + registers::channel::STRIDE * channel as u32 + register
}
