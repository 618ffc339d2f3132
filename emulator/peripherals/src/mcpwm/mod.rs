//! A motor control PWM unit (ESP32 TRM, chapter "Motor Control PWM (MCPWM)"): three timers, and three operators with two outputs
//! each.
//!
//! No timer is ever ticked: an output is described by its period and the time that it is high, which follow from the events of
//! one period.

mod registers;
#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Field, Frequency, OutputChange, Register, Registers, Signal, Time, Unmodelled};

use registers::{OPERATOR_STRIDE, REGISTERS, TIMER_STRIDE, cfg1, generator, reg};

/// Outputs of a unit: A and B of operator 0, then of 1, then of 2.
pub const MCPWM_OUTPUTS: usize = 6;
const TIMERS: u32 = 3;
/// PLL_F160M, which the units divide.
const CLOCK: Frequency = Frequency::from_hertz(160_000_000);

/// An output changes what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McpwmChange {
    pub output: usize,
    pub at: Time,
    pub signal: Signal,
}

espalier_core::persist!(value McpwmChange { output, at, signal });

/// A unit.
#[derive(Clone, Debug)]
pub struct Mcpwm {
    registers: Registers,
    signals: [Signal; MCPWM_OUTPUTS],
    /// When each timer began a period.
    starts: [Time; TIMERS as usize],
    changes: Vec<McpwmChange>,
}

espalier_core::persist!(state Mcpwm { registers, signals, starts, changes });

impl Default for Mcpwm {
    fn default() -> Mcpwm {
        Mcpwm::new()
    }
}

/// Something that the timer comes by, where it does, in ticks from the start of its period.
type Event = (u64, u32);

impl Mcpwm {
    /// The unit after reset.
    pub fn new() -> Mcpwm {
        Mcpwm {
            registers: Registers::new(&REGISTERS),
            signals: [Signal::Level(false); MCPWM_OUTPUTS],
            starts: [Time::ZERO; TIMERS as usize],
            changes: Vec::new(),
        }
    }

    /// Returns the signal of an output.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn signal(&self, output: usize) -> Signal {
        self.signals[output]
    }

    /// Takes the changes of the outputs, in order.
    pub fn take_changes(&mut self) -> Vec<McpwmChange> {
        std::mem::take(&mut self.changes)
    }

    fn timer(&self, timer: u32, register: u32) -> u32 {
        self.registers.get(register + TIMER_STRIDE * timer)
    }

    fn operator(&self, operator: u32, register: u32) -> u32 {
        self.registers.get(register + OPERATOR_STRIDE * operator)
    }

    /// Returns period, divider and mode of each timer; `None` for one that stands still.
    fn running(&self) -> [Option<(u32, u32, u32)>; TIMERS as usize] {
        let prescale = self.registers.field(reg::CLK_CFG::CLK_PRESCALE);
        std::array::from_fn(|timer| {
            let mode = self.timer(timer as u32, reg::TIMER0_CFG1);
            let runs = reg::TIMER0_CFG1::START.get(mode) == cfg1::RUN;
            runs.then(|| (prescale, self.timer(timer as u32, reg::TIMER0_CFG0), mode))
        })
    }

    /// Timers that count in another way than before begin a period.
    fn restart_timers(&mut self, before: [Option<(u32, u32, u32)>; TIMERS as usize], now: Time) {
        for (timer, counts) in self.running().into_iter().enumerate() {
            if counts != before[timer] {
                self.starts[timer] = now;
            }
        }
    }

    /// Returns the signal of an output from now on; `None` leaves it as it is, with a timer that stands still.
    fn output(&self, output: usize) -> Option<Signal> {
        let (operator, is_b) = (output as u32 / 2, output % 2 == 1);
        let force = if is_b { reg::GEN0_FORCE::B_CNTUFORCE_MODE } else { reg::GEN0_FORCE::A_CNTUFORCE_MODE };
        match force.get(self.operator(operator, reg::GEN0_FORCE)) {
            generator::LOW => return Some(Signal::Level(false)),
            generator::HIGH => return Some(Signal::Level(true)),
            _ => {}
        }
        let timer = match operator {
            0 => self.registers.field(reg::OPERATOR_TIMERSEL::OPERATOR0_TIMERSEL),
            1 => self.registers.field(reg::OPERATOR_TIMERSEL::OPERATOR1_TIMERSEL),
            _ => self.registers.field(reg::OPERATOR_TIMERSEL::OPERATOR2_TIMERSEL),
        };
        // The selection of a timer that does not exist takes the last one.
        let timer = timer.min(TIMERS - 1);
        let start = reg::TIMER0_CFG1::START.get(self.timer(timer, reg::TIMER0_CFG1));
        let mode = reg::TIMER0_CFG1::MOD.get(self.timer(timer, reg::TIMER0_CFG1));
        let (ticks, events) = self.events(operator, is_b, timer, mode);
        let level = run(&events, ticks, false).level;
        match start {
            _ if ticks == 0 => None,
            // It stops where its period begins; what the output did last stays.
            cfg1::STOP_AT_ZERO | cfg1::STOP_AT_PERIOD => Some(Signal::Level(level)),
            cfg1::RUN => Some(self.describe(&events, ticks, level, timer)),
            _ => None,
        }
    }

    /// The period of a timer in its ticks, and what an output does in it, in the order in which it takes effect: of events at one
    /// time, the one with the highest priority comes last (TRM, tables of the priorities of events).
    fn events(&self, operator: u32, is_b: bool, timer: u32, mode: u32) -> (u64, Vec<Event>) {
        let period = u64::from(reg::TIMER0_CFG0::PERIOD.get(self.timer(timer, reg::TIMER0_CFG0)));
        let actions = self.operator(operator, if is_b { reg::GEN0_B } else { reg::GEN0_A });
        let compared = |register| u64::from(self.operator(operator, register));
        let (a, b) = (compared(reg::GEN0_TSTMP_A), compared(reg::GEN0_TSTMP_B));
        let action = |field: Field| field.get(actions);
        let up = [
            (0, action(reg::GEN0_A::UTEZ)),
            (a, action(reg::GEN0_A::UTEA)),
            (b, action(reg::GEN0_A::UTEB)),
            (period, action(reg::GEN0_A::UTEP)),
        ];
        let down = [
            (period, action(reg::GEN0_A::DTEP)),
            (a, action(reg::GEN0_A::DTEA)),
            (b, action(reg::GEN0_A::DTEB)),
            (0, action(reg::GEN0_A::DTEZ)),
        ];
        let upwards = up.into_iter().filter(|(at, _)| *at <= period);
        let downwards = down.into_iter().filter(|(at, _)| *at <= period);
        let (ticks, mut events): (u64, Vec<Event>) = match mode {
            cfg1::UP => (period + 1, upwards.collect()),
            cfg1::DOWN => (period + 1, downwards.map(|(at, action)| (period - at, action)).collect()),
            cfg1::UP_DOWN => {
                let back = downwards.map(|(at, action)| (2 * period - at, action));
                // At its turning points the timer counts in the direction in which it goes on.
                let there = upwards.filter(|(at, _)| *at < period);
                (2 * period, there.chain(back).map(|(at, action)| (at % (2 * period).max(1), action)).collect())
            }
            _ => (0, Vec::new()),
        };
        events.sort_by_key(|(at, _)| *at);
        (ticks, events)
    }

    fn describe(&self, events: &[Event], ticks: u64, level: bool, timer: u32) -> Signal {
        let first = run(events, ticks, level);
        let (mut high, mut rise, mut ticks) = (first.high, first.rise, ticks);
        if first.level != level {
            // It toggles: two periods of the timer make one of the output.
            let second = run(events, ticks, first.level);
            high += second.high;
            rise = rise.or(second.rise.map(|rise| ticks + rise));
            ticks *= 2;
        }
        let divider = u64::from((self.registers.field(reg::CLK_CFG::CLK_PRESCALE)) + 1)
            * u64::from((reg::TIMER0_CFG0::PRESCALE.get(self.timer(timer, reg::TIMER0_CFG0))) + 1);
        let span = |ticks: u64| CLOCK.cycles(ticks * divider);
        match high {
            0 => Signal::Level(false),
            high if high == ticks => Signal::Level(true),
            high => Signal::pulses(span(ticks), span(high), self.starts[timer as usize] + span(rise.unwrap_or(0))),
        }
    }
}

