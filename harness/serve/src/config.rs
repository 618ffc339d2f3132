//! The configuration of a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::program::Program;
use crate::stream::StreamConfig;

/// The relation of guest time to the host's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Guest time follows the host's clock and is never ahead of it, as on a real board.
    #[default]
    RealTime,
    /// Guest time passes as fast as the host can make it, but never ahead of a host that owes the board an answer: on a forwarded
    /// connection from what the board sent last until the host answers, and half a second longer; on the serial line for half a
    /// second after the board has printed, if a client has typed since it came; for three seconds after a frame on a cable that
    /// leads outside; while a debugger is attached. A board that has been idle for 60 s of its time falls back to real time, and
    /// stands still while no client is connected to it.
    Fast,
}

/// A port of the host that leads to a port of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostForward {
    /// Where the host listens; port 0 lets it choose one.
    pub host: SocketAddr,
    /// The port that the board listens on.
    pub board_port: u16,
}

/// A port of the peer on the board's network that leads to an address of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestForward {
    /// The port that the peer listens on.
    pub peer_port: u16,
    /// Where connections to it lead.
    pub host: SocketAddr,
}

/// The configuration of a server. The default offers only [`Server::console`](crate::Server::console).
#[derive(Clone, Debug, Default)]
pub struct ServeConfig {
    /// The speed of guest time.
    pub pace: Pace,
    /// The board does not run until QMP or a debugger tells it to.
    pub paused: bool,
    /// UART0 as a TCP socket that carries its bytes and nothing else.
    pub serial: Option<SocketAddr>,
    /// UART0 as an RFC 2217 port.
    pub rfc2217: Option<SocketAddr>,
    /// UARTs as pseudo-terminals, one for each.
    pub ptys: Vec<usize>,
    /// QMP, the control protocol of QEMU.
    pub qmp: Option<SocketAddr>,
    /// GDB's remote serial protocol.
    pub gdb: Option<SocketAddr>,
    /// The board's Ethernet cable leads to a program that listens there, as with QEMU's `-nic socket`, and to no network of its
    /// own.
    pub cable_to: Option<SocketAddr>,
    /// UARTs, QMP and the monitor over other streams.
    pub streams: Vec<StreamConfig>,
    /// The file that holds the eFuses, as Espressif's QEMU keeps them: read when the chip is reset from outside, and written as soon
    /// as one is burnt. Without it they are those that the machine has.
    pub efuses: Option<PathBuf>,
    /// A reset, from inside the chip or from outside, shuts the board down.
    pub ends_with_reset: bool,
    /// A program that starts at a reset instead of the ROM.
    pub program: Option<Program>,
    /// A page with the display and the console.
    pub http: Option<SocketAddr>,
    /// Names of this computer under which browsers may ask for that page, beside `localhost` and its address.
    pub http_names: Vec<String>,
    /// From the host to the board.
    pub host_forwards: Vec<HostForward>,
    /// From the board to the host.
    pub guest_forwards: Vec<GuestForward>,
}
