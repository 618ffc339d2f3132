//! Flashing through the chip's own serial download mode: its ROM's loader and the flasher stub, with espflash as the host.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use espalier::{Board, Error, FlashError, Flasher, Image, ImageError, Model, Result, SECTOR, Stage, Units};
use md5::{Digest, Md5};

use crate::noise::noise;

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const FLASH: u32 = 4 << 20;
/// The application's output when it runs.
const STARTED: &str = "@event started espalier-app";

async fn blank() -> Result<Board> {
    Board::builder().start().await
}

async fn connected() -> Result<(Board, Flasher)> {
    let board = blank().await?;
    let flasher = board.flasher().connect().await?;
    Ok((board, flasher))
}

fn flash_error(error: &Error) -> &FlashError {
    error.find().unwrap_or_else(|| panic!("not about flashing: {error}"))
}

/// Lets a write come to about a third of its bytes, and drops it there.
async fn interrupt(flasher: &mut Flasher, bytes: &[u8]) {
    let done = Cell::new(0);
    let mut write = pin!(flasher.write(0, bytes, |progress| done.set(progress.done)));
    poll_fn(|cx| {
        assert!(write.as_mut().poll(cx).is_pending(), "it was to be interrupted before its end");
        if done.get() as usize > bytes.len() / 3 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn an_image_is_flashed_and_boots() -> Result<()> {
    let board = Board::builder().model(Model::MPython).start().await?;
    let image = Image::read(IMAGE)?;
    let mut flasher = board.flasher().connect().await?;
    let chip = flasher.chip();
    assert_eq!((chip.chip.as_str(), chip.revision, chip.flash_size), ("esp32", Some((3, 0)), 8 << 20));
    assert!(chip.mac_address.as_ref().is_some_and(|address| address.split(':').count() == 6));

    let mut reports = Vec::new();
    let flashed = flasher.flash_image(&image, |report| reports.push(report)).await?;
    let total: u64 = image.parts(8 << 20)?.iter().map(|part| part.bytes.len() as u64).sum();
    assert_eq!((flashed.written, flashed.unchanged), (total, 0));
    let stages: Vec<_> = reports.iter().map(|report| report.stage).collect();
    assert!(stages.contains(&Stage::Writing) && stages.contains(&Stage::Verifying));
    assert_eq!(
        reports.last().map(|last| (last.stage, last.done)),
        reports.last().map(|last| (Stage::Written, last.length))
    );

    let again = flasher.flash_image(&image, |_| ()).await?;
    assert_eq!((again.written, again.unchanged), (0, total));
    flasher.finish().await?;
    board.console().expect_line(STARTED).await?;
    let printed = String::from_utf8_lossy(&board.console().bytes()).into_owned();
    assert!(printed.contains("waiting for download"), "the ROM speaks for itself: {printed}");
    Ok(())
}

#[tokio::test]
async fn written_flash_is_read_back() -> Result<()> {
    let (_board, mut flasher) = connected().await?;
    let bytes = noise(3 * SECTOR as usize + 123);
    let at = 0x20_0000;
    assert_eq!(flasher.write(at, &bytes, |_| ()).await?, Stage::Written);
    assert_eq!(flasher.read(at, bytes.len() as u32).await?, bytes);
    assert_eq!(flasher.md5(at, bytes.len() as u32).await?, <[u8; 16]>::from(Md5::digest(&bytes)));
    flasher.verify(at, &bytes).await?;

    let mut other = bytes.clone();
    other[5000] ^= 0x10;
    let error = flasher.verify(at, &other).await.unwrap_err();
    let FlashError::Differs { offset, expected, found } = flash_error(&error) else { panic!("{error}") };
    assert_eq!((*offset, *expected, *found), (at + 5000, other[5000], bytes[5000]));

    // A difference does not end the session, and nothing is written where nothing differs.
    assert_eq!(flasher.write(at, &bytes, |_| ()).await?, Stage::Unchanged);
    assert_eq!(flasher.write(at, &other, |_| ()).await?, Stage::Written);
    flasher.verify(at, &other).await
}

#[tokio::test]
async fn regions_and_the_chip_are_erased() -> Result<()> {
    let (_board, mut flasher) = connected().await?;
    let bytes = noise(3 * SECTOR as usize);
    flasher.write(0, &bytes, |_| ()).await?;
    flasher.erase_region(SECTOR, SECTOR).await?;
    let mut expected = bytes.clone();
    expected[SECTOR as usize..2 * SECTOR as usize].fill(0xFF);
    assert_eq!(flasher.read(0, bytes.len() as u32).await?, expected);
    flasher.erase_flash().await?;
    flasher.verify(0, &[0xFF; 3 * SECTOR as usize]).await
}

#[tokio::test]
async fn impossible_operations_are_refused_before_anything_changes() -> Result<()> {
    let (_board, mut flasher) = connected().await?;
    for result in [
        flasher.write(FLASH - SECTOR, &[0; SECTOR as usize + 1], |_| ()).await.map(drop),
        flasher.read(FLASH - 1, 2).await.map(drop),
        flasher.md5(u32::MAX, 1).await.map(drop),
        flasher.erase_region(FLASH, SECTOR).await,
    ] {
        let error = result.unwrap_err();
        assert!(matches!(flash_error(&error), FlashError::TooLarge { size: FLASH, .. }), "{error}");
    }
    let error = flasher.write(0x1001, &[0], |_| ()).await.unwrap_err();
    assert!(matches!(flash_error(&error), FlashError::Unaligned { value: 0x1001, .. }), "{error}");
    let message = error.to_string();
    assert!(message.starts_with("cannot write 0x1 bytes at 0x1001: 0x1001 is not a multiple"), "{message}");

    let mut huge = std::fs::read(IMAGE).unwrap();
    huge.resize(FLASH as usize, 0);
    let image = Image::from_bytes("huge.bin", huge)?;
    let error = flasher.flash_image(&image, |_| ()).await.unwrap_err();
    assert!(matches!(error.find(), Some(ImageError::TooLarge { .. })), "{error}");
    assert!(flasher.read(0, SECTOR).await?.iter().all(|byte| *byte == 0xFF));
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_interrupted_can_be_made_up_for() -> Result<()> {
    let (board, mut flasher) = connected().await?;
    let bytes = noise(0x2_0000);
    interrupt(&mut flasher, &bytes).await;
    let error = flasher.md5(0, 4).await.unwrap_err();
    assert!(matches!(flash_error(&error), FlashError::Interrupted { .. }), "{error}");
    let message = error.to_string();
    assert!(message.starts_with("interrupted: could not write 0x20000 bytes at 0x0 to its end"), "{message}");
    drop(flasher);

    let flashed = board.flasher().flash(&Image::read(IMAGE)?, |_| ()).await?;
    assert!(flashed.written > 0);
    board.console().expect_line(STARTED).await?;
    Ok(())
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_write_ends_it() -> Result<()> {
    let (board, mut flasher) = connected().await?;
    let bytes = noise(0x2_0000);
    let (written, ()) = tokio::join!(flasher.write(0, &bytes, |_| ()), async {
        for _ in 0..40 {
            tokio::task::yield_now().await;
        }
        board.reset().await.unwrap();
    });
    let error = written.unwrap_err();
    assert!(matches!(flash_error(&error), FlashError::Interrupted { .. }), "{error}");
    assert!(flasher.read(0, 4).await.is_err());
    let mut flasher = board.flasher().connect().await?;
    flasher.write(0, &bytes, |_| ()).await?;
    flasher.verify(0, &bytes).await
}

#[tokio::test]
async fn a_second_connection_takes_the_first_ones_place() -> Result<()> {
    let (board, mut first) = connected().await?;
    let mut second = board.flasher().connect().await?;
    assert!(matches!(flash_error(&first.read(0, 4).await.unwrap_err()), FlashError::Interrupted { .. }));
    drop(first);
    assert_eq!(second.read(0, 4).await?, [0xFF; 4]);
    Ok(())
}

#[tokio::test]
async fn garbage_on_the_line_does_not_keep_the_rom_from_answering() -> Result<()> {
    let board = blank().await?;
    // It is still on the line when the ROM begins to listen, and it looks at the line to find its rate.
    board.console().send(noise(200)).await?;
    let mut flasher = board.flasher().connect().await?;
    assert_eq!(flasher.chip().flash_size, FLASH);
    assert_eq!(flasher.read(0, 4).await?, [0xFF; 4]);
    Ok(())
}

#[tokio::test]
async fn two_runs_are_the_same_whatever_the_host_does() -> Result<()> {
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let (board, mut flasher) = connected().await?;
        flasher.write(0, &noise(0x8000), |_| ()).await?;
        flasher.read(0x1000, 0x1800).await?;
        flasher.finish().await?;
        board.run_for(10.ms()).await?;
        hashes.push((board.now(), board.trace_hash()));
    }
    assert_eq!(hashes[0], hashes[1]);
    Ok(())
}

#[tokio::test]
async fn a_rate_that_no_line_has_is_refused() -> Result<()> {
    let board = blank().await?;
    for baud in [0, 299, 5_000_001] {
        let error = board.flasher().baud(baud).connect().await.err().expect("it is refused");
        assert!(matches!(flash_error(&error), FlashError::Rate { baud: refused } if *refused == baud), "{error}");
    }
    Ok(())
}
