//! `Board::micropython` on official MicroPython v1.23.0.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

mod can;
mod ethernet;
mod files;
mod lm75;
mod matrices;
#[path = "../common/official.rs"]
mod official;
mod outputs;
mod parts;
mod power;
mod scripts;
mod sdcard;
mod sleep;
mod ulp;

use std::process::ExitCode;

use espalier::{Board, BootOnce, Model, Result};
use libtest_mimic::{Arguments, Trial};

use official::{image_path, is_missing, ready, run};

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/micropython");

static DEVKIT: BootOnce = BootOnce::new();
static MPYTHON: BootOnce = BootOnce::new();

/// A fork of a board that has booted to its prompt.
async fn booted(model: Model) -> Result<Board> {
    let once = if model == Model::MPython { &MPYTHON } else { &DEVKIT };
    let boot = async || {
        let builder = Board::builder().model(model).firmware(image_path()).goldens(GOLDENS);
        let board = builder.name("boot").start().await?;
        ready(&board).await?;
        Ok(board)
    };
    once.fork(boot).await
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = is_missing(&arguments, "MicroPython");
    let on_devkit = [
        scripts::ALL,
        files::ALL,
        parts::ALL,
        matrices::ALL,
        sdcard::ALL,
        ethernet::ALL,
        can::ALL,
        power::ALL,
        sleep::ALL,
        ulp::ALL,
    ];
    let on_devkit = on_devkit.into_iter().flatten().map(|case| (Model::DevKit, case));
    let cases = on_devkit.chain(outputs::ALL.iter().map(|case| (Model::MPython, case)));
    let trials = cases.map(|(model, case)| {
        Trial::test(case.name, || run(case.name, async || case.perform(&booted(model).await?).await))
            .with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
