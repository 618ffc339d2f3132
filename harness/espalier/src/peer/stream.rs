//! One TCP connection, as the peer holds it.

use std::future::Future;
use std::io;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use espalier_core::{Span, Time};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ConnectionClosed, Peer};
use crate::driver::{ConnectionId, Link, Stimulus};
use crate::error::Failure;
use crate::session::{Connection, Ended, Event, PATIENCE, Result, Shared, State, Timeout, Until, Wait, quoted};
use crate::text::{escaped, find};

/// A TCP connection between the peer and the board.
///
/// It is a tokio stream, so any protocol stack on tokio can be the other side. Reads and writes that wait have a deadline in
/// board time like everything else; see [`PeerStream::set_patience`]. Dropping the stream closes it, as dropping a
/// `TcpStream` does.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use tokio::io::AsyncReadExt;
///
/// let mut socket = board.peer().connect(5001).await?;
/// let first = socket.read_u8().await?;
/// println!("{first}");
/// # Ok(())
/// # }
/// ```
pub struct PeerStream {
    shared: Arc<Shared>,
    id: ConnectionId,
    remote: SocketAddrV4,
    patience: Option<Span>,
    reading_since: Option<Time>,
    writing_since: Option<Time>,
    /// Nothing is left to be closed.
    left: bool,
}

impl PeerStream {
    pub(super) fn open(shared: &Arc<Shared>, state: &mut State, id: ConnectionId, remote: SocketAddrV4) -> PeerStream {
        state.connections.insert(id, Connection::default());
        PeerStream {
            shared: shared.clone(),
            id,
            remote,
            patience: Some(PATIENCE),
            reading_since: None,
            writing_since: None,
            left: false,
        }
    }

    /// The board's end of the connection.
    pub fn remote(&self) -> SocketAddrV4 {
        self.remote
    }

    /// Sets the time limit of a read or a write through tokio's traits, in board time; `None` is no limit.
    pub fn set_patience(&mut self, patience: Option<Span>) {
        self.patience = patience;
    }

    /// The same as [`send`](PeerStream::send) as a stimulus, also for forks of the board, which have this connection too.
    pub fn stimulus(&self, bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus::send(self.id, bytes.into())
    }

    /// Sends all of `bytes`. They stay where they are: the connection takes what it has room for, and no copy is made of the rest.
    pub fn send<'a>(&self, bytes: impl AsRef<[u8]> + Send + 'a) -> Sending<'a> {
        let what = format!("the board to take {}", quoted(bytes.as_ref()));
        Sending { until: Until::new(&self.shared, what), id: self.id, bytes: Box::new(bytes), sent: 0 }
    }

    /// Waits until the board has sent `bytes`, and takes what it sent up to their end. What came before is returned.
    pub fn expect(&self, bytes: impl AsRef<[u8]>) -> Wait<Vec<u8>> {
        let needle = bytes.as_ref().to_vec();
        let what = format!("\"{}\" from the board", escaped(&needle));
        let id = self.id;
        let mut from = 0;
        Wait::new(&self.shared, what.clone(), move |state, _| {
            let incoming = state.incoming(id);
            // Another reader may have taken bytes in between.
            from = from.min(incoming.received.len());
            if let Some(start) = find(&incoming.received.make_contiguous()[from..], &needle) {
                let mut taken: Vec<u8> = incoming.received.drain(..from + start + needle.len()).collect();
                taken.truncate(from + start);
                return Poll::Ready(Ok(taken));
            }
            // A match may begin in what is already there, but no earlier than this.
            from = (incoming.received.len() + 1).saturating_sub(needle.len());
            match incoming.ended {
                Some(ended) => Poll::Ready(Err(closed(&what, ended == Ended::Reset))),
                None => Poll::Pending,
            }
        })
    }

    /// Waits for bytes from the board and takes all that are there; no bytes once the board has closed.
    pub fn receive(&self) -> Wait<Vec<u8>> {
        let id = self.id;
        Wait::new(&self.shared, "bytes from the board", move |state, _| {
            let incoming = state.incoming(id);
            match (incoming.received.is_empty(), incoming.ended) {
                (true, None) => Poll::Pending,
                (true, Some(Ended::Reset)) => Poll::Ready(Err(closed("the board sent more", true))),
                _ => Poll::Ready(Ok(incoming.take())),
            }
        })
    }

    /// Takes what the board has sent by now, without waiting; `None` once it will send no more.
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        let incoming = state.incoming(self.id);
        let bytes = incoming.take();
        (!bytes.is_empty() || incoming.ended.is_none()).then_some(bytes)
    }

    /// Whether the board has cut the connection. What came before can still be taken.
    pub fn was_reset(&self) -> bool {
        self.shared.lock().incoming(self.id).ended == Some(Ended::Reset)
    }

    /// Sends what the connection takes of `bytes` without waiting, and says how many that were.
    pub fn try_send(&self, bytes: &[u8]) -> usize {
        send(&mut self.shared.lock(), self.id, bytes)
    }

    /// Waits until the board closes its side, and returns what came before.
    pub fn expect_close(&self) -> Wait<Vec<u8>> {
        let id = self.id;
        Wait::new(&self.shared, "the board to close the connection", move |state, _| {
            let incoming = state.incoming(id);
            match incoming.ended {
                None => Poll::Pending,
                Some(Ended::Finished) => Poll::Ready(Ok(incoming.take())),
                Some(Ended::Reset) => Poll::Ready(Err(closed("the board closed it", true))),
            }
        })
    }

    /// Says that the peer will send no more. What the board still sends can be read.
    pub fn close(&self) -> Wait<()> {
        let id = self.id;
        Wait::new(&self.shared, "the peer to close", move |state, _| {
            finish(state, id);
            Poll::Ready(Ok(()))
        })
    }

    /// Cuts the connection: the board sees a reset.
    pub fn abort(mut self) {
        self.left = true;
        let mut state = self.shared.lock();
        state.record(self.id, Event::Aborted);
        state.driver.abort(self.id);
    }

    /// Leaves the connection and the network without a word; see [`Peer::vanish`](crate::Peer::vanish).
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn vanish(mut self) -> Result<()> {
        self.left = true;
        self.shared.lock().record(self.id, Event::Vanished);
        Peer::new(self.shared.clone()).vanish()
    }
}

