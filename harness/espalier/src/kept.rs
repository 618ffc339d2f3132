//! Booted boards in files, where the other processes of a run find them.
//!
//! A file's name says where the board was asked for (the test binary and the place in its source), which build of the binary asked, and
//! what was to boot: firmware, board, seed, and the variables that a test may read. A process that finds none locks the name, boots and writes
//! the file; the others wait for it. A file that cannot be read, for whatever reason, is written again. Files of earlier builds are
//! removed when a new one is written, and so are the oldest if there are more than [`FILES`] or [`BYTES`] of them.

use std::fs::{self, File};
use std::future::{Future, pending, poll_fn};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use espalier_files::HoldError;
use sha2::{Digest, Sha256};

use crate::session::artefacts::{ARTEFACTS_VARIABLE, KEEP_VARIABLE, Root};
use crate::session::runs::{REQUIRE_VARIABLE, RUNS_VARIABLE};
use crate::session::{Result, State};

/// Environment variable that says whether booted boards are kept in files: with `off`, each process boots.
pub const SNAPSHOTS_VARIABLE: &str = "ESPALIER_SNAPSHOTS";
const OFF: &str = "off";
/// Prefix of the variables that choose a test's actions; the list has those that only choose the place of its files.
const VARIABLES: &str = "ESPALIER_";
const OF_FILES: [&str; 5] =
    [ARTEFACTS_VARIABLE, KEEP_VARIABLE, REQUIRE_VARIABLE, RUNS_VARIABLE, crate::screen::BLESS_VARIABLE];
const FOLDER: &str = "booted";
const EXTENSION: &str = "espalier";
const LOCK_EXTENSION: &str = "lock";
/// File extension of a file that is being written.
const TEMPORARY_EXTENSION: &str = "tmp";
/// After so long no process works on a file any more.
const LEFT: Duration = Duration::from_secs(3600);
/// Number of kept files, and of their bytes all together.
const FILES: usize = 64;
const BYTES: u64 = 256 << 20;
/// Interval of checking whether another process has finished its boot.
const POLL: Duration = Duration::from_millis(5);

tokio::task_local! {
    /// The boot that this task performs for [`BootOnce`](crate::BootOnce).
    static BOOT: Arc<Boot>;
}

/// Where boards of one place in the source are kept.
pub(crate) struct Site {
    folder: PathBuf,
    /// Prefix of the names of all its files, of whatever build.
    begin: String,
    /// The next part of the names for this build.
    build: String,
}

/// One boot that can end with a board out of a file.
pub(crate) struct Boot {
    site: Site,
    stage: Mutex<Stage>,
}

enum Stage {
    /// No board has been switched on.
    Before,
    /// A file had the board.
    Found(Box<State>),
    /// There was no file; why not, if there was one that could not be used.
    Claimed { claim: Claim, refused: Option<String> },
    /// The result of this boot has no key.
    Nameless,
}

/// The right to write a file, until it is dropped.
struct Claim {
    path: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A process that waits for the lock finds out that its name is gone.
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// The result of a boot.
pub(crate) enum Booted<T> {
    Found(Box<State>),
    /// It was booted.
    Anew(T),
}

impl Site {
    /// The place of `boot`, which is asked for at `location`; `None` if nothing is to be kept.
    pub(crate) fn of_process(boot: &str, location: &Location<'_>) -> Option<Site> {
        let program = std::env::current_exe().ok()?;
        let written = fs::metadata(&program).ok()?;
        let age = written.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let build = format!("{} {} {}", program.display(), written.len(), age.as_nanos());
        Site::named(&format!("{boot} {location}"), &build)
    }

    /// The place of this name, as long as `build` is the same; `None` if nothing is to be kept.
    pub(crate) fn named(place: &str, build: &str) -> Option<Site> {
        if std::env::var_os(SNAPSHOTS_VARIABLE).is_some_and(|word| word == OFF) {
            return None;
        }
        let root = Root::of_process();
        let place = format!("{} {place}", root.binary());
        let folder = root.shared.join(FOLDER);
        Some(Site { folder, begin: short(place.as_bytes()), build: short(build.as_bytes()) })
    }

    /// The file for this `key`.
    fn path(&self, key: &[u8]) -> PathBuf {
        let mut all = key.to_vec();
        let mut variables: Vec<_> = std::env::vars_os().filter(|(name, _)| counts(name.to_str())).collect();
        variables.sort();
        for (name, value) in variables {
            for part in [name, value] {
                all.extend(part.as_encoded_bytes());
                all.push(0);
            }
        }
        self.folder.join(format!("{}-{}-{}.{EXTENSION}", self.begin, self.build, short(&all)))
    }

