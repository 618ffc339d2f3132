//! Boot once, fork per test.

use std::future::Future;

use tokio::sync::Mutex;

use crate::board::Board;
use crate::driver::Capability;
use crate::session::Result;
use crate::session::artefacts::test_name;

/// What the board is called that is forked.
const BOOTED: &str = "boot";

/// A board that is booted by the first test of a binary that wants it, and forked for every test.
///
/// ```no_run
/// use espalier::{Board, BootOnce, Result};
///
/// static BOOTED: BootOnce = BootOnce::new();
///
/// async fn board() -> Result<Board> {
///     let boot = async || {
///         let board = Board::builder().firmware("firmware.bin").start().await?;
///         board.console().expect("ready").await?;
///         Ok(board)
///     };
///     BOOTED.fork(boot).await
/// }
/// ```
///
/// Tests on other threads wait while one boots; if it fails, the next one tries again. A board that cannot be forked is booted for
/// every test, one after the other.
#[derive(Default)]
pub struct BootOnce {
    booted: Mutex<Option<Board>>,
}

impl BootOnce {
    /// Nothing is booted yet.
    pub const fn new() -> BootOnce {
        BootOnce { booted: Mutex::const_new(None) }
    }

    /// A fork of the booted board for the test that runs on this thread. The first one to ask boots it with `boot`.
    pub async fn fork<F: Future<Output = Result<Board>>>(&self, boot: impl FnOnce() -> F) -> Result<Board> {
        let mut booted = self.booted.lock().await;
        if let Some(board) = &*booted {
            return board.fork();
        }
        let board = boot().await?;
        if !board.supports(Capability::Fork) {
            board.rename(&test_name());
            return Ok(board);
        }
        // Until here it was the board of the test that has booted it. From now on forks are, of that test too.
        board.rename(BOOTED);
        booted.insert(board).fork()
    }
}
