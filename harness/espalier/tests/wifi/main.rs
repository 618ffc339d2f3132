//! Wi-Fi on official MicroPython v1.23.0, as it comes: the tutorial's programs, and what else a board does in the air. The boards
//! are strict: one that touches what is not modelled halts.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

mod around;
mod font;
mod load;
mod networks;
#[path = "../common/official.rs"]
mod official;
#[path = "../common/scripts.rs"]
mod scripts;
mod tutorial;

use std::process::ExitCode;

use espalier::{Board, BootOnce, Capability, Result};
use libtest_mimic::{Arguments, Trial};

use official::{Case, is_missing, run};
use scripts::{boot, put_modules};

const PASSWORD: &str = "correct horse";

static BOOTED: BootOnce = BootOnce::new();

/// A board that has booted to its prompt. A fork has the modules that scripts import.
async fn booted() -> Result<Board> {
    let booted = async || {
        let board = boot(font::file()).await?;
        if board.supports(Capability::Fork) {
            put_modules(&board).await?;
        }
        Ok(board)
    };
    BOOTED.fork(booted).await
}

/// Runs a test on a board of its own, which touches nothing that is not modelled.
async fn strictly(case: &Case) -> Result<()> {
    let board = booted().await?;
    case.perform(&board).await?;
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = is_missing(&arguments, "Wi-Fi");
    let cases = networks::ALL.iter().chain(tutorial::ALL).chain(around::ALL);
    let mut trials: Vec<_> = cases
        .map(|case| Trial::test(case.name, || run(case.name, || strictly(case))).with_ignored_flag(missing))
        .collect();
    trials.push(Trial::test(load::NAME, load::two_hundred_runs_of_the_client_are_one).with_ignored_flag(true));
    libtest_mimic::run(&arguments, trials).exit_code()
}
