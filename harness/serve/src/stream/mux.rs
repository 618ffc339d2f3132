//! One stream for the serial port and the monitor, as QEMU's `mon:` makes it: Ctrl-A is an escape, and Ctrl-A c changes who is
//! talked to (QEMU's manual, "Keys in the character backend multiplexer").

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

use super::{BoxedStream, serial};
use crate::files::Files;
use crate::handle::BoardHandle;
use crate::monitor;
use crate::ports::{SerialPort, Visit};

/// Ctrl-A.
const ESCAPE: u8 = 0x01;
const HELP: &str = "\r\n\
    C-a h    print this help\r\n\
    C-a x    quit\r\n\
    C-a c    switch between console and monitor\r\n\
    C-a C-a  send C-a\r\n";
/// Bytes that are carried at once.
const PIECE: usize = 4096;

/// What a piece of input means.
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

/// Serves a client.
pub(super) async fn client(stream: BoxedStream, port: SerialPort, visit: Arc<Visit>, came: bool, board: BoardHandle) {
    let (mut reader, mut writer) = split(stream);
    let (mut console, theirs) = duplex(PIECE);
    tokio::spawn(serial::client(theirs, port, visit, came));
    // The monitor says hello when it is first talked to.
    let mut monitor: Option<DuplexStream> = None;
    let mut to_monitor = false;
    let mut keys = Keys::default();
    let (mut typed, mut said, mut answered) = ([0; PIECE], [0; PIECE], [0; PIECE]);
    loop {
        let shown = tokio::select! {
            read = reader.read(&mut typed) => {
                let Ok(length @ 1..) = read else { return };
                let mut written = Ok(());
                for meaning in keys.take(&typed[..length]) {
                    written = match meaning {
                        Meaning::Bytes(bytes) => match &mut monitor {
                            Some(monitor) if to_monitor => monitor.write_all(&bytes).await,
                            _ => console.write_all(&bytes).await,
                        },
                        Meaning::Switch => {
                            to_monitor = !to_monitor;
                            monitor.get_or_insert_with(|| {
                                let (ours, theirs) = duplex(PIECE);
                                tokio::spawn(monitor::client(Box::new(theirs), board.clone(), Files::default(), false));
                                ours
                            });
                            Ok(())
                        }
                        Meaning::Help => show(&mut writer, HELP.as_bytes()).await,
                        Meaning::Quit => {
                            // If the board is down, that is what was wanted.
                            let _ = board.quit();
                            Ok(())
                        }
                    };
                    if written.is_err() {
                        break;
                    }
                }
                written
            }
            read = console.read(&mut said) => match read {
                Ok(length @ 1..) => show(&mut writer, &said[..length]).await,
                // The board is gone.
                _ => return,
            },
            read = hear(&mut monitor, &mut answered) => match read {
                Some(length) => show(&mut writer, &answered[..length]).await,
                None => {
                    monitor = None;
                    to_monitor = false;
                    Ok(())
                }
            },
        };
        if shown.is_err() {
            return;
        }
    }
}

/// Waits for the monitor, which may not be there yet. None once it has gone.
async fn hear(monitor: &mut Option<DuplexStream>, buffer: &mut [u8]) -> Option<usize> {
    match monitor {
        Some(monitor) => monitor.read(buffer).await.ok().filter(|length| *length != 0),
        None => std::future::pending().await,
    }
}

async fn show(writer: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> std::io::Result<()> {
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
