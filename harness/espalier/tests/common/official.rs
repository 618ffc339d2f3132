//! Official MicroPython v1.23.0, for the suites that run it: where it is, and what becomes of a test of it.

use std::path::PathBuf;

use espalier::Result;
use libtest_mimic::{Arguments, Failed};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";

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

/// Runs a test on a thread with its name, which the board takes over.
pub fn run(name: &str, test: impl AsyncFnOnce() -> Result<()> + Send + 'static) -> std::result::Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let test = move || runtime.block_on(test());
    match std::thread::Builder::new().name(name.to_owned()).spawn(test)?.join() {
        Ok(outcome) => outcome.map_err(|error| Failed::from(error.to_string())),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
