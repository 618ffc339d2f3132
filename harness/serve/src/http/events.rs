//! News of the boards for a page that is open: server-sent events (the HTML standard, "Server-sent events").
//!
//! A board is looked at when the page has taken what it was told before. What a slow browser does not read is dropped: pictures and
//! levels in between are not told, and of consoles and frames the last ones are, with the number of those that were left out.

use std::time::Duration;

use espalier_page::Look;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::handle::{BoardHandle, Gone};

/// Interval between two looks at a board.
const PERIOD: Duration = Duration::from_millis(33);
/// A page that is told nothing for so long is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A page that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

/// A board, and what its page has been told of it.
struct Watched {
    board: BoardHandle,
    look: Option<Box<Look>>,
    consoles: Vec<u64>,
}

/// Tells a page of the boards until one of both is gone.
pub(super) async fn tell(
    socket: &mut TcpStream,
    boards: &[(String, BoardHandle)],
    is_world: bool,
) -> std::io::Result<()> {
    let viewers: Vec<_> = boards.iter().map(|(_, board)| board.watch()).collect();
    let mut watched: Vec<Watched> = boards.iter().map(|(_, board)| Watched::new(board.clone())).collect();
    let names: Vec<&str> = boards.iter().map(|(name, _)| name.as_str()).collect();
    let hello = json!({"boards": names, "world": is_world, "version": env!("CARGO_PKG_VERSION")});
    send(socket, &format!("{HEAD}event: hello\ndata: {hello}\n\n")).await?;
    let mut told = Instant::now();
    loop {
        let next = Instant::now() + PERIOD;
        for (place, watched) in watched.iter_mut().enumerate() {
            let Ok(mut news) = watched.look().await else {
                send(socket, "event: gone\ndata: {}\n\n").await?;
                drop(viewers);
                return Ok(());
            };
            if news.is_empty() {
                continue;
            }
            news.insert("place".to_owned(), json!(place));
            send(socket, &format!("event: board\ndata: {}\n\n", Value::from(news))).await?;
            told = Instant::now();
        }
        if told.elapsed() >= HEARTBEAT {
            send(socket, ":\n\n").await?;
            told = Instant::now();
        }
        sleep_until(next).await;
    }
}

async fn send(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    timeout(PATIENCE, socket.write_all(text.as_bytes())).await?
}

impl Watched {
    fn new(board: BoardHandle) -> Watched {
        let consoles = vec![0; board.uarts().len()];
        Watched { board, look: None, consoles }
    }

    /// Returns the changes since the last look.
    async fn look(&mut self) -> Result<Map<String, Value>, Gone> {
        let (look, seen) = self.board.look(self.look.take().unwrap_or_default()).await?;
        self.look = Some(look);
        let mut sections = seen.told();
        let consoles = self.consoles();
        if !consoles.is_empty() {
            sections.insert("consoles".to_owned(), consoles.into());
        }
        Ok(sections)
    }

    /// Returns the output of the UARTs.
    fn consoles(&mut self) -> Vec<Value> {
        let uarts = self.board.uarts().iter().zip(&mut self.consoles).enumerate();
        uarts.filter_map(|(uart, (end, seen))| end.log.told(uart, seen)).collect()
    }
}
