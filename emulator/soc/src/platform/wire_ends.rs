//! Wires that lead off the board, to pads of other boards: the drive of this board, and those of the boards at the far ends.
//!
//! Several pads of the board can be one net, and so can several boards. A net is told apart by its first pad. Changes of the board's
//! own drive collect here until the world takes them; those of a far end come with the time at which they arrive.

use espalier_core::{FlatMap, Signal, Span, Time};

use super::net::{NetDriver, lower};

/// The drive of one board on a wire: all of its drivers and resistors there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireDrive {
    /// The signal of the outputs that drive both levels.
    pushed: Option<Signal>,
    /// The signal of the outputs that only pull low; none while they let go.
    drained: Option<Signal>,
    /// The pull of resistors on the board, and of those in the chip; up is stronger.
    resistor: Option<bool>,
    pull: Option<bool>,
}

espalier_core::persist!(value WireDrive { pushed, drained, resistor, pull });

impl WireDrive {
    pub(crate) fn new(
        drivers: impl Iterator<Item = NetDriver>,
        resistor: Option<bool>,
        pull: Option<bool>,
    ) -> WireDrive {
        let (mut pushed, mut drained) = (None, None);
        for driver in drivers.filter(|driver| !driver.is_released()) {
            let together = if driver.open_drain { &mut drained } else { &mut pushed };
            *together = Some(together.map_or(driver.signal, |other| lower(other, driver.signal).0));
        }
        WireDrive { pushed, drained, resistor, pull }
    }

    /// The same, as much later as `by` says.
    #[must_use]
    pub fn delayed(self, by: Span) -> WireDrive {
        let later = |signal: Option<Signal>| signal.map(|signal| signal.delayed(by));
        WireDrive { pushed: later(self.pushed), drained: later(self.drained), ..self }
    }

    fn drivers(self) -> impl Iterator<Item = NetDriver> {
        let driver = |open_drain| move |signal| NetDriver { signal, open_drain };
        self.pushed.map(driver(false)).into_iter().chain(self.drained.map(driver(true)))
    }
}

/// A change of the board's drive on a wire that leads off it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireChange {
    /// The first pad of the board's net.
    pub pin: usize,
    pub drive: WireDrive,
    pub at: Time,
}

espalier_core::persist!(value WireChange { pin, drive, at });

/// A net of another board to which a net of this one is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FarEnd {
    /// The first pad of this board's net.
    pub pin: usize,
    /// Tells it from other far ends.
    pub number: u64,
}

espalier_core::persist!(value FarEnd { pin, number });

/// The wires that lead off a board. In masks of pads, bit n is GPIO n.
#[derive(Clone, Debug, Default)]
pub struct WireEnds {
    /// The first pads of the nets, and all pads of them.
    first: u64,
    pads: u64,
    /// The drives of the far ends, as far as they have arrived.
    far: FlatMap<FarEnd, WireDrive>,
    /// Drives on their way, by arrival; of the same arrival in their order.
    due: FlatMap<(Time, u64), (FarEnd, WireDrive)>,
    arrivals: u64,
    /// The last drive of the board on each net that was told, and its time.
    told: FlatMap<usize, (Time, WireDrive)>,
    changes: Vec<WireChange>,
    /// When the drivers of the nets were last followed to the end.
    followed: Option<Time>,
}

espalier_core::persist!(value WireEnds { first, pads, far, due, arrivals, told, changes, followed });

impl WireEnds {
    /// From now on the board's nets are wired to these far ends. `net` is the net of a pad. The drives of ends that stay are kept.
    pub fn connect(&mut self, ends: &[FarEnd], net: impl Fn(usize) -> u64) {
        (self.first, self.pads) = masks(ends.iter(), net);
        self.far = ends.iter().map(|end| (*end, self.far.get(end).copied().unwrap_or_default())).collect();
        self.due.retain(|_, (end, _)| ends.contains(end));
        self.told.retain(|pin, _| ends.iter().any(|end| end.pin == *pin));
        self.followed = None;
    }

    /// Switches make other nets of the board's pads.
    pub fn follow_nets(&mut self, net: impl Fn(usize) -> u64) {
        (self.first, self.pads) = masks(self.far.keys(), net);
        self.followed = None;
    }

    /// The far ends.
    pub fn far(&self) -> impl Iterator<Item = FarEnd> {
        self.far.keys().copied()
    }

    /// Whether each pad is one of `pins` and each net has its first pad.
    pub fn is_sound(&self, pins: usize, net: impl Fn(usize) -> u64) -> bool {
        let ends = self.far.keys().chain(self.due.values().map(|(end, _)| end));
        let pads = ends.map(|end| end.pin).chain(self.told.keys().copied());
        let exist = pads.chain(self.changes.iter().map(|change| change.pin)).all(|pin| pin < pins);
        let known = self.due.values().all(|(end, _)| self.far.contains_key(end));
        exist && known && masks(self.far.keys(), net) == (self.first, self.pads)
    }

    /// The first pads of the nets.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// All pads of them.
    pub fn pads(&self) -> u64 {
        self.pads
    }

    /// The drives of the far ends of the net of these pads.
    fn of_net(&self, net: u64) -> impl Iterator<Item = WireDrive> {
        let wired = self.pads & net != 0;
        self.far.iter().filter(move |(end, _)| wired && net >> end.pin & 1 != 0).map(|(_, drive)| *drive)
    }

    pub fn drivers(&self, net: u64) -> impl Iterator<Item = NetDriver> {
        self.of_net(net).flat_map(WireDrive::drivers)
    }

