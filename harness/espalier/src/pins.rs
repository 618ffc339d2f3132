//! Pins of the board's chip: what they carry, and what a test drives onto them.

use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Signal, Span, Time};

use crate::driver::{PadHistory, WorldHandle, WorldPad};
use crate::error::{Cause, Failure};
use crate::session::{Result, Shared, State, Wait};

/// Edges that [`Edges::list`] counts one by one at most; a wave of a fast peripheral makes any number of them.
pub const MOST_EDGES: usize = 1 << 16;

/// A pin was expected to keep its level, or to have carried fewer edges.
///
/// ```
/// let error = espalier::TooManyEdges { pin: 2, most: 65_536 };
/// assert!(error.to_string().starts_with("GPIO2 has had more than 65536 edges"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "GPIO{pin} has had more than {most} edges since they were recorded; ask for its frequency, or record less of it"
)]
pub struct TooManyEdges {
    /// Number of the GPIO.
    pub pin: usize,
    /// Largest number of edges that can be listed.
    pub most: usize,
}

impl Cause for TooManyEdges {}

/// A pin of the chip by the number of its GPIO. Handles are cheap and all lead to the same pin.
///
/// Its level results from all that drives it: the chip's GPIO and peripherals, parts, wires of the board file and to other boards
/// ([`World::wire`](crate::World::wire)), the test and pulls. Of two drivers with opposite levels the low one prevails.
///
/// Every call fails if the chip has no such pin, or on a kind of board whose pins are out of reach; see
/// [`Capability::Pins`](crate::Capability::Pins).
///
/// ```no_run
/// use espalier::{Board, Units};
///
/// # async fn test(board: Board) -> espalier::Result<()> {
/// board.pin(4).drive(false)?;
/// let at = board.pin(2).goes_high().within(1.s()).await?;
/// println!("high at {at}");
/// board.pin(4).release()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pin {
    shared: Arc<Shared>,
    pin: usize,
}

impl Pin {
    pub(crate) fn new(shared: Arc<Shared>, pin: usize) -> Pin {
        Pin { shared, pin }
    }

    /// Where it is in this world; otherwise the name of its board, which is in another.
    pub(crate) fn in_world(&self, world: &WorldHandle) -> std::result::Result<WorldPad, String> {
        let state = self.shared.lock();
        state.driver.pad_in_world(world, self.pin).ok_or_else(|| state.artefacts.name().to_owned())
    }

    /// Whether it is high now.
    ///
    /// # Errors
    /// If the chip has no such pin, or its pins are out of reach.
    pub fn is_high(&self) -> Result<bool> {
        let pin = self.pin;
        self.act(|state| {
            let now = state.driver.now();
            Ok(state.driver.pad(pin)?.level_at(now))
        })
    }

    /// Drives it from outside, high or low, until [`release`](Pin::release).
    ///
    /// # Errors
    /// If the chip has no such pin, or its pins are out of reach.
    pub fn drive(&self, high: bool) -> Result<()> {
        let pin = self.pin;
        self.act(|state| state.driver.drive_pad(pin, Some(high)))
    }

    /// Releases it.
    ///
    /// # Errors
    /// If the chip has no such pin, or its pins are out of reach.
    pub fn release(&self) -> Result<()> {
        let pin = self.pin;
        self.act(|state| state.driver.drive_pad(pin, None))
    }

    /// Waits until it is high, and says since when; at once if it is. A pulse that is shorter than a look at the board counts.
    pub fn goes_high(&self) -> Wait<Time> {
        self.goes(true)
    }

    /// The same for low.
    pub fn goes_low(&self) -> Wait<Time> {
        self.goes(false)
    }

    /// Records its edges from now on.
    ///
    /// # Errors
    /// If the chip has no such pin, or its pins are out of reach.
    pub fn edges(&self) -> Result<Edges> {
        let pin = self.pin;
        let (skip, from) = self.act(|state| Ok((state.driver.record_pad(pin)?, state.driver.now())))?;
        Ok(Edges { shared: self.shared.clone(), pin, skip, from })
    }

    fn goes(&self, level: bool) -> Wait<Time> {
        let (pin, word) = (self.pin, if level { "high" } else { "low" });
        let mut from = None;
        Wait::new(&self.shared, format!("GPIO{pin} to go {word}"), move |state, _| {
            let now = state.driver.now();
            let (skip, from) = match from {
                Some(begun) => begun,
                None => *from.insert((state.driver.record_pad(pin)?, now)),
            };
            let history = state.driver.pad_history(pin, skip)?;
            match first(&history, level, from, now) {
                Some(at) => Poll::Ready(Ok(at)),
                None => Poll::Pending,
            }
        })
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> std::result::Result<T, Failure>) -> Result<T> {
        let mut state = self.shared.lock();
        act(&mut state).map_err(|kind| state.fail(kind))
    }
}

