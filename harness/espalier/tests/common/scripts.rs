//! The tutorial's programs on official MicroPython: the board that they are for, and how they get there.

use std::path::{Path, PathBuf};

use espalier::{Board, Image, Model, Result, Script};
use sha2::{Digest, Sha256};

use super::official::{image_path, ready};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");

/// Where scripts look for the font.
const FONT: u32 = 0x40_0000;

/// MicroPython's image for a flash chip of 8 MB: what esptool makes of it when it is told `--flash_size 8MB`. It changes the
/// bootloader's header and the digest behind it (ESP-IDF, "App Image Format"). A font lies beside it, as the board's maker puts one
/// there.
fn image(font: Vec<u8>) -> Result<Image> {
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
    Ok(Image::from_bytes(path.display().to_string(), bytes)?.with_data(FONT, font))
}

/// Boots a board to its prompt, with this font. It is strict: it halts where it touches what is not modelled.
pub async fn boot(font: Vec<u8>) -> Result<Board> {
    let goldens = format!("{FIXTURES}/goldens/micropython");
    let builder = Board::builder().model(Model::MPython).image(image(font)?).strict(true).goldens(goldens);
    let board = builder.name("boot").start().await?;
    ready(&board).await?;
    Ok(board)
}

/// Puts the modules on the board that scripts import.
pub async fn put_modules(board: &Board) -> Result<()> {
    for module in ["panel.py", "wifi.py"] {
        board.micropython().put_file(script_path(module), module).await?;
    }
    Ok(())
}

fn script_path(name: &str) -> PathBuf {
    Path::new(FIXTURES).join("scripts/micropython").join(name)
}

/// A script of the fixtures with its arguments.
pub fn script(name: &str, arguments: &[&str]) -> Result<Script> {
    Ok(Script::read(script_path(name))?.arguments(arguments.iter().copied()))
}
