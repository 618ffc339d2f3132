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

/// Carries bytes in both directions until both are at their end, or one is broken. What the host breaks is broken for the board
/// as well: both ends of the link are dropped then.
async fn carry(socket: TcpStream, end: LinkEnd, bell: Arc<Bell>) {
    let LinkEnd { mut incoming, outgoing } = end;
    // Segments are as the guest made them.
    let _ = socket.set_nodelay(true);
    let (mut reader, mut writer) = socket.into_split();
    let ring = Arc::clone(&bell);
    let to_host = async move {
        while let Some(piece) = incoming.recv().await {
            ring.ring();
            writer.write_all(&piece).await?;
        }
        writer.shutdown().await
    };
    let ring = Arc::clone(&bell);
    let to_board = async move {
        let mut buffer = vec![0; PIECE];
        loop {
            let length = reader.read(&mut buffer).await?;
            if length == 0 || outgoing.send(buffer[..length].to_vec()).await.is_err() {
                break;
            }
            ring.ring();
        }
        drop(outgoing);
        ring.ring();
        std::io::Result::Ok(())
    };
    // There is nobody to tell; the board sees it.
    let _ = tokio::try_join!(to_host, to_board);
    bell.ring();
}
