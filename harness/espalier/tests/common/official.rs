//! Official MicroPython v1.23.0, for the suites that run it: where it is, and what becomes of a test of it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use espalier::{Board, Capability, Result, Units, needs};
use libtest_mimic::{Arguments, Failed};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";

/// The body of a test, run on its board.
pub type Test = for<'a> fn(&'a Board) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// A test, which gets a board of its own.
pub struct Case {
    pub name: &'static str,
    pub needs: &'static [Capability],
    pub test: Test,
}

/// A test under its function's name, and what its board has to be able to do beyond running scripts.
#[macro_export]
macro_rules! case {
    ($name:ident $(, $capability:ident)*) => {
        $crate::official::Case {
            name: stringify!($name),
            needs: &[$(espalier::Capability::$capability),*],
            test: |board| Box::pin($name(board)),
        }
    };
}

impl Case {
    /// Runs the test, or skips it.
    pub async fn perform(&self, board: &Board) -> Result<()> {
        for capability in self.needs {
            needs!(board, *capability);
        }
        (self.test)(board).await
    }
}

/// `ESPALIER_IMAGES` names a directory with fetched images; otherwise it is where `ci/fetch-images` puts them.
pub fn image_path() -> PathBuf {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images")).join(IMAGE)
}

/// True if the image has not been fetched. Unless tests are only listed, this says that `tests` do not run.
pub fn is_missing(arguments: &Arguments, tests: &str) -> bool {
    let path = image_path();
    let missing = !path.exists();
    if missing && !arguments.list {
        eprintln!(
            "\nWARNING: the {tests} tests do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            path.display()
        );
    }
    missing
}

/// Removes every file and directory.
const CLEAR: &str = "
import os
def clear(path):
 for entry in os.ilistdir(path or '/'):
  inner = path + '/' + entry[0]
  if entry[1] & 0x4000:
   clear(inner)
   os.rmdir(inner)
  else:
   os.remove(inner)
clear('')
";

/// Waits for MicroPython's prompt. A board that is not made anew for every test loses the files that an earlier one has left there,
/// and the program that starts with it.
pub async fn ready(board: &Board) -> Result<()> {
    if board.supports(Capability::Fork) {
        board.console().expect(">>> ").within(5.s()).await?;
        return Ok(());
    }
    let python = board.micropython();
    python.interrupt().within(20.s()).await?;
    python.exec(CLEAR).await?;
    python.soft_reset().await
}

/// Runs a test on a thread with its name, which the board takes over.
pub fn run(name: &str, test: impl AsyncFnOnce() -> Result<()> + Send + 'static) -> std::result::Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let test = move || runtime.block_on(test());
    match std::thread::Builder::new().name(name.to_owned()).spawn(test)?.join() {
        Ok(outcome) => outcome.map_err(|error| Failed::from(error.to_string())),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
