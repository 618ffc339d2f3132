//! TCP connections that lead from the board's network to the host, the host's half.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::HostForward;
use crate::handle::{BoardHandle, BoardWaker, Control};
use crate::link::{Accepted, LARGEST_PIECE, LinkEnd, Piece, link};

/// Leads connections to `listener` to a port of the board, on the current runtime, until the forward is removed.
pub(crate) fn serve_host(listener: TcpListener, board_port: u16, board: &BoardHandle) {
    let address = listener.local_addr();
    let task = tokio::spawn(accept_from_host(listener, board_port, board.clone())).abort_handle();
    if let Ok(address) = address {
        board.forwards().insert(address, task);
    }
}

/// Listens on another port of the host.
pub(crate) async fn add_host(rule: HostForward, board: &BoardHandle) -> std::io::Result<()> {
    serve_host(TcpListener::bind(rule.host).await?, rule.board_port, board);
    Ok(())
}

async fn accept_from_host(listener: TcpListener, board_port: u16, board: BoardHandle) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let (ours, theirs) = link();
        if board.send(Control::Link { board_port, end: ours }).is_err() {
            return;
        }
        tokio::spawn(carry(socket, theirs, Arc::clone(board.waker())));
    }
}

/// Leads connections that the board made to `host`.
pub(crate) async fn serve_guest(mut accepted: UnboundedReceiver<Accepted>, host: SocketAddr, board: BoardHandle) {
    while let Some(end) = accepted.recv().await {
        let waker = Arc::clone(board.waker());
        tokio::spawn(async move {
            // If the port is closed, dropping the end resets the board's connection.
            match TcpStream::connect(host).await {
                Ok(socket) => carry(socket, end, waker).await,
                Err(_) => {
                    drop(end);
                    waker.wake();
                }
            }
        });
    }
}

/// Why a connection is reset: one of its ends was, or was dropped.
#[derive(Debug)]
struct Broken;

impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Broken {
        Broken
    }
}

/// Carries bytes in both directions until both have ended. What is reset at one side is reset at the other.
async fn carry(socket: TcpStream, end: LinkEnd, waker: Arc<BoardWaker>) {
    let LinkEnd { mut incoming, outgoing } = end;
    // Segments are as the guest made them.
    let _ = socket.set_nodelay(true);
    let (mut reader, mut writer) = socket.into_split();
    let to_host = async {
        loop {
            match incoming.recv().await {
                Some(Piece::Bytes(bytes)) => {
                    waker.wake();
                    writer.write_all(&bytes).await?;
                }
                Some(Piece::End) => {
                    writer.shutdown().await?;
                    return Ok(());
                }
                None => return Err(Broken),
            }
        }
    };
    let to_board = async {
        let mut buffer = vec![0; LARGEST_PIECE];
        loop {
            let length = reader.read(&mut buffer).await?;
            let piece = if length == 0 { Piece::End } else { Piece::Bytes(buffer[..length].to_vec()) };
            outgoing.send(piece).await.map_err(|_| Broken)?;
            waker.wake();
            if length == 0 {
                return Ok(());
            }
        }
    };
    let carried: Result<((), ()), Broken> = tokio::try_join!(to_host, to_board);
    if carried.is_err() {
        // A socket that may not linger is reset when it is closed. One that is gone needs none.
        let _ = writer.as_ref().set_zero_linger();
        // The half would say an orderly end when it is dropped.
        writer.forget();
    }
    drop((incoming, outgoing));
    waker.wake();
}
