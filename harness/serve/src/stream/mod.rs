//! Streams of bytes that lead to the board, and what is spoken over them. An endpoint knows how a stream comes about, and nothing
//! of what it carries; the protocol spoken over it knows nothing of where it leads.

mod endpoint;
mod local;
mod mux;
mod serial;
mod source;
mod telnet;

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::error::ServeError;
use crate::files::Files;
use crate::gdb;
use crate::handle::BoardHandle;
use crate::monitor;
use crate::outlet::Outlet;
use crate::ports::{BUSY, SerialPort, Visit};
use crate::qmp;

pub use endpoint::Endpoint;
pub(crate) use endpoint::Opened;
pub(crate) use source::BoxedSource;

/// Clients that QMP or the monitor has at once. The next one waits until one of them ends.
const MOST: usize = 64;

/// What is spoken over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The bytes of UART0.
    Serial,
    /// Those, and the monitor behind Ctrl-A c.
    SerialAndMonitor,
    /// Commands that people type.
    Monitor,
    /// Commands that programs give.
    Qmp,
    /// GDB's remote serial protocol.
    Gdb,
}

/// A stream that a server offers or makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// Clients speak TELNET.
    pub telnet: bool,
    /// The board is not started before the first client is there.
    pub wait: bool,
}

/// A stream in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) type BoxedStream = Box<dyn Stream>;

impl StreamConfig {
    fn is_serial(&self) -> bool {
        matches!(self.protocol, Protocol::Serial | Protocol::SerialAndMonitor)
    }

    /// True if a client is there before the board starts, so that it misses nothing.
    fn begins_connected(&self) -> bool {
        self.wait || !self.is_server()
    }

    /// True if clients come by themselves.
    fn is_server(&self) -> bool {
        matches!(self.endpoint, Endpoint::TcpServer(_) | Endpoint::UnixServer(_))
    }

    fn service(&self) -> &'static str {
        match self.protocol {
            Protocol::Serial | Protocol::SerialAndMonitor => "the serial port",
            Protocol::Monitor => "the monitor",
            Protocol::Qmp => "QMP",
            Protocol::Gdb => "GDB",
        }
    }
}

/// A stream that has been opened.
pub(crate) struct Open {
    opened: Opened,
    config: StreamConfig,
    /// The serial port, if it carries one, and the hold on it of a client that is there already.
    port: Option<(SerialPort, Option<Arc<Visit>>)>,
}

impl Open {
    /// Opens what `config` says. `open_port` makes serial ports.
    pub fn new(
        config: &StreamConfig,
        open_port: &mut impl FnMut(&'static str, Outlet) -> SerialPort,
    ) -> Result<Open, ServeError> {
        let opened = config.endpoint.open(config.wait).map_err(|source| ServeError::Stream {
            service: config.service(),
            endpoint: config.endpoint.clone(),
            source,
        })?;
        let port = config.is_serial().then(|| {
            let port = open_port("stream", Outlet::new());
            let visit = if config.begins_connected() { port.enter() } else { None };
            (port, visit)
        });
        Ok(Open { opened, config: config.clone(), port })
    }

    /// Serves every client that connects, on the current runtime.
    pub fn serve(self, board: &BoardHandle) {
        let (came, muxed) = (self.config.is_server(), self.config.protocol == Protocol::SerialAndMonitor);
        let source = self.opened.serve(self.config.telnet);
        let board = board.clone();
        match (self.port, self.config.protocol) {
            (Some((port, first)), _) => {
                tokio::spawn(serve_serial(source, port, first, came, muxed, board));
            }
            (None, Protocol::Gdb) => {
                tokio::spawn(gdb::serve_stream(source, board, came));
            }
            (None, Protocol::Qmp) => {
                let files = Files::default();
                tokio::spawn(serve_control(source, move |stream| {
                    qmp::client(stream, board.clone(), files.clone(), came)
                }));
            }
            (None, _) => {
                let files = Files::default();
                tokio::spawn(serve_control(source, move |stream| {
                    monitor::client(stream, board.clone(), files.clone(), came)
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
    mut first: Option<Arc<Visit>>,
    came: bool,
    muxed: bool,
    board: BoardHandle,
) {
    while let Some(mut stream) = source.next().await {
        let visit = match first.take() {
            None => port.enter_soon().await,
            first => first,
        };
        let Some(visit) = visit else {
            tokio::spawn(async move {
                let _ = stream.write_all(BUSY).await;
                let _ = stream.shutdown().await;
            });
            continue;
        };
        if muxed {
            tokio::spawn(mux::client(stream, port.clone(), visit, came, board.clone()));
        } else {
            tokio::spawn(serial::client(stream, port.clone(), visit, came));
        }
    }
}
