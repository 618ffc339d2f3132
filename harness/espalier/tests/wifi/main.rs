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
mod tutorial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use espalier::{Board, BootOnce, Capability, Image, Model, Result, Script};
use libtest_mimic::{Arguments, Trial};
use sha2::{Digest, Sha256};

use official::{Case, image_path, is_missing, ready, run};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");
const PASSWORD: &str = "correct horse";

static BOOTED: BootOnce = BootOnce::new();

/// Where scripts look for the font.
const FONT: u32 = 0x40_0000;

/// MicroPython's image for a flash chip of 8 MB: what esptool makes of it when it is told `--flash_size 8MB`. It changes the
/// bootloader's header and the digest behind it (ESP-IDF, "App Image Format"). A font lies beside it, as the board's maker puts one
/// there.
fn image() -> Result<Image> {
    const HEADER: usize = 24;
    const SEGMENT_COUNT: usize = 1;
    /// The upper half of this byte is the flash chip's size.
    const FLASH_SIZE: usize = 3;
    const MB8: u8 = 3;
    let path = image_path();
    let mut bytes = std::fs::read(&path)?;
    bytes[FLASH_SIZE] = bytes[FLASH_SIZE] & 0x0F | MB8 << 4;
    let mut end = HEADER;
    for _ in 0..bytes[SEGMENT_COUNT] {
        let length = bytes[end + 4..].first_chunk().copied().map(u32::from_le_bytes);
        end += 8 + length.expect("a segment has a length") as usize;
    }
    // The checksum is the last byte of a block of 16.
    let end = (end + 1).next_multiple_of(16);
    let digest = Sha256::digest(&bytes[..end]);
    bytes[end..end + digest.len()].copy_from_slice(&digest);
    Ok(Image::from_bytes(path.display().to_string(), bytes)?.with_data(FONT, font::file()))
}

/// Puts the modules on the board that scripts import.
async fn put_modules(board: &Board) -> Result<()> {
    for module in ["panel.py", "wifi.py"] {
        board.micropython().put_file(script_path(module), module).await?;
    }
    Ok(())
}

/// A board that has booted to its prompt. A fork has the modules that scripts import.
async fn booted() -> Result<Board> {
    let boot = async || {
        let goldens = format!("{FIXTURES}/goldens/micropython");
        let builder = Board::builder().model(Model::MPython).image(image()?).strict(true).goldens(goldens);
        let board = builder.name("boot").start().await?;
        ready(&board).await?;
        if board.supports(Capability::Fork) {
            put_modules(&board).await?;
        }
        Ok(board)
    };
    BOOTED.fork(boot).await
}

fn script_path(name: &str) -> PathBuf {
    Path::new(FIXTURES).join("scripts/micropython").join(name)
}

/// A script of the fixtures with its arguments.
fn script(name: &str, arguments: &[&str]) -> Result<Script> {
    Ok(Script::read(script_path(name))?.arguments(arguments.iter().copied()))
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
