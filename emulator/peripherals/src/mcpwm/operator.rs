//! An operator: two outputs that follow the events of a timer, through dead time, carrier and fault handler.

use espalier_core::{Field, Registers, Signal, Span, Time};

use super::carrier::Carrier;
use super::dead_time::DeadTime;
use super::registers::{OPERATOR_STRIDE, force_update, generator, reg, update};
use super::trip::{Kind, Trip};

/// The registers of one operator, and the clocks that it gets.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) registers: &'a Registers,
    pub(super) operator: u32,
    /// A cycle of PWM_clk.
    pub(super) clock: Span,
    /// A cycle of its timer's clock.
    pub(super) tick: Span,
}

impl Settings<'_> {
    pub(super) fn field(&self, field: Field) -> u32 {
        self.registers.field(field.at(OPERATOR_STRIDE * self.operator))
    }

    pub(super) fn word(&self, register: u32) -> u32 {
        self.registers.get(register + OPERATOR_STRIDE * self.operator)
    }

    /// Whether active registers take what software writes.
    fn updates(&self) -> bool {
        let up = self.registers.get(reg::UPDATE_CFG) >> (2 * self.operator);
        self.registers.is_set(reg::UPDATE_CFG::GLOBAL_UP_EN) && reg::UPDATE_CFG::OP0_UP_EN.is_set(up)
    }
}

/// When active registers take what software wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Software writes.
    Now,
    /// Software forces an update.
    Forced,
    /// The timer comes to zero or to its period, or to a comparator, or takes over its phase.
    Zero,
    Period,
    Compared(usize),
    Sync,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// Active registers: of the comparators A and B,
    pub(super) compare: [u32; 2],
    /// of the actions on both outputs,
    actions: [u32; 2],
    /// of the continuous forces,
    forces: [u32; 2],
    /// and of the delays of rising and of falling edges.
    delays: [u32; 2],
    /// The outputs of the generator.
    levels: [bool; 2],
    dead_time: DeadTime,
    carriers: [Carrier; 2],
    pub(super) trip: Trip,
}

espalier_core::persist!(value Operator { compare, actions, forces, delays, levels, dead_time, carriers, trip });

impl Operator {
    pub(super) fn new() -> Operator {
        Operator {
            compare: [0; 2],
            actions: [0; 2],
            forces: [0; 2],
            delays: [0; 2],
            levels: [false; 2],
            dead_time: DeadTime::IDLE,
            carriers: [Carrier::IDLE; 2],
            trip: Trip::OFF,
        }
    }

    /// Active registers take what software wrote, those that do so at this moment. Returns which comparators did.
    pub(super) fn update(&mut self, settings: &Settings<'_>, moment: Moment) -> [bool; 2] {
        if !settings.updates() && moment != Moment::Forced {
            return [false; 2];
        }
        let takes = |method: Field| match (settings.field(method), moment) {
            (_, Moment::Forced) | (0, _) => true,
            (bits, Moment::Zero) => bits & update::ZERO != 0,
            (bits, Moment::Period) => bits & update::PERIOD != 0,
            (bits, Moment::Sync) => bits & update::SYNC != 0,
            (_, Moment::Now | Moment::Compared(_)) => false,
        };
        // The bit above those of the moments disables the update.
        let takes = |method: Field| {
            takes(method) && (moment == Moment::Forced || settings.field(method) >> (method.width - 1) == 0)
        };
        let compared = [reg::GEN0_STMP_CFG::A_UPMETHOD, reg::GEN0_STMP_CFG::B_UPMETHOD].map(takes);
        for (comparator, register) in [reg::GEN0_TSTMP_A, reg::GEN0_TSTMP_B].into_iter().enumerate() {
            if compared[comparator] {
                self.compare[comparator] = settings.word(register);
            }
        }
        if takes(reg::GEN0_CFG0::CFG_UPMETHOD) {
            self.actions = [reg::GEN0_A, reg::GEN0_B].map(|register| settings.word(register));
        }
        if takes(reg::DT0_CFG::RED_UPMETHOD) {
            self.delays[0] = settings.word(reg::DT0_RED_CFG);
        }
        if takes(reg::DT0_CFG::FED_UPMETHOD) {
            self.delays[1] = settings.word(reg::DT0_FED_CFG);
        }
        let method = settings.field(reg::GEN0_FORCE::CNTUFORCE_UPMETHOD);
        let asked = match moment {
            Moment::Now => 0,
            Moment::Forced => method,
            Moment::Zero => method & force_update::ZERO,
            Moment::Period => method & force_update::PERIOD,
            Moment::Compared(0) => method & force_update::COMPARED_A,
            Moment::Compared(_) => method & force_update::COMPARED_B,
            Moment::Sync => method & force_update::SYNC,
        };
        let disabled = method > force_update::SYNC | (force_update::SYNC - 1);
        if method == 0 || moment == Moment::Forced || asked != 0 && !disabled {
            let modes = [reg::GEN0_FORCE::A_CNTUFORCE_MODE, reg::GEN0_FORCE::B_CNTUFORCE_MODE];
            self.forces = modes.map(|mode| settings.field(mode));
        }
        compared
    }

