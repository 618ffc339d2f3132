//! A TCP socket that carries the UART's bytes and nothing else, as `socket://` of pyserial and QEMU's `-serial tcp` expect.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Connected, PIECE, SerialPort};
use crate::board::SerialInput;

/// Serves one client after the other.
pub(crate) async fn serve(listener: TcpListener, port: SerialPort) {
    loop {
        let socket = port.accept(&listener).await;
        tokio::spawn(client(socket, port.clone(), Connected(port.outlet.clone())));
    }
}

/// Serves a client that is connected.
pub(crate) async fn client(socket: TcpStream, port: SerialPort, _connected: Connected) {
    // This side has no way of saying a rate.
    if port.sender.send(SerialInput::Baud(None)).await.is_err() {
        return;
    }
    let (mut reader, mut writer) = socket.into_split();
    let input = async {
        let mut buffer = [0; PIECE];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if port.sender.send_bytes(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            }
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
        () = input => {}
        () = output => {}
    }
}
