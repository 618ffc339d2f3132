//! Several boards in one world.

use std::future::poll_fn;
use std::path::Path;
use std::task::Poll;

use espalier_core::{Span, Time};
use espalier_parts::PartKinds;

use crate::board::{Board, BoardBuilder, equip, read_file, write_file};
use crate::driver::{Model, SnapshotError, WorldHandle};
use crate::error::Cause;
use crate::pins::Pin;
use crate::screen::{bless_from_env, default_folder};
use crate::session::{Members, Result, Use};

/// A world has no board of this name.
///
/// ```
/// let error = espalier::NoSuchBoard { name: "c".to_owned(), names: vec!["a".to_owned(), "b".to_owned()] };
/// assert_eq!(error.to_string(), "the world has no board \"c\"; it has a, b");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the world has no board {name:?}; it has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") })]
pub struct NoSuchBoard {
    /// The name.
    pub name: String,
    /// The names that there are.
    pub names: Vec<String>,
}

impl Cause for NoSuchBoard {}

/// A wire cannot lead to a board that is not in the world.
///
/// ```
/// let error = espalier::NotInWorld { board: "left".to_owned() };
/// assert_eq!(error.to_string(), "board \"left\" is not in this world; wires join boards of one world");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("board {board:?} is not in this world; wires join boards of one world")]
pub struct NotInWorld {
    /// The board's name.
    pub board: String,
}

impl Cause for NotInWorld {}

/// Several emulated boards on one clock, in one air and on one LAN, with wires between their pads.
///
/// They reach each other over Wi-Fi, ESP-NOW and the LAN. There the first has the address 10.0.4.100 by Wi-Fi
/// and 10.0.4.101 by Ethernet, the second 10.0.4.102 and 10.0.4.103, and so on; the peer of all of them is 10.0.4.2. Their time is
/// one: while a test waits for one board, all go on, also those whose handles were dropped. The run is the same every time, and on
/// any number of threads. A board among others is forked and saved with them, by [`fork`](World::fork) and [`save`](World::save), and
/// cannot have a debug probe.
///
/// ```no_run
/// use espalier::{Model, Units, World};
///
/// # async fn example() -> espalier::Result<()> {
/// let world = World::new()?;
/// let server = world.board(Model::MPython).name("server").firmware("server.bin").start().await?;
/// let client = world.board(Model::DevKit).name("client").firmware("client.bin").start().await?;
/// server.console().expect("listening").await?;
/// let fork = world.fork();
/// fork.find("client")?.console().expect("connected").within(5.s()).await?;
/// # Ok(())
/// # }
/// ```
pub struct World {
    handle: WorldHandle,
    members: Members,
}

impl World {
    /// A world without boards, in which every run is the same.
    ///
    /// # Errors
    /// If the emulator cannot make a world.
    pub fn new() -> Result<World> {
        World::seeded(0)
    }

    /// A world whose random sources start from `seed`.
    ///
    /// # Errors
    /// If the emulator cannot make a world.
    pub fn seeded(seed: u64) -> Result<World> {
        Ok(World { handle: WorldHandle::new(seed, None)?, members: Members::default() })
    }

    /// A world that runs its boards on this many threads, instead of one for each processor. The run is the same.
    ///
    /// # Errors
    /// If the emulator cannot make a world.
    pub fn with_threads(seed: u64, threads: usize) -> Result<World> {
        Ok(World { handle: WorldHandle::new(seed, Some(threads))?, members: Members::default() })
    }

    /// A board of this model, or of this board file, that is to come into the world. It is emulated, whatever `ESPALIER_BOARD` says,
    /// and called as its model, unless it is given another name. A number follows a name that there is already.
    pub fn board(&self, model: impl Into<Model>) -> BoardBuilder {
        let model = model.into();
        let name = model.to_string();
        Board::builder().world(self.handle.clone(), self.members.clone()).model(model).name(name)
    }

    /// The board of this name.
    ///
    /// # Errors
    /// If no board of this name was started here ([`NoSuchBoard`]).
    pub fn find(&self, name: &str) -> Result<Board> {
        let board = self.members.find(name);
        Ok(board.map(Board::shared).ok_or_else(|| NoSuchBoard { name: name.to_owned(), names: self.names() })?)
    }