    /// Both outputs do what the fields of GENn_A and GENn_B say for an event.
    pub(super) fn act(&mut self, event: Field) {
        for output in 0..2 {
            self.set(output, event.get(self.actions[output]));
        }
    }

    /// An output takes an action of the generator.
    pub(super) fn set(&mut self, output: usize, action: u32) {
        let level = &mut self.levels[output];
        *level = match action {
            generator::LOW => false,
            generator::HIGH => true,
            generator::TOGGLE => !*level,
            _ => *level,
        };
    }

    /// Returns what leaves the operator at `at`.
    pub(super) fn settle(&mut self, settings: &Settings<'_>, at: Time) -> [Signal; 2] {
        for output in 0..2 {
            if self.forces[output] != generator::TOGGLE {
                self.set(output, self.forces[output]);
            }
        }
        let config = settings.word(reg::DT0_CFG);
        let tick = if reg::DT0_CFG::CLK_SEL.is_set(config) { settings.tick } else { settings.clock };
        let delays = self.delays.map(|cycles| tick * u64::from(cycles + 1));
        let levels = self.dead_time.settle(self.levels, config, delays, at);
        let carrier = settings.word(reg::CARRIER0_CFG);
        std::array::from_fn(|output| {
            let signal = self.carriers[output].settle(levels[output], carrier, settings.clock, at);
            self.trip.settle(output, signal)
        })
    }

    /// Faults trip it whose kind of trip they are: those of `faults`, bit n for fault n. Returns the kinds that are new.
    pub(super) fn trip(
        &mut self,
        settings: &Settings<'_>,
        faults: u32,
        down: bool,
        signals: [Signal; 2],
        at: Time,
    ) -> [bool; 2] {
        let config = settings.word(reg::FH0_CFG0);
        Kind::ALL.map(|kind| {
            let new = kind.enabled(config) & faults != 0 && !self.trip.is_on(kind);
            if new {
                self.trip.trip(kind, config, down, signals, at);
            }
            new
        })
    }

    /// When it does something by itself.
    pub(super) fn due(&self) -> Option<Time> {
        let carriers = self.carriers.iter().filter_map(Carrier::due);
        carriers.chain(self.dead_time.due()).min()
    }

    /// The same as much later as `by` says; the period that is left out so often begins at `since`.
    pub(super) fn delayed(self, by: Span, since: Time) -> Operator {
        let carriers = self.carriers.map(|carrier| carrier.delayed(by, since));
        Operator { dead_time: self.dead_time.map_times(|time| time + by), carriers, ..self }
    }

    /// The state that decides how it goes on, with times counted from `start`.
    pub(super) fn relative(self, start: Time) -> Operator {
        let from_start = |time: Time| Time::from_ticks(time.since(start).ticks());
        let carriers = self.carriers.map(|carrier| carrier.relative(start));
        Operator { dead_time: self.dead_time.map_times(from_start), carriers, ..self }
    }
}
