//! Official MicroPython v1.23.0 on several boards of one world.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

mod cases;
mod repl;
mod wires;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";

/// `ESPALIER_IMAGES` names a directory with fetched images; otherwise it is where `ci/fetch-images` puts them.
fn image_path() -> PathBuf {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images")).join(IMAGE)
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let path = image_path();
    let image = std::fs::read(&path).ok().map(Arc::<[u8]>::from);
    if image.is_none() && !arguments.list {
        eprintln!(
            "\nWARNING: the tests of several boards do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            path.display()
        );
    }
    let trials = cases::ALL.iter().chain(wires::ALL).map(|(name, case)| {
        let bytes = image.clone();
        let ignored = bytes.is_none();
        Trial::test(*name, move || {
            case(&bytes.expect("the test is ignored without an image"));
            Ok(())
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
