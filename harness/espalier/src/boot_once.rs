//! Boot once, fork per test.

use std::any::type_name;
use std::future::Future;
use std::panic::Location;

use tokio::sync::Mutex;

use crate::board::{BOOTED, Board};
use crate::driver::Capability;
use crate::kept::{Boot, Booted, Site};
use crate::session::Result;
use crate::session::artefacts::test_name;

/// A board that is booted once and forked for every test.
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
///
/// # Tests in other processes
///
/// An emulated board is also kept in a file below Cargo's build directory (`target/espalier/booted`), for the other processes of a run:
/// `cargo nextest run` has one for each test. The first of them boots, and the others wait for its file.
///
/// Each process calls `boot`, and stops it in [`BoardBuilder::start`](crate::BoardBuilder::start) if there is a file for just this
/// board: what `boot` does after the start is done by the file. The file is for one build of the test binary, one firmware (by its
/// content), one board (by its description and the names of the parts' kinds that a test has written), one seed, and the same variables `ESPALIER_*`. Files of this computer that the board was
/// given after its start count too, if the harness has read them: [`put_file`](crate::MicroPython::put_file),
/// [`run_file`](crate::MicroPython::run_file), [`Script::read`](crate::Script::read). If `boot` switches on a second board, or flashes firmware after the start, there is no
/// file, and each process boots.
///
/// A file that is damaged, or that another build has written, is as good as none; `console.log` of a test that fails says so.
/// `ESPALIER_SNAPSHOTS=off` has each process boot, as a test needs whose `boot` reads other files.
#[derive(Default)]
pub struct BootOnce {
    booted: Mutex<Option<Board>>,
    /// The place that boots and its build, if they are not those of the caller in this program.
    place: Option<(String, String)>,
}

impl BootOnce {
    /// Nothing is booted yet.
    pub const fn new() -> BootOnce {
        BootOnce { booted: Mutex::const_new(None), place: None }
    }

    /// The same for tests that are not in this program, such as those of an interpreter: `place` names the place in their source that
    /// boots, and `build` has another value once their source does something else there.
    ///
    /// ```
    /// let booted = espalier::BootOnce::at("tests/conftest.py", "6a09e667");
    /// ```
    pub fn at(place: impl Into<String>, build: impl Into<String>) -> BootOnce {
        BootOnce { booted: Mutex::const_new(None), place: Some((place.into(), build.into())) }
    }

    /// A fork of the booted board for the test that runs on this thread. The first one to ask boots it with `boot`.
    ///
    /// # Errors
    /// If the board does not boot, or it cannot be forked or loaded.
    #[track_caller]
    pub fn fork<F: Future<Output = Result<Board>>>(
        &self,
        boot: impl FnOnce() -> F,
    ) -> impl Future<Output = Result<Board>> {
        let location = Location::caller();
        async move {
            let mut booted = self.booted.lock().await;
            if let Some(board) = &*booted {
                return board.fork();
            }
            let site = match &self.place {
                Some((place, build)) => Site::named(place, build),
                None => Site::of_process(type_name::<F>(), location),
            };
            let kept = site.map(Boot::new);
            let board = match &kept {
                Some(kept) => match kept.perform(boot()).await? {
                    Booted::Found(state) => Board::of(*state),
                    Booted::Anew(board) => board,
                },
                None => boot().await?,
            };
            if !board.supports(Capability::Fork) {
                board.rename(&test_name());
                return Ok(board);
            }
            // Until here it was the board of the test that has booted it. From now on forks are, of that test too.
            board.rename(BOOTED);
            if let Some(kept) = kept {
                board.keep(&kept);
            }
            booted.insert(board).fork()
        }
    }
}
