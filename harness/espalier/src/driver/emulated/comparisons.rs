//! The numbers that a board's cores compare for their branches, for fuzzers: those of an input that are compared with others say which.

use std::collections::BTreeSet;

use espalier_core::{Interests, Observer};
use espalier_soc::Machine;

/// Most pairs that are noted: more than a message leads to. All later ones are dropped.
const PAIRS: usize = 1 << 16;

/// Notes pairs of different numbers that are compared.
#[derive(Debug, Default)]
struct Comparisons(BTreeSet<(u32, u32)>);

impl Observer for Comparisons {
    fn interests(&self) -> Interests {
        Interests { comparisons: true, ..Interests::default() }
    }

    fn compared(&mut self, one: u32, other: u32) {
        if one != other && self.0.len() < PAIRS {
            self.0.insert((one, other));
        }
    }
}

/// Notes from now on what is compared.
pub(crate) fn begin(machine: &mut Machine) {
    machine.observe(Comparisons::default());
}

/// Ends that. Gives each pair once.
pub(crate) fn end(machine: &mut Machine) -> Vec<(u32, u32)> {
    let noted = machine.take_observer::<Comparisons>();
    noted.map_or_else(Vec::new, |noted| noted.0.into_iter().collect())
}
