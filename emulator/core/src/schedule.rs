//! Deadlines of devices, and which of them comes next.

use crate::persist::{Damaged, Persist, Reader, Writer};
use crate::time::Time;

/// One deadline for each of a fixed set of slots; the earliest is known at all times. Equal deadlines fall due in the
/// order of their slots, so the order never depends on when they were set.
#[derive(Clone, Debug)]
pub struct Schedule {
    deadlines: Vec<Option<Time>>,
    /// The slots that have one, bit n is slot n.
    set: u128,
    next: Option<(Time, usize)>,
}

impl Persist for Schedule {
    fn save(&self, to: &mut Writer) {
        let Schedule { deadlines, set: _, next: _ } = self;
        deadlines.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.deadlines.len())?;
        Persist::restore_all(&mut self.deadlines, from)?;
        let slots = self.deadlines.iter().enumerate().filter(|(_, at)| at.is_some());
        self.set = slots.fold(0, |set, (slot, _)| set | 1 << slot);
        self.find_next();
        Ok(())
    }
}

impl Schedule {
    /// So many slots, none of which has a deadline.
    ///
    /// # Panics
    /// If there are more than 128.
    pub fn new(slots: usize) -> Schedule {
        assert!(slots <= u128::BITS as usize, "{slots} slots");
        Schedule { deadlines: vec![None; slots], set: 0, next: None }
    }

    /// Replaces the deadline of `slot`.
    pub fn set(&mut self, slot: usize, deadline: Option<Time>) {
        if self.deadlines[slot] == deadline {
            return;
        }
        self.deadlines[slot] = deadline;
        self.set = self.set & !(1 << slot) | u128::from(deadline.is_some()) << slot;
        match (self.next, deadline) {
            (Some((_, holder)), _) if holder == slot => self.find_next(),
            (Some(next), Some(at)) if (at, slot) < next => self.next = Some((at, slot)),
            (None, Some(at)) => self.next = Some((at, slot)),
            _ => {}
        }
    }

    /// Whether the deadline of `slot` has come by `now`.
    pub fn is_due(&self, slot: usize, now: Time) -> bool {
        self.deadlines[slot].is_some_and(|at| at <= now)
    }

    /// The earliest deadline of all.
    pub fn next(&self) -> Option<Time> {
        self.next.map(|(at, _)| at)
    }

    /// Takes the slot that is due at `now`, with the instant for which it was set. The slot has no deadline afterwards.
    pub fn take_due(&mut self, now: Time) -> Option<(usize, Time)> {
        let (at, slot) = self.next?;
        if at > now {
            return None;
        }
        self.deadlines[slot] = None;
        self.set &= !(1 << slot);
        self.find_next();
        Some((slot, at))
    }

    fn find_next(&mut self) {
        let mut left = self.set;
        self.next = None;
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            left &= left - 1;
            // Of equal ones the lowest slot comes first.
            if let Some(at) = self.deadlines[slot]
                && self.next.is_none_or(|(next, _)| at < next)
            {
                self.next = Some((at, slot));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::time::Time;

    #[test]
    fn equal_deadlines_fall_due_in_slot_order() {
        let at = Time::from_micros(7);
        let mut schedule = Schedule::new(3);
        for slot in [2, 0, 1] {
            schedule.set(slot, Some(at));
        }
        assert_eq!(schedule.take_due(Time::from_micros(6)), None);
        for slot in 0..3 {
            assert_eq!(schedule.take_due(at), Some((slot, at)));
        }
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn moving_the_earliest_deadline_finds_the_next_one() {
        let mut schedule = Schedule::new(2);
        schedule.set(0, Some(Time::from_micros(1)));
        schedule.set(1, Some(Time::from_micros(5)));
        schedule.set(0, Some(Time::from_micros(9)));
        assert_eq!(schedule.next(), Some(Time::from_micros(5)));
        schedule.set(1, None);
        assert_eq!(schedule.take_due(Time::from_micros(20)), Some((0, Time::from_micros(9))));
    }
}