    /// Removes what other builds have left here, and the oldest of what is too much.
    fn tidy(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut kept = Vec::new();
        for entry in entries.flatten() {
            let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if !name.ends_with(EXTENSION) {
                // Left by a process that was killed: a lock, or half of a file.
                let is_left = name.ends_with(LOCK_EXTENSION) || name.ends_with(TEMPORARY_EXTENSION);
                if is_left && written.elapsed().is_ok_and(|age| age > LEFT) {
                    let _ = fs::remove_file(path);
                }
                continue;
            }
            if name.starts_with(&self.begin) && !name.starts_with(&format!("{}-{}", self.begin, self.build)) {
                let _ = fs::remove_file(path);
            } else {
                kept.push((written, about.len(), path));
            }
        }
        kept.sort_by(|one, other| other.cmp(one));
        let mut bytes = 0;
        for (place, (_, length, path)) in kept.into_iter().enumerate() {
            bytes += length;
            if place >= FILES || bytes > BYTES {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Whether a variable may decide what a test boots.
fn counts(variable: Option<&str>) -> bool {
    variable.is_none_or(|name| name.starts_with(VARIABLES) && !OF_FILES.contains(&name))
}

/// Enough digits of a digest to tell apart what is in one folder.
fn short(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The boot that this task performs, if it is one whose board is kept.
pub(crate) fn current() -> Option<Arc<Boot>> {
    BOOT.try_with(Arc::clone).ok()
}

impl Boot {
    pub(crate) fn new(site: Site) -> Arc<Boot> {
        Arc::new(Boot { site, stage: Mutex::new(Stage::Before) })
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs `boot` until it ends, or until a file had what it was about to switch on.
    pub(crate) async fn perform<T>(self: &Arc<Boot>, boot: impl Future<Output = Result<T>>) -> Result<Booted<T>> {
        let mut boot = pin!(BOOT.scope(self.clone(), boot));
        poll_fn(|cx| {
            if let Poll::Ready(outcome) = boot.as_mut().poll(cx) {
                return Poll::Ready(outcome.map(Booted::Anew));
            }
            let mut stage = self.stage();
            match std::mem::replace(&mut *stage, Stage::Nameless) {
                Stage::Found(state) => Poll::Ready(Ok(Booted::Found(state))),
                other => {
                    *stage = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Called before a board with this `key` is switched on; `None` if it has no key. If a file has it, booted by
    /// [`load`](State), this does not return, and [`perform`](Boot::perform) ends. Otherwise this boot goes on, and the others wait.
    pub(crate) async fn meet(&self, key: Option<&[u8]>, load: impl Fn(&Path) -> std::result::Result<State, String>) {
        let first = matches!(*self.stage(), Stage::Before);
        let stage = match key {
            Some(key) if first => find_or_claim(&self.site.path(key), load).await,
            // A second board is no part of the first one's file.
            _ => Stage::Nameless,
        };
        let found = matches!(stage, Stage::Found(_));
        *self.stage() = stage;
        if found {
            pending::<()>().await;
        }
    }

    /// Keeps the board that was booted, if it can be, and says why there was no use in the file that there was.
    pub(crate) fn keep(&self, save: impl FnOnce() -> Option<Vec<u8>>) -> Option<String> {
        let stage = std::mem::replace(&mut *self.stage(), Stage::Nameless);
        let Stage::Claimed { claim, refused } = stage else { return None };
        // The file is not essential: if it cannot be written, the next process boots as this one did.
        if let Some(file) = save()
            && espalier_files::write(&claim.path, &file).is_ok()
        {
            self.site.tidy();
        }
        refused
    }
}

async fn find_or_claim(path: &Path, load: impl Fn(&Path) -> std::result::Result<State, String>) -> Stage {
    let find = || match path.is_file() {
        true => load(path).map(Some),
        false => Ok(None),
    };
    let lock_path = path.with_extension(LOCK_EXTENSION);
    if path.parent().is_some_and(|folder| fs::create_dir_all(folder).is_err()) {
        return Stage::Nameless;
    }
    loop {
        if let Ok(Some(state)) = find() {
            return Stage::Found(Box::new(state));
        }
        match espalier_files::create_locked(&lock_path) {
            Ok(lock) => {
                let claim = Claim { path: path.to_owned(), lock_path, _lock: lock };
                // Another process may have been quicker.
                return match find() {
                    Ok(Some(state)) => Stage::Found(Box::new(state)),
                    Ok(None) => Stage::Claimed { claim, refused: None },
                    Err(reason) => Stage::Claimed { claim, refused: Some(reason) },
                };
            }
            Err(HoldError::InUse) => {
                // The runtime of a test need not have a clock of its own.
                std::thread::sleep(POLL);
                tokio::task::yield_now().await;
            }
            Err(HoldError::Io(_)) => return Stage::Nameless,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EXTENSION, FILES, Site, counts};
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn variables_that_choose_what_boots_count() {
        for name in ["ESPALIER_IMAGE", "ESPALIER_MODEL", "ESPALIER_OF_A_TEST"] {
            assert!(counts(Some(name)), "{name}");
        }
        for name in ["PATH", "NEXTEST_RUN_ID", "ESPALIER_ARTEFACTS", "ESPALIER_BLESS", "ESPALIER_RUNS"] {
            assert!(!counts(Some(name)), "{name}");
        }
    }

    #[test]
    fn files_of_other_builds_and_the_oldest_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site { folder: folder.path().to_owned(), begin: "site".to_owned(), build: "new".to_owned() };
        let file = |name: &str, age: u64| {
            let path = folder.path().join(name);
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age)).unwrap();
            path
        };
        let old_build = file(&format!("site-old-1.{EXTENSION}"), 0);
        let other_site = file(&format!("other-old-1.{EXTENSION}"), 0);
        let not_ours = file("README", 1000);
        let left = ["site-new-1.lock", ".site-new-1.espalier.x.tmp"].map(|name| file(name, 0));
        let in_use = folder.path().join("site-new-2.lock");
        fs::write(&in_use, b"").unwrap();
        let numbered: Vec<_> =
            (0..FILES as u64).map(|age| file(&format!("site-new-{age}.{EXTENSION}"), age + 1)).collect();
        site.tidy();
        assert!(!old_build.exists() && other_site.exists() && not_ours.exists() && in_use.exists());
        assert!(left.iter().all(|path| !path.exists()));
        let (last, rest) = numbered.split_last().unwrap();
        assert!(!last.exists() && rest.iter().all(|path| path.exists()));
    }
}
