//! The world of an emulated board: one of its own, or one that it shares with others.
//!
//! A world of its own belongs to the board and needs no lock, which every slice of a test's wait would take several times. One lock
//! guards a shared world; nothing here keeps it across a call that takes it again.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use espalier_core::{Load, Persist, Reader, Span, Time, Writer};
use espalier_net::Lan;
use espalier_parts::PartKinds;
use espalier_soc::{Machine, MachineConfig};
use espalier_world::{BoardId, World, WorldConfig, WorldStop};

use super::stimuli::Stimuli;
use super::{Emulated, translation};
use crate::driver::lan_peer::{LanPeer, Lans};
use crate::driver::{Driver, EmulatorError, FaultConfig, Halted, Segment};
use crate::error::{Failure, Source};

/// Board time for which boards run before other tasks get their turn. Short, so that a runtime with one thread
/// stays responsive; what the firmware sees does not depend on it.
const SLICE: Span = Span::from_millis(1);
/// Cycles that a board executes before other tasks get their turn, if the slices go on at all: what the host does in some
/// milliseconds.
const WORK: u64 = 1 << 21;

/// A world and why it does not go on, if it does not.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) world: World,
    halted: Option<(BoardId, Halted)>,
}

/// The file holds several boards.
#[derive(Debug, thiserror::Error)]
#[error("this is a world of {boards} boards, not one board; load it with World::load")]
pub(super) struct OfSeveral {
    pub(super) boards: usize,
}

/// The file holds a board that is in no world.
#[derive(Debug, thiserror::Error)]
#[error("this is one board, not a world; load it with Board::load, or run it with espalier run")]
struct OfOne;

/// The reason why a world does not go on is for a board that the world has not.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot is damaged: a board that has halted is not in it; save the board again")]
struct NoSuchBoard;

impl Held {
    /// The world as the bytes of a file, with an attachment.
    pub(super) fn save(&self, attachment: &[u8]) -> Vec<u8> {
        let halted = self.halted.as_ref().map(|(board, halted)| (board.place(), halted.reason.clone()));
        let mut to = Writer::new();
        halted.save(&mut to);
        attachment.to_vec().save(&mut to);
        self.world.save(&to.into_bytes())
    }

    /// The world that [`save`](Held::save) has made a file of, and the attachment.
    pub(super) fn load(file: &[u8], kinds: &PartKinds) -> Result<(Held, Vec<u8>), Source> {
        let (mut world, bytes) = World::load_with_parts(file, kinds)?;
        let mut from = Reader::new(&bytes);
        // A server attaches nothing to what it saves.
        let (halted, attachment): (Option<(usize, String)>, Vec<u8>) =
            if bytes.is_empty() { (None, Vec::new()) } else { (Load::load(&mut from)?, Load::load(&mut from)?) };
        from.finish()?;
        let boards: Vec<BoardId> = world.boards().map(|(board, _)| board).collect();
        let translation = translation()?;
        for board in &boards {
            world.board_mut(*board).set_translation(translation);
        }
        let halted = match halted {
            None => None,
            Some((place, reason)) => Some((*boards.get(place).ok_or(NoSuchBoard)?, Halted { reason })),
        };
        Ok((Held { world, halted }, attachment))
    }

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

    /// Lets all boards run to `limit`.
    pub(super) fn run_to(&mut self, limit: Time) -> Result<(), Failure> {
        while self.world.now() < limit {
            self.going()?;
            let stop = self.world.run_until(limit);
            self.note(stop);
        }
        self.going()
    }

