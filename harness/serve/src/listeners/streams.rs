//! The protocols that are served over streams: serial port, monitor, QMP and GDB.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::{mux, serial};
use crate::error::ServeError;
use crate::files::Files;
use crate::handle::BoardHandle;
use crate::outlet::Outlet;
use crate::ports::{BUSY, PortLease, SerialPort};
use crate::stream::{BoxedSource, BoxedStream, Opened, Protocol, StreamConfig};
use crate::{gdb, monitor, qmp};

/// Clients that QMP or the monitor has at once. The next one waits until one of them ends.
const MOST: usize = 64;

/// A stream that has been opened.
pub(super) struct OpenStream {
    opened: Opened,
    config: StreamConfig,
    /// The serial port, if it carries one, and the hold on it of a client that is there already.
    port: Option<(SerialPort, Option<Arc<PortLease>>)>,
}

impl OpenStream {
    /// Opens what `config` says. `open_port` makes serial ports of a UART.
    pub fn new(
        config: &StreamConfig,
        open_port: &mut impl FnMut(&'static str, usize, Outlet) -> SerialPort,
    ) -> Result<OpenStream, ServeError> {
        let opened = config.endpoint.open(config.wait).map_err(|source| ServeError::Stream {
            service: config.service(),
            endpoint: config.endpoint.clone(),
            source,
        })?;
        let port = config.is_serial().then(|| {
            let port = open_port("stream", config.uart, Outlet::new());
            let lease = if config.begins_connected() { port.enter() } else { None };
            (port, lease)
        });
        Ok(OpenStream { opened, config: config.clone(), port })
    }

    /// Serves every client that connects, on the current runtime.
    pub fn serve(self, board: &BoardHandle) {
        let (accepted, muxed) = (self.config.is_server(), self.config.protocol == Protocol::SerialAndMonitor);
        let source = self.opened.serve(self.config.telnet);
        let board = board.clone();
        match (self.port, self.config.protocol) {
            (Some((port, first)), _) => {
                tokio::spawn(serve_serial(source, port, first, accepted, muxed, board));
            }
            (None, Protocol::Gdb) => {
                tokio::spawn(gdb::serve_stream(source, board, accepted));
            }
            (None, Protocol::Qmp) => {
                let files = Files::default();
                tokio::spawn(serve_control(source, move |stream| {
                    qmp::client(stream, board.clone(), files.clone(), accepted)
                }));
            }
            (None, _) => {
                let files = Files::default();
                tokio::spawn(serve_control(source, move |stream| {
                    monitor::client(stream, board.clone(), files.clone(), accepted)
                }));
            }
        }
    }
}

/// Several clients at once.
async fn serve_control<C>(mut source: BoxedSource, client: impl Fn(BoxedStream) -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the places are never closed");
        let Some(stream) = source.next().await else { return };
        let client = client(stream);
        tokio::spawn(async move {
            client.await;
            drop(place);
        });
    }
}

/// One client at a time.
async fn serve_serial(
    mut source: BoxedSource,
    port: SerialPort,
    mut first: Option<Arc<PortLease>>,
    accepted: bool,
    muxed: bool,
    board: BoardHandle,
) {
    while let Some(mut stream) = source.next().await {
        let lease = match first.take() {
            None => port.enter_soon().await,
            first => first,
        };
        let Some(lease) = lease else {
            tokio::spawn(async move {
                let _ = stream.write_all(BUSY).await;
                let _ = stream.shutdown().await;
            });
            continue;
        };
        if muxed {
            tokio::spawn(mux::client(stream, port.clone(), lease, accepted, board.clone()));
        } else {
            tokio::spawn(serial::client(stream, port.clone(), lease, accepted));
        }
    }
}
