//! Comparison of a core's states, by which a machine detects that the core repeats a loop.

use espalier_core::Bus;

use super::Cpu;
use crate::block;
use crate::instruction::Opcode;
use crate::register::SpecialRegister;
use crate::state::State;

impl Cpu {
    pub(crate) fn copy_of_state(&self) -> State {
        self.state.settled()
    }

    pub(crate) fn set_state(&mut self, state: &State, cycles: u64) {
        (self.state, self.cycles) = (state.clone(), cycles);
    }

    /// Whether the core is in this state, however much time has passed. Registers that follow from others are compared as well: a
    /// difference where there is none costs only time.
    pub(crate) fn is_in_state(&self, state: &State) -> bool {
        if self.state.pc != state.pc {
            return false;
        }
        let mut here = self.state.settled();
        here.started = state.started;
        here == *state
    }

    pub(crate) fn next_is_timeless<B: Bus>(&self, bus: &mut B) -> bool {
        bus.is_at_hand(self.state.pc)
            && block::fetch(bus, self.state.pc).is_ok_and(|op| {
                !matches!(op.opcode, Opcode::Rsr | Opcode::Xsr) || op.immediate != SpecialRegister::Ccount as u32
            })
    }

    pub(crate) fn cycles_to_match(&self) -> u64 {
        self.state.cycles_to_match(self.cycles)
    }
}
