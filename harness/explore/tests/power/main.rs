//! Explorations of official MicroPython v1.23.0: its own stores of settings, and one of ours with a fault, when power is cut; a supply
//! that sags.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

mod brown_out;
mod faults;
mod joining;
#[path = "../../../espalier/tests/common/official.rs"]
mod official;
mod settings;
mod stores;
mod update;

use std::process::ExitCode;

use espalier::{Board, BootOnce, Result};
use libtest_mimic::{Arguments, Trial};

use official::{image_path, is_missing, ready, run};

static BOOTED: BootOnce = BootOnce::new();

/// A fork of a board that has booted to its prompt.
async fn booted() -> Result<Board> {
    let boot = async || {
        let board = Board::builder().firmware(image_path()).name("boot").start().await?;
        ready(&board).await?;
        Ok(board)
    };
    BOOTED.fork(boot).await
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = is_missing(&arguments, "power cut");
    let cases = [brown_out::ALL, faults::ALL, joining::ALL, stores::ALL].into_iter().flatten();
    let trials = cases.map(|case| {
        Trial::test(case.name, || run(case.name, async || case.perform(&booted().await?).await))
            .with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
