//! UDP and ping of a peer, and names that the board answers to.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Span, Time};

use super::{Peer, mdns};
use crate::driver::{DatagramDriver, Stimulus, UdpId};
use crate::error::Failure;
use crate::session::{Result, Shared, State, Wait};

/// Time after which an unanswered question is asked again.
const ANSWER_TIME: Span = Span::from_secs(1);

impl Peer {
    /// Opens a UDP port of the peer; zero lets it choose one.
    ///
    /// # Errors
    /// If the port is taken, or this kind of board has no such peer.
    pub fn udp(&self, port: u16) -> Result<UdpSocket> {
        let mut state = self.shared().lock();
        let bound = datagrams(&mut state).and_then(|driver| driver.bind(self.segment(), port));
        let (id, port) = bound.map_err(|kind| state.fail(kind))?;
        Ok(UdpSocket { shared: self.shared().clone(), id, port })
    }

    /// Pings the board (ICMP echo), as soon as it has an address, and returns how long the answer took. A ping that is not
    /// answered within a second is followed by another.
    pub fn ping(&self) -> Wait<Span> {
        let segment = self.segment();
        let mut attempt = None;
        Wait::new(self.shared(), "the board to answer a ping", move |state, _| {
            let Some(board) = super::board_address(state, segment) else { return Poll::Pending };
            let now = state.driver.now();
            let driver = datagrams(state)?;
            if let Some((_, ping)) = attempt
                && let Some(time) = driver.pinged(ping)
            {
                return Poll::Ready(Ok(time));
            }
            if is_due(attempt.map(|(at, _)| at), now) {
                attempt = Some((now, driver.ping(segment, board)?));
            }
            Poll::Pending
        })
    }

    /// Asks the network for the address of a name in `.local` by multicast DNS (RFC 6762), once a second until an answer
    /// comes: the board's, if it has this name.
    pub fn resolve(&self, name: impl Into<String>) -> Wait<Ipv4Addr> {
        const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
        let (peer, name) = (self.clone(), name.into());
        let mut question: Option<Question> = None;
        Wait::new(self.shared(), format!("an answer to the name {name:?}"), move |state, _| {
            let now = state.driver.now();
            let driver = datagrams(state)?;
            let asked = match &mut question {
                Some(question) => question,
                None => {
                    let (id, _) = driver.bind(peer.segment(), 0)?;
                    question.insert(Question { shared: peer.shared().clone(), id, at: None })
                }
            };
            while let Some((_, answer)) = driver.receive_from(asked.id) {
                if let Some(address) = mdns::answer(&answer, &name) {
                    return Poll::Ready(Ok(address));
                }
            }
            if is_due(asked.at, now) {
                asked.at = Some(now);
                driver.send_to(asked.id, GROUP, &mdns::question(&name))?;
            }
            Poll::Pending
        })
    }
}

fn is_due(last: Option<Time>, now: Time) -> bool {
    last.is_none_or(|at| now.since(at) >= ANSWER_TIME)
}

/// A question by multicast and the port that waits for its answer.
struct Question {
    shared: Arc<Shared>,
    id: UdpId,
    at: Option<Time>,
}

impl Drop for Question {
    fn drop(&mut self) {
        close(&self.shared, self.id);
    }
}

/// A UDP port of a peer; it is closed when this is dropped.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let socket = board.peer().udp(5005)?;
/// let (bytes, from) = socket.receive().await?;
/// socket.send_to(bytes, from).await?;
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    shared: Arc<Shared>,
    id: UdpId,
    port: u16,
}

impl UdpSocket {
    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Gets what is sent to a multicast group from now on, too.
    ///
    /// # Errors
    /// If `group` is not the address of a group.
    pub fn join_group(&self, group: Ipv4Addr) -> Result<()> {
        let mut state = self.shared.lock();
        let joined = datagrams(&mut state).and_then(|driver| driver.join_group(self.id, group));
        joined.map_err(|kind| state.fail(kind))
    }

    /// Sends a datagram, as soon as there is room for it. Whether it arrives is another matter.
    pub fn send_to(&self, bytes: impl AsRef<[u8]>, to: SocketAddrV4) -> Wait<()> {
        let (id, bytes) = (self.id, bytes.as_ref().to_vec());
        Wait::new(&self.shared, format!("the peer to send to {to}"), move |state, _| {
            let sent = datagrams(state)?.send_to(id, to, &bytes)?;
            if sent { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
    }

    /// Takes a datagram that has come by now, without waiting.
    pub fn try_receive(&self) -> Option<(Vec<u8>, SocketAddrV4)> {
        let received = datagrams(&mut self.shared.lock()).ok()?.receive_from(self.id);
        received.map(|(from, bytes)| (bytes, from))
    }

    /// The same as [`send_to`](UdpSocket::send_to) as a stimulus, also for forks of the board, which have this socket too.
    pub fn stimulus(&self, bytes: impl Into<Vec<u8>>, to: SocketAddrV4) -> Stimulus {
        Stimulus::send_to(self.id, to, bytes.into())
    }

    /// Waits for a datagram, and says who sent it.
    pub fn receive(&self) -> Wait<(Vec<u8>, SocketAddrV4)> {
        let id = self.id;
        Wait::new(&self.shared, format!("a datagram to UDP port {} of the peer", self.port), move |state, _| {
            match datagrams(state)?.receive_from(id) {
                Some((from, bytes)) => Poll::Ready(Ok((bytes, from))),
                None => Poll::Pending,
            }
        })
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        close(&self.shared, self.id);
    }
}

fn close(shared: &Arc<Shared>, socket: UdpId) {
    if let Ok(driver) = datagrams(&mut shared.lock()) {
        driver.close(socket);
    }
}

fn datagrams(state: &mut State) -> Result<&mut dyn DatagramDriver, Failure> {
    state.driver.datagrams()
}
