//! The board's console as a stream of bytes: one thread reads, another one writes, and neither holds the board's handles up.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use espalier_core::Time;

use super::clock::{Clock, TickWaker};
use super::watch::Watch;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 12;
/// Bytes that are written at once, so that what was cut is not written for long.
const PIECE: usize = 256;
/// Longest sleep in a pause of the line.
const NAP: Duration = Duration::from_millis(10);

/// The half of a port that carries bytes to the board. Calls return after a while even if the other side takes nothing.
pub(crate) trait Transmitter: Send {
    /// Writes what the other side takes of `bytes`.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// The rate of the line from now on, in bits per second.
    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        let _ = baud;
        Ok(())
    }

    /// The modem lines; true is asserted, which is low on the wire.
    fn set_lines(&mut self, dtr: bool, rts: bool) -> io::Result<()> {
        let _ = (dtr, rts);
        Ok(())
    }

    /// Drops the received bytes that were not read.
    fn discard(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transmitter for Box<dyn Transmitter> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (**self).send(bytes)
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        (**self).set_baud(baud)
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> io::Result<()> {
        (**self).set_lines(dtr, rts)
    }

    fn discard(&mut self) -> io::Result<()> {
        (**self).discard()
    }
}

/// Something for the line to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Bytes(Vec<u8>),
    Baud(u32),
    Lines {
        dtr: bool,
        rts: bool,
    },
    Pause(Duration),
    /// The chip starts anew: what is known of its firmware is no longer true.
    Forget,
    /// The firmware sends every picture that it shows from now on.
    Mirror,
    /// Drops what was received until now.
    Discard,
}

/// A console that is open.
pub(crate) struct Line {
    shared: Arc<Shared>,
    orders: Option<Sender<(u64, Order)>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    clock: Clock,
    waker: TickWaker,
    inbox: Mutex<Inbox>,
    over: AtomicBool,
}

struct Inbox {
    received: VecDeque<(Time, u8)>,
    watch: Watch,
    /// Orders with bytes that are older than this are not carried out.
    valid_from: u64,
    /// Why the other end is gone.
    lost: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn lose(&self, reason: String) {
        self.lock().lost.get_or_insert(reason);
        self.waker.wake();
    }
}

impl Line {
    /// A line over both halves of a port. `receiver` returns nothing for a closed port, and an error of the kind
    /// `TimedOut` or `WouldBlock` when nothing came for a while.
    pub(crate) fn open(
        clock: Clock,
        waker: &TickWaker,
        receiver: impl Read + Send + 'static,
        transmitter: impl Transmitter + 'static,
    ) -> io::Result<Line> {
        let inbox = Inbox { received: VecDeque::new(), watch: Watch::default(), valid_from: 0, lost: None };
        let (inbox, over) = (Mutex::new(inbox), AtomicBool::new(false));
        let shared = Arc::new(Shared { clock, waker: waker.clone(), inbox, over });
        let (orders, todo) = channel();
        let mut line = Line { shared: shared.clone(), orders: Some(orders), threads: Vec::new() };
        let reading = shared.clone();
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        line.threads.push(spawn("espalier-reader").spawn(move || read(&reading, receiver))?);
        line.threads.push(spawn("espalier-writer").spawn(move || write(&shared, &todo, transmitter))?);
        Ok(line)
    }

    /// Has something done, after everything that was ordered before.
    pub(crate) fn order(&self, order: Order) {
        let valid_from = self.shared.lock().valid_from;
        if let Some(orders) = &self.orders {
            // A writer that has ended has said why.
            let _ = orders.send((valid_from, order));
        }
    }

    /// Forgets bytes that were ordered and not written yet.
    pub(super) fn cut(&self) {
        self.shared.lock().valid_from += 1;
    }

    /// The bytes since the last call.
    pub(super) fn take(&self) -> Vec<(Time, u8)> {
        self.shared.lock().received.drain(..).collect()
    }

    /// The firmware's announcement of itself.
    pub(super) fn watch<T>(&self, look: impl FnOnce(&mut Watch) -> T) -> T {
        look(&mut self.shared.lock().watch)
    }

    /// Why the other end is gone, if it is.
    pub(crate) fn lost(&self) -> Option<String> {
        self.shared.lock().lost.clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.orders = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed its message; the port is free either way.
            let _ = thread.join();
        }
    }
}

/// Whether trying again helps.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn read(shared: &Shared, mut receiver: impl Read) {
    let mut buffer = [0; BUFFER];
    while !shared.is_over() {
        match receiver.read(&mut buffer) {
            Ok(0) => return shared.lose("the other side has closed it".to_owned()),
            Ok(length) => {
                let now = shared.clock.now();
                let mut inbox = shared.lock();
                let Inbox { received, watch, .. } = &mut *inbox;
                for byte in &buffer[..length] {
                    watch.push(now, *byte, |at, byte| received.push_back((at, byte)));
                }
                drop(inbox);
                shared.waker.wake();
            }
            Err(error) if is_temporary(&error) => {
                // A line that has begun like an answer to the harness and does not go on is text like any other.
                let now = shared.clock.now();
                let mut inbox = shared.lock();
                let Inbox { received, watch, .. } = &mut *inbox;
                watch.give_up(now, |at, byte| received.push_back((at, byte)));
            }
            Err(error) => return shared.lose(error.to_string()),
        }
    }
}

fn write(shared: &Shared, orders: &Receiver<(u64, Order)>, mut transmitter: impl Transmitter) {
    while let Ok((given, order)) = orders.recv() {
        if shared.is_over() {
            return;
        }
        let done = match order {
            Order::Bytes(bytes) => send(shared, given, &bytes, &mut transmitter),
            Order::Baud(baud) => transmitter.set_baud(baud),
            Order::Lines { dtr, rts } => transmitter.set_lines(dtr, rts),
            Order::Pause(pause) => {
                sleep(shared, pause);
                Ok(())
            }
            Order::Forget => {
                shared.lock().watch.forget();
                Ok(())
            }
            Order::Mirror => {
                shared.lock().watch.mirror();
                Ok(())
            }
            Order::Discard => transmitter.discard().map(|()| {
                let mut inbox = shared.lock();
                inbox.received.clear();
                inbox.watch = Watch::default();
            }),
        };
        if let Err(error) = done {
            return shared.lose(error.to_string());
        }
    }
}

fn send(shared: &Shared, given: u64, bytes: &[u8], transmitter: &mut impl Transmitter) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() && !shared.is_over() && shared.lock().valid_from == given {
        match transmitter.send(&rest[..rest.len().min(PIECE)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => rest = &rest[length..],
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn sleep(shared: &Shared, pause: Duration) {
    let end = Instant::now() + pause;
    while !shared.is_over() {
        match end.checked_duration_since(Instant::now()) {
            Some(rest) if !rest.is_zero() => thread::sleep(rest.min(NAP)),
            _ => return,
        }
    }
}
