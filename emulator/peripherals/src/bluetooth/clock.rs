//! The Bluetooth clock: 28 bits of half slots of 312.5 us (Core Specification, volume 2, part B, 1.1), and the microseconds of the
//! present slot, which count down.

use espalier_core::{Span, Time};

pub(super) const SLOT: Span = Span::from_micros(625);
/// The clock of 28 bits without its lowest, which tells the halves of a slot apart.
pub(super) const SLOT_MASK: u32 = 0x7FF_FFFF;
const HALF_SLOT_MASK: u32 = 0xFFF_FFFF;
/// FINETIMECNT at the start of a slot.
const FINE_START: u64 = 624;

/// A clock that stands still while the controller sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotClock {
    /// Its position at `since`.
    position: Span,
    since: Time,
    running: bool,
}

espalier_core::persist!(value SlotClock { position, since, running });

impl SlotClock {
    /// A clock that begins at zero.
    pub fn started(now: Time) -> SlotClock {
        SlotClock { position: Span::from_ticks(0), since: now, running: true }
    }

    pub fn is_running(&self) -> bool {
        self.running
    }

    pub fn half_slots(&self, now: Time) -> u32 {
        (2 * self.position(now).ticks() / SLOT.ticks()) as u32 & HALF_SLOT_MASK
    }

    pub fn slots(&self, now: Time) -> u32 {
        self.slot_count(now) as u32 & SLOT_MASK
    }

    pub fn fine(&self, now: Time) -> u32 {
        let within = Span::from_ticks(self.position(now).ticks() % SLOT.ticks());
        (FINE_START - within.as_micros().min(FINE_START)) as u32
    }

    /// When the first slot after `now` begins; None while the clock stands.
    pub fn next_slot(&self, now: Time) -> Option<Time> {
        self.starts(self.slot_count(now) + 1)
    }

    /// When the first slot after `now` begins whose number is `value` in the bits of `mask`; None while the clock stands.
    pub fn next_match(&self, value: u32, mask: u32, now: Time) -> Option<Time> {
        let next = self.slot_count(now) + 1;
        let ahead = value.wrapping_sub(next as u32) & mask;
        self.starts(next + u64::from(ahead))
    }

    pub fn stop(&mut self, now: Time) {
        *self = SlotClock { position: self.position(now), since: now, running: false };
    }

    pub fn start(&mut self, now: Time) {
        *self = SlotClock { position: self.position(now), since: now, running: true };
    }

    /// Corrects it by time that it has missed.
    pub fn add(&mut self, missed: Span, now: Time) {
        self.position = self.position(now) + missed;
        self.since = now;
    }

    fn position(&self, now: Time) -> Span {
        if self.running { self.position + now.since(self.since) } else { self.position }
    }

    fn slot_count(&self, now: Time) -> u64 {
        self.position(now).ticks() / SLOT.ticks()
    }

    fn starts(&self, slot: u64) -> Option<Time> {
        let start = Span::from_ticks((slot * SLOT.ticks()).saturating_sub(self.position.ticks()));
        self.running.then(|| self.since + start)
    }
}

#[cfg(test)]
mod tests {
    use super::{SLOT, SLOT_MASK, SlotClock};
    use espalier_core::{Span, Time};

    #[test]
    fn it_counts_half_slots_up_and_microseconds_down() {
        let start = Time::from_micros(1000);
        let clock = SlotClock::started(start);
        let read = |after: u64| {
            let now = start + Span::from_micros(after);
            (clock.half_slots(now), clock.slots(now), clock.fine(now))
        };
        assert_eq!(read(0), (0, 0, 624));
        assert_eq!(read(313), (1, 0, 311));
        assert_eq!(read(624), (1, 0, 0));
        assert_eq!(read(625), (2, 1, 624));
    }

    #[test]
    fn it_says_when_slots_begin() {
        let mut clock = SlotClock::started(Time::ZERO);
        let at = |slots: u64| Time::ZERO + SLOT * slots;
        assert_eq!(clock.next_slot(Time::ZERO), Some(at(1)));
        assert_eq!(clock.next_match(5, SLOT_MASK, Time::ZERO), Some(at(5)));
        assert_eq!(clock.next_match(5, SLOT_MASK, at(5)), Some(at(5 + (1 << 27))));
        assert_eq!(clock.next_match(0x20, 0xFFF, at(3)), Some(at(0x20)));
        clock.stop(at(2));
        assert_eq!((clock.next_slot(at(3)), clock.slots(at(9))), (None, 2));
        clock.start(at(10));
        assert_eq!((clock.slots(at(11)), clock.next_slot(at(10))), (3, Some(at(11))));
        clock.add(SLOT * 8, at(12));
        assert_eq!((clock.slots(at(12)), clock.next_slot(at(12))), (12, Some(at(13))));
    }
}