    /// Joins two pads by a wire: of two boards, or of one. All that drives or pulls one of them counts at the other, with waves, open
    /// drains and conflicts, so a UART hears the other board's if its RX is wired to that one's TX. Between two boards all of it arrives
    /// 5 us later. The wire goes into forks and files of the world.
    ///
    /// ```no_run
    /// # async fn test(world: espalier::World, left: espalier::Board, right: espalier::Board) -> espalier::Result<()> {
    /// use espalier::Units;
    ///
    /// world.wire(&left.pin(17), &right.pin(16))?;
    /// world.wire(&left.pin(16), &right.pin(17))?;
    /// left.pin(17).drive(false)?;
    /// right.pin(16).goes_low().within(1.ms()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotInWorld`] if a board is not in this world; if a chip has no such pad or its flash chip is there.
    pub fn wire(&self, one: &Pin, other: &Pin) -> Result<()> {
        let place = |pin: &Pin| pin.in_world(&self.handle).map_err(|board| NotInWorld { board });
        Ok(self.handle.wire([place(one)?, place(other)?])?)
    }

    /// The names of its boards, in the order in which they were started.
    pub fn names(&self) -> Vec<String> {
        self.members.names()
    }

    /// A second world that starts where this one stands. Its boards have the names of this one's; they are others, and handles of this
    /// world's boards do not reach them. What [`Board::fork`] says of one board holds for each.
    pub fn fork(&self) -> World {
        let (handle, members) = self.members.fork(&self.handle);
        World { handle, members }
    }

    /// Writes the world into a file: its boards, as [`Board::save`] does, and all that is between them.
    ///
    /// # Errors
    /// If a board has parts of a test's own, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let file = self.members.save(&self.handle, &default_folder());
        Ok(write_file(path.as_ref(), &file)?)
    }

    /// A world that goes on where the one stood that was [saved](World::save) there, on one thread for each processor; a world that
    /// was saved by a test has the boards that the test had started.
    ///
    /// # Errors
    /// If the file cannot be read ([`FileError`](crate::FileError)); a [`SnapshotError`] that says what to do if it is damaged, holds no world,
    /// or is of another build.
    pub fn load(path: impl AsRef<Path>) -> Result<World> {
        World::load_with_parts(path, &PartKinds::default())
    }

    /// The same for boards with [parts of a test's own](BoardBuilder::part): these are their kinds.
    ///
    /// ```no_run
    /// use espalier::World;
    /// use espalier::part::{PartKinds, TouchPad};
    ///
    /// # fn example() -> espalier::Result<()> {
    /// let mut kinds = PartKinds::default();
    /// kinds.add("my-pad", |_| Ok(TouchPad::new()));
    /// let world = World::load_with_parts("target/world.espalier", &kinds)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`load`](World::load); and if a board has a part of a kind that is not among these, or that does not take its state back.
    pub fn load_with_parts(path: impl AsRef<Path>, kinds: &PartKinds) -> Result<World> {
        let path = path.as_ref();
        let used = || Use { name: "", goldens: default_folder(), bless: bless_from_env() };
        let (handle, members) = Members::load(&read_file(path)?, kinds, used, equip)
            .map_err(|source| SnapshotError { path: path.to_owned(), source })?;
        Ok(World { handle, members })
    }

    /// On how many threads boards run from now on; the run is the same.
    pub fn set_threads(&self, threads: usize) {
        self.handle.set_threads(threads);
    }

    /// The time of all its boards.
    pub fn now(&self) -> Time {
        self.handle.now()
    }

    /// Lets all boards run for `span` of their time.
    ///
    /// # Errors
    /// If a board is lost.
    pub async fn run_for(&self, span: Span) -> Result<()> {
        let limit = self.now() + span;
        poll_fn(|cx| {
            if self.now() >= limit {
                return Poll::Ready(Ok(()));
            }
            match self.handle.poll_advance(cx, limit) {
                Ok(()) => Poll::Pending,
                Err(failure) => Poll::Ready(Err(failure.into())),
            }
        })
        .await
    }

    /// A fingerprint of everything that has happened.
    pub fn trace_hash(&self) -> u64 {
        self.handle.trace_hash()
    }
}
