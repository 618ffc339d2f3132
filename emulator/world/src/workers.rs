//! Runs boards side by side.
//!
//! Threads take boards from a list that is filled for each window. Which thread runs which board is left to the host; no board
//! sees another while it runs, so it makes no difference.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use espalier_core::Time;
use espalier_soc::{DebugStop, Machine, Stop, UnmodelledAccess};

/// Number of times that a thread looks for work before it sleeps: a window lasts some tens of microseconds.
const SPINS: u32 = 5_000;

/// A board while a world runs: one thread at a time has it.
pub(crate) type Cell<'a> = Mutex<&'a mut Machine>;

/// The stop of a board that has an event for its user.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    Unmodelled(UnmodelledAccess),
    Debug { core: usize, stop: DebugStop },
}

/// Has a board for a moment.
pub(crate) fn lock<'a, 'b>(cell: &'a Cell<'b>) -> MutexGuard<'a, &'b mut Machine> {
    // After a panic the run ends; what a board is like then is no matter.
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a board until `end`.
pub(crate) fn run_board(machine: &mut Machine, end: Time) -> Option<Halt> {
    loop {
        match machine.run_until(end) {
            Stop::Output => {}
            Stop::Limit => return None,
            Stop::Unmodelled(access) => return Some(Halt::Unmodelled(access)),
            Stop::Debug { core, stop } => return Some(Halt::Debug { core, stop }),
        }
    }
}

/// The boards that have to be run in this window.
#[derive(Default)]
struct Work {
    places: Vec<usize>,
    end: Time,
    halts: Vec<(usize, Halt)>,
    over: bool,
}

struct Shared<'a, 'b> {
    cells: &'a [Cell<'b>],
    work: Mutex<Work>,
    more: Condvar,
    /// Boards that no thread has taken yet, for those that look without the lock.
    waiting: AtomicUsize,
    /// Boards that have not come to the end of the window.
    left: AtomicUsize,
    over: AtomicBool,
}

impl Shared<'_, '_> {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the next board that waits; false if none does.
    fn run_one(&self) -> bool {
        let mut work = self.work();
        let Some(place) = work.places.pop() else { return false };
        let end = work.end;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(work);
        // Counted even if the emulator panics, or else the others would wait for ever.
        let _done = Done(&self.left);
        if let Some(halt) = run_board(&mut lock(&self.cells[place]), end) {
            self.work().halts.push((place, halt));
        }
        true
    }

    /// The loop of each worker thread.
    fn help(&self) {
        loop {
            for _ in 0..SPINS {
                if self.waiting.load(Ordering::Relaxed) != 0 || self.over.load(Ordering::Relaxed) {
                    break;
                }
                std::hint::spin_loop();
            }
            if self.run_one() {
                continue;
            }
            let work = self.work();
            if work.over {
                return;
            }
            if work.places.is_empty() {
                drop(self.more.wait(work).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// The threads of one run.
pub(crate) struct Workers<'scope, 'env, 'boards> {
    scope: &'scope Scope<'scope, 'env>,
    shared: &'env Shared<'env, 'boards>,
    /// Threads besides the caller's: how many there may be, and how many there are.
    helpers_max: usize,
    helpers: usize,
}

impl Drop for Workers<'_, '_, '_> {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.work().over = true;
        self.shared.more.notify_all();
    }
}

/// Runs `act` with up to `threads` threads for the boards.
pub(crate) fn with<R>(threads: usize, boards: &mut [Machine], act: impl FnOnce(&mut Workers, &[Cell]) -> R) -> R {
    let helpers_max = threads.min(boards.len()).saturating_sub(1);
    let cells: Vec<Cell> = boards.iter_mut().map(Mutex::new).collect();
    let shared = Shared {
        cells: &cells,
        work: Mutex::default(),
        more: Condvar::new(),
        waiting: AtomicUsize::new(0),
        left: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    thread::scope(|scope| act(&mut Workers { scope, shared: &shared, helpers_max, helpers: 0 }, &cells))
}

impl Workers<'_, '_, '_> {
    /// Runs every board that has something to do before `end` until then. Returns those that have something to tell, in the order
    /// of their places.
    pub fn run(&mut self, end: Time) -> Vec<(usize, Halt)> {
        let shared = self.shared;
        let mut places = Vec::new();
        for (place, cell) in shared.cells.iter().enumerate() {
            let mut machine = lock(cell);
            if machine.rests_until().is_none_or(|rest| rest < end) {
                machine.set_boundary(end);
                places.push(place);
            }
        }
        let count = places.len();
        if count <= 1 || self.helpers_max == 0 {
            let run = |place| Some((place, run_board(&mut lock(&shared.cells[place]), end)?));
            return places.into_iter().filter_map(run).collect();
        }
        while self.helpers < self.helpers_max.min(count - 1) {
            self.helpers += 1;
            self.scope.spawn(|| shared.help());
        }
        // The first places are taken first.
        places.reverse();
        shared.left.store(count, Ordering::Relaxed);
        {
            let mut work = shared.work();
            (work.places, work.end) = (places, end);
            shared.waiting.store(count, Ordering::Relaxed);
        }
        shared.more.notify_all();
        while shared.run_one() {}
        let mut spins = 0;
        while shared.left.load(Ordering::Acquire) != 0 {
            spins += 1;
            if spins < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
        }
        let mut halts = std::mem::take(&mut shared.work().halts);
        halts.sort_by_key(|(place, _)| *place);
        halts
    }
}
