use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::driver::Link;
use crate::driver::fake::{Action, Fake};
use crate::{ConnectionRefused, Units};

#[tokio::test]
async fn the_peer_serves_the_board() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([
        (1, Action::Connect(5001)),
        (2, Action::Send(b"hello mPython")),
        (3, Action::Send(b",I am TCP Client")),
        (9, Action::Send(b"bye")),
        (10, Action::End(Link::Finished)),
    ])
    .board(folder.path());
    let listener = board.peer().listen(5001).await.unwrap();
    let socket = listener.accept().await.unwrap();
    assert_eq!(socket.expect("mPython,I am").await.unwrap(), b"hello ");
    assert_eq!(socket.receive().await.unwrap(), b" TCP Client");
    socket.send("你好 OLED").await.unwrap();
    assert_eq!(socket.expect_close().await.unwrap(), b"bye");
    assert_eq!(socket.receive().await.unwrap(), b"");
    drop(socket);
    let transcript: Vec<String> = board.peer().transcript().iter().map(ToString::to_string).collect();
    assert!(transcript[0].ends_with("#1 board connects from 10.0.2.15:49152"), "{transcript:?}");
    assert!(transcript.last().unwrap().ends_with("peer finishes"), "{transcript:?}");
}

#[tokio::test]
async fn a_stream_is_a_tokio_stream() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([
        (1, Action::TakeAddress),
        (2, Action::Answer(Link::Open)),
        (3, Action::Send(b"echo")),
        (5, Action::End(Link::Finished)),
    ])
    .board(folder.path());
    let mut socket = board.peer().connect(5001).await.unwrap();
    assert_eq!(socket.remote().to_string(), "10.0.2.15:5001");
    socket.write_all(b"echo").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(answer, "echo");
}

#[tokio::test]
async fn reads_end_even_when_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(1, Action::TakeAddress), (2, Action::Answer(Link::Open))]).board(folder.path());
    let mut socket = board.peer().connect(5001).await.unwrap();
    socket.set_patience(Some(20.ms()));
    let error = socket.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(error.to_string().starts_with("waited 0.020000s of board time for bytes from the board"), "{error}");
    assert!(error.to_string().contains("#1 peer connects to 10.0.2.15:5001"), "{error}");
}

#[tokio::test]
async fn events_of_connections_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([
        (1, Action::TakeAddress),
        (2, Action::Answer(Link::Refused)),
        (4, Action::Answer(Link::Open)),
        (5, Action::Send(b"half a li")),
        (6, Action::End(Link::Reset)),
        (8, Action::Answer(Link::Open)),
    ])
    .board(folder.path());
    let peer = board.peer();
    let refused = peer.connect(1).await.err().unwrap();
    assert!(matches!(refused.find(), Some(ConnectionRefused { to }) if to.port() == 1));
    let socket = peer.connect(2).await.unwrap();
    let cut = socket.expect("line").await.unwrap_err();
    assert!(cut.to_string().starts_with("the connection was reset before \"line\" from the board\n"), "{cut}");
    assert!(cut.to_string().contains("9 bytes  \"half a li\""), "{cut}");
    let third = peer.connect(3).await.unwrap();
    third.vanish().unwrap();
    assert!(peer.transcript().last().unwrap().to_string().ends_with("#3 peer vanishes"));
    let taken = [peer.listen(7).await, peer.listen(7).await];
    assert!(taken[0].is_ok());
    assert!(taken[1].as_ref().err().unwrap().to_string().starts_with("the peer cannot listen on port 7: it is taken"));
}
