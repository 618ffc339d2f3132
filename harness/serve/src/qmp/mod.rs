//! QMP, the control protocol of QEMU ("QEMU Machine Protocol Specification"): as much of it as its clients use on a board.

mod command;
mod stream;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clients::Clients;
use crate::files::Files;
use crate::guard::{Client, beginning_of};
use crate::handle::{BoardEvent, BoardHandle};
use command::{Failure, Session};
use stream::JsonStream;

/// Bytes that are read at once.
const PIECE: usize = 4096;

/// Reads what a client sends, without a board to do it.
pub(crate) fn read(input: &[u8]) {
    let mut stream = JsonStream::default();
    for piece in input.chunks(PIECE) {
        stream.push(piece);
        while let Some(request) = stream.next() {
            if let Ok(request) = request {
                command::read(&request);
            }
        }
    }
}

/// Serves clients.
pub(crate) async fn serve(listener: TcpListener, board: BoardHandle) {
    let (clients, files) = (Clients::of(listener), Files::default());
    loop {
        let (socket, place) = clients.next().await;
        let client = client(socket, board.clone(), files.clone(), true);
        tokio::spawn(async move {
            client.await;
            drop(place);
        });
    }
}

/// Serves a client that is connected. One that came by itself may be a browser, which is sent away.
pub(crate) async fn client(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    board: BoardHandle,
    files: Files,
    accepted: bool,
) {
    let events = board.events();
    if send(&mut stream, &command::greeting()).await.is_err() {
        return;
    }
    let heard = if accepted { beginning_of(&mut stream, Client::Program).await } else { Some(Vec::new()) };
    if let Some(heard) = heard {
        converse(stream, Session::new(board, files), events, &heard).await;
    }
}

/// Answers a client that has said `heard` first.
async fn converse(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    mut session: Session,
    mut events: Receiver<BoardEvent>,
    heard: &[u8],
) {
    let mut stream = JsonStream::default();
    let mut buffer = [0; PIECE];
    stream.push(heard);
    loop {
        while let Some(request) = stream.next() {
            let (answer, last) = match request {
                Ok(request) => session.answer(&request).await,
                Err(stream::Invalid) => (Failure::generic("Invalid JSON syntax").answer(None), false),
            };
            if send(&mut socket, &answer).await.is_err() {
                return;
            }
            if last {
                session.quit();
            }
        }
        tokio::select! {
            read = socket.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                stream.push(&buffer[..length]);
            }
            event = events.recv() => match event {
                Ok(event) if session.is_negotiated() => {
                    if send(&mut socket, &describe(event)).await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn send(socket: &mut (impl AsyncWrite + Unpin), value: &Value) -> std::io::Result<()> {
    socket.write_all(format!("{value}\r\n").as_bytes()).await?;
    socket.flush().await
}

/// An event as QMP says it.
fn describe(event: BoardEvent) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp = json!({"seconds": since.as_secs(), "microseconds": since.subsec_micros()});
    match event {
        BoardEvent::Reset => {
            let data = json!({"guest": false, "reason": "host-qmp-system-reset"});
            json!({"event": "RESET", "data": data, "timestamp": timestamp})
        }
        BoardEvent::Stop => json!({"event": "STOP", "timestamp": timestamp}),
        BoardEvent::Resume => json!({"event": "RESUME", "timestamp": timestamp}),
        BoardEvent::Shutdown => {
            let data = json!({"guest": false, "reason": "host-qmp-quit"});
            json!({"event": "SHUTDOWN", "data": data, "timestamp": timestamp})
        }
    }
}
