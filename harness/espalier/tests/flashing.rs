//! Flashing through the chip's own serial download mode: its ROM's loader and the flasher stub, with espflash as the host.

use espalier::{Board, Image, Model, Result};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

#[tokio::test]
async fn an_image_is_flashed_and_boots() -> Result<()> {
    let board = Board::builder().model(Model::MPython).start().await?;
    let image = Image::read(IMAGE)?;
    let mut flasher = board.flasher().connect().await?;
    let chip = flasher.chip();
    assert_eq!((chip.chip.as_str(), chip.revision, chip.flash_size), ("esp32", Some((3, 0)), 8 << 20));
    flasher.flash_image(&image, |_| ()).await?;
    flasher.finish().await?;
    board.console().expect_line("@event started espalier-app").await?;
    Ok(())
}
