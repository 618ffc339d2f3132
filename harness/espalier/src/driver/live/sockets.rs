//! The peer on the host's own sockets.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind as Io, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::driver::{ConnectionId, Link, ListenerId, PeerError};
use crate::error::Failure;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 14;
/// An address of no host (RFC 5737, TEST-NET-1), to ask the routing table for the default route.
const NO_HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DISCARD: u16 = 9;

/// The connection between the board's network and the host's. By default they are one: the peer is this host, and its ports are the
/// host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Routes {
    /// The address of the peer, as the board sees it; by default the host's own towards the board.
    pub(crate) peer: Option<Ipv4Addr>,
    /// The board's address if it does not say it itself.
    pub(crate) board: Option<Ipv4Addr>,
    /// The host's address on which the peer's ports are opened; by default all of them.
    pub(crate) bind: Option<IpAddr>,
    /// Where the host listens for a port of the peer, if something carries connections from there to here.
    pub(crate) listen: BTreeMap<u16, SocketAddr>,
    /// Where the host reaches a port of the board, if something carries connections there.
    pub(crate) reach: BTreeMap<u16, SocketAddr>,
}

impl Routes {
    /// Where to listen for `port` of the peer.
    fn socket_of_peer(&self, port: u16) -> SocketAddr {
        let here = || SocketAddr::new(self.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port);
        self.listen.get(&port).copied().unwrap_or_else(here)
    }

    /// Where to connect to for `to`.
    fn socket_of_board(&self, to: SocketAddrV4) -> SocketAddr {
        self.reach.get(&to.port()).copied().unwrap_or(SocketAddr::V4(to))
    }

    /// The address of the peer, as a board at `board` sees it.
    pub(super) fn peer_address(&self, board: Option<Ipv4Addr>) -> Ipv4Addr {
        self.peer.or_else(|| address_towards(board.unwrap_or(NO_HOST))).unwrap_or(Ipv4Addr::LOCALHOST)
    }
}

/// The host's own address on the way to `there`. Nothing is sent.
fn address_towards(there: Ipv4Addr) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((there, DISCARD)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

/// A socket of this computer that stands in for one of the peer failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", if source.kind() == Io::AddrInUse {
    format!("another program on this computer listens on {at}")
} else {
    format!("{at}: {source}")
})]
struct SocketError {
    at: SocketAddr,
    source: io::Error,
}

/// The sockets of one board's peer.
#[derive(Default)]
pub(super) struct Sockets {
    listeners: Vec<Option<TcpListener>>,
    connections: Vec<Connection>,
}

struct Connection {
    stream: Option<TcpStream>,
    link: Link,
}

impl Sockets {
    pub(super) fn listen(&mut self, port: u16, routes: &Routes) -> Result<ListenerId, Failure> {
        let at = routes.socket_of_peer(port);
        let open = || {
            let listener = TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = open().map_err(|error: io::Error| {
            PeerError::new(format!("listen on port {port}"), SocketError { at, source: error })
        })?;
        self.listeners.push(Some(listener));
        Ok(ListenerId(self.listeners.len() as u64 - 1))
    }

    pub(super) fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let (stream, from) = self.listeners[listener.0 as usize].as_ref()?.accept().ok()?;
        let SocketAddr::V4(from) = from else { return None };
        prepare(&stream).ok()?;
        Some((self.number(stream, Link::Open), from))
    }

    pub(super) fn close_listener(&mut self, listener: ListenerId) {
        self.listeners[listener.0 as usize] = None;
    }

    pub(super) fn connect(&mut self, to: SocketAddrV4, routes: &Routes) -> Result<ConnectionId, Failure> {
        let at = routes.socket_of_board(to);
        let open = || {
            let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            let link = match socket.connect(&at.into()) {
                Ok(()) => Link::Open,
                Err(error) if is_under_way(&error) => Link::Connecting,
                Err(error) if error.kind() == Io::ConnectionRefused => Link::Refused,
                Err(error) => return Err(error),
            };
            Ok((TcpStream::from(socket), link))
        };
        let (stream, link) = open().map_err(|error: io::Error| {
            let action = format!("connect to {to}");
            if at == to.into() {
                PeerError::new(action, error)
            } else {
                PeerError::new(action, SocketError { at, source: error })
            }
        })?;
        // Segments are as the test made them; a socket that is already gone says so soon.
        let _ = stream.set_nodelay(true);
        Ok(self.number(stream, link))
    }

    /// Connections are numbered from one, in the order in which they came.
    fn number(&mut self, stream: TcpStream, link: Link) -> ConnectionId {
        self.connections.push(Connection { stream: Some(stream), link });
        ConnectionId(self.connections.len() as u64)
    }

    fn get(&mut self, connection: ConnectionId) -> &mut Connection {
        &mut self.connections[connection.0 as usize - 1]
    }

    pub(super) fn link(&self, connection: ConnectionId) -> Link {
        self.connections[connection.0 as usize - 1].link
    }

    /// Sees how far connections have come that are under way.
    pub(super) fn progress(&mut self) {
        for connection in self.connections.iter_mut().filter(|connection| connection.link == Link::Connecting) {
            connection.settle();
        }
    }

    pub(super) fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        let connection = self.get(connection);
        let Some(stream) = connection.stream.as_mut().filter(|_| is_alive(connection.link)) else { return 0 };
        match stream.write(bytes) {
            Ok(length) => length,
            Err(error) => {
                connection.note(&error);
                0
            }
        }
    }

    pub(super) fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        let connection = self.get(connection);
        let mut bytes = Vec::new();
        let Some(stream) = connection.stream.as_mut().filter(|_| connection.link == Link::Open) else { return bytes };
        let mut buffer = [0; BUFFER];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    connection.link = Link::Finished;
                    return bytes;
                }
                Ok(length) => bytes.extend_from_slice(&buffer[..length]),
                Err(error) => {
                    connection.note(&error);
                    return bytes;
                }
            }
        }
    }

    pub(super) fn finish(&mut self, connection: ConnectionId) {
        if let Some(stream) = &self.get(connection).stream {
            // A connection that is already gone needs no end.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    pub(super) fn abort(&mut self, connection: ConnectionId) {
        let connection = self.get(connection);
        if let Some(stream) = connection.stream.take() {
            // Closing a socket that does not linger resets its connection.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        connection.link = Link::Reset;
    }
}

impl Connection {
    fn note(&mut self, error: &io::Error) {
        if !matches!(error.kind(), Io::WouldBlock | Io::Interrupted | Io::NotConnected) {
            self.link = Link::Reset;
        }
    }

    /// Whether the connection that is under way has come about.
    fn settle(&mut self) {
        let Some(stream) = &self.stream else { return };
        match stream.take_error() {
            Ok(None) if stream.peer_addr().is_ok() => self.link = Link::Open,
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                let refused = error.kind() == Io::ConnectionRefused;
                self.link = if refused { Link::Refused } else { Link::Reset };
            }
        }
    }
}

fn is_alive(link: Link) -> bool {
    matches!(link, Link::Open | Link::Finished)
}

fn is_under_way(error: &io::Error) -> bool {
    // POSIX's EINPROGRESS has no name in the standard library; Windows reports WouldBlock.
    error.kind() == Io::WouldBlock || error.raw_os_error() == Some(in_progress())
}

#[cfg(unix)]
fn in_progress() -> i32 {
    rustix::io::Errno::INPROGRESS.raw_os_error()
}

#[cfg(not(unix))]
fn in_progress() -> i32 {
    i32::MAX
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)
}

#[cfg(test)]
mod tests;
