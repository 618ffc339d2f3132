//! Queue of events of blocks, pads and networks for observers, until the machine reports them at the end of each slice.

use espalier_core::{Interests, InterruptTaken, Medium, NetworkFrame, PadChange, Signal, Time};

/// An event that an observer is told of.
#[derive(Clone, Debug)]
pub enum Event {
    Interrupt(InterruptTaken),
    Frame(NetworkFrame),
    Pad(PadChange),
}

/// Events that are not reported yet. It grows by those of one slice, or by those of calls from outside before the next slice.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// Whatever is not wanted is not kept.
    interests: Interests,
    kept: Vec<Event>,
}

impl Events {
    pub fn set_interests(&mut self, interests: Interests) {
        *self = Events { interests, kept: Vec::new() };
    }

    /// The pads whose changes are wanted.
    pub fn pads(&self) -> u64 {
        self.interests.pads
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.kept)
    }

    pub fn interrupt(&mut self, interrupt: InterruptTaken) {
        if self.interests.interrupts {
            self.kept.push(Event::Interrupt(interrupt));
        }
    }

    pub fn sent(&mut self, medium: Medium, bytes: &[u8], at: Time) {
        self.frame(medium, true, bytes, at);
    }

    pub fn received(&mut self, medium: Medium, bytes: &[u8], at: Time) {
        self.frame(medium, false, bytes, at);
    }

    fn frame(&mut self, medium: Medium, is_sent: bool, bytes: &[u8], at: Time) {
        if self.interests.frames {
            self.kept.push(Event::Frame(NetworkFrame { medium, is_sent, bytes: bytes.to_vec(), at }));
        }
    }

    pub fn pad(&mut self, pin: usize, signal: Signal, at: Time) {
        if self.interests.pads >> pin & 1 != 0 {
            self.kept.push(Event::Pad(PadChange { pin, signal, at }));
        }
    }
}
