//! Carrying bytes between sockets of the host and connections on the board's network.
//!
//! The board's time is driven by the run loop alone, so nothing here waits for the board: each turn takes what is there.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use espalier::{Listener, Peer, PeerStream, Units};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::args::{Forward, PeerForward};
use crate::error::CliError;

/// Bytes that are taken from the host at once.
const CHUNK: usize = 4096;
/// Bytes that wait for the host at most. While they do, nothing is taken from the board, and its sender is held back.
const BACKLOG: usize = 64 << 10;

/// All forwarded ports and what goes over them.
pub struct Bridges {
    peer: Peer,
    forwards: Vec<(Forward, TcpListener)>,
    peers: Vec<(PeerForward, Listener)>,
    open: Vec<Bridge>,
}

impl Bridges {
    /// Listens on both sides.
    pub async fn new(peer: Peer, forwards: &[Forward], peers: &[PeerForward]) -> Result<Bridges, CliError> {
        let mut bridges = Bridges { peer, forwards: Vec::new(), peers: Vec::new(), open: Vec::new() };
        for forward in forwards {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, forward.host)).await;
            bridges
                .forwards
                .push((*forward, listener.map_err(CliError::file("listen on", format!("port {}", forward.host)))?));
        }
        for forward in peers {
            bridges.peers.push((*forward, bridges.peer.listen(forward.port).await?));
        }
        Ok(bridges)
    }

    /// Takes new connections and carries what has come. What goes wrong with a connection ends that connection only.
    pub async fn turn(&mut self) {
        for (forward, listener) in &self.forwards {
            // A turn is short: a client that comes a moment later is taken in the next one.
            let accepted = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
            let Ok(Ok((host, _))) = accepted else { continue };
            if let Ok(board) = self.peer.connect(forward.board).within(2.s()).await {
                self.open.push(Bridge::new(host, board));
            }
        }
        for (forward, listener) in &self.peers {
            let Some(board) = listener.try_accept() else { continue };
            match TcpStream::connect(forward.host).await {
                Ok(host) => self.open.push(Bridge::new(host, board)),
                Err(_) => board.abort(),
            }
        }
        let mut index = 0;
        while let Some(bridge) = self.open.get_mut(index) {
            match bridge.turn().await {
                Ok(true) => index += 1,
                Ok(false) => drop(self.open.swap_remove(index)),
                Err(Broken) => self.open.swap_remove(index).reset(),
            }
        }
    }
}

/// One connection of the host and one of the board.
struct Bridge {
    host: TcpStream,
    board: PeerStream,
    to_board: Vec<u8>,
    to_host: Vec<u8>,
    host_ended: bool,
    board_ended: bool,
}

impl Bridge {
    fn new(host: TcpStream, board: PeerStream) -> Bridge {
        Bridge { host, board, to_board: Vec::new(), to_host: Vec::new(), host_ended: false, board_ended: false }
    }

    /// Carries what there is; false when both sides have ended.
    async fn turn(&mut self) -> Result<bool, Broken> {
        if self.to_board.is_empty() && !self.host_ended {
            let mut chunk = [0; CHUNK];
            match self.host.try_read(&mut chunk) {
                Ok(0) => {
                    self.host_ended = true;
                    self.board.close().await.map_err(|_| Broken)?;
                }
                Ok(count) => self.to_board.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Err(Broken),
            }
        }
        let sent = self.board.try_send(&self.to_board);
        self.to_board.drain(..sent);
        if !self.board_ended && self.to_host.len() < BACKLOG {
            match self.board.try_receive() {
                Some(bytes) => self.to_host.extend(bytes),
                None => self.board_ended = true,
            }
        }
        match self.host.try_write(&self.to_host) {
            Ok(count) => drop(self.to_host.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Err(Broken),
        }
        if self.to_host.is_empty() && self.board_ended {
            if self.board.was_reset() {
                return Err(Broken);
            }
            self.host.shutdown().await.map_err(|_| Broken)?;
            return Ok(!self.host_ended || !self.to_board.is_empty());
        }
        Ok(true)
    }

    /// Resets both connections.
    fn reset(self) {
        // A socket that may not linger is reset when it is closed. One that is gone needs none.
        let _ = self.host.set_zero_linger();
        self.board.abort();
    }
}

/// One side of a bridge was reset.
#[derive(Debug)]
struct Broken;

#[cfg(test)]
mod tests;
