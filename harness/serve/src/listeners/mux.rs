//! One stream for the serial port and the monitor, as QEMU's `mon:` makes it: Ctrl-A is an escape, and Ctrl-A c changes who is
//! talked to (QEMU's manual, "Keys in the character backend multiplexer").

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, WriteHalf, duplex, split};
use tokio::sync::{mpsc, oneshot};

use super::serial;
use crate::files::Files;
use crate::handle::BoardHandle;
use crate::monitor;
use crate::ports::{PortLease, SerialPort};
use crate::stream::BoxedStream;

/// Ctrl-A.
const ESCAPE: u8 = 0x01;
const HELP: &str = "\r\n\
    C-a h    print this help\r\n\
    C-a x    quit\r\n\
    C-a c    switch between console and monitor\r\n\
    C-a C-a  send C-a\r\n";
/// Bytes that are carried at once.
const PIECE: usize = 4096;

/// The meaning of a piece of input.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Bytes(Vec<u8>),
    Switch,
    Help,
    Quit,
}

/// Finds escaped keys in the input.
#[derive(Debug, Default)]
struct Keys {
    escaped: bool,
}

impl Keys {
    fn take(&mut self, input: &[u8]) -> Vec<Meaning> {
        let (mut meanings, mut bytes) = (Vec::new(), Vec::new());
        for &byte in input {
            let meaning = match (std::mem::take(&mut self.escaped), byte) {
                (false, ESCAPE) => {
                    self.escaped = true;
                    continue;
                }
                (false, byte) | (true, byte @ ESCAPE) => {
                    bytes.push(byte);
                    continue;
                }
                (true, b'x') => Meaning::Quit,
                (true, b'c') => Meaning::Switch,
                (true, b'h' | b'?') => Meaning::Help,
                // Other commands concern what is not there: disks, breaks, time stamps.
                (true, _) => continue,
            };
            if !bytes.is_empty() {
                meanings.push(Meaning::Bytes(std::mem::take(&mut bytes)));
            }
            meanings.push(meaning);
        }
        if !bytes.is_empty() {
            meanings.push(Meaning::Bytes(bytes));
        }
        meanings
    }
}

/// Serves a client. Its input and its output are carried at the same time, since an answer blocks until the client reads it.
pub(super) async fn client(
    stream: BoxedStream,
    port: SerialPort,
    lease: Arc<PortLease>,
    accepted: bool,
    board: BoardHandle,
) {
    let (reader, writer) = split(stream);
    let (console, theirs) = duplex(PIECE);
    tokio::spawn(serial::client(theirs, port, lease, accepted));
    let (monitor, theirs) = duplex(PIECE);
    // The monitor says hello when it is first talked to.
    let (start, started) = oneshot::channel::<()>();
    let talker = board.clone();
    tokio::spawn(async move {
        if started.await.is_ok() {
            monitor::client(Box::new(theirs), talker, Files::default(), false).await;
        }
    });
    let (from_console, to_console) = split(console);
    let (from_monitor, to_monitor) = split(monitor);
    let (help, helped) = mpsc::channel(1);
    let input = Input { to_console, to_monitor, start: Some(start), talks_to_monitor: false, help, board };
    tokio::select! {
        () = input.carry(reader) => {}
        () = carry_output(from_console, from_monitor, helped, writer) => {}
    }
}

/// Where what a client types goes.
struct Input {
    to_console: WriteHalf<DuplexStream>,
    to_monitor: WriteHalf<DuplexStream>,
    /// Starts the monitor.
    start: Option<oneshot::Sender<()>>,
    talks_to_monitor: bool,
    help: mpsc::Sender<()>,
    board: BoardHandle,
}

impl Input {
    async fn carry(mut self, mut reader: impl AsyncRead + Unpin) {
        let (mut keys, mut typed) = (Keys::default(), [0; PIECE]);
        while let Ok(length @ 1..) = reader.read(&mut typed).await {
            for meaning in keys.take(&typed[..length]) {
                match meaning {
                    Meaning::Bytes(bytes) => {
                        let to = if self.talks_to_monitor { &mut self.to_monitor } else { &mut self.to_console };
                        // The board may be gone, but not what it said last.
                        let _ = to.write_all(&bytes).await;
                    }
                    Meaning::Switch => {
                        self.talks_to_monitor = !self.talks_to_monitor;
                        if let Some(start) = self.start.take() {
                            // The task waits for it.
                            let _ = start.send(());
                        }
                    }
                    Meaning::Help => {
                        // It is shown once, however often it is asked for meanwhile.
                        let _ = self.help.try_send(());
                    }
                    Meaning::Quit => {
                        // If the board is down, that is what was wanted.
                        let _ = self.board.quit();
                    }
                }
            }
        }
    }
}

/// Shows what there is to show until the board is gone.
async fn carry_output(
    mut console: impl AsyncRead + Unpin,
    mut monitor: impl AsyncRead + Unpin,
    mut help: mpsc::Receiver<()>,
    mut writer: impl AsyncWrite + Unpin,
) {
    let (mut said, mut answered, mut monitor_lives) = ([0; PIECE], [0; PIECE], true);
    loop {
        let shown = tokio::select! {
            read = console.read(&mut said) => match read {
                Ok(length @ 1..) => show(&mut writer, &said[..length]).await,
                _ => return,
            },
            read = monitor.read(&mut answered), if monitor_lives => match read {
                Ok(length @ 1..) => show(&mut writer, &answered[..length]).await,
                _ => {
                    monitor_lives = false;
                    Ok(())
                }
            },
            Some(()) = help.recv() => show(&mut writer, HELP.as_bytes()).await,
        };
        if shown.is_err() {
            return;
        }
    }
}

async fn show(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests {
    use super::{Keys, Meaning};

    #[test]
    fn escaped_keys_are_found_wherever_the_input_is_cut() {
        let bytes = |bytes: &[u8]| Meaning::Bytes(bytes.to_vec());
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"a\x01"), [bytes(b"a")]);
        assert_eq!(keys.take(b"\x01b\x01z\x01hc"), [bytes(b"\x01b"), Meaning::Help, bytes(b"c")]);
        assert_eq!(keys.take(b"d\x01ce\x01x"), [bytes(b"d"), Meaning::Switch, bytes(b"e"), Meaning::Quit]);
    }
}
