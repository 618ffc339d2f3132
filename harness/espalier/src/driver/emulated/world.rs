//! The world of emulated boards, shared by all that hold one of them.
//!
//! A board that was not put into a world has one of its own. One lock guards a world; nothing here keeps it across a call that takes
//! it again.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use espalier_core::{Span, Time};
use espalier_net::Lan;
use espalier_soc::{Machine, MachineConfig};
use espalier_world::{BoardId, World, WorldConfig, WorldStop};

use crate::driver::lan_peer::Lans;
use crate::driver::{EmulatorError, FaultConfig, Halted, Segment};
use crate::error::Failure;

/// How long boards run before other tasks get their turn, in their own time. Short, so that a runtime with one thread
/// stays responsive; what the firmware sees does not depend on it.
const SLICE: Span = Span::from_millis(1);

/// A world and why it does not go on, if it does not.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) world: World,
    halted: Option<(BoardId, Halted)>,
}

impl Held {
    /// A board has stopped for good, and so the others do.
    fn note(&mut self, stop: WorldStop) {
        let WorldStop::Unmodelled { board, access } = stop else { return };
        let reason = match self.world.boards().find(|(id, _)| *id == board) {
            Some((_, name)) if !self.world.is_of_one() => format!("{name}: {access}"),
            _ => access.to_string(),
        };
        self.halted = Some((board, Halted { reason }));
    }

    fn going(&self) -> Result<(), Failure> {
        match &self.halted {
            Some((_, halted)) => Err(halted.clone().into()),
            None => Ok(()),
        }
    }
}

/// A board, locked with its world.
pub(super) struct LockedBoard<'a> {
    held: MutexGuard<'a, Held>,
    board: BoardId,
}

impl LockedBoard<'_> {
    pub(super) fn world_now(&self) -> Time {
        self.held.world.now()
    }
}

impl Deref for LockedBoard<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        self.held.world.board(self.board)
    }
}

/// At the world's time, to act on it.
impl DerefMut for LockedBoard<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        self.held.world.board_mut(self.board)
    }
}

/// The boards' LAN, and the networks in the air.
impl Lans for World {
    fn lan(&self, segment: Segment) -> Option<&Lan> {
        match segment {
            Segment::Lan => Some(World::lan(self)),
            Segment::Air(hardware) => self.air().lan(hardware),
        }
    }

    fn lan_mut(&mut self, segment: Segment) -> Option<&mut Lan> {
        match segment {
            Segment::Lan => Some(World::lan_mut(self)),
            Segment::Air(hardware) => self.air_mut().lan_mut(hardware),
        }
    }
}

/// A world that boards are in.
#[derive(Clone)]
pub(crate) struct WorldHandle(Arc<Mutex<Held>>);

impl WorldHandle {
    fn holding(held: Held) -> WorldHandle {
        WorldHandle(Arc::new(Mutex::new(held)))
    }

    /// A world without boards, on this many threads if it is said.
    pub(crate) fn new(seed: u64, threads: Option<usize>) -> Result<WorldHandle, Failure> {
        let config = WorldConfig { seed, ..WorldConfig::default() };
        let threads = threads.unwrap_or(config.threads);
        let world = World::of(WorldConfig { threads, ..config }).map_err(EmulatorError::new)?;
        Ok(WorldHandle::holding(Held { world, halted: None }))
    }

    /// The world of one board.
    pub(super) fn of_one(name: &str, machine: Machine) -> (WorldHandle, BoardId) {
        let (world, board) = World::of_one(name, machine);
        (WorldHandle::holding(Held { world, halted: None }), board)
    }

    /// Adds a board to it. Its name is that of its model, with a number if there are several.
    pub(super) fn add(&self, model: &str, config: &MachineConfig) -> Result<BoardId, Failure> {
        let world = &mut self.lock().world;
        let mut name = model.to_owned();
        let mut number = 1;
        while world.find(&name).is_some() {
            number += 1;
            name = format!("{model} {number}");
        }
        Ok(world.add_board(&name, config).map_err(EmulatorError::new)?)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(&self, board: BoardId) -> LockedBoard<'_> {
        LockedBoard { held: self.lock(), board }
    }

    pub(super) fn is_of_one(&self) -> bool {
        self.lock().world.is_of_one()
    }

    /// A second world that starts where this one stands, if it is that of one board.
    pub(super) fn fork_of_one(&self) -> Option<WorldHandle> {
        let held = self.lock();
        held.world.is_of_one().then(|| WorldHandle::holding(held.clone()))
    }

    /// Its time.
    pub(crate) fn now(&self) -> Time {
        self.lock().world.now()
    }

    /// Lets all boards run for a slice, at most to `limit`, and wakes the task of `cx`.
    pub(crate) fn poll_advance(&self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        let mut held = self.lock();
        held.going()?;
        let end = limit.min(held.world.now() + SLICE);
        let stop = held.world.run_until(end);
        held.note(stop);
        held.going()?;
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// A board is reset, and goes on if it could not.
    pub(super) fn revive(&self, board: BoardId) {
        self.lock().halted.take_if(|(halted, _)| *halted == board);
    }

    /// From now on, this goes wrong on the cable of a board.
    pub(super) fn set_cable_faults(&self, board: BoardId, faults: &FaultConfig) -> Result<(), Failure> {
        let world = &mut self.lock().world;
        let done = if world.is_of_one() {
            World::lan_mut(world).set_faults(faults.clone())
        } else {
            world.set_cable_faults(board, faults.clone())
        };
        Ok(done.map_err(EmulatorError::new)?)
    }

    /// A digest of the run of all boards so far.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.lock().world.trace_hash()
    }
}
