//! The end of connections on both sides of a bridge, with the tutorial's firmware.

use std::io::ErrorKind;

use espalier::{Board, Model, Units};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Bridges;
use crate::args::{Forward, PeerForward};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const PORT: u16 = 5001;

async fn board() -> Board {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).start().await.unwrap();
    board.console().expect("@event address").await.unwrap();
    board
}

/// Lets the board and its bridges run until the console has said `text`, and returns what it said until then.
async fn run_until(board: &Board, bridges: &mut Bridges, text: &str) -> String {
    let mut said = String::new();
    for _ in 0..10_000 {
        said += &String::from_utf8_lossy(&board.console().take_unread());
        if said.contains(text) {
            return said;
        }
        board.run_for(1.ms()).await.unwrap();
        bridges.turn().await;
        // Whatever the host has under way gets its turn.
        tokio::task::yield_now().await;
    }
    panic!("no {text:?} in {said:?}");
}

#[tokio::test]
async fn the_end_of_a_host_and_its_reset_are_different_things_to_the_board() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = PeerForward { port: PORT, host: listener.local_addr().unwrap() };
    let board = board().await;
    let mut bridges = Bridges::new(board.peer(), &[], &[peer]).await.unwrap();
    for (ends_by_reset, event) in [(true, "@event reset"), (false, "@event closed")] {
        board.console().send_line(format!("client peer.lan {PORT}")).await.unwrap();
        let host = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_exact(&mut [0; 5]).await.unwrap();
            if ends_by_reset {
                socket.set_zero_linger().unwrap();
            } else {
                // With nothing left to read, closing is an orderly end.
                socket.shutdown().await.unwrap();
                while socket.read(&mut [0; 64]).await.unwrap() != 0 {}
            }
        };
        let (said, ()) = tokio::join!(run_until(&board, &mut bridges, event), host);
        assert_eq!(said.contains("@event closed"), !ends_by_reset, "{said}");
    }
}

#[tokio::test]
async fn a_reset_of_the_board_is_a_reset_to_the_host() {
    let board = board().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let forward = Forward { host: port, board: PORT };
    let mut bridges = Bridges::new(board.peer(), &[forward], &[]).await.unwrap();
    board.console().send_line(format!("server {PORT}")).await.unwrap();
    run_until(&board, &mut bridges, "@event listening").await;
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(b"hello").await.unwrap();
    run_until(&board, &mut bridges, "@event received").await;
    // The board starts anew, and does not know the connection any more.
    board.reset().await.unwrap();
    run_until(&board, &mut bridges, "@event address").await;
    socket.write_all(b"still there?").await.unwrap();
    let error = loop {
        board.run_for(1.ms()).await.unwrap();
        bridges.turn().await;
        tokio::task::yield_now().await;
        match socket.try_read(&mut [0; 64]) {
            Ok(0) => panic!("an orderly end"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
