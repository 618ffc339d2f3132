//! A motor control PWM unit (ESP32 TRM, chapter "Motor Control PWM (MCPWM)"): three timers, three operators with two outputs each,
//! three fault inputs and three capture channels.
//!
//! No timer is ever ticked. The unit goes from one event to the next, events being where a timer comes to zero, to its period or
//! to a comparator, and where a delayed edge comes out. Once a timer and its operators begin a cycle as they began the last one or
//! the one before, all that follows repeats itself: each output that is one pulse is described by its period and the time that it
//! is high, and cycles are left out until a register is written or an input changes.
//!
//! Behaviour on which the manual is silent:
//! * A timer that starts at zero, or takes over a phase, comes to that value as one that counts there does.
//! * A timer that counts up and down is counting down at its period and up at zero, as firmware for stepper motors expects.
//! * A carrier begins each period low, so that the first pulse is as long as the manual says.
//! * A fault that is still there trips again as soon as it may. One that may not act on an output leaves it.
//! * A continuous force that ends leaves its level until the next event.

mod capture;
mod carrier;
mod dead_time;
mod device;
mod group;
mod operator;
mod registers;
#[cfg(test)]
mod tests;
mod timer;
mod trip;

use espalier_core::{Field, Frequency, OutputChange, Registers, Signal, Span, Time};

use crate::clocks::XTAL;
use capture::Capture;
use group::{Group, Output, State};
use operator::{Moment, Operator, Settings};
use registers::{REGISTERS, SYNC_TAKEN, TIMER_STRIDE, cfg1, period_update, reg, sync_in, sync_out};
use timer::{Stop, Timer};
use trip::Kind;

/// Outputs of a unit: A and B of operator 0, then of 1, then of 2.
pub const MCPWM_OUTPUTS: usize = 6;
/// Timers of a unit, and operators.
const TIMERS: usize = 3;
/// Inputs of each kind: of sync, of faults and of captures, in this order.
const INPUTS: usize = 3;
/// PLL_F160M, which the units divide.
const CLOCK: Frequency = Frequency::from_hertz(160_000_000);
/// The longest time for which the changes of an output are kept back that something looks at but does not wait for.
const REPORT_EVERY: Span = Span::from_millis(1);

/// A unit.
#[derive(Clone, Debug)]
pub struct Mcpwm {
    registers: Registers,
    timers: [Timer; TIMERS],
    operators: [Operator; TIMERS],
    groups: [Group; TIMERS],
    outputs: [Output; MCPWM_OUTPUTS],
    capture: Capture,
    /// Levels of the inputs for sync and faults.
    levels: u32,
    /// Faults that are there.
    faults: u32,
    watched: u32,
    /// The outputs whose changes the deadline covers.
    awaited: u32,
    changes: Vec<OutputChange>,
    /// Until when everything has been followed.
    advanced: Time,
    /// Since when the clock stands still.
    gated: Option<Time>,
}

espalier_core::persist! {
    state Mcpwm {
        registers, timers, operators, groups, outputs, capture, levels, faults, watched, awaited, changes, advanced, gated
    }
}

impl Default for Mcpwm {
    fn default() -> Mcpwm {
        Mcpwm::new()
    }
}

/// The bits of one operator or timer in a register that has one for each.
fn bit(of_first: Field, index: usize) -> u32 {
    of_first.mask() << index
}

impl Mcpwm {
    /// The unit after reset, with the APB at the frequency of the crystal.
    pub fn new() -> Mcpwm {
        let registers = Registers::new(&REGISTERS);
        let period = registers.field(reg::TIMER0_CFG0::PERIOD);
        Mcpwm {
            registers,
            timers: [Timer::new(CLOCK.cycles(1), period); TIMERS],
            operators: [Operator::new(); TIMERS],
            groups: Default::default(),
            outputs: std::array::from_fn(|_| Output::new()),
            capture: Capture::new(XTAL),
            levels: 0,
            faults: 0,
            watched: 0,
            awaited: 0,
            changes: Vec::new(),
            advanced: Time::ZERO,
            gated: None,
        }
    }

