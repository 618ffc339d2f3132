//! One board, one user: locks across tests and across processes.
//!
//! A process that has opened a board keeps it until it ends, so that a suite is not interleaved with another one and what it
//! wrote into the flash stays there; its own tests take turns.

mod file;
#[cfg_attr(not(unix), path = "lock/unshared.rs")]
mod folder;

use std::collections::BTreeMap;
use std::fs::File;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use espalier_core::Span;

use self::folder::Folder;
use super::error::BenchError;
use super::variables::WAIT_VARIABLE;
use crate::driver::live::Ticker;
use crate::error::Failure;
use crate::run_id::is_nextest;

const DEFAULT_WAIT: Duration = Duration::from_secs(60);
/// Longest time for which tests of one run wait for each other.
const TURN: Duration = Duration::from_secs(3600);
/// Interval of checking whether a board has become free.
const LOOK: Span = Span::from_millis(20);

/// The SHA-256 digest of the image that is in the flash.
pub(super) type Digest = [u8; 32];

/// A board that this process has.
struct Slot {
    /// Locked as long as it is open.
    _file: File,
    /// The thread that uses it now: a test.
    user: Option<ThreadId>,
    flashed: Option<Digest>,
}

static SLOTS: Mutex<BTreeMap<String, Slot>> = Mutex::new(BTreeMap::new());

fn slots() -> MutexGuard<'static, BTreeMap<String, Slot>> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to use a board, until it is dropped.
pub(super) struct Lease {
    key: String,
}

impl Lease {
    /// The contents of the board's flash, if this process has written it.
    pub(super) fn flashed(&self) -> Option<Digest> {
        slots().get(&self.key).and_then(|slot| slot.flashed)
    }

    pub(super) fn note_flashed(&self, digest: Option<Digest>) {
        if let Some(slot) = slots().get_mut(&self.key) {
            slot.flashed = digest;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(slot) = slots().get_mut(&self.key) {
            slot.user = None;
        }
    }
}

/// The other holder of the board.
enum Other {
    ThisThread,
    ThisProcess,
    Process(String),
}

/// Waits for the board with the lock `key` and the displayed name `board`.
pub(super) async fn take(key: &str, board: &str) -> Result<Lease, Failure> {
    let wait = std::env::var(WAIT_VARIABLE).ok().and_then(|text| text.parse().ok());
    // Under nextest, other processes are other tests of the same run.
    let default = if is_nextest() { TURN } else { DEFAULT_WAIT };
    take_within(key, board, wait.map_or(default, Duration::from_secs)).await
}

async fn take_within(key: &str, board: &str, patience: Duration) -> Result<Lease, Failure> {
    let begun = Instant::now();
    let ticker = Ticker::start()?;
    poll_fn(|cx| {
        let (holder, patience) = match try_take(key) {
            Ok(Ok(lease)) => return Poll::Ready(Ok(lease)),
            Ok(Err(Other::ThisThread)) => {
                return Poll::Ready(Err(BenchError::Taken { board: board.to_owned() }.into()));
            }
            Ok(Err(Other::ThisProcess)) => ("another test of this process".to_owned(), TURN),
            Ok(Err(Other::Process(holder))) => (holder, patience),
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        if begun.elapsed() >= patience {
            let waited = begun.elapsed().as_secs();
            return Poll::Ready(Err(BenchError::Locked { board: board.to_owned(), holder, waited }.into()));
        }
        ticker.waker().register(cx.waker(), LOOK);
        Poll::Pending
    })
    .await
}

fn try_take(key: &str) -> Result<Result<Lease, Other>, BenchError> {
    let mut slots = slots();
    let me = thread::current().id();
    match slots.get_mut(key) {
        Some(slot) if slot.user == Some(me) => return Ok(Err(Other::ThisThread)),
        Some(slot) if slot.user.is_some() => return Ok(Err(Other::ThisProcess)),
        Some(slot) => slot.user = Some(me),
        None => match file::lock(key)? {
            Ok(file) => {
                slots.insert(key.to_owned(), Slot { _file: file, user: Some(me), flashed: None });
            }
            Err(holder) => return Ok(Err(Other::Process(holder))),
        },
    }
    Ok(Ok(Lease { key: key.to_owned() }))
}

/// The process that has the board that `key` names, if one has it.
pub(super) fn holder(key: &str) -> Option<String> {
    if slots().contains_key(key) {
        return Some("this process".to_owned());
    }
    file::holder(&Folder::shared().ok()?, key)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::file::{lock, path_of};
    use super::{holder, slots, take_within};

    /// A key that no other test has.
    fn key(name: &str) -> String {
        format!("test-{}-{name}", std::process::id())
    }

    #[tokio::test]
    async fn tests_of_one_process_take_turns() {
        let key = key("turns");
        let lease = take_within(&key, "board", Duration::ZERO).await.ok().unwrap();
        lease.note_flashed(Some([1; 32]));
        let error = take_within(&key, "the board", Duration::ZERO).await.err().unwrap().to_string();
        assert!(error.starts_with("the board is taken by this test itself: "), "{error}");
        let other = key.clone();
        let waiting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(take_within(&other, "board", Duration::ZERO)).ok().unwrap().flashed()
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(lease);
        assert_eq!(waiting.join().unwrap(), Some([1; 32]), "no other process can have flashed it");
        assert_eq!(holder(&key).as_deref(), Some("this process"));
        slots().remove(&key);
        std::fs::remove_file(path_of(&key)).unwrap();
    }

    /// A file that is locked by another open file is as one that is locked by another process.
    #[tokio::test]
    async fn a_board_that_another_process_has_names_it() {
        let key = key("process");
        let file = lock(&key).unwrap().ok().unwrap();
        let error = take_within(&key, "/dev/ttyUSB0", Duration::ZERO).await.err().unwrap().to_string();
        let expected = format!("/dev/ttyUSB0 is taken by process {} (", std::process::id());
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("ESPALIER_WAIT=0 says not to wait"), "{error}");
        assert!(holder(&key).unwrap().starts_with("process "));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o666, "other users share the board");
        }
        drop(file);
        assert!(holder(&key).is_none());
        take_within(&key, "board", Duration::ZERO).await.ok().unwrap();
        slots().remove(&key);
        std::fs::remove_file(path_of(&key)).unwrap();
    }
}
