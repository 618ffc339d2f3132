//! The fault handler of an operator: trips its outputs for the rest of a cycle, or until software lets go.

use espalier_core::{Field, Signal, Time};

use super::registers::{generator, reg::FH0_CFG0};

/// The two kinds of trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CycleByCycle,
    OneShot,
}

impl Kind {
    pub(super) const ALL: [Kind; 2] = [Kind::CycleByCycle, Kind::OneShot];

    /// The faults that trip, as bits of their number.
    pub(super) fn enabled(self, config: u32) -> u32 {
        use FH0_CFG0 as cfg0;
        let fields = match self {
            Kind::CycleByCycle => [cfg0::F0_CBC, cfg0::F1_CBC, cfg0::F2_CBC],
            Kind::OneShot => [cfg0::F0_OST, cfg0::F1_OST, cfg0::F2_OST],
        };
        fields.iter().enumerate().fold(0, |mask, (fault, field)| mask | field.get(config) << fault)
    }

    /// The actions on both outputs.
    fn actions(self, down: bool) -> [Field; 2] {
        use FH0_CFG0 as cfg0;
        match (self, down) {
            (Kind::CycleByCycle, false) => [cfg0::A_CBC_U, cfg0::B_CBC_U],
            (Kind::CycleByCycle, true) => [cfg0::A_CBC_D, cfg0::B_CBC_D],
            (Kind::OneShot, false) => [cfg0::A_OST_U, cfg0::B_OST_U],
            (Kind::OneShot, true) => [cfg0::A_OST_D, cfg0::B_OST_D],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    /// Cycle by cycle, one shot.
    on: [bool; 2],
    /// The levels to which each of them forces the outputs.
    forced: [[Option<bool>; 2]; 2],
}

espalier_core::persist!(value Trip { on, forced });

impl Trip {
    pub(super) const OFF: Trip = Trip { on: [false; 2], forced: [[None; 2]; 2] };

    pub(super) fn is_on(&self, kind: Kind) -> bool {
        self.on[kind as usize]
    }

    /// A fault comes while the outputs have these signals and the timer counts up or down.
    pub(super) fn trip(&mut self, kind: Kind, config: u32, down: bool, signals: [Signal; 2], at: Time) {
        self.on[kind as usize] = true;
        let actions = kind.actions(down);
        self.forced[kind as usize] = std::array::from_fn(|output| match actions[output].get(config) {
            generator::LOW => Some(false),
            generator::HIGH => Some(true),
            generator::TOGGLE => Some(!signals[output].level_at(at)),
            _ => None,
        });
    }

    pub(super) fn clear(&mut self, kind: Kind) {
        self.on[kind as usize] = false;
        self.forced[kind as usize] = [None; 2];
    }

    /// Returns what leaves an output.
    pub(super) fn settle(&self, output: usize, signal: Signal) -> Signal {
        let [by_cycle, one_shot] = self.forced.map(|outputs| outputs[output]);
        one_shot.or(by_cycle).map_or(signal, Signal::Level)
    }
}
