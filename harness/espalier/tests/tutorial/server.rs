//! The tutorial's server against clients that connect.

use espalier::{Board, Capability, Result, Units, needs};
use rstest::rstest;

use crate::common::board;

async fn listening(board: &Board) -> Result<()> {
    board.console().send_line("server 5001").await?;
    board.console().expect(format!("@event listening {}:5001", board.address().await?)).await?;
    board.screen().settled().await?.assert_golden("server-accepting")
}

#[rstest]
#[tokio::test]
async fn shows_its_address_and_what_clients_send(#[future(awt)] board: Board) -> Result<()> {
    listening(&board).await?;
    let socket = board.peer().connect(5001).await?;
    for (text, golden) in [
        ("Hello, server!", "server-received"),
        ("你好,服务器", "server-received-chinese"),
        ("This text is longer than one row of the OLED", "server-received-long"),
    ] {
        socket.send(text).await?;
        socket.expect(text).await?;
        board.screen().settled().await?.assert_golden(golden)?;
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn serves_one_client_after_another(#[future(awt)] board: Board) -> Result<()> {
    listening(&board).await?;
    for round in ["first", "second", "third"] {
        let socket = board.peer().connect(5001).await?;
        board.console().expect("@event accepted ").await?;
        socket.send(round).await?;
        socket.expect(round).await?;
        socket.close().await?;
        socket.expect_close().await?;
        board.console().expect("@event closed ").await?;
    }
    board.console().send_line("status").await?;
    board.console().expect_regex(r"@status .*state=accepting .*messages=3").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_client_that_vanishes_makes_room_for_the_next(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::VanishingPeer);
    listening(&board).await?;
    let socket = board.peer().connect(5001).await?;
    board.console().expect("@event accepted ").await?;
    socket.vanish()?;
    board.console().expect("@event silent ").within(300.s()).await?;
    board.screen().settled().await?.assert_golden("server-silent")?;
    board.peer().reappear()?;
    let next = board.peer().connect(5001).await?;
    next.send("next").await?;
    next.expect("next").await?;
    Ok(())
}