    /// Lets all boards run for a slice, at most to `limit`, and wakes the task of `cx`.
    pub(super) fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        self.pass(limit.min(self.world.now() + SLICE))?;
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// The same for as many slices as it takes to come to `enough`, up to the one in which a board that is alone prints something or
    /// resets itself. Slices in which it rests pass at once.
    pub(super) fn poll_calm(&mut self, cx: &mut Context<'_>, limit: Time, enough: Time) -> Result<(), Failure> {
        let alone = if self.world.is_of_one() { self.world.boards().next() } else { None };
        let Some((board, _)) = alone else { return self.poll_advance(cx, limit) };
        let stop = self.world.board(board).executed() + WORK;
        loop {
            let now = self.world.now();
            let rest = self.world.rests_until().map_or(0, |until| until.since(now).ticks() / SLICE.ticks());
            let wanted = enough.since(now).ticks().div_ceil(SLICE.ticks());
            let slices = SLICE * rest.min(wanted).max(1);
            let is_calm = self.pass(limit.min(now + slices))? == WorldStop::Limit;
            let machine = self.world.board(board);
            let (now, is_calm) = (machine.now(), is_calm && !machine.has_resets() && machine.executed() < stop);
            if !is_calm || now >= limit || now >= enough {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn pass(&mut self, end: Time) -> Result<WorldStop, Failure> {
        self.going()?;
        let stop = self.world.run_until(end);
        self.note(stop.clone());
        self.going()?;
        Ok(stop)
    }

    /// A board is reset, and goes on if it could not.
    pub(super) fn revive(&mut self, board: BoardId) {
        self.halted.take_if(|(halted, _)| *halted == board);
    }

    /// From now on, this goes wrong on the cable of a board.
    pub(super) fn set_cable_faults(&mut self, board: BoardId, faults: &FaultConfig) -> Result<(), Failure> {
        let done = if self.world.is_of_one() {
            World::lan_mut(&mut self.world).set_faults(faults.clone())
        } else {
            self.world.set_cable_faults(board, faults.clone())
        };
        Ok(done.map_err(EmulatorError::new)?)
    }
}

/// Where a board is.
pub(super) enum WorldAccess {
    Alone(Held),
    Shared(WorldHandle),
}

impl WorldAccess {
    /// The world of one board.
    pub(super) fn alone(name: &str, machine: Machine) -> (WorldAccess, BoardId) {
        let (world, board) = World::of_one(name, machine);
        (WorldAccess::Alone(Held { world, halted: None }), board)
    }

    pub(super) fn is_alone(&self) -> bool {
        matches!(self, WorldAccess::Alone(_))
    }

    /// A second one that starts where this one stands, if the board is alone.
    pub(super) fn fork(&self) -> Option<WorldAccess> {
        match self {
            WorldAccess::Alone(held) => Some(WorldAccess::Alone(held.clone())),
            WorldAccess::Shared(_) => None,
        }
    }

    pub(super) fn held(&self) -> HeldRef<'_> {
        match self {
            WorldAccess::Alone(held) => HeldRef::Alone(held),
            WorldAccess::Shared(handle) => HeldRef::Shared(handle.lock()),
        }
    }

    /// The same, to act on it.
    pub(super) fn held_mut(&mut self) -> HeldMut<'_> {
        match self {
            WorldAccess::Alone(held) => HeldMut::Alone(held),
            WorldAccess::Shared(handle) => HeldMut::Shared(handle.lock()),
        }
    }
}

/// A world, locked if it is shared.
pub(super) enum HeldRef<'a> {
    Alone(&'a Held),
    Shared(MutexGuard<'a, Held>),
}

impl Deref for HeldRef<'_> {
    type Target = Held;

    fn deref(&self) -> &Held {
        match self {
            HeldRef::Alone(held) => held,
            HeldRef::Shared(held) => held,
        }
    }
}

/// A world to act on, locked if it is shared.
pub(super) enum HeldMut<'a> {
    Alone(&'a mut Held),
    Shared(MutexGuard<'a, Held>),
}

impl Deref for HeldMut<'_> {
    type Target = Held;

    fn deref(&self) -> &Held {
        match self {
            HeldMut::Alone(held) => held,
            HeldMut::Shared(held) => held,
        }
    }
}

impl DerefMut for HeldMut<'_> {
    fn deref_mut(&mut self) -> &mut Held {
        match self {
            HeldMut::Alone(held) => held,
            HeldMut::Shared(held) => held,
        }
    }
}

/// A board in its world.
pub(super) struct InWorld<H> {
    pub(super) held: H,
    pub(super) board: BoardId,
}

impl<H: Deref<Target = Held>> Deref for InWorld<H> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        self.held.world.board(self.board)
    }
}

