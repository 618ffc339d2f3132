//! Actions of pages and scripts on the board, and their view of it.

use std::time::Instant;

use espalier_page::{Action, ActionError, Hands, Look, Seen, Standing, span, state_of};
use espalier_soc::Strap;
use serde_json::{Value, json};

use super::BoardThread;
use crate::config::Pace;
use crate::handle::BoardEvent;

impl BoardThread {
    pub(super) fn act(&mut self, action: Action) -> Result<Value, ActionError> {
        match action {
            Action::Reset => {
                self.start(Strap::FlashBoot);
                self.handle.announce(BoardEvent::Reset);
            }
            Action::Stop => {
                self.set_paused(true);
                self.tell_debugger(gdbstub::common::Signal::SIGINT);
            }
            Action::Cont => self.set_paused(false),
            Action::Step { milliseconds } => self.step(milliseconds)?,
            Action::Fast { on } => {
                let pace = if on { Pace::Fast } else { Pace::RealTime };
                self.pacer.set_pace(pace, Instant::now(), self.target.machine.now());
            }
            Action::State => {
                let standing = standing(self.paused, self.halted.as_deref(), self.pacer.pace(), &self.hands);
                return Ok(state_of(&mut self.target.machine, &standing));
            }
            action => {
                self.is_polling = false;
                return self.hands.perform(&mut self.target.machine, action);
            }
        }
        Ok(json!({}))
    }

    pub(super) fn look(&mut self, mut look: Box<Look>) -> (Box<Look>, Seen) {
        let standing = standing(self.paused, self.halted.as_deref(), self.pacer.pace(), &self.hands);
        let seen = look.at(&mut self.target.machine, &standing, self.hands.watched());
        (look, seen)
    }

    /// Runs for a while and stops. It happens at once, whatever the pace.
    fn step(&mut self, milliseconds: u64) -> Result<(), ActionError> {
        let span = span(milliseconds)?;
        if let Some(reason) = &self.halted {
            return Err(ActionError::Halted { reason: reason.clone() });
        }
        if self.debugger.is_some() {
            return Err(ActionError::Debugged);
        }
        self.set_paused(true);
        self.hear();
        self.paused = false;
        self.advance(self.target.machine.now() + span);
        self.carry_output();
        self.paused = true;
        Ok(())
    }
}

fn standing<'a>(paused: bool, halted: Option<&'a str>, pace: Pace, hands: &'a Hands) -> Standing<'a> {
    let running = !paused && halted.is_none();
    Standing { running, fast: pace == Pace::Fast, halted, address: None, away: hands.away(), more: None }
}
