//! Flash, reset, console and the tutorial's exchange.

use espalier::{Board, Capability, Kind, Result, Units};
use espalier_serve::Pace;
use rstest::rstest;

use crate::served::{IMAGE, PORT, Served};

/// Plays the tutorial's client and server once, with the pictures.
async fn exchange(board: &Board) -> Result<()> {
    let peer = board.peer();
    board.console().expect("@event address").await?;
    let listener = peer.listen(PORT).await?;
    board.console().send_line(format!("client {} {PORT}", peer.address())).await?;
    let socket = listener.accept().await?;
    socket.expect("hello mPython,I am TCP Client").await?;
    socket.send("你好,掌控板!").await?;
    socket.expect("你好,掌控板!").await?;
    board.screen().settled().await?.assert_golden("client-received-chinese")?;
    socket.close().await?;
    board.console().expect("@event closed").await?;
    socket.expect_close().await?;
    board.screen().wait_for_golden("client-closed").await?;

    board.console().send_line(format!("server {PORT}")).await?;
    board.console().expect("@event listening").await?;
    board.screen().wait_for_golden("server-accepting").await?;
    let socket = peer.connect(PORT).await?;
    socket.send("Hello, server!").await?;
    socket.expect("Hello, server!").await?;
    board.screen().settled().await?.assert_golden("server-received")?;
    socket.abort();
    board.console().expect("@event reset").await?;
    Ok(())
}

#[tokio::test]
async fn a_served_board_is_flashed_reset_and_played_with() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let board = served.board("served").firmware(IMAGE).start().await?;
    assert_eq!(board.kind(), Kind::Bench);
    assert!(!board.supports(Capability::Fork) && board.fork().is_err());
    exchange(&board).await?;
    // The console was kept while the chip was flashed, and the lines really reset it.
    let printed = String::from_utf8_lossy(&board.console().bytes()).into_owned();
    assert!(printed.contains("waiting for download"), "{printed}");
    board.reset().await?;
    board.console().expect("SPI_FAST_FLASH_BOOT").await?;
    board.console().expect("@event started espalier-app").await?;
    drop(board);

    // The flash holds the image, so a second test starts it at once.
    let board = served.board("served").firmware(IMAGE).start().await?;
    board.console().expect("@event started espalier-app").await?;
    let printed = String::from_utf8_lossy(&board.console().bytes()).into_owned();
    assert!(!printed.contains("waiting for download"), "{printed}");
    // And espflash finds it there as well.
    let flashed = board.flasher().flash(&espalier::Image::read(IMAGE)?, |_| ()).await?;
    assert!(flashed.written == 0 && flashed.unchanged > 0, "{flashed:?}");
    Ok(())
}

/// A pseudo-terminal has no lines: another program brings the chip into its download mode, and its firmware resets it.
/// `direct` is how systems without pseudo-terminals do it, seen from the board's end.
#[rstest]
#[case::over_a_pseudo_terminal(false)]
#[case::over_the_port_itself(true)]
#[tokio::test]
async fn a_board_on_a_pseudo_terminal_is_flashed_and_reset_by_hand(#[case] direct: bool) -> Result<()> {
    let served = Served::start(Pace::RealTime);
    served.server.board().reset(espalier_soc::Strap::Download).unwrap();
    let board = served.board("terminal").start().await?;
    let mut flasher = board.flasher().direct(direct).connect().await?;
    flasher.flash_image(&espalier::Image::read(IMAGE)?, |_| ()).await?;
    let error = board.reset().await.unwrap_err();
    assert!(error.to_string().contains("has no lines that reset a board"), "{error}");
    drop(flasher);
    served.server.board().reset(espalier_soc::Strap::FlashBoot).unwrap();
    board.console().expect("@event started espalier-app").within(20.s()).await?;
    board.reset().await?;
    board.console().expect("@ok reset").await?;
    board.console().expect("@event started espalier-app").await?;
    exchange(&board).await
}
