//! A server for GDB's remote serial protocol ("GDB Remote Serial Protocol" in the manual of GDB), by `gdbstub`.
//!
//! One client at a time. The board stops at the client's first bytes, which every debugger sends at once, and goes on when the client
//! disconnects, with or without a detach. A board that stands still for a debugger does not age: clients on its serial port or network wait.

mod arch;
mod hostile;
mod packets;
mod session;
mod target;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::clients;
use crate::guard::{Client, beginning_of};
use crate::handle::{BoardHandle, Control, DebugInput};
use crate::ports::GRACE;
use crate::stream::{BoxedSource, Stream};

pub(crate) use hostile::converse;
pub(crate) use session::{RunRequest, Session};
pub(crate) use target::DebugTarget;

/// Bytes that are read at once.
const PIECE: usize = 4096;
/// Time limit for a client's first bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one client after the other.
pub(crate) async fn serve(listener: TcpListener, board: BoardHandle) {
    let single = SingleClient::default();
    loop {
        let socket = clients::next(&listener).await;
        let _ = socket.set_nodelay(true);
        single.offer(socket, &board, true).await;
    }
}

/// The same for a client on a stream; `accepted` says that clients connect to this program.
pub(crate) async fn serve_stream(mut source: BoxedSource, board: BoardHandle, accepted: bool) {
    let single = SingleClient::default();
    while let Some(stream) = source.next().await {
        single.offer(stream, &board, accepted).await;
    }
}

/// Admits one client at a time.
#[derive(Debug)]
struct SingleClient(Arc<Semaphore>);

impl Default for SingleClient {
    fn default() -> SingleClient {
        SingleClient(Arc::new(Semaphore::new(1)))
    }
}

impl SingleClient {
    /// Serves a client. A second one is turned away, so that it does not wait for an answer, unless the first one is about to go: a
    /// debugger that disconnects may come back before its end is noticed.
    async fn offer(&self, stream: impl Stream + 'static, board: &BoardHandle, accepted: bool) {
        let Ok(Ok(place)) = timeout(GRACE, Arc::clone(&self.0).acquire_owned()).await else { return };
        let board = board.clone();
        tokio::spawn(async move {
            client(stream, &board, accepted).await;
            // If the board is down, there is nothing to detach from.
            let _ = board.send(Control::Debug(DebugInput::Detach));
            drop(place);
        });
    }
}

async fn client(mut socket: impl Stream, board: &BoardHandle, accepted: bool) {
    let mut heard = Vec::new();
    // A connection that this program was configured to open leads to no browser, and its end may take its time.
    if accepted {
        let beginning = beginning_of(&mut socket, Client::Program);
        let Ok(Some(first)) = timeout(PATIENCE, beginning).await else { return };
        heard = first;
    }
    let (answers, mut outgoing) = mpsc::unbounded_channel();
    if board.send(Control::Debug(DebugInput::Attach(answers))).is_err() {
        return;
    }
    loop {
        if !heard.is_empty() {
            let (done, finished) = oneshot::channel();
            let input = DebugInput::Bytes(std::mem::take(&mut heard), done);
            if board.send(Control::Debug(input)).is_err() {
                return;
            }
            // A client that asks faster than it reads waits for itself.
            let _ = finished.await;
        }
        let mut buffer = [0; PIECE];
        tokio::select! {
            biased;
            answer = outgoing.recv() => {
                let Some(answer) = answer else { return };
                // Standard output keeps what is written to it until it is flushed.
                if socket.write_all(&answer).await.is_err() || socket.flush().await.is_err() {
                    return;
                }
            }
            read = socket.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                heard.extend(&buffer[..length]);
            }
        }
    }
}
