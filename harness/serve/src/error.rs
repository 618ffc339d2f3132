//! Errors of starting a server.

use std::net::SocketAddr;

use crate::fuses::FusesError;
use crate::program::ProgramError;
use crate::stream::Endpoint;

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program has the port, or the host has no such address.
    #[error("{service} cannot listen on {address}: {source}")]
    Listen {
        /// The service.
        service: &'static str,
        /// Where.
        address: SocketAddr,
        /// The host's error.
        source: std::io::Error,
    },
    /// A stream cannot be opened: another program has it, no server listens there, or the host refuses.
    #[error("{service} cannot be at {endpoint}: {source}")]
    Stream {
        /// The protocol.
        service: &'static str,
        /// Where.
        endpoint: Endpoint,
        /// The host's error.
        source: std::io::Error,
    },
    /// The program cannot be put into RAM.
    #[error("the program: {0}")]
    Program(ProgramError),
    /// GDB does not know the board's processor.
    #[error(
        "GDB cannot be served: the cores of the board {board} are no Xtensa, and no other kind is described to it yet"
    )]
    NoDebugger {
        /// The board's name.
        board: String,
    },
    /// The eFuses cannot be read.
    #[error("the eFuses: {0}")]
    Fuses(FusesError),
    /// No server listens where the board is to be connected.
    #[error("{service} cannot be connected to {address}: {source}")]
    Connect {
        /// The service.
        service: &'static str,
        /// Where.
        address: SocketAddr,
        /// The host's error.
        source: std::io::Error,
    },
    /// The host gave no pseudo-terminal.
    #[error("no pseudo-terminal: {0}")]
    Pty(std::io::Error),
    /// The host gave no thread, or no means to wait for sockets.
    #[error("the server cannot be run: {0}")]
    Run(std::io::Error),
    /// A port on the board's network cannot be listened on.
    #[error("the peer cannot listen on port {port}: {source}")]
    PeerPort {
        /// The port.
        port: u16,
        /// The network's error.
        source: espalier_net::LanError,
    },
}
