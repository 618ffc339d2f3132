//! The board's time where it is the host's, and who is woken when it has passed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use espalier_core::{Span, Time};

/// Interval at which a waiting task looks again although nothing has woken it. Sockets of the host are polled: unread bytes stay in
/// the kernel's buffers, so a peer that does not read holds the board back as any other peer does. A millisecond is short beside
/// a board's time to answer.
const TICK: Duration = Duration::from_millis(1);

/// Board time that is the host's: it counts from power-on by the host's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    power_on: Instant,
}

impl Clock {
    /// Now is power-on.
    pub(crate) fn start() -> Clock {
        Clock { power_on: Instant::now() }
    }

    pub(crate) fn now(&self) -> Time {
        let micros = u64::try_from(self.power_on.elapsed().as_micros()).unwrap_or(u64::MAX);
        Time::from_micros(micros)
    }
}

/// Wakes the tasks that wait on a board.
#[derive(Clone)]
pub(crate) struct TickWaker {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waker>,
    /// When they are woken at the latest.
    due: Option<Instant>,
    over: bool,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TickWaker {
    /// Something may have changed: wakes every task that waits.
    pub(crate) fn wake(&self) {
        let waiting = {
            let mut state = self.inner.lock();
            state.due = None;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Wakes the task at the next wake-up, or soon, and at the latest after `patience` of board time.
    pub(crate) fn register(&self, waker: &Waker, patience: Span) {
        let due = Instant::now() + TICK.min(Duration::from_micros(patience.as_micros()));
        let mut state = self.inner.lock();
        if !state.waiting.iter().any(|known| known.will_wake(waker)) {
            state.waiting.push(waker.clone());
        }
        if state.due.is_none_or(|known| due < known) {
            state.due = Some(due);
            self.inner.changed.notify_one();
        }
    }
}

/// The thread that rings when nothing else does. It ends when this is dropped.
pub(crate) struct Ticker {
    waker: TickWaker,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start() -> std::io::Result<Ticker> {
        let waker = TickWaker { inner: Arc::new(Inner { state: Mutex::default(), changed: Condvar::new() }) };
        let other = waker.clone();
        let thread = thread::Builder::new().name("espalier-ticker".to_owned()).spawn(move || tick(&other))?;
        Ok(Ticker { waker, thread: Some(thread) })
    }

    pub(crate) fn waker(&self) -> &TickWaker {
        &self.waker
    }
}

fn tick(waker: &TickWaker) {
    let mut state = waker.inner.lock();
    while !state.over {
        let now = Instant::now();
        state = match state.due {
            Some(due) if due <= now => {
                drop(state);
                waker.wake();
                waker.inner.lock()
            }
            Some(due) => waker.inner.changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0,
            None => waker.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.waker.inner.lock().over = true;
        self.waker.inner.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It does not panic, and the drop of a board has no result to report.
            let _ = thread.join();
        }
        self.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use espalier_core::Span;

    use super::{Clock, Ticker};

    #[test]
    fn the_ticker_wakes_a_task_without_another_waker() {
        let (ticker, clock) = (Ticker::start().unwrap(), Clock::start());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let begun = clock.now();
        runtime.block_on(poll_fn(|cx| {
            if clock.now().since(begun) >= Span::from_millis(20) {
                return Poll::Ready(());
            }
            ticker.waker().register(cx.waker(), Span::from_secs(1));
            Poll::Pending
        }));
        assert!(clock.now().since(begun) >= Span::from_millis(20));
    }
}
