//! The tutorial's client against a server that the test plays, with the display compared with a golden picture.

use espalier::fixtures::board;
use espalier::{Board, Units};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn client_shows_what_the_server_sends(#[future(awt)] board: Board) -> espalier::Result<()> {
    board.console().expect("@event address").await?;
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().within(2.s()).await?;
    socket.expect("hello mPython,I am TCP Client").await?;
    socket.send("你好,掌控板!").await?;
    board.screen().settled().await?.assert_golden("client-received-chinese")
}
