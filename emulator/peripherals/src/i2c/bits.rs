//! A master's activity bit by bit, on wires that another controller or another board hears (UM10204, chapters 3.1.3 to 3.1.8).
//!
//! SDA changes an eighth of a bit after SCL has fallen, SCL rises in the middle, and SDA is sampled a quarter of a bit later. A driver that
//! holds SCL low makes the master wait. Targets that are parts of the board still get whole bytes; the levels that they drive are put on the
//! wires for them.

use std::collections::VecDeque;

use espalier_core::{I2cTarget, Span, Time};

use super::I2c;
use super::regs::reg;
use super::steps::{BITS_PER_BYTE, Phase, RELEASED, Step};
use super::wires::{SCL, SDA};

const DATA_BITS: u64 = BITS_PER_BYTE - 1;

/// One thing that happens on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Clock(bool),
    Data(bool),
    /// SCL has to be high before it goes on.
    Wait,
    /// SDA is sampled; while it carries a bit of the master's, a zero for a one is a lost arbitration.
    Sample {
        own: bool,
    },
    /// The parts on the bus get the byte, and drive its acknowledge.
    Tell(u8),
    /// They have the byte that is to be read.
    Ask,
    /// They drive this bit of it.
    Answer(u8),
    Finish,
}

espalier_core::persist!(
    enum Act { Clock(level), Data(level), Wait, Sample { own }, Tell(byte), Ask, Answer(bit), Finish }
);

/// Where the activity stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    plan: VecDeque<(Time, Act)>,
    /// The time-out of a clock that another driver holds low.
    held: Option<Time>,
    released: Time,
    timed_out: bool,
    /// The bits that were sampled, the last one lowest, once there are any.
    sampled: Option<u16>,
    /// The byte that the parts on the bus expect, and the one that they send.
    parts: Phase,
    answer: u8,
}

espalier_core::persist!(value Bits { plan, held, released, timed_out, sampled, parts, answer });

impl Bits {
    pub(super) fn are_planned(&self) -> bool {
        !self.plan.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.held {
            Some(due) => (due < Time::MAX).then_some(due),
            None => self.plan.front().map(|(at, _)| *at),
        }
    }

    /// A START has passed.
    pub(super) fn start(&mut self) {
        self.parts = Phase::Address;
    }

    /// The byte that was read, without its acknowledge.
    pub(super) fn take_byte(&mut self) -> Option<u8> {
        self.sampled.take().map(|bits| (bits >> 1) as u8)
    }

    pub(super) fn take_acknowledge(&mut self) -> Option<bool> {
        self.sampled.take().map(|bits| bits & 1 == 0)
    }

    /// SCL has risen, which the master may have waited for.
    pub(super) fn clock_rises(&mut self, at: Time) {
        if self.held.take().is_some() {
            let late = at.since(self.released);
            self.plan.iter_mut().for_each(|(due, _)| *due += late);
            self.timed_out = false;
        }
    }
}

fn part(bit: Span, eighths: u64) -> Span {
    Span::from_ticks(bit.ticks() * eighths / 8)
}

impl I2c {
    pub(super) fn plan_start(&mut self, setup: Span, hold: Span, at: Time) {
        let acts = [
            (at, Act::Data(true)),
            (at + part(setup, 4), Act::Clock(true)),
            (at + setup, Act::Wait),
            (at + setup, Act::Data(false)),
            (at + setup + hold, Act::Clock(false)),
            (at + setup + hold, Act::Finish),
        ];
        self.master.bits().plan = acts.into();
    }

    pub(super) fn plan_stop(&mut self, at: Time) {
        let setup = self.apb.cycles(self.registers.get(reg::SCL_STOP_SETUP).into());
        let hold = self.apb.cycles(self.registers.get(reg::SCL_STOP_HOLD).into());
        let acts = [
            (at, Act::Data(false)),
            (at + part(setup, 4), Act::Clock(true)),
            (at + setup, Act::Wait),
            (at + setup, Act::Data(true)),
            (at + setup + hold, Act::Finish),
        ];
        self.master.bits().plan = acts.into();
    }

