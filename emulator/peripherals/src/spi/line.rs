//! The controller's lines on their pads, for parts and blocks that look at the levels: LEDs that take their bits from the data line,
//! a slave on another controller, a capture (TRM, chapter 7.4.2 "SPI Clock Polarity and Phase").
//!
//! Devices on the bus get whole transactions; the levels are worked out only while something looks at them. The data line is low
//! between transactions. Each bit of a phase is one cycle of the clock, on one line. Chip select goes with the first bit and the last
//! one.

use espalier_core::{OutputChange, Signal, Span, SpiTransaction, Time};

/// The controller's lines, as outputs and as inputs: clock, data from the slave, data to it, chip selects.
pub(super) const CLOCK: usize = 0;
pub(super) const Q: usize = 1;
pub(super) const DATA: usize = 2;
pub(super) const SELECT: usize = 3;
const LINES: usize = 6;
/// Changes that are kept until they are taken; of more than these the oldest are lost.
const CHANGES: usize = 1 << 20;

/// The form of a transaction on the lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    /// The length of a bit.
    pub(super) bit: Span,
    /// The clock idles high.
    pub(super) idles_high: bool,
    /// Data changes with the clock's first edge of a bit, not before it.
    pub(super) late: bool,
    /// The chip select of the transaction, and the level that selects.
    pub(super) select: Option<(usize, bool)>,
    /// It stays so after the transaction.
    pub(super) keeps_selected: bool,
}

espalier_core::persist!(value Timing { bit, idles_high, late, select, keeps_selected });

#[derive(Clone, Debug)]
pub(super) struct Lines {
    watched: u64,
    awaited: u64,
    /// The phases of the present transaction, bit after bit, and the number of bits.
    bytes: Vec<u8>,
    bits: u64,
    start: Time,
    timing: Timing,
    /// The next half of a bit at which a level changes.
    next: u64,
    levels: [bool; LINES],
    changes: Vec<OutputChange>,
}

espalier_core::persist! {
    value Lines {
        watched, awaited, bytes, bits, start, timing, next, levels, changes
    } if Lines::is_sound;
}

impl Default for Lines {
    fn default() -> Lines {
        Lines {
            watched: 0,
            awaited: 0,
            bytes: Vec::new(),
            bits: 0,
            start: Time::ZERO,
            timing: Timing::default(),
            next: 0,
            // Nothing is selected.
            levels: [false, false, false, true, true, true],
            changes: Vec::new(),
        }
    }
}

/// Appends the low `count` bits of `value`, the highest first.
fn push_bits(bytes: &mut Vec<u8>, bits: &mut u64, value: u64, count: u64) {
    for bit in (0..count).rev() {
        if bits.is_multiple_of(8) {
            bytes.push(0);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(value >> bit.min(63) & 1 != 0) << (7 - *bits % 8);
        }
        *bits += 1;
    }
}

impl Lines {
    fn is_sound(&self) -> bool {
        self.bits <= 8 * self.bytes.len() as u64
    }

    /// The same after a reset of the block: the pads stay connected.
    pub(super) fn after_reset(&self) -> Lines {
        Lines { watched: self.watched, awaited: self.awaited, ..Lines::default() }
    }