/// The levels of an output in a period.
struct Turn {
    /// Time for which it is high.
    high: u64,
    /// Where it first rises.
    rise: Option<u64>,
    /// Where it ends.
    level: bool,
}

/// Computes the levels of an output that begins at `level`.
fn run(events: &[Event], ticks: u64, mut level: bool) -> Turn {
    let (mut high, mut since, mut rise) = (0, 0, None);
    for (at, action) in events {
        if level {
            high += at - since;
        }
        since = *at;
        let before = level;
        level = match *action {
            generator::LOW => false,
            generator::HIGH => true,
            generator::TOGGLE => !level,
            _ => level,
        };
        // Of events at one time, only what the last one leaves is seen.
        match (before, level) {
            (false, true) => rise = rise.or(Some(*at)),
            (true, false) => rise = rise.filter(|rise| rise != at),
            _ => {}
        }
    }
    if level {
        high += ticks.saturating_sub(since);
    }
    Turn { high, rise, level }
}

impl Device for Mcpwm {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "timers and comparators make periods and duties at once, not at the next update; no interrupts, synchronisation, \
             dead time, carrier, faults and capture",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        let running = self.running();
        let new = self.registers.write(offset, value)?;
        self.restart_timers(running, now);
        for output in 0..MCPWM_OUTPUTS {
            if let Some(signal) = self.output(output).filter(|signal| *signal != self.signals[output]) {
                self.signals[output] = signal;
                self.changes.push(McpwmChange { output, at: now, signal });
            }
        }
        // Code that waits for an edge or an interrupt waits for ever.
        let waits = match offset {
            reg::INT_ENA => new != 0,
            reg::CAP_CH_CFG..reg::CAP_CH => new & registers::CAP_EN != 0,
            _ => false,
        };
        if waits { Err(Unmodelled) } else { Ok(()) }
    }

    fn reset(&mut self) {
        *self = Mcpwm::new();
    }

    fn output(&self, output: usize) -> Signal {
        self.signal(output)
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        let changes = self.take_changes().into_iter();
        changes.map(|change| OutputChange { output: change.output, at: change.at, signal: change.signal }).collect()
    }
}