    /// A byte and its acknowledge; a master that reads acknowledges with `level`.
    pub(super) fn plan_byte(&mut self, step: Step, level: bool, at: Time) {
        let bit = self.bit_time();
        let mut plan = VecDeque::new();
        for place in 0..=DATA_BITS {
            let held = if place == DATA_BITS { self.stretch } else { Span::ZERO };
            let begin = at + bit * place;
            let data = match (step, place) {
                (Step::Write(byte), DATA_BITS) => Act::Tell(byte),
                (Step::Write(byte), _) => Act::Data(byte << place & 0x80 != 0),
                (_, DATA_BITS) => Act::Data(level),
                (_, _) => Act::Answer(place as u8),
            };
            if data == Act::Answer(0) {
                plan.push_back((begin + part(bit, 1), Act::Ask));
            }
            plan.push_back((begin + part(bit, 1), data));
            plan.push_back((begin + held + part(bit, 4), Act::Clock(true)));
            plan.push_back((begin + held + part(bit, 6), Act::Wait));
            plan.push_back((
                begin + held + part(bit, 6),
                Act::Sample { own: matches!(data, Act::Data(true)) && place < DATA_BITS },
            ));
            plan.push_back((begin + held + bit, Act::Clock(false)));
        }
        plan.push_back((at + bit * BITS_PER_BYTE + self.stretch, Act::Finish));
        let bits = self.master.bits();
        (bits.plan, bits.sampled, bits.held) = (plan, None, None);
    }

    /// Does what is due at one instant: what follows has to see the levels that come of it.
    pub(super) fn run_bits(&mut self, bus: &mut dyn I2cTarget, now: Time) {
        if let Some(at) = self.master.bits().held.filter(|due| *due <= now) {
            return self.wait_longer(at);
        }
        let Some((instant, _)) = self.master.bits().plan.front().copied().filter(|(due, _)| *due <= now) else {
            return;
        };
        while let Some((at, act)) = self.master.bits().plan.front().copied().filter(|(due, _)| *due == instant) {
            if act == Act::Wait && !self.wires.line(SCL) {
                let time_out = self.apb.cycles(self.registers.get(reg::TO).into());
                let bits = self.master.bits();
                bits.held = Some(bits.released + time_out);
                return;
            }
            self.master.bits().plan.pop_front();
            self.act(act, at, bus);
        }
    }

    /// SCL was held low for longer than the time-out.
    fn wait_longer(&mut self, at: Time) {
        let bits = self.master.bits();
        // It is told once, and the master goes on waiting.
        bits.held = Some(Time::MAX);
        if !std::mem::replace(&mut bits.timed_out, true) && at != Time::MAX {
            self.set_status(reg::SR::TIME_OUT.mask(), reg::SR::TIME_OUT.mask());
            self.raise(reg::INT_RAW::TIME_OUT.mask());
        }
    }

    fn act(&mut self, act: Act, at: Time, bus: &mut dyn I2cTarget) {
        match act {
            Act::Clock(level) => {
                self.wires.set(SCL, level, at);
                self.master.bits().released = at;
            }
            Act::Data(level) => self.wires.set(SDA, level, at),
            Act::Wait => {}
            Act::Sample { own } => {
                let level = self.wires.line(SDA);
                if own && !level {
                    self.master.bits().plan.clear();
                    self.master.bits().sampled = None;
                    return self.lose_arbitration();
                }
                let bits = self.master.bits();
                bits.sampled = Some(bits.sampled.unwrap_or(0) << 1 | u16::from(level));
            }
            Act::Tell(byte) => {
                let acknowledged = self.master.bits().parts.write(byte, bus, at);
                self.wires.set(SDA, !acknowledged, at);
            }
            Act::Ask => {
                let bits = self.master.bits();
                bits.answer = if bits.parts == Phase::Read { bus.read(at) } else { RELEASED };
            }
            Act::Answer(bit) => {
                let level = self.master.bits().answer << bit & 0x80 != 0;
                self.wires.set(SDA, level, at);
            }
            Act::Finish => self.finish_bits(at, bus),
        }
    }
}
