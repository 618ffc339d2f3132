//! Programs without an operating system, in images that the ROM loads and starts: any emulator of the chip runs them.
//!
//! The programs are beside this file: the source, and its bytes as `llvm-mc -triple=xtensa -mcpu=esp32` assembles it.

use std::path::Path;

use espalier::{Board, Kind, Result, Units};

use crate::Taken;

/// Steps of a program.
pub const STEPS: u32 = 10_000_000;
/// A second run takes so many times more, so that the start is not counted.
const MORE: u32 = 8;
/// Where the count is in the programs, and where they are entered.
const COUNT: usize = 16;
const ENTRY: u32 = LOAD + 20;
/// Where they are loaded to: IRAM that the ROM does not use.
const LOAD: u32 = 0x4008_0400;
/// Where the ROM looks for an image in the flash chip.
const OFFSET: usize = 0x1000;
const ERASED: u8 = 0xFF;

pub const PROGRAMS: [(&str, &str); 2] = [
    ("bare loop of 10 million steps (multiplication, exclusive or, sum)", include_str!("loop.hex")),
    ("10 million calls of a function", include_str!("calls.hex")),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// The content of a flash chip with an image of one segment ("Firmware Image Format" of esptool's documentation).
fn flash(hex: &str, count: u32) -> Vec<u8> {
    const MAGIC: u8 = 0xE9;
    const MODE_SIZE: [u8; 2] = [2, 0x20];
    const NO_WP_PIN: u8 = 0xEE;
    const SEED: u8 = 0xEF;
    const LINE: usize = 16;
    let mut program = bytes(hex);
    program[COUNT..COUNT + 4].copy_from_slice(&count.to_le_bytes());
    program.resize(program.len().next_multiple_of(4), 0);
    let sum = program.iter().fold(SEED, |sum, byte| sum ^ byte);
    let mut image = vec![MAGIC, 1];
    image.extend(MODE_SIZE);
    image.extend(ENTRY.to_le_bytes());
    image.push(NO_WP_PIN);
    image.resize(24, 0);
    image.extend(LOAD.to_le_bytes());
    image.extend((program.len() as u32).to_le_bytes());
    image.extend(program);
    image.resize((image.len() + 1).next_multiple_of(LINE) - 1, 0);
    image.push(sum);
    let mut flash = vec![ERASED; OFFSET];
    flash.extend(image);
    flash
}

async fn run(kind: Kind, firmware: &Path) -> Result<()> {
    let board = Board::builder().kind(kind).firmware(firmware).start().await?;
    board.console().expect("done").within(600.s()).await?;
    Ok(())
}

/// CPU seconds of [`STEPS`] steps of a program.
pub async fn measure(kind: Kind, hex: &str) -> Result<f64> {
    let folder = std::env::temp_dir();
    let mut taken = [0.0; 2];
    for (taken, factor) in taken.iter_mut().zip([1, 1 + MORE]) {
        let firmware = folder.join(format!("espalier-bench-{}.bin", std::process::id()));
        std::fs::write(&firmware, flash(hex, STEPS * factor))?;
        let begun = Taken::now()?;
        let ran = run(kind, &firmware).await;
        *taken = begun.until_now(kind)?;
        std::fs::remove_file(&firmware)?;
        ran?;
    }
    Ok((taken[1] - taken[0]) / f64::from(MORE))
}
