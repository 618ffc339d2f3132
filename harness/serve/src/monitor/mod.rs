//! The monitor that people type commands into, with the words of QEMU's ("QEMU Monitor" in its manual).

mod command;
mod editor;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::files::Files;
use crate::guard::{Client, beginning_of};
use crate::handle::{BoardEvent, BoardHandle};
use crate::stream::BoxedStream;
pub(crate) use command::command;
use editor::{Editor, Key};

/// Text that clients wait for before they type. Its version is that of the protocol, as in QMP.
const BANNER: &str = "QEMU 9.2.2 monitor - type 'help' for more information\r\n";
const PROMPT: &str = "(qemu) ";
/// Bytes that are read at once.
const PIECE: usize = 1024;

/// Serves a client that is connected. One that came by itself may be a browser, which is sent away.
pub(crate) async fn client(mut stream: BoxedStream, board: BoardHandle, files: Files, accepted: bool) {
    let mut events = board.events();
    let mut editor = Editor::default();
    let mut buffer = [0; PIECE];
    if say(&mut stream, &format!("{BANNER}{PROMPT}")).await.is_err() {
        return;
    }
    let mut heard = match accepted {
        true => match beginning_of(&mut stream, Client::Person).await {
            Some(heard) => heard,
            None => return,
        },
        false => Vec::new(),
    };
    loop {
        for byte in heard.drain(..) {
            let said = match editor.take(byte) {
                Key::Echo(echo) => say(&mut stream, &echo).await,
                Key::Line(line) => {
                    let answer = command(&board, &files, &line).await.replace('\n', "\r\n");
                    say(&mut stream, &format!("\r\n{answer}{PROMPT}")).await
                }
            };
            if said.is_err() {
                return;
            }
        }
        tokio::select! {
            read = stream.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                heard.extend(&buffer[..length]);
            }
            event = events.recv() => match event {
                Ok(BoardEvent::Shutdown) | Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                Ok(_) | Err(_) => {}
            },
        }
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}
