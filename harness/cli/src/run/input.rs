//! Input for the board's console, typed or piped.

use std::io::Read;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Bytes that are taken at once.
const CHUNK: usize = 256;

/// Bytes from standard input. They are read on a thread of its own, because reading cannot be interrupted.
pub fn keys() -> UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        let mut chunk = [0; CHUNK];
        while let Ok(count) = std::io::stdin().lock().read(&mut chunk) {
            if count == 0 || sender.send(chunk[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
