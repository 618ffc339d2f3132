//! TCP connections between the board's network and the host: the queues between their two halves, which run on different threads.
//!
//! Both directions are bounded. Each end sends [`Piece::End`] when it has finished; an end that is dropped before was reset.

use tokio::sync::mpsc::{self, Receiver, Sender};

/// Pieces that may wait in either direction.
const PIECES: usize = 16;
/// The largest piece.
pub(crate) const LARGEST_PIECE: usize = 16 << 10;

/// A unit of data on a link.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    /// No more bytes come in this direction.
    End,
}

/// One end of a connection. If it is dropped before it has sent and received its [`Piece::End`], the connection is reset.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    pub incoming: Receiver<Piece>,
    pub outgoing: Sender<Piece>,
}

/// Makes the two ends of a connection.
pub(crate) fn link() -> (LinkEnd, LinkEnd) {
    let (to_board, from_host) = mpsc::channel(PIECES);
    let (to_host, from_board) = mpsc::channel(PIECES);
    (LinkEnd { incoming: from_host, outgoing: to_host }, LinkEnd { incoming: from_board, outgoing: to_board })
}

/// The host's end of a connection that the board made to a port of its peer.
pub(crate) type Accepted = LinkEnd;
