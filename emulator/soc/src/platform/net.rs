//! The signal on the pads of one net, from all its drivers and the resistors at them.

use espalier_core::Signal;

/// A driver of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetDriver {
    pub signal: Signal,
    /// It only ever pulls low: a high level lets go.
    pub open_drain: bool,
}

impl NetDriver {
    /// One that drives both levels.
    pub fn of(signal: Signal) -> NetDriver {
        NetDriver { signal, open_drain: false }
    }

    /// Whether it does nothing.
    pub fn is_released(&self) -> bool {
        self.open_drain && self.signal == Signal::Level(true)
    }

    /// Whether it holds the net low.
    pub fn is_low(self) -> bool {
        self.signal == Signal::Level(false)
    }

    /// One that holds the net low.
    pub const LOW: NetDriver = NetDriver { signal: Signal::Level(false), open_drain: true };
}

/// The signal on a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub signal: Signal,
    /// A driver and not a resistor makes it.
    pub driven: bool,
    /// Two drivers want different levels.
    pub conflict: bool,
}

espalier_core::persist!(value Carried { signal, driven, conflict });

impl Default for Carried {
    fn default() -> Carried {
        Carried { signal: Signal::Level(false), driven: false, conflict: false }
    }
}

/// Resolves the signal of a net with these drivers and a resistor. Where two drivers meet, the one that pulls low prevails, as the
/// stronger transistor does; a net that nothing drives or pulls reads as low.
pub fn resolve(drivers: impl Iterator<Item = NetDriver>, resistor: Option<bool>) -> Carried {
    let (mut both, mut conflict) = (None::<Signal>, false);
    let mut pushed: Option<Signal> = None;
    for driver in drivers {
        if driver.is_released() {
            continue;
        }
        if !driver.open_drain {
            conflict |= pushed.is_some_and(|other| other != driver.signal);
            pushed = Some(driver.signal);
        } else {
            conflict |= pushed == Some(Signal::Level(true));
        }
        let (signal, clash) = both.map_or((driver.signal, false), |other| lower(other, driver.signal));
        conflict |= clash;
        both = Some(signal);
    }
    let pulled_up = resistor == Some(true);
    match both {
        None => Carried { signal: Signal::Level(pulled_up), driven: false, conflict },
        // Open drains alone make no high level.
        Some(_) if pushed.is_none() && !pulled_up => Carried { signal: Signal::Level(false), driven: true, conflict },
        Some(signal) => Carried { signal, driven: true, conflict },
    }
}

/// Combines two signals where low prevails. True if the result is unknown: two different waves count as low.
pub(super) fn lower(one: Signal, other: Signal) -> (Signal, bool) {
    match (one, other) {
        (one, other) if one == other => (one, false),
        (Signal::Level(false), _) | (_, Signal::Level(false)) => (Signal::Level(false), false),
        (Signal::Level(true), wave) | (wave, Signal::Level(true)) => (wave, false),
        _ => (Signal::Level(false), true),
    }
}

/// The nets that wires make of `count` pads: for each pad, which ones are on its net. Bit n is pad n.
pub fn nets(count: usize, wires: impl Iterator<Item = (usize, usize)>) -> Vec<u64> {
    joined(&(0..count).map(|pad| 1 << pad).collect::<Vec<_>>(), wires)
}

/// The nets that further wires make of these.
pub fn joined(nets: &[u64], wires: impl Iterator<Item = (usize, usize)>) -> Vec<u64> {
    let mut nets = nets.to_vec();
    for (one, other) in wires {
        let joined = nets[one] | nets[other];
        for (pad, net) in nets.iter_mut().enumerate() {
            if joined >> pad & 1 != 0 {
                *net = joined;
            }
        }
    }
    nets
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{Carried, NetDriver, joined, nets, resolve};

    const HIGH: NetDriver = NetDriver { signal: Signal::Level(true), open_drain: false };
    const RELEASED: NetDriver = NetDriver { signal: Signal::Level(true), open_drain: true };

    fn wave(period: u64) -> Signal {
        Signal::pulses(Span::from_micros(period), Span::from_micros(1), Time::ZERO)
    }

    fn carried(signal: Signal, driven: bool, conflict: bool) -> Carried {
        Carried { signal, driven, conflict }
    }

    #[test]
    fn resistors_decide_where_nothing_drives() {
        for (resistor, level) in [(Some(true), true), (Some(false), false), (None, false)] {
            assert_eq!(resolve([].into_iter(), resistor), carried(Signal::Level(level), false, false));
            assert_eq!(resolve([RELEASED].into_iter(), resistor), carried(Signal::Level(level), false, false));
            assert_eq!(resolve([HIGH].into_iter(), resistor), carried(Signal::Level(true), true, false));
        }
    }

    #[test]
    fn open_drains_are_joined_without_a_conflict() {
        let low = carried(Signal::Level(false), true, false);
        assert_eq!(resolve([RELEASED, NetDriver::LOW, NetDriver::LOW].into_iter(), Some(true)), low);
        let pulling = NetDriver { signal: wave(3), open_drain: true };
        assert_eq!(resolve([pulling, RELEASED].into_iter(), Some(true)), carried(wave(3), true, false));
        assert_eq!(resolve([pulling].into_iter(), None), low, "nothing makes it high");
        assert_eq!(resolve([pulling, NetDriver::LOW].into_iter(), Some(true)), low);
    }

    #[test]
    fn low_prevails_in_a_conflict() {
        let low = carried(Signal::Level(false), true, true);
        assert_eq!(resolve([HIGH, NetDriver::of(Signal::Level(false))].into_iter(), None), low);
        assert_eq!(resolve([HIGH, NetDriver::LOW].into_iter(), None), low);
        assert_eq!(resolve([NetDriver::of(wave(3)), NetDriver::of(wave(4))].into_iter(), None), low);
        assert_eq!(resolve([HIGH, NetDriver::of(wave(3))].into_iter(), None), carried(wave(3), true, true));
        assert_eq!(resolve([HIGH, HIGH].into_iter(), None), carried(Signal::Level(true), true, false));
    }

    #[test]
    fn wires_make_nets() {
        let nets = nets(6, [(0, 1), (2, 3), (3, 1), (5, 5)].into_iter());
        assert_eq!(nets, [0xF, 0xF, 0xF, 0xF, 0x10, 0x20]);
        assert_eq!(joined(&nets, [(4, 0)].into_iter()), [0x1F, 0x1F, 0x1F, 0x1F, 0x1F, 0x20]);
    }
}