/// When the pin first had a level between two instants.
fn first(history: &PadHistory, level: bool, from: Time, until: Time) -> Option<Time> {
    for (signal, start, end) in pieces(history, from, until) {
        if signal.level_at(start) == level {
            return Some(start);
        }
        if let Some((at, _)) = signal.next_edge(start).filter(|(at, _)| *at <= end) {
            return Some(at);
        }
    }
    None
}

/// Returns the signal of the pin between two instants as pieces, each with its beginning and its end.
fn pieces(history: &PadHistory, from: Time, until: Time) -> Vec<(Signal, Time, Time)> {
    let starts = std::iter::once((from, history.before)).chain(history.changes.iter().copied());
    let ends = history.changes.iter().map(|(at, _)| *at).chain(std::iter::once(until));
    starts.zip(ends).map(|((start, signal), end)| (signal, start, end)).collect()
}

/// An edge of a pin.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let edges = board.pin(2).edges()?;
/// for edge in edges.list()? {
///     println!("{} {}", edge.at, if edge.rises { "rises" } else { "falls" });
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// When.
    pub at: Time,
    /// From low to high.
    pub rises: bool,
}

/// The edges of a pin, as far as they are listed.
pub(crate) struct Captured {
    pub(crate) from: Time,
    /// The level at the beginning.
    pub(crate) level: bool,
    pub(crate) edges: Vec<Edge>,
    /// There were more.
    pub(crate) more: bool,
}

impl Captured {
    pub(crate) fn end(&self) -> Time {
        self.edges.last().map_or(self.from, |edge| edge.at)
    }

    /// The level at an instant.
    pub(crate) fn level_at(&self, at: Time) -> bool {
        let passed = self.edges.partition_point(|edge| edge.at <= at);
        passed.checked_sub(1).map_or(self.level, |last| self.edges[last].rises)
    }
}

/// The edges of a pin since [`Pin::edges`]. The last 262144 changes are kept; a wave of a fast peripheral is one.
///
/// ```no_run
/// use espalier::{Board, Units};
///
/// # async fn test(board: Board) -> espalier::Result<()> {
/// let edges = board.pin(26).edges()?;
/// board.run_for(100.ms()).await?;
/// assert_eq!(edges.count()?, 200);
/// assert_eq!(edges.frequency()?.map(f64::round), Some(1000.0));
/// assert_eq!(edges.duty()?, Some(0.5));
/// # Ok(())
/// # }
/// ```
pub struct Edges {
    shared: Arc<Shared>,
    pin: usize,
    /// Changes that were recorded before.
    skip: u64,
    from: Time,
}

impl Edges {
    /// Returns their number.
    ///
    /// # Errors
    /// If the pin cannot be read.
    pub fn count(&self) -> Result<u64> {
        self.look(|history, from, now| {
            let mut count = 0;
            let mut level = history.before.level_at(from);
            for (signal, start, end) in pieces(history, from, now) {
                count += u64::from(signal.level_at(start) != level) + signal.edges(start, end);
                level = signal.level_at(end);
            }
            Ok(count)
        })
    }

    /// All of them, in order; fails with [`TooManyEdges`] if they are more than [`MOST_EDGES`].
    ///
    /// # Errors
    /// If there are more than [`MOST_EDGES`] ([`TooManyEdges`]), or the pin cannot be read.
    pub fn list(&self) -> Result<Vec<Edge>> {
        let captured = self.first()?;
        if captured.more {
            let mut state = self.shared.lock();
            return Err(state.fail(TooManyEdges { pin: self.pin, most: MOST_EDGES }));
        }
        Ok(captured.edges)
    }

    /// The first of them, no more than [`MOST_EDGES`].
    pub(crate) fn first(&self) -> Result<Captured> {
        self.look(|history, from, now| {
            let mut list = Vec::new();
            let begin = history.before.level_at(from);
            let mut level = begin;
            for (signal, start, end) in pieces(history, from, now) {
                let joined = (signal.level_at(start) != level).then_some((start, !level));
                let mut next = joined.or_else(|| signal.next_edge(start));
                while let Some((at, rises)) = next.filter(|(at, _)| *at <= end) {
                    if list.len() == MOST_EDGES {
                        return Ok(Captured { from, level: begin, edges: list, more: true });
                    }
                    list.push(Edge { at, rises });
                    level = rises;
                    next = signal.next_edge(at);
                }
            }
            Ok(Captured { from, level: begin, edges: list, more: false })
        })
    }

