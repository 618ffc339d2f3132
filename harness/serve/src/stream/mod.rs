//! Streams of bytes that lead to the board. An endpoint knows how a stream is opened and nothing of the protocol that it carries.

mod endpoint;
mod local;
mod source;
mod telnet;

use tokio::io::{AsyncRead, AsyncWrite};

pub use endpoint::Endpoint;
pub(crate) use endpoint::Opened;
pub(crate) use source::BoxedSource;
pub(crate) use telnet::read;

/// The protocol over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The bytes of a UART.
    Serial,
    /// The bytes of a UART, and the monitor behind Ctrl-A c.
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
    /// The protocol.
    pub protocol: Protocol,
    /// The UART that it carries, if it carries one.
    pub uart: usize,
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
    pub(crate) fn is_serial(&self) -> bool {
        matches!(self.protocol, Protocol::Serial | Protocol::SerialAndMonitor)
    }

    /// True if a client is there before the board starts, so that it misses nothing.
    pub(crate) fn begins_connected(&self) -> bool {
        self.wait || !self.is_server()
    }

    /// True if clients connect to this program.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self.endpoint, Endpoint::TcpServer(_) | Endpoint::UnixServer(_))
    }

    pub(crate) fn service(&self) -> &'static str {
        match self.protocol {
            Protocol::Serial | Protocol::SerialAndMonitor => "the serial port",
            Protocol::Monitor => "the monitor",
            Protocol::Qmp => "QMP",
            Protocol::Gdb => "GDB",
        }
    }
}