    /// The pull of resistors on other boards at the net of these pads.
    pub fn resistor(&self, net: u64) -> Option<bool> {
        strongest(self.of_net(net).filter_map(|drive| drive.resistor))
    }

    /// The pull of resistors in other chips there.
    pub fn pull(&self, net: u64) -> Option<bool> {
        strongest(self.of_net(net).filter_map(|drive| drive.pull))
    }

    /// The drive of a far end changes, which arrives at `at`.
    pub fn deliver(&mut self, at: Time, end: FarEnd, drive: WireDrive) {
        if self.far.contains_key(&end) {
            self.due.insert((at, self.arrivals), (end, drive));
            self.arrivals += 1;
        }
    }

    /// The next arrival.
    pub fn deadline(&self) -> Option<Time> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Takes over the next drive that has arrived by `now`; returns its time and the first pad of the net.
    pub fn take_due(&mut self, now: Time) -> Option<(Time, usize)> {
        self.deadline().filter(|at| *at <= now)?;
        let ((at, _), (end, drive)) = self.due.pop_first()?;
        self.far.insert(end, drive);
        Some((at, end.pin))
    }

    /// The board's drive on a net from `at` on.
    pub fn note(&mut self, pin: usize, drive: WireDrive, at: Time) {
        let (before, known) = self.told.get(&pin).copied().unwrap_or_default();
        if drive == known && self.told.contains_key(&pin) {
            return;
        }
        // Each drive is the whole of the net's, so a later one counts, even if a block has reported its part late.
        let at = at.max(before);
        self.told.insert(pin, (at, drive));
        self.changes.push(WireChange { pin, drive, at });
    }

    /// Whether its drivers have to be followed up to `now`, which has then been done.
    pub fn is_behind(&mut self, now: Time) -> bool {
        self.first != 0 && self.followed.replace(now) != Some(now)
    }

    pub fn take_changes(&mut self) -> Vec<WireChange> {
        std::mem::take(&mut self.changes)
    }
}

/// The first pads of the nets of these ends, and all pads of them.
fn masks<'a>(ends: impl Iterator<Item = &'a FarEnd>, net: impl Fn(usize) -> u64) -> (u64, u64) {
    ends.fold((0, 0), |(first, pads), end| (first | 1 << end.pin, pads | net(end.pin)))
}

/// The direction in which several resistors pull: up is stronger.
pub fn strongest(resistors: impl Iterator<Item = bool>) -> Option<bool> {
    resistors.fold(None, |up, level| Some(up.unwrap_or(false) || level))
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{FarEnd, NetDriver, WireDrive, WireEnds};

    const END: FarEnd = FarEnd { pin: 4, number: 9 };

    fn pushes(level: bool) -> WireDrive {
        WireDrive::new([NetDriver::of(Signal::Level(level))].into_iter(), None, None)
    }

    fn wired() -> WireEnds {
        let mut ends = WireEnds::default();
        ends.connect(&[END], |pin| 1 << pin | 1 << 7);
        ends
    }

    #[test]
    fn drivers_of_one_board_are_told_as_one_of_each_kind() {
        let released = NetDriver { signal: Signal::Level(true), open_drain: true };
        assert_eq!(WireDrive::new([released].into_iter(), None, None), WireDrive::default());
        let wave = Signal::pulses(Span::from_micros(3), Span::from_micros(1), Time::ZERO);
        let drivers = [NetDriver::of(wave), NetDriver::of(Signal::Level(true)), NetDriver::LOW, released];
        let drive = WireDrive::new(drivers.into_iter(), Some(true), Some(false)).delayed(Span::from_micros(1));
        let expected = [NetDriver::of(wave.delayed(Span::from_micros(1))), NetDriver::LOW];
        assert_eq!(drive.drivers().collect::<Vec<_>>(), expected);
        assert_eq!((drive.resistor, drive.pull), (Some(true), Some(false)));
    }

    #[test]
    fn a_drive_counts_from_its_arrival_on_and_for_its_net() {
        let mut ends = wired();
        ends.deliver(Time::from_micros(5), END, pushes(true));
        ends.deliver(Time::from_micros(5), END, pushes(false));
        ends.deliver(Time::from_micros(5), FarEnd { number: 1, ..END }, pushes(true));
        assert_eq!((ends.deadline(), ends.take_due(Time::from_micros(4))), (Some(Time::from_micros(5)), None));
        let drivers = |ends: &WireEnds, net: u64| ends.drivers(net).collect::<Vec<_>>();
        assert_eq!(drivers(&ends, 1 << 4), []);
        for level in [true, false] {
            assert_eq!(ends.take_due(Time::from_micros(6)), Some((Time::from_micros(5), 4)));
            assert_eq!(drivers(&ends, 1 << 4 | 1 << 7), [NetDriver::of(Signal::Level(level))]);
        }
        assert_eq!((drivers(&ends, 1 << 5), ends.deadline()), (vec![], None), "no other end is there");
        ends.connect(&[], |_| 0);
        assert_eq!(drivers(&ends, 1 << 4), []);
    }

    #[test]
    fn changes_of_the_board_are_told_once_and_in_order() {
        let mut ends = wired();
        ends.note(4, WireDrive::default(), Time::from_micros(1));
        ends.note(4, pushes(true), Time::from_micros(9));
        ends.note(4, pushes(true), Time::from_micros(9));
        ends.note(4, pushes(false), Time::from_micros(8));
        let told: Vec<_> = ends.take_changes().iter().map(|change| (change.at.as_micros(), change.drive)).collect();
        assert_eq!(told, [(1, WireDrive::default()), (9, pushes(true)), (9, pushes(false))]);
        assert!(ends.take_changes().is_empty());
    }
}
