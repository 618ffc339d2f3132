//! Several boards in one world.

use std::future::poll_fn;
use std::task::Poll;

use espalier_core::{Span, Time};

use crate::board::{Board, BoardBuilder};
use crate::driver::{Model, WorldHandle};
use crate::session::Result;

/// Several emulated boards on one clock, in one air and on one LAN.
///
/// They hear each other over Wi-Fi and ESP-NOW, and reach each other on the LAN. There the first has the address 10.0.4.100 by Wi-Fi
/// and 10.0.4.101 by Ethernet, the second 10.0.4.102 and 10.0.4.103, and so on; the peer of all of them is 10.0.4.2. Their time is
/// one: while a test waits for one board, all go on, also those whose handles were dropped. The run is the same every time, and on
/// any number of threads. A board among others can neither be forked nor have a debug probe.
///
/// ```no_run
/// use espalier::{Model, Units, World};
///
/// # async fn example() -> espalier::Result<()> {
/// let world = World::new()?;
/// let server = world.board(Model::MPython).firmware("server.bin").start().await?;
/// let client = world.board(Model::DevKit).firmware("client.bin").start().await?;
/// server.console().expect("listening").await?;
/// client.console().expect("connected").within(5.s()).await?;
/// # Ok(())
/// # }
/// ```
pub struct World {
    handle: WorldHandle,
}

impl World {
    /// A world without boards, in which every run is the same.
    pub fn new() -> Result<World> {
        World::seeded(0)
    }

    /// A world whose random sources start from `seed`.
    pub fn seeded(seed: u64) -> Result<World> {
        Ok(World { handle: WorldHandle::new(seed, None)? })
    }

    /// A world that runs its boards on this many threads, instead of one for each processor. The run is the same.
    pub fn with_threads(seed: u64, threads: usize) -> Result<World> {
        Ok(World { handle: WorldHandle::new(seed, Some(threads))? })
    }

    /// A board of this model, or of this board file, that is to come into the world. It is emulated, whatever `ESPALIER_BOARD` says,
    /// and called as its model, unless it is given another name.
    pub fn board(&self, model: impl Into<Model>) -> BoardBuilder {
        let model = model.into();
        let name = model.to_string();
        Board::builder().world(self.handle.clone()).model(model).name(name)
    }

    /// The time of all its boards.
    pub fn now(&self) -> Time {
        self.handle.now()
    }

    /// Lets all boards run for `span` of their time.
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
