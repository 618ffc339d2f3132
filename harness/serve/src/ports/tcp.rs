//! A TCP socket that carries the UART's bytes and nothing else, as `socket://` of pyserial and QEMU's `-serial tcp` expect.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{PIECE, PortLease, SerialPort};
use crate::guard::{Client, beginning_of};
use crate::serial_input::SerialInput;

/// Serves one client after the other.
pub(crate) async fn serve(listener: TcpListener, port: SerialPort) {
    loop {
        let (socket, lease) = port.accept(&listener).await;
        tokio::spawn(client(socket, port.clone(), lease, Some(Client::Person)));
    }
}

/// Serves a client that is connected. One that came by itself says who it may be.
pub(crate) async fn client(socket: TcpStream, port: SerialPort, lease: Arc<PortLease>, came: Option<Client>) {
    let (mut reader, mut writer) = socket.into_split();
    let input = async {
        // This side has no way of saying a rate.
        if port.sender.send(SerialInput::Baud(None)).await.is_err() {
            return;
        }
        let mut heard = match came {
            Some(client) => match beginning_of(&mut reader, client).await {
                Some(heard) => heard,
                None => return,
            },
            None => Vec::new(),
        };
        let mut ahead = Vec::new();
        loop {
            let carried = port.sender.send_cancellable(&heard, &lease.cancel);
            if lease.heed(&mut reader, &mut ahead, carried).await.is_err() {
                return;
            }
            heard = match lease.next(&mut reader, &mut ahead).await {
                Some(heard) => heard,
                None => return,
            };
        }
    };
    let output = async {
        while let Some(bytes) = port.outlet.take(PIECE).await {
            if writer.write_all(&bytes).await.is_err() {
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
