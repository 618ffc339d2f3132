//! A booted board, and what is done with it.

use espalier::{Board, BootOnce, Model, PeerStream, Result, Units};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
pub const GREETING: &str = "hello mPython,I am TCP Client";
const PORT: u16 = 5001;

static BOOTED: BootOnce = BootOnce::new();

/// The board with the tutorial's firmware, switched on a moment ago.
pub async fn switched_on() -> Result<Board> {
    Board::builder().model(Model::MPython).firmware(IMAGE).start().await
}

/// A board that has its address.
pub async fn board() -> Result<Board> {
    let boot = async || {
        let board = switched_on().await?;
        board.console().expect("@event address ").await?;
        Ok(board)
    };
    BOOTED.fork(boot).await
}

/// The client connects, greets, gets an answer and sends it back; then the peer closes.
pub async fn client(board: &Board) -> Result<()> {
    let socket = greeted(board).await?;
    socket.send("Hello, OLED!").await?;
    socket.expect("Hello, OLED!").within(60.s()).await?;
    socket.close().await?;
    board.console().expect("@event closed ").within(60.s()).await?;
    Ok(())
}

/// The connection over which the client has greeted.
pub async fn greeted(board: &Board) -> Result<PeerStream> {
    let peer = board.peer();
    let listener = peer.listen(PORT).await?;
    board.console().send_line(format!("client {} {PORT}", peer.address())).await?;
    let socket = listener.accept().within(60.s()).await?;
    socket.expect(GREETING).within(60.s()).await?;
    Ok(socket)
}

/// The server listens, and serves one client after the other.
pub async fn server(board: &Board) -> Result<()> {
    board.console().send_line(format!("server {PORT}")).await?;
    board.console().expect("@event listening ").within(60.s()).await?;
    for round in ["first", "second"] {
        let socket = board.peer().connect(PORT).within(60.s()).await?;
        socket.send(round).await?;
        socket.expect(round).within(60.s()).await?;
        socket.close().await?;
        socket.expect_close().within(60.s()).await?;
    }
    Ok(())
}

/// It still answers.
pub async fn answers<C>(board: &Board, _: &C) -> Result<()> {
    board.console().send_line("status").await?;
    board.console().expect("@status ").within(60.s()).await.map(drop)
}