    fn timer_field(&self, timer: usize, field: Field) -> u32 {
        self.registers.field(field.at(TIMER_STRIDE * timer as u32))
    }

    /// A cycle of PWM_clk.
    fn clock(&self) -> Span {
        CLOCK.cycles(u64::from(self.registers.field(reg::CLK_CFG::CLK_PRESCALE)) + 1)
    }

    /// The timer that an operator follows. The selection of one that does not exist takes the last one.
    fn timer_of(&self, operator: usize) -> usize {
        let fields = [
            reg::OPERATOR_TIMERSEL::OPERATOR0_TIMERSEL,
            reg::OPERATOR_TIMERSEL::OPERATOR1_TIMERSEL,
            reg::OPERATOR_TIMERSEL::OPERATOR2_TIMERSEL,
        ];
        (self.registers.field(fields[operator]) as usize).min(TIMERS - 1)
    }

    fn operators_of(&self, timer: usize) -> impl Iterator<Item = usize> + use<> {
        let timers: [usize; TIMERS] = std::array::from_fn(|operator| self.timer_of(operator));
        (0..TIMERS).filter(move |operator| timers[*operator] == timer)
    }

    /// Runs `then` with an operator and its settings.
    fn with_operator<T>(&mut self, operator: usize, then: impl FnOnce(&mut Operator, &Settings<'_>) -> T) -> T {
        let settings = Settings {
            operator: operator as u32,
            clock: self.clock(),
            tick: self.timers[self.timer_of(operator)].tick,
            registers: &self.registers,
        };
        then(&mut self.operators[operator], &settings)
    }

    fn raise(&mut self, interrupts: u32) {
        self.registers.modify(reg::INT_RAW, 0, interrupts);
        for group in &mut self.groups {
            group.raise(interrupts);
        }
    }

    // Groups: a timer with its operators, or all of them if one timer syncs another.

    fn is_coupled(&self) -> bool {
        (0..TIMERS).any(|timer| {
            self.timer_field(timer, reg::TIMER0_SYNC::SYNCI_EN) != 0
                && (sync_in::TIMER0..sync_in::EXTERNAL0).contains(&self.sync_source(timer))
        })
    }

    fn sync_source(&self, timer: usize) -> u32 {
        let select = reg::TIMER_SYNCI_CFG::TIMER0_SYNCISEL;
        self.registers.get(reg::TIMER_SYNCI_CFG) >> (select.width * timer as u32) & select.max()
    }

    /// The timer whose cycles are those of the group of a timer.
    fn group_of(&self, timer: usize) -> usize {
        if !self.is_coupled() {
            return timer;
        }
        let moving = (0..TIMERS).filter(|timer| self.timers[*timer].moves());
        moving
            .max_by_key(|timer| (self.timers[*timer].tick * self.timers[*timer].cycle(), TIMERS - timer))
            .unwrap_or(timer)
    }

    fn outputs_of(&self, group: usize) -> impl Iterator<Item = usize> + use<> {
        let groups: [usize; TIMERS] = std::array::from_fn(|operator| self.group_of(self.timer_of(operator)));
        (0..MCPWM_OUTPUTS).filter(move |output| groups[output / 2] == group)
    }

    /// Something comes from outside: what outputs do from here on has to be seen.
    fn disturb(&mut self) {
        for group in &mut self.groups {
            group.disturb();
        }
    }

    // Events.

    /// When a timer next comes to zero, to its period or to a comparator.
    fn arrival(&self, timer: usize) -> Option<Time> {
        let state = &self.timers[timer];
        let compared = self.operators_of(timer).flat_map(|operator| self.operators[operator].compare);
        [0, state.period].into_iter().chain(compared).filter_map(|count| state.arrives(count)).min()
    }

    /// When something next happens to a timer and its operators.
    fn next_of(&self, timer: usize) -> Option<Time> {
        let delayed = self.operators_of(timer).filter_map(|operator| self.operators[operator].due());
        // Where a description has edges that the output may not have.
        let unsure = self.groups[self.group_of(timer)].round.is_none();
        let outputs = self.operators_of(timer).flat_map(|operator| [2 * operator, 2 * operator + 1]);
        let described = outputs.map(|output| &self.outputs[output]).filter(|output| unsure && output.is_described);
        let described = described.filter_map(|output| Some(output.told.next_edge(self.advanced)?.0));
        delayed.chain(described).chain(self.arrival(timer)).min()
    }

    /// Brings everything up to `now`.
    fn follow(&mut self, now: Time) {
        if self.gated.is_some() {
            return;
        }
        for group in 0..TIMERS {
            self.leave_out(group, now);
        }
        while let Some(at) = (0..TIMERS).filter_map(|timer| self.next_of(timer)).min().filter(|at| *at <= now) {
            self.advanced = at;
            let mut synced = [false; TIMERS];
            for timer in 0..TIMERS {
                if self.arrival(timer) == Some(at) {
                    self.timers[timer].follow(at);
                    self.arrive(timer, &mut synced, at);
                }
            }
            self.settle(at);
            for timer in 0..TIMERS {
                if self.timers[timer].count == 0 && self.timers[timer].since == at && self.group_of(timer) == timer {
                    self.begin_cycle(timer, at);
                    self.leave_out(timer, now);
                }
            }
        }
        self.advanced = self.advanced.max(now);
    }

    /// A timer has come to a value.
    fn arrive(&mut self, timer: usize, synced: &mut [bool; TIMERS], at: Time) {
        let Timer { count, down, period, stop, .. } = self.timers[timer];
        let (zero, top) = (count == 0, count == period);
        if zero {
            self.update_period(timer, period_update::ZERO, at);
            self.raise(bit(reg::INT_RAW::TIMER0_TEZ, timer));
        }
        if top {
            self.raise(bit(reg::INT_RAW::TIMER0_TEP, timer));
        }
        for operator in self.operators_of(timer) {
            self.operate(operator, (zero, top), count, down);
        }
        if stop == Stop::AtZero && zero || stop == Stop::AtPeriod && top {
            self.timers[timer].running = false;
            self.raise(bit(reg::INT_RAW::TIMER0_STOP, timer));
            let start = reg::TIMER0_CFG1::START.at(TIMER_STRIDE * timer as u32);
            let stopped = if stop == Stop::AtZero { cfg1::STOP_AT_ZERO } else { cfg1::STOP_AT_PERIOD };
            self.registers.set_field(start, stopped);
        }
        match self.timer_field(timer, reg::TIMER0_SYNC::SYNCO_SEL) {
            sync_out::ZERO if zero => self.sync_out(timer, synced, at),
            sync_out::PERIOD if top => self.sync_out(timer, synced, at),
            _ => {}
        }
    }

    /// The timer of an operator has come to a value.
    fn operate(&mut self, operator: usize, (zero, top): (bool, bool), count: u32, down: bool) {
        for moment in [zero.then_some(Moment::Zero), top.then_some(Moment::Period)].into_iter().flatten() {
            self.update_operator(operator, moment);
            self.refresh_trip(operator, moment);
        }
        let compared = self.operators[operator].compare.map(|value| value == count);
        for (comparator, interrupt) in [reg::INT_RAW::CMPR0_TEA, reg::INT_RAW::CMPR0_TEB].into_iter().enumerate() {
            if compared[comparator] {
                self.raise(bit(interrupt, operator));
                self.update_operator(operator, Moment::Compared(comparator));
            }
        }
        use reg::GEN0_A as action;
        // Of events at one time, the one with the highest priority comes last (TRM, tables of the priorities of events).
        let events = match down {
            false => {
                [(zero, action::UTEZ), (compared[0], action::UTEA), (compared[1], action::UTEB), (top, action::UTEP)]
            }
            true => {
                [(top, action::DTEP), (compared[0], action::DTEA), (compared[1], action::DTEB), (zero, action::DTEZ)]
            }
        };
        for (_, event) in events.into_iter().filter(|(comes, _)| *comes) {
            self.operators[operator].act(event);
        }
    }

    fn update_operator(&mut self, operator: usize, moment: Moment) {
        let updated = self.with_operator(operator, |state, settings| state.update(settings, moment));
        for (comparator, full) in
            [reg::GEN0_STMP_CFG::A_SHDW_FULL, reg::GEN0_STMP_CFG::B_SHDW_FULL].into_iter().enumerate()
        {
            if updated[comparator] {
                self.registers.set_field(full.at(registers::OPERATOR_STRIDE * operator as u32), 0);
            }
        }
    }

    /// The active period takes what software wrote, if it does so at this moment.
    fn update_period(&mut self, timer: usize, moment: u32, at: Time) {
        let method = self.timer_field(timer, reg::TIMER0_CFG0::PERIOD_UPMETHOD);
        if self.registers.is_set(reg::UPDATE_CFG::GLOBAL_UP_EN) && (method == 0 || method & moment != 0) {
            self.load_period(timer, at);
        }
    }

    fn load_period(&mut self, timer: usize, at: Time) {
        self.timers[timer].follow(at);
        self.timers[timer].period = self.timer_field(timer, reg::TIMER0_CFG0::PERIOD);
    }

    // Sync.

    /// The sync output of a timer pulses.
    fn sync_out(&mut self, timer: usize, synced: &mut [bool; TIMERS], at: Time) {
        let source = sync_in::TIMER0 + timer as u32;
        self.sync_capture(source, at);
        for other in 0..TIMERS {
            if self.sync_source(other) == source {
                self.sync(other, synced, at);
            }
        }
    }

    /// The sync input of a timer pulses. Of a ring of timers, each one hears it once.
    fn sync(&mut self, timer: usize, synced: &mut [bool; TIMERS], at: Time) {
        if std::mem::replace(&mut synced[timer], true) {
            return;
        }
        if self.timer_field(timer, reg::TIMER0_SYNC::SYNCI_EN) != 0 {
            self.take_phase(timer, synced, at);
        }
        if self.timer_field(timer, reg::TIMER0_SYNC::SYNCO_SEL) == sync_out::SYNC_IN {
            self.sync_out(timer, synced, at);
        }
    }

    fn take_phase(&mut self, timer: usize, synced: &mut [bool; TIMERS], at: Time) {
        let phase = self.timer_field(timer, reg::TIMER0_SYNC::PHASE);
        let down = self.timer_field(timer, reg::TIMER0_SYNC::PHASE_DIRECTION) != 0;
        self.update_period(timer, period_update::SYNC, at);
        self.timers[timer].load(phase, down, at);
        for operator in self.operators_of(timer) {
            self.update_operator(operator, Moment::Sync);
            self.trigger(operator, SYNC_TAKEN);
        }
        if self.timers[timer].moves() {
            self.arrive(timer, synced, at);
        }
    }

    /// The event T0 or T1 of an operator has this source.
    fn trigger(&mut self, operator: usize, source: u32) {
        use reg::{GEN0_A as action, GEN0_CFG0 as cfg0};
        let down = self.timers[self.timer_of(operator)].down;
        let events = if down { [action::DT0, action::DT1] } else { [action::UT0, action::UT1] };
        for (select, event) in [cfg0::T0_SEL, cfg0::T1_SEL].into_iter().zip(events) {
            if self.with_operator(operator, |_, settings| settings.field(select)) == source {
                self.operators[operator].act(event);
            }
        }
    }

    fn sync_capture(&mut self, source: u32, at: Time) {
        use reg::CAP_TIMER_CFG as cfg;
        if self.registers.is_set(cfg::SYNCI_EN) && self.registers.field(cfg::SYNCI_SEL) == source {
            self.capture.sync(self.registers.get(reg::CAP_TIMER_PHASE), at);
        }
    }

    // Faults.

    /// Looks which faults are there, and what they do.
    fn look_at_faults(&mut self, at: Time) {
        let (mut faults, config) = (0, self.registers.get(reg::FAULT_DETECT));
        for fault in 0..INPUTS {
            let enabled = config & bit(reg::FAULT_DETECT::F0_EN, fault) != 0;
            let active = (config & bit(reg::FAULT_DETECT::F0_POLE, fault) != 0) == self.input(INPUTS + fault);
            faults |= u32::from(enabled && active) << fault;
        }
        let before = std::mem::replace(&mut self.faults, faults);
        for fault in 0..INPUTS {
            if (faults & !before) >> fault & 1 != 0 {
                self.raise(bit(reg::INT_RAW::FAULT0, fault));
                for operator in 0..TIMERS {
                    self.trigger(operator, fault as u32);
                }
            }
            if (before & !faults) >> fault & 1 != 0 {
                self.raise(bit(reg::INT_RAW::FAULT0_CLR, fault));
            }
        }
        for operator in 0..TIMERS {
            self.trip(operator, at);
        }
    }

    /// The faults that are there trip an operator.
    fn trip(&mut self, operator: usize, at: Time) {
        let (faults, down) = (self.faults, self.timers[self.timer_of(operator)].value(at).1);
        let signals = [0, 1].map(|output| self.outputs[2 * operator + output].actual);
        let new = self.with_operator(operator, |state, settings| state.trip(settings, faults, down, signals, at));
        for (new, interrupt) in new.into_iter().zip([reg::INT_RAW::TZ0_CBC, reg::INT_RAW::TZ0_OST]) {
            if new {
                self.raise(bit(interrupt, operator));
            }
        }
    }

    /// Software trips an operator.
    fn force_trip(&mut self, operator: usize, kind: Kind, at: Time) {
        let (down, config) = (self.timers[self.timer_of(operator)].value(at).1, reg::FH0_CFG0);
        let signals = [0, 1].map(|output| self.outputs[2 * operator + output].actual);
        self.with_operator(operator, |state, settings| {
            state.trip.trip(kind, settings.word(config), down, signals, at);
        });
        let interrupt = if kind == Kind::OneShot { reg::INT_RAW::TZ0_OST } else { reg::INT_RAW::TZ0_CBC };
        self.raise(bit(interrupt, operator));
    }

    /// A trip of the last cycle ends, unless its fault is still there.
    fn refresh_trip(&mut self, operator: usize, moment: Moment) {
        let refresh = self.with_operator(operator, |_, settings| settings.field(reg::FH0_CFG1::CBCPULSE));
        let asked = if moment == Moment::Zero { registers::update::ZERO } else { registers::update::PERIOD };
        let enabled =
            self.with_operator(operator, |_, settings| Kind::CycleByCycle.enabled(settings.word(reg::FH0_CFG0)));
        if refresh & asked != 0 && enabled & self.faults == 0 {
            self.operators[operator].trip.clear(Kind::CycleByCycle);
        }
    }

    fn input(&self, input: usize) -> bool {
        self.levels >> input & 1 != 0
    }

    // Outputs.

    /// Looks what the outputs carry from `at` on, and tells what is not as was told.
    fn settle(&mut self, at: Time) {
        for operator in 0..TIMERS {
            let signals = self.with_operator(operator, |state, settings| state.settle(settings, at));
            for (side, signal) in signals.into_iter().enumerate() {
                let output = 2 * operator + side;
                let state = &mut self.outputs[output];
                if state.actual != signal {
                    state.change(signal, at);
                }
                let is_as_told = match signal {
                    Signal::Level(level) if state.is_described => state.told.level_at(at) == level,
                    _ => state.told == signal,
                };
                if !is_as_told {
                    self.outputs[output].is_described = false;
                    self.tell(output, signal, at);
                }
            }
        }
    }

    fn tell(&mut self, output: usize, signal: Signal, at: Time) {
        self.outputs[output].told = signal;
        if self.watched >> output & 1 != 0 {
            self.changes.push(OutputChange { output, at, signal });
        }
    }

    /// A cycle of a group begins: describes what repeats itself.
    fn begin_cycle(&mut self, group: usize, at: Time) {
        let in_group: [bool; TIMERS] = std::array::from_fn(|timer| self.group_of(timer) == group);
        let state = State {
            timers: std::array::from_fn(|timer| in_group[timer].then(|| self.timers[timer].relative(at))),
            operators: std::array::from_fn(|operator| {
                in_group[self.timer_of(operator)].then(|| self.operators[operator].relative(at))
            }),
        };
        let Some(start) = self.groups[group].begin(state, at) else { return };
        for output in self.outputs_of(group) {
            let described = self.outputs[output].describe(start, at);
            let signal = described.unwrap_or(self.outputs[output].actual);
            self.outputs[output].is_described = described.is_some();
            if self.outputs[output].told != signal {
                self.tell(output, signal, at);
            }
        }
    }

    /// Leaves out the rounds of a group up to `now`, unless an output has edges in them that are looked at.
    fn leave_out(&mut self, group: usize, now: Time) {
        let Some(round) = self.groups[group].round else { return };
        let seen = |output: usize| self.watched >> output & 1 != 0 && self.outputs[output].is_restless;
        let rounds = now.since(self.advanced).ticks() / round.length.ticks();
        if rounds == 0 || self.outputs_of(group).any(seen) {
            return;
        }
        let (by, since) = (round.length * rounds, self.advanced - round.length);
        for timer in 0..TIMERS {
            if self.group_of(timer) == group {
                self.timers[timer].since += by;
                let source = sync_in::TIMER0 + timer as u32;
                if self.registers.field(reg::CAP_TIMER_CFG::SYNCI_SEL) == source {
                    self.capture.delay(by, since);
                }
            }
        }
        for operator in 0..TIMERS {
            if self.group_of(self.timer_of(operator)) == group {
                self.operators[operator] = self.operators[operator].delayed(by, since);
            }
        }
        for output in self.outputs_of(group) {
            self.outputs[output].delay(by);
        }
        self.groups[group].delay(by);
        self.raise(round.raised);
    }

    fn next_event(&self) -> Option<Time> {
        if self.gated.is_some() {
            return None;
        }
        let wanted = self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW);
        let mut next = None;
        let mut take = |at: Option<Time>| next = [next, at].into_iter().flatten().min();
        for timer in 0..TIMERS {
            let state = &self.timers[timer];
            if !state.moves() && self.operators_of(timer).all(|operator| self.operators[operator].due().is_none()) {
                continue;
            }
            let wants = |of_first, index| wanted & bit(of_first, index) != 0;
            let zero = wants(reg::INT_RAW::TIMER0_TEZ, timer)
                || state.stop == Stop::AtZero && wants(reg::INT_RAW::TIMER0_STOP, timer);
            let top = wants(reg::INT_RAW::TIMER0_TEP, timer)
                || state.stop == Stop::AtPeriod && wants(reg::INT_RAW::TIMER0_STOP, timer);
            take(zero.then(|| state.arrives(0)).flatten());
            take(top.then(|| state.arrives(state.period)).flatten());
            for operator in self.operators_of(timer) {
                let of = [reg::INT_RAW::CMPR0_TEA, reg::INT_RAW::CMPR0_TEB];
                for (value, interrupt) in self.operators[operator].compare.into_iter().zip(of) {
                    take(wants(interrupt, operator).then(|| state.arrives(value)).flatten());
                }
            }
            let group = self.group_of(timer);
            let round = self.groups[group].round;
            let moves = |mask: u32| {
                self.outputs_of(group)
                    .any(|output| mask >> output & 1 != 0 && (round.is_none() || self.outputs[output].is_restless))
            };
            if moves(self.awaited) || wanted != 0 && self.is_coupled() {
                take(self.next_of(timer));
            } else if round.is_none() || moves(self.watched) {
                take(self.next_of(timer).map(|at| at.max(self.advanced + REPORT_EVERY)));
            }
        }
        next
    }
}
