//! The tutorial's client against a peer that listens.

use espalier::{Board, Capability, PeerStream, Result, Units, needs};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::board;

const GREETING: &str = "hello mPython,I am TCP Client";
const CHINESE: &str = "你好,掌控板!";
const LONG: &str = "The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸跳过懒狗。";

/// The connection over which the board has just sent its greeting.
async fn connected(board: &Board) -> Result<PeerStream> {
    let listener = board.peer().listen(5001).await?;
    let peer = board.peer().address();
    board.console().send_line(format!("client {peer} 5001")).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    board.console().expect(format!("@event connected {peer}:5001")).await?;
    Ok(socket)
}

#[rstest]
#[case::ascii("Hello, OLED!", "client-received-ascii")]
#[case::chinese(CHINESE, "client-received-chinese")]
#[tokio::test]
async fn shows_and_echoes(#[future(awt)] board: Board, #[case] text: &str, #[case] golden: &str) -> Result<()> {
    let socket = connected(&board).await?;
    board.screen().settled().await?.assert_golden("client-connected")?;
    socket.send(text).await?;
    socket.expect(text).await?;
    board.screen().settled().await?.assert_golden(golden)
}

#[rstest]
#[tokio::test]
async fn the_display_shows_what_the_firmware_draws(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::DisplayMemory);
    let socket = connected(&board).await?;
    socket.send(CHINESE).await?;
    socket.expect(CHINESE).await?;
    board.screen().settled().await?;
    board.screen().cross_check(&board.console()).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn text_that_does_not_fit_is_cut_and_echoed_whole(#[future(awt)] board: Board) -> Result<()> {
    let mut socket = connected(&board).await?;
    let text = LONG.repeat(4);
    socket.write_all(text.as_bytes()).await?;
    let mut echo = vec![0; text.len()];
    socket.read_exact(&mut echo).await?;
    assert_eq!(echo, text.as_bytes());
    board.console().expect(format!("@event received {} cut utf-8", text.len())).await?;
    board.screen().settled().await?.assert_golden("client-received-long")
}

#[rstest]
#[tokio::test]
async fn a_character_split_over_segments_is_put_together(#[future(awt)] board: Board) -> Result<()> {
    let socket = connected(&board).await?;
    let (first, second) = CHINESE.as_bytes().split_at(4);
    for part in [first, second] {
        socket.send(part).await?;
        socket.expect(part).await?;
    }
    board.screen().settled().await?.assert_golden("client-received-chinese")
}

#[rstest]
#[tokio::test]
async fn zero_bytes_close_the_connection(#[future(awt)] board: Board) -> Result<()> {
    let socket = connected(&board).await?;
    socket.close().await?;
    board.console().expect(format!("@event closed {}:5001", board.peer().address())).await?;
    socket.expect_close().await?;
    board.screen().settled().await?.assert_golden("client-closed")
}

#[rstest]
#[tokio::test]
async fn a_refused_connection_is_said(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::Refusal);
    let peer = board.peer().address();
    board.console().send_line(format!("client {peer} 5001")).await?;
    board.console().expect(format!("@event refused {peer}:5001")).await?;
    board.screen().wait_for_golden("client-refused").await?;
    connected(&board).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_peer_that_resets_is_said(#[future(awt)] board: Board) -> Result<()> {
    connected(&board).await?.abort();
    board.console().expect(format!("@event reset {}:5001", board.peer().address())).await?;
    board.screen().settled().await?.assert_golden("client-reset")
}

#[rstest]
#[tokio::test]
async fn a_peer_that_vanishes_is_said(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::VanishingPeer);
    connected(&board).await?.vanish()?;
    board.console().expect(format!("@event silent {}:5001", board.peer().address())).within(300.s()).await?;
    board.screen().settled().await?.assert_golden("client-silent")
}
