//! The remote side of the board's TCP connections.
//!
//! The peer of an emulated board lives on the board's virtual network and in its virtual time. The peer of any other
//! board uses the host's sockets; a test cannot tell the difference.

mod datagrams;
mod mdns;
mod stream;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::task::Poll;

use crate::driver::{Capability, Link, ListenerId, Segment};
use crate::error::Cause;
use crate::session::{Entry, Event, Result, Shared, State, Wait};

pub use datagrams::UdpSocket;
pub use stream::{PeerStream, Sending};

/// The board refused a connection.
///
/// ```
/// let error = espalier::ConnectionRefused { to: "10.0.2.100:80".parse().unwrap() };
/// assert_eq!(error.to_string(), "the board refused a connection to 10.0.2.100:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board refused a connection to {to}")]
pub struct ConnectionRefused {
    /// Where the peer wanted to connect to.
    pub to: SocketAddrV4,
}

impl Cause for ConnectionRefused {}

/// A connection ended before the awaited bytes came.
///
/// ```
/// let error = espalier::ConnectionClosed { what: "\"ok\" from the board".to_owned(), reset: true };
/// assert_eq!(error.to_string(), "the connection was reset before \"ok\" from the board");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection {} before {what}", if *reset { "was reset" } else { "was closed by the board" })]
pub struct ConnectionClosed {
    /// The awaited event.
    pub what: String,
    /// Whether it was reset instead of closed.
    pub reset: bool,
}

impl Cause for ConnectionClosed {}

/// The host at the other end of the board's network. Handles are cheap and all lead to the same peer.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let socket = board.peer().connect(80).await?;
/// socket.send("GET / HTTP/1.0\r\n\r\n").await?;
/// socket.expect("200 OK").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    segment: Segment,
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>) -> Peer {
        Peer::at(shared, Segment::Lan)
    }

    pub(crate) fn at(shared: Arc<Shared>, segment: Segment) -> Peer {
        Peer { shared, segment }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn segment(&self) -> Segment {
        self.segment
    }

    /// The address at which the board reaches the peer; 0.0.0.0 after its access point or station was removed.
    pub fn address(&self) -> Ipv4Addr {
        let mut state = self.shared.lock();
        match self.segment {
            Segment::Lan => state.driver.peer_address(),
            Segment::Air(hardware) => {
                let address = state.driver.air().ok().and_then(|air| air.peer_address(hardware));
                address.unwrap_or(Ipv4Addr::UNSPECIFIED)
            }
        }
    }

    /// Listens on `port` of the peer.
    pub fn listen(&self, port: u16) -> Wait<Listener> {
        let (shared, segment) = (self.shared.clone(), self.segment);
        Wait::new(&self.shared, format!("the peer to listen on port {port}"), move |state, _| {
            let listener = match segment {
                Segment::Lan => state.driver.listen(port),
                Segment::Air(hardware) => state.driver.air()?.listen(hardware, port),
            };
            Poll::Ready(listener.map(|id| Listener { shared: shared.clone(), id, port }))
        })
    }

    /// Connects to `port` of the board, as soon as the board has taken an address from DHCP. A board with an address of its
    /// own is reached with [`connect_to`](Peer::connect_to).
    pub fn connect(&self, port: u16) -> Wait<PeerStream> {
        self.connect_when(format!("a connection to port {port} of the board"), move |address| {
            address.map(|address| SocketAddrV4::new(address, port))
        })
    }

    /// Connects to `to`.
    pub fn connect_to(&self, to: SocketAddrV4) -> Wait<PeerStream> {
        self.connect_when(format!("a connection to {to}"), move |_| Some(to))
    }

    fn connect_when(
        &self,
        what: String,
        target: impl Fn(Option<Ipv4Addr>) -> Option<SocketAddrV4> + Send + 'static,
    ) -> Wait<PeerStream> {
        let (shared, segment) = (self.shared.clone(), self.segment);
        let mut attempt = None;
        Wait::new(&self.shared, what, move |state, _| {
            let (connection, to) = match attempt {
                Some(attempt) => attempt,
                None => {
                    let Some(to) = target(board_address(state, segment)) else { return Poll::Pending };
                    let connection = match segment {
                        Segment::Lan => state.driver.connect(to),
                        Segment::Air(hardware) => state.driver.air()?.connect(hardware, to),
                    }?;
                    state.record(connection, Event::Connecting(to.to_string()));
                    *attempt.insert((connection, to))
                }
            };
            match state.driver.link(connection) {
                Link::Connecting => Poll::Pending,
                Link::Open | Link::Finished => {
                    state.record(connection, Event::Connected);
                    Poll::Ready(Ok(PeerStream::open(&shared, state, connection, to)))
                }
                Link::Refused => {
                    state.record(connection, Event::Refused);
                    Poll::Ready(Err(ConnectionRefused { to }.into()))
                }
                Link::Reset => {
                    state.record(connection, Event::Reset);
                    Poll::Ready(Err(ConnectionClosed { what: "it was established".to_owned(), reset: true }.into()))
                }
            }
        })
    }

    /// Cuts the peer off the network, as if its cable were pulled: the board receives nothing more from it.
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn vanish(&self) -> Result<()> {
        self.set_silent(true)
    }

    /// Puts the peer back on the network. It has not noticed that it was away.
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn reappear(&self) -> Result<()> {
        self.set_silent(false)
    }

    fn set_silent(&self, silent: bool) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::VanishingPeer)?;
        let done = match self.segment {
            Segment::Lan => state.driver.set_silent(silent),
            Segment::Air(hardware) => state.driver.air().and_then(|air| air.set_silent(hardware, silent)),
        };
        done.map_err(|kind| state.fail(kind))
    }

    /// Returns the events of the peer's connections in their order: the last ones that fit into 1 MiB. If there were
    /// more, the first entry is [`Event::Dropped`].
    pub fn transcript(&self) -> Vec<Entry> {
        self.shared.lock().transcript.entries().cloned().collect()
    }
}

/// The board's address as a peer at `segment` sees it.
fn board_address(state: &mut State, segment: Segment) -> Option<Ipv4Addr> {
    match segment {
        Segment::Lan => state.driver.address(),
        Segment::Air(hardware) => state.driver.air().ok()?.board_address(hardware),
    }
}

/// A port on which the peer listens; it is closed when this is dropped.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let listener = board.peer().listen(5001).await?;
/// let socket = listener.accept().await?;
/// println!("{} connected", socket.remote());
/// # Ok(())
/// # }
/// ```
pub struct Listener {
    shared: Arc<Shared>,
    id: ListenerId,
    port: u16,
}

impl Listener {
    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the board to connect.
    pub fn accept(&self) -> Wait<PeerStream> {
        let shared = self.shared.clone();
        let id = self.id;
        let what = format!("the board to connect to port {} of the peer", self.port);
        Wait::new(&self.shared, what, move |state, _| {
            accept(&shared, state, id).map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
        })
    }

    /// Takes a connection that the board has made by now, without waiting.
    pub fn try_accept(&self) -> Option<PeerStream> {
        accept(&self.shared, &mut self.shared.lock(), self.id)
    }
}

fn accept(shared: &Arc<Shared>, state: &mut State, listener: ListenerId) -> Option<PeerStream> {
    let (connection, from) = state.driver.accept(listener)?;
    state.record(connection, Event::Accepted(from.to_string()));
    Some(PeerStream::open(shared, state, connection, from))
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.lock().driver.close_listener(self.id);
    }
}

#[cfg(test)]
mod tests;
