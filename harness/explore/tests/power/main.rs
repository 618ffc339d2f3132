//! Explorations of official MicroPython v1.23.0: its own stores of settings, and one of ours with a fault, when power is cut; a supply
//! that sags. And of a small firmware of ours.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test of it is reported as ignored, and a line
//! says why.

mod brown_out;
mod compiled;
mod faults;
#[path = "../../../../emulator/soc/tests/board/common/mod.rs"]
mod image;
mod joining;
#[path = "../../../espalier/tests/common/official.rs"]
mod official;
#[path = "../../../espalier/tests/common/scripts.rs"]
mod scripts;
mod settings;
mod stores;
mod tutorial;
mod update;

use std::process::ExitCode;

use espalier::{Board, BootOnce, Kind, Result};
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
    let programs = tutorial::ALL.iter().map(|case| {
        Trial::test(case.name, || run(case.name, async || case.perform(&tutorial::booted().await?).await))
            .with_ignored_flag(missing)
    });
    // These start the boards of their firmware themselves.
    let own = compiled::ALL.iter().map(|case| {
        let start = async || Board::builder().kind(Kind::Emulated).name("any").start().await;
        Trial::test(case.name, move || run(case.name, async move || case.perform(&start().await?).await))
    });
    libtest_mimic::run(&arguments, trials.chain(programs).chain(own).collect()).exit_code()
}