    /// In hertz: that of the wave that a peripheral makes now, or else between the first and the last rise. None if there are fewer
    /// than two.
    ///
    /// # Errors
    /// If the pin cannot be read.
    pub fn frequency(&self) -> Result<Option<f64>> {
        Ok(self.turns()?.map(|(period, _)| 1.0 / period))
    }

    /// The part of each period in which the pin is high, from 0 to 1, of the same wave.
    ///
    /// # Errors
    /// If the pin cannot be read.
    pub fn duty(&self) -> Result<Option<f64>> {
        Ok(self.turns()?.map(|(period, high)| high / period))
    }

    /// Mean period and time that it is high, in seconds.
    fn turns(&self) -> Result<Option<(f64, f64)>> {
        let wave =
            self.look(|history, _, _| Ok(history.changes.last().map_or(history.before, |(_, signal)| *signal)))?;
        if let Signal::Pulses { period, high, .. } = wave {
            return Ok(Some((period.as_secs_f64(), high.as_secs_f64())));
        }
        let list = self.list()?;
        let rises: Vec<usize> =
            list.iter().enumerate().filter(|(_, edge)| edge.rises).map(|(index, _)| index).collect();
        let (Some(first), Some(last)) = (rises.first(), rises.last()) else { return Ok(None) };
        if first == last {
            return Ok(None);
        }
        let turns = (rises.len() - 1) as f64;
        let high: Span = rises[..rises.len() - 1]
            .iter()
            .map(|index| list[index + 1].at.since(list[*index].at))
            .fold(Span::ZERO, |sum, high| sum + high);
        let whole = list[*last].at.since(list[*first].at).as_secs_f64();
        Ok(Some((whole / turns, high.as_secs_f64() / turns)))
    }

    fn look<T>(&self, look: impl FnOnce(&PadHistory, Time, Time) -> std::result::Result<T, Failure>) -> Result<T> {
        let mut state = self.shared.lock();
        let now = state.driver.now();
        let found = state.driver.pad_history(self.pin, self.skip).and_then(|history| look(&history, self.from, now));
        found.map_err(|kind| state.fail(kind))
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::fake::Fake;
    use crate::{Board, Capability, Model, NoSuchPin, Units, Unsupported};

    #[tokio::test]
    async fn a_board_whose_pins_are_out_of_reach_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let board = Fake::new([]).board(folder.path());
        let error = board.pin(2).is_high().unwrap_err();
        assert!(matches!(error.find(), Some(Unsupported { capability: Capability::Pins, .. })), "{error}");
        assert!(error.to_string().contains("reading and driving pins"), "{error}");
    }

    #[tokio::test]
    async fn a_pin_carries_what_the_test_drives() {
        let board = Board::builder().model(Model::DevKit).name("pins").start().await.unwrap();
        let pin = board.pin(18);
        let edges = pin.edges().unwrap();
        assert!(!pin.is_high().unwrap());
        let begun = board.now();
        let high = pin.goes_high().within(1.ms());
        for level in [true, false, true, false, true] {
            pin.drive(level).unwrap();
            board.run_for(10.us()).await.unwrap();
        }
        // It was high before it was awaited, and is.
        assert_eq!(high.await.unwrap(), board.now());
        pin.release().unwrap();
        assert!(pin.goes_low().within(1.ms()).await.unwrap() > begun);
        let list = edges.list().unwrap();
        assert_eq!((edges.count().unwrap(), list.len()), (6, 6));
        assert!(list.iter().enumerate().all(|(index, edge)| edge.rises == (index % 2 == 0)), "{list:?}");
        assert!(list.is_sorted_by_key(|edge| edge.at));
        let duty = edges.duty().unwrap().unwrap();
        // A board may overshoot what it is to run for by a slice.
        assert!((0.2..0.8).contains(&duty), "{duty}");
        let error = board.pin(24).is_high().unwrap_err();
        assert!(matches!(error.find(), Some(NoSuchPin { pin: 24, .. })), "{error}");
        let late = board.pin(19).goes_high().within(1.ms()).await.unwrap_err().to_string();
        assert!(late.contains("GPIO19 to go high"), "{late}");
    }
}
