//! Official MicroPython v1.23.0 on the emulated chip: unmodified third-party firmware, from the reset vector on.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

#[path = "../agreement/mod.rs"]
mod agreement;
mod bluetooth;
mod board;
mod cases;
mod engines;
mod faults;
mod motor;
mod oracle;
mod outputs;
mod pads;
mod repl;
mod slaves;
mod sound;
mod wifi;

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
            "\nWARNING: the MicroPython tests do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            path.display()
        );
    }
    let suites = [
        cases::ALL,
        engines::ALL,
        oracle::ALL,
        faults::ALL,
        motor::ALL,
        outputs::ALL,
        pads::ALL,
        slaves::ALL,
        sound::ALL,
        wifi::ALL,
        bluetooth::ALL,
        board::ALL,
    ];
    let short = suites.into_iter().flatten().map(|(name, case)| (name, case, image.is_none()));
    let long = oracle::LONG.iter().map(|(name, case)| (name, case, true));
    let trials = short.chain(long).map(|(name, case, ignored)| {
        let bytes = image.clone();
        Trial::test(*name, move || {
            case(&bytes.expect("the test is ignored without an image"));
            Ok(())
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