    pub(super) fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs;
    }

    pub(super) fn set_awaited(&mut self, outputs: u64) {
        self.awaited = outputs;
    }

    fn is_watched(&self, output: usize) -> bool {
        self.watched >> output & 1 != 0
    }

    /// A transaction begins, in which the controller reads `read` bytes after what it sends.
    pub(super) fn begin(&mut self, transaction: &SpiTransaction<'_>, read: usize, timing: Timing, now: Time) {
        if self.watched == 0 {
            return;
        }
        self.follow(now);
        let (mut bytes, mut bits) = (Vec::new(), 0);
        let (command, address) = (transaction.command, transaction.address);
        push_bits(&mut bytes, &mut bits, u64::from(command.0), u64::from(command.1));
        push_bits(&mut bytes, &mut bits, address.0, u64::from(address.1));
        push_bits(&mut bytes, &mut bits, 0, u64::from(transaction.dummy_cycles));
        let read = if transaction.full_duplex { read.saturating_sub(transaction.mosi.len()) } else { read };
        for byte in transaction.mosi.iter().copied().chain(std::iter::repeat_n(0, read)) {
            if bits.is_multiple_of(8) {
                bytes.push(byte);
                bits += 8;
            } else {
                push_bits(&mut bytes, &mut bits, u64::from(byte), 8);
            }
        }
        (self.bytes, self.bits, self.start, self.timing, self.next) = (bytes, bits, now, timing, 0);
        self.tell(CLOCK, timing.idles_high, now);
        if let Some((select, level)) = timing.select.filter(|_| bits != 0) {
            self.tell(SELECT + select, level, now);
        }
        self.follow(now);
    }

    fn bit_at(&self, place: u64) -> bool {
        place < self.bits && self.bytes[(place / 8) as usize] >> (7 - place % 8) & 1 != 0
    }

    /// The next half of a bit from `half` on at which a line that is looked at may change; the last one is the end.
    fn following(&self, half: u64) -> u64 {
        if self.is_watched(CLOCK) {
            return half;
        }
        let data = self.levels[DATA];
        let same = if data { u8::MAX } else { 0 };
        let mut place = half.div_ceil(2);
        while place < self.bits && self.bit_at(place) == data {
            let whole = place.is_multiple_of(8) && self.bytes[(place / 8) as usize] == same;
            place = if whole { (place + 8).min(self.bits) } else { place + 1 };
        }
        2 * place
    }

    fn begins(&self, half: u64) -> Time {
        self.start + Span::from_ticks(self.timing.bit.ticks() * half / 2)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.bits != 0 && self.next <= 2 * self.bits
    }

    /// The end of the transaction on the lines, if something looks at them.
    pub(super) fn end(&self) -> Option<Time> {
        self.is_under_way().then(|| self.begins(2 * self.bits))
    }

    /// Whether all changes up to now have been taken.
    pub(super) fn is_told(&self) -> bool {
        self.changes.is_empty()
    }

    /// The levels between transactions: of the clock, and of each chip select that `deselected` names.
    pub(super) fn rest(&mut self, idles_high: bool, deselected: impl Iterator<Item = (usize, bool)>, now: Time) {
        self.follow(now);
        if self.is_under_way() {
            return;
        }
        self.tell(CLOCK, idles_high, now);
        for (select, level) in deselected {
            self.tell(SELECT + select, level, now);
        }
    }

    pub(super) fn tell(&mut self, output: usize, level: bool, at: Time) {
        if std::mem::replace(&mut self.levels[output], level) == level || !self.is_watched(output) {
            return;
        }
        if self.changes.len() == CHANGES {
            self.changes.drain(..CHANGES / 2);
        }
        self.changes.push(OutputChange { output, at, signal: Signal::Level(level) });
    }

    /// Guest time has come to `now`.
    pub(super) fn follow(&mut self, now: Time) {
        while self.is_under_way() && self.begins(self.next) <= now {
            let (at, half) = (self.begins(self.next), self.next);
            let Timing { idles_high, late, select, keeps_selected, .. } = self.timing;
            if half.is_multiple_of(2) {
                self.tell(DATA, self.bit_at(half / 2), at);
            }
            let active = half < 2 * self.bits && half.is_multiple_of(2) == late;
            self.tell(CLOCK, idles_high != active, at);
            if half == 2 * self.bits
                && let Some((select, level)) = select.filter(|_| !keeps_selected)
            {
                self.tell(SELECT + select, !level, at);
            }
            self.next = self.following(half + 1);
        }
    }

    /// The next change, if a block or an interrupt waits for it.
    pub(super) fn deadline(&self) -> Option<Time> {
        (self.awaited != 0 && self.is_under_way()).then(|| self.begins(self.next))
    }

    pub(super) fn signal(&self, output: usize) -> Signal {
        Signal::Level(self.levels.get(output).copied().unwrap_or(false))
    }

    pub(super) fn take_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, SpiTransaction, Time};

    use super::{CLOCK, DATA, Lines, SELECT, Timing};

    const BIT: Span = Span::from_nanos(400);
    const MODE_0: Timing = Timing { bit: BIT, idles_high: false, late: false, select: None, keeps_selected: false };

    fn watched(outputs: u64) -> Lines {
        let mut lines = Lines::default();
        lines.set_watched(outputs);
        lines
    }

    /// The times of the edges of an output, in halves of a bit.
    fn edges(lines: &mut Lines, output: usize) -> Vec<(u64, bool)> {
        let changes = lines.take_changes().into_iter().filter(|change| change.output == output);
        changes.map(|change| (2 * change.at.ticks() / BIT.ticks(), change.signal == Signal::Level(true))).collect()
    }

    #[test]
    fn phases_follow_each_other_and_the_line_is_low_at_the_end() {
        let mosi = [0xF0, 0x00, 0xFF];
        let phases =
            SpiTransaction { command: (0b101, 3), address: (1, 2), dummy_cycles: 3, ..SpiTransaction::default() };
        let mut lines = watched(1 << DATA);
        lines.begin(&SpiTransaction { mosi: &mosi, ..phases }, 0, MODE_0, Time::ZERO);
        lines.follow(Time::ZERO + BIT * 40);
        let expected = [(0, true), (1, false), (2, true), (3, false), (4, true), (5, false), (8, true), (12, false)];
        let expected = [&expected[..], &[(24, true), (32, false)]].concat();
        assert_eq!(edges(&mut lines, DATA), expected.iter().map(|(bit, level)| (2 * bit, *level)).collect::<Vec<_>>());
        assert_eq!((lines.signal(DATA), lines.deadline()), (Signal::Level(false), None));
    }

    /// The four modes: the level at idle, and the first edge of a bit.
    #[test]
    fn the_clock_has_its_polarity_and_phase_and_goes_on_while_the_controller_reads() {
        for (idles_high, late, first) in [(false, false, 1), (false, true, 0), (true, false, 1), (true, true, 0)] {
            let mut lines = watched(1 << CLOCK);
            let timing = Timing { idles_high, late, ..MODE_0 };
            lines.begin(
                &SpiTransaction { command: (1, 2), ..SpiTransaction::default() },
                1,
                timing,
                Time::from_micros(0),
            );
            lines.follow(Time::ZERO + BIT * 20);
            let mut seen = edges(&mut lines, CLOCK);
            if idles_high {
                assert_eq!(seen.remove(0), (0, true));
            }
            assert_eq!((seen.len(), seen[0], seen[1]), (20, (first, !idles_high), (first + 1, idles_high)));
            assert_eq!(lines.signal(CLOCK), Signal::Level(idles_high));
        }
    }

    #[test]
    fn edges_are_told_when_they_have_come_and_awaited_one_by_one() {
        let mut lines = watched(1 << DATA);
        lines.set_awaited(1 << DATA);
        lines.begin(&SpiTransaction { mosi: &[0x18, 0x01], ..SpiTransaction::default() }, 0, MODE_0, Time::ZERO);
        let mut seen = Vec::new();
        while let Some(due) = lines.deadline() {
            seen.push(due.ticks() / BIT.ticks());
            lines.follow(due);
        }
        assert_eq!(seen, [3, 5, 15, 16]);
        assert_eq!(edges(&mut lines, DATA), [(6, true), (10, false), (30, true), (32, false)]);
    }

    #[test]
    fn chip_select_holds_as_long_as_the_bits_unless_it_is_kept() {
        let mut lines = watched(1 << CLOCK | 1 << (SELECT + 1));
        let byte = SpiTransaction { mosi: &[0xFF], ..SpiTransaction::default() };
        lines.begin(&byte, 0, Timing { select: Some((1, false)), keeps_selected: true, ..MODE_0 }, Time::ZERO);
        lines.follow(Time::ZERO + BIT * 10);
        assert_eq!(edges(&mut lines, SELECT + 1), [(0, false)]);
        lines.begin(&byte, 0, Timing { select: Some((1, false)), ..MODE_0 }, Time::ZERO + BIT * 10);
        lines.follow(Time::ZERO + BIT * 30);
        let changes = lines.take_changes();
        assert_eq!((changes.len(), changes[16].output), (17, SELECT + 1), "it comes after the clock's last edge");
        assert_eq!(changes[16].at, Time::ZERO + BIT * 18);
        lines.rest(true, [(1, false)].into_iter(), Time::ZERO + BIT * 40);
        assert_eq!(lines.take_changes().len(), 2);
    }

    #[test]
    fn lines_at_which_nothing_looks_are_not_followed() {
        let mut lines = Lines::default();
        lines.begin(&SpiTransaction { mosi: &[0xFF], ..SpiTransaction::default() }, 0, MODE_0, Time::ZERO);
        lines.follow(Time::from_micros(100));
        assert_eq!((edges(&mut lines, DATA), lines.bytes.len()), (vec![], 0));
    }
}