/// At the world's time.
impl<H: DerefMut<Target = Held>> DerefMut for InWorld<H> {
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

/// A board by the name that it has in its world.
pub(crate) type NamedBoard = (String, Box<dyn Driver>);

/// A pad of a board in a world.
#[derive(Clone, Copy)]
pub(crate) struct WorldPad {
    pub(super) board: BoardId,
    pub(super) pin: usize,
}

/// A world that boards share.
#[derive(Clone)]
pub(crate) struct WorldHandle(Arc<Mutex<Held>>);

impl WorldHandle {
    /// A world without boards, on this many threads; `None` is one for each processor.
    pub(crate) fn new(seed: u64, threads: Option<usize>) -> Result<WorldHandle, Failure> {
        let config = WorldConfig { seed, ..WorldConfig::default() };
        let threads = threads.unwrap_or(config.threads);
        let world = World::of(WorldConfig { threads, ..config }).map_err(EmulatorError::new)?;
        Ok(WorldHandle(Arc::new(Mutex::new(Held { world, halted: None }))))
    }

    /// The world of a file that [`save`](WorldHandle::save) has made, its boards with their names, and the attachment.
    pub(crate) fn load(file: &[u8], kinds: &PartKinds) -> Result<(WorldHandle, Vec<NamedBoard>, Vec<u8>), Source> {
        let (held, attachment) = Held::load(file, kinds)?;
        if held.world.is_of_one() {
            return Err(OfOne.into());
        }
        let names: Vec<(BoardId, String)> = held.world.boards().map(|(id, name)| (id, name.to_owned())).collect();
        let handle = WorldHandle(Arc::new(Mutex::new(held)));
        let board = |(board, name)| {
            let (access, peer) = (WorldAccess::Shared(handle.clone()), LanPeer::default());
            let driver = Emulated { access, board, peer, stimuli: Stimuli::default() };
            (name, Box::new(driver) as Box<dyn Driver>)
        };
        let boards = names.into_iter().map(board).collect();
        Ok((handle, boards, attachment))
    }

    pub(super) fn name_of(&self, board: BoardId) -> Option<String> {
        self.lock().world.boards().find(|(id, _)| *id == board).map(|(_, name)| name.to_owned())
    }

    /// The world and all its boards as the bytes of a file, with an attachment.
    pub(crate) fn save(&self, attachment: &[u8]) -> Vec<u8> {
        self.lock().save(attachment)
    }

    /// A second world that starts where this one stands, without handles of its boards.
    pub(crate) fn fork(&self) -> WorldHandle {
        WorldHandle(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Adds a board to it. A number follows its name if there is one of that name.
    pub(super) fn add(&self, name: &str, config: &MachineConfig) -> Result<(WorldAccess, BoardId), Failure> {
        let world = &mut self.lock().world;
        let numbered = (1_usize..).map(|number| if number == 1 { name.to_owned() } else { format!("{name} {number}") });
        // There are more numbers than boards.
        let free = numbered.into_iter().find(|name| world.find(name).is_none()).unwrap_or_default();
        let board = world.add_board(&free, config).map_err(EmulatorError::new)?;
        Ok((WorldAccess::Shared(self.clone()), board))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is the same world.
    pub(super) fn is(&self, other: &WorldHandle) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Joins two pads by a wire.
    pub(crate) fn wire(&self, [one, other]: [WorldPad; 2]) -> Result<(), Failure> {
        let wired = self.lock().world.wire((one.board, one.pin), (other.board, other.pin));
        Ok(wired.map_err(EmulatorError::new)?)
    }

    /// On how many threads boards run from now on.
    pub(crate) fn set_threads(&self, threads: usize) {
        self.lock().world.set_threads(threads);
    }

    /// Its time.
    pub(crate) fn now(&self) -> Time {
        self.lock().world.now()
    }

    /// Lets all boards run for a slice, at most to `limit`, and wakes the task of `cx`.
    pub(crate) fn poll_advance(&self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        self.lock().poll_advance(cx, limit)
    }

    /// A digest of the run of all boards so far.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.lock().world.trace_hash()
    }
}
