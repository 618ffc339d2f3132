//! UART0 in the forms in which other people's tools know a serial port.

#[cfg(unix)]
pub(crate) mod pty;
pub(crate) mod rfc2217;
pub(crate) mod tcp;

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::handle::SerialSender;
use crate::outlet::Outlet;

/// Bytes that are taken from a socket or given to it at once.
const PIECE: usize = 4096;

/// A serial port of the board.
#[derive(Clone, Debug)]
pub(crate) struct SerialPort {
    pub sender: SerialSender,
    pub outlet: Arc<Outlet>,
}

impl SerialPort {
    /// The next client of a port that has one client at a time. Others are told so.
    pub async fn accept(&self, listener: &TcpListener) -> TcpStream {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else { continue };
            if self.outlet.connect() {
                // A console is made of single keys.
                let _ = socket.set_nodelay(true);
                return socket;
            }
            tokio::spawn(async move {
                let _ = socket.write_all(b"espalier: the port is busy: another client is connected\r\n").await;
                let _ = socket.shutdown().await;
            });
        }
    }
}

/// Frees the port when its client's task ends, however it ends.
pub(crate) struct Connected(pub Arc<Outlet>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.disconnect();
    }
}
