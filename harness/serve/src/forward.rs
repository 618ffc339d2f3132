//! TCP connections that lead from the board's network to the host, the host's half.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::board::{Accepted, LinkEnd, link};
use crate::handle::{Bell, BoardHandle, Control};

/// Bytes that are read from a socket at once.
const PIECE: usize = 16 << 10;

/// Leads connections to `listener` to a port of the board.
pub(crate) async fn serve_host(listener: TcpListener, board_port: u16, board: BoardHandle) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let (ours, theirs) = link();
        if board.send(Control::Link { board_port, end: ours }).is_err() {
            return;
        }
        tokio::spawn(carry(socket, theirs, Arc::clone(board.bell())));
    }
}

/// Leads connections that the board made to `host`.
pub(crate) async fn serve_guest(mut accepted: UnboundedReceiver<Accepted>, host: SocketAddr, board: BoardHandle) {
    while let Some(end) = accepted.recv().await {
        let bell = Arc::clone(board.bell());
        tokio::spawn(async move {
            // If nobody listens there, dropping the end resets the board's connection.
            match TcpStream::connect(host).await {
                Ok(socket) => carry(socket, end, bell).await,
                Err(_) => {
                    drop(end);
                    bell.ring();
                }
            }
        });
    }
}

/// Carries bytes in both directions until both are at their end, or one is broken.
async fn carry(socket: TcpStream, end: LinkEnd, bell: Arc<Bell>) {
    let LinkEnd { mut incoming, outgoing } = end;
    // Segments are as the guest made them.
    let _ = socket.set_nodelay(true);
    let (mut reader, mut writer) = socket.into_split();
    let to_host = async {
        while let Some(piece) = incoming.recv().await {
            bell.ring();
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    let to_board = async {
        let mut buffer = vec![0; PIECE];
        loop {
            let length = reader.read(&mut buffer).await.unwrap_or(0);
            if length == 0 || outgoing.send(buffer[..length].to_vec()).await.is_err() {
                break;
            }
            bell.ring();
        }
        drop(outgoing);
        bell.ring();
    };
    tokio::join!(to_host, to_board);
    bell.ring();
}
