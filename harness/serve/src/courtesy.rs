//! Waiting of a world for the clients of its boards.
//!
//! A tool that talks to two boards takes turns with them, while a board may wait for the other one no longer than a second, as in tests of
//! MicroPython. On boards on a bench, a busy host makes such tests fail. Here the boards' time stands while the host is busy with what they
//! have sent. Naps of the world are counted and not measured: on a busy host they take longer, and so do its clients.

/// Naps that a world takes at most until its output is read, and then until a client answers.
const NAPS_TO_READ: u32 = 250;
const NAPS_TO_ANSWER: u32 = 50;

/// The naps that are left.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    to_read: u32,
    to_answer: u32,
}

impl Courtesy {
    /// A board has sent something.
    pub fn note_output(&mut self) {
        *self = Courtesy { to_read: NAPS_TO_READ, to_answer: NAPS_TO_ANSWER };
    }

    /// A client has sent something.
    pub fn note_input(&mut self) {
        *self = Courtesy::default();
    }

    /// Whether the world is to take another nap; `unread` tells that a client has not read what its board sent last.
    pub fn waits(&mut self, unread: bool) -> bool {
        let left = if unread && self.to_read > 0 { &mut self.to_read } else { &mut self.to_answer };
        let waits = *left > 0;
        *left = left.saturating_sub(1);
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::{Courtesy, NAPS_TO_ANSWER, NAPS_TO_READ};

    fn naps(courtesy: &mut Courtesy, unread: bool) -> u32 {
        (0..).take_while(|_| courtesy.waits(unread)).count() as u32
    }

    #[test]
    fn a_world_waits_until_its_output_was_read_and_may_have_been_answered() {
        let mut courtesy = Courtesy::default();
        assert_eq!(naps(&mut courtesy, true), 0, "nothing was sent");
        courtesy.note_output();
        assert!((1..NAPS_TO_READ).all(|_| courtesy.waits(true)));
        assert_eq!(naps(&mut courtesy, false), NAPS_TO_ANSWER);
        courtesy.note_output();
        assert!(courtesy.waits(true));
        courtesy.note_input();
        assert_eq!(naps(&mut courtesy, true), 0, "that was the answer, though something is left unread");
    }

    #[test]
    fn a_client_that_does_not_read_is_not_waited_for_without_end() {
        let mut courtesy = Courtesy::default();
        courtesy.note_output();
        assert_eq!(naps(&mut courtesy, true), NAPS_TO_READ + NAPS_TO_ANSWER);
    }
}
