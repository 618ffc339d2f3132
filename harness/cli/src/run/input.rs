//! What is typed, or piped in.

use std::io::Read;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Bytes that are taken at once.
const CHUNK: usize = 256;

/// What comes from standard input. It is read on a thread of its own, because reading it cannot be interrupted.
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
