//! What the emulated machine promises: the chip's own code prints, and every run is the same.

use espalier::{Board, Result, Units};
use rstest::rstest;

use crate::common::{board, start};

#[tokio::test]
async fn rom_bootloader_and_application_speak_for_themselves() -> Result<()> {
    let board = start().await?;
    let console = board.console();
    console.expect_line("rst:0x1 (POWERON_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)").await?;
    console.expect_regex(r"boot: ESP-IDF v[\w.-]+ 2nd stage bootloader").await?;
    console.expect_line("Loaded app from partition at offset 0x10000").await?;
    console.expect_line("@event started espalier-app").await?;
    Ok(())
}

async fn play(board: &Board) -> Result<u64> {
    let listener = board.peer().listen(5001).await?;
    board.console().send_line("client 192.168.4.2 5001").await?;
    let socket = listener.accept().await?;
    socket.send("same").await?;
    socket.expect("same").await?;
    board.run_for(100.ms()).await?;
    Ok(board.trace_hash().expect("an emulated board has a trace"))
}

#[tokio::test]
async fn two_runs_and_a_fork_are_the_same() -> Result<()> {
    let (first, second) = (start().await?, start().await?);
    let mut hashes = Vec::new();
    for board in [&first, &second] {
        board.console().expect("@event address").await?;
        hashes.push(board.trace_hash());
    }
    assert_eq!(hashes[0], hashes[1]);
    let fork = first.fork()?;
    let straight = play(&first).await?;
    assert_eq!(play(&fork).await?, straight, "a fork");
    assert_eq!(play(&second).await?, straight, "a second run");
    assert_eq!(first.console().bytes(), second.console().bytes());
    Ok(())
}

#[rstest]
#[tokio::test]
async fn waits_that_are_joined_share_the_boards_time(#[future(awt)] board: Board) -> Result<()> {
    let console = board.console();
    let begin = board.now();
    console.send_line("hello").await?;
    let (hello, passed) = tokio::join!(console.expect("@hello espalier-app"), board.run_for(200.ms()));
    hello?;
    passed?;
    assert!(board.now().since(begin) < 300.ms());
    Ok(())
}
