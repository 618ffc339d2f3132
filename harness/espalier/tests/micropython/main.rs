//! `Board::micropython` on official MicroPython v1.23.0.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, every test here is reported as ignored, and a line
//! says why.

mod files;
mod outputs;
mod parts;
mod scripts;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;

use espalier::{Board, BootOnce, Model, Result, Units};
use libtest_mimic::{Arguments, Failed, Trial};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/micropython");

static DEVKIT: BootOnce = BootOnce::new();
static MPYTHON: BootOnce = BootOnce::new();

/// A test, which gets a board of its own.
pub type Case = fn(Board) -> Pin<Box<dyn Future<Output = Result<()>>>>;

/// A test under its function's name.
#[macro_export]
macro_rules! case {
    ($name:ident) => {
        (stringify!($name), |board| Box::pin($name(board)))
    };
}

/// `ESPALIER_IMAGES` names a directory with fetched images; otherwise it is where `ci/fetch-images` puts them.
fn image_path() -> PathBuf {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images")).join(IMAGE)
}

/// A fork of a board that has booted to its prompt.
async fn booted(model: Model) -> Result<Board> {
    let once = if model == Model::MPython { &MPYTHON } else { &DEVKIT };
    let boot = async || {
        let builder = Board::builder().model(model).firmware(image_path()).goldens(GOLDENS);
        let board = builder.name("boot").start().await?;
        board.console().expect(">>> ").within(5.s()).await?;
        Ok(board)
    };
    once.fork(boot).await
}

/// Runs a test on a thread with its name, which the board takes over.
fn run(name: &str, model: Model, case: Case) -> std::result::Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let test = move || runtime.block_on(async { case(booted(model).await?).await });
    match std::thread::Builder::new().name(name.to_owned()).spawn(test)?.join() {
        Ok(outcome) => outcome.map_err(|error| Failed::from(error.to_string())),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let path = image_path();
    let missing = !path.exists();
    if missing && !arguments.list {
        eprintln!(
            "\nWARNING: the MicroPython tests do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            path.display()
        );
    }
    let on_devkit = scripts::ALL.iter().chain(files::ALL).chain(parts::ALL).map(|case| (Model::DevKit, case));
    let cases = on_devkit.chain(outputs::ALL.iter().map(|case| (Model::MPython, case)));
    let trials = cases
        .map(|(model, (name, case))| Trial::test(*name, move || run(name, model, *case)).with_ignored_flag(missing));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
