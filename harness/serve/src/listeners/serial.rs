//! The bytes of a UART, and nothing else.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use crate::guard::{Client, beginning_of};
use crate::ports::{PortLease, SerialPort};
use crate::serial_input::SerialInput;

/// Bytes that are carried at once.
const PIECE: usize = 4096;

/// Serves a client that is connected. One that connected to this program may be a browser, which is refused.
pub(super) async fn client(
    stream: impl AsyncRead + AsyncWrite,
    port: SerialPort,
    lease: Arc<PortLease>,
    accepted: bool,
) {
    let (mut reader, mut writer) = split(stream);
    let input = async {
        // This side has no way of saying a rate.
        if port.sender.send(SerialInput::Baud(None)).await.is_err() {
            return;
        }
        let mut heard = match accepted {
            true => match beginning_of(&mut reader, Client::Person).await {
                Some(heard) => heard,
                None => return,
            },
            false => Vec::new(),
        };
        loop {
            if port.sender.send_cancellable(&heard, &lease.cancel).await.is_err() {
                // The board is gone, but not what it said last.
                return std::future::pending().await;
            }
            heard.clear();
            heard.reserve(PIECE);
            match (&mut reader).take(PIECE as u64).read_buf(&mut heard).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    let output = async {
        while let Some(bytes) = port.outlet.take(PIECE).await {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = lease.replaced() => {}
        () = input => {}
        () = output => {}
    }
}
