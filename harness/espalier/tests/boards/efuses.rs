//! eFuses that a test gives to its board, and flash that is encrypted with a key in them.

use espalier::{Board, FlashCipher, Image, Kind, Model, Result, Units};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const FLASH: u32 = 8 << 20;

/// Fuses with this key in block 1, hidden, and with encryption switched on.
fn efuses(key: [u8; 32]) -> Vec<u8> {
    let mut image = vec![0; 124];
    (image[2], image[23]) = (0x11, 0xF0);
    image[28..60].copy_from_slice(&key);
    image[28..60].reverse();
    image
}

#[tokio::test]
async fn an_encrypted_image_boots_and_joins_the_network() -> Result<()> {
    let key = std::array::from_fn(|index| index as u8);
    let mut flash = vec![0xFF; FLASH as usize];
    for part in Image::read(IMAGE)?.parts(FLASH)? {
        flash[part.offset as usize..][..part.bytes.len()].copy_from_slice(&part.bytes);
    }
    FlashCipher::new(key, 0xF).encrypt(0, &mut flash);
    let builder = Board::builder().kind(Kind::Emulated).model(Model::MPython);
    let board = builder.efuses(efuses(key)).flash_content(0, flash).start().await?;
    board.console().expect_line("@event started espalier-app").within(2.s()).await?;
    let listener = board.peer().listen(5001).await?;
    let peer = board.peer().address();
    board.console().send_line(format!("client {peer} 5001")).await?;
    listener.accept().await?.expect("hello mPython,I am TCP Client").await?;
    let burnt = board.machine(|machine| machine.efuses())?;
    assert_eq!(burnt[28..60], efuses(key)[28..60]);
    assert_ne!(burnt[4..10], [0; 6], "the factory's MAC is there as well");
    Ok(())
}

#[tokio::test]
async fn efuses_and_content_that_do_not_fit_are_refused() {
    let refused = |builder: espalier::BoardBuilder| async {
        let started = builder.kind(Kind::Emulated).start().await;
        started.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let error = refused(Board::builder().efuses([0; 32])).await;
    assert!(error.contains("chip.efuses is an image of 32 bytes, not one of 124"), "{error}");
    let error = refused(Board::builder().flash_content(0x3F_FFFF, [0; 2])).await;
    assert!(error.contains("\"2 bytes at 0x3fffff\" ends at 0x400001, beyond the flash chip"), "{error}");
}