impl Drop for PeerStream {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if !self.left {
            state.pump(self.id);
            finish(&mut state, self.id);
        }
        state.connections.remove(&self.id);
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let mut state = stream.shared.lock();
        state.collect();
        let incoming = state.incoming(stream.id);
        if !incoming.received.is_empty() {
            let (bytes, _) = incoming.received.as_slices();
            let count = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..count]);
            incoming.received.drain(..count);
            stream.reading_since = None;
            return Poll::Ready(Ok(()));
        }
        match incoming.ended {
            Some(Ended::Finished) => Poll::Ready(Ok(())),
            Some(Ended::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => drive(&mut state, cx, &mut stream.reading_since, stream.patience, "bytes from the board"),
        }
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let mut state = stream.shared.lock();
        state.collect();
        let count = send(&mut state, stream.id, bytes);
        if count > 0 || bytes.is_empty() {
            stream.writing_since = None;
            return Poll::Ready(Ok(count));
        }
        if matches!(state.driver.link(stream.id), Link::Reset | Link::Refused) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        drive(&mut state, cx, &mut stream.writing_since, stream.patience, "the board to take what was sent")
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        finish(&mut stream.shared.lock(), stream.id);
        Poll::Ready(Ok(()))
    }
}

/// Bytes on their way to the board; see [`PeerStream::send`]. Its patience is counted in the board's time, as that of a [`Wait`].
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::Units;
///
/// let stream = board.peer().connect(80).await?;
/// stream.send("GET / HTTP/1.0\r\n\r\n").within(2.s()).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending<'a> {
    until: Until,
    id: ConnectionId,
    bytes: Box<dyn AsRef<[u8]> + Send + 'a>,
    sent: usize,
}

impl Sending<'_> {
    /// Fails after `patience` of the board's time instead of after [`PATIENCE`].
    pub fn within(mut self, patience: Span) -> Self {
        self.until.patience = patience;
        self
    }
}

impl Future for Sending<'_> {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Sending { until, id, bytes, sent } = self.get_mut();
        let bytes = (**bytes).as_ref();
        until.poll(cx, |state, _| {
            *sent += send(state, *id, &bytes[*sent..]);
            if *sent == bytes.len() {
                return Poll::Ready(Ok(()));
            }
            match state.driver.link(*id) {
                Link::Reset | Link::Refused => Poll::Ready(Err(closed("everything was sent", true))),
                Link::Connecting | Link::Open | Link::Finished => Poll::Pending,
            }
        })
    }
}

/// Lets board time go on for a read or a write that has to wait.
fn drive<T>(
    state: &mut State,
    cx: &mut Context<'_>,
    since: &mut Option<Time>,
    patience: Option<Span>,
    what: &str,
) -> Poll<io::Result<T>> {
    let now = state.driver.now();
    let begun = *since.get_or_insert(now);
    let deadline = begun + patience.unwrap_or(Span::from_ticks(u64::MAX));
    if now >= deadline {
        *since = None;
        let kind = Timeout { what: what.to_owned(), waited: now.since(begun) };
        return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, state.fail(kind))));
    }
    match state.driver.poll_advance(cx, deadline) {
        Ok(()) => Poll::Pending,
        Err(kind) => Poll::Ready(Err(io::Error::other(state.fail(kind)))),
    }
}

fn send(state: &mut State, id: ConnectionId, bytes: &[u8]) -> usize {
    let count = state.driver.send(id, bytes);
    if count > 0 {
        state.record(id, Event::ToBoard(bytes[..count].to_vec()));
    }
    count
}

fn finish(state: &mut State, id: ConnectionId) {
    let finished = state.connections.get_mut(&id).map(|connection| &mut connection.finished);
    if finished.is_some_and(|finished| !std::mem::replace(finished, true)) {
        state.record(id, Event::PeerFinished);
        state.driver.finish(id);
    }
}

fn closed(what: &str, reset: bool) -> Failure {
    ConnectionClosed { what: what.to_owned(), reset }.into()
}
