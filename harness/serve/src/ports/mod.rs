//! UART0 in the forms in which other people's tools know a serial port.

mod lease;
#[cfg(unix)]
pub(crate) mod pty;
pub(crate) mod rfc2217;
pub(crate) mod tcp;
mod telnet;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::clients;
use crate::handle::SerialSender;
use crate::outlet::Outlet;
pub(crate) use lease::PortLease;

/// Bytes that are taken from a socket or given to it at once.
const PIECE: usize = 4096;
/// Message to a second client of a serial port.
pub(crate) const BUSY: &[u8] = b"espalier: the port is busy: another client is connected\r\n";
/// Time that a client waits for another one that may be about to leave.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// Reads what a client of RFC 2217 sends.
pub(crate) fn read(input: &[u8]) {
    let mut filter = telnet::Subnegotiations::default();
    let mut server = ::rfc2217::Server::new(::rfc2217::PortSettings::default());
    for piece in input.chunks(PIECE) {
        let Ok(passed) = filter.pass(piece) else { return };
        let typed = server.receive(&passed);
        assert!(typed.len() <= passed.len(), "bytes are made up");
        while server.poll_event().is_some() {}
    }
}

/// A serial port of the board.
#[derive(Clone, Debug)]
pub(crate) struct SerialPort {
    pub sender: SerialSender,
    pub outlet: Arc<Outlet>,
    lease: Arc<Mutex<Weak<PortLease>>>,
}

impl SerialPort {
    pub fn new(sender: SerialSender, outlet: Arc<Outlet>) -> SerialPort {
        SerialPort { sender, outlet, lease: Arc::default() }
    }

    /// Gives the port to a client. None while another client holds it.
    pub fn enter(&self) -> Option<Arc<PortLease>> {
        let mut present = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        if present.upgrade().is_some_and(|lease| !lease.give_way()) {
            return None;
        }
        let lease = Arc::new(PortLease::begin(&self.outlet)?);
        *present = Arc::downgrade(&lease);
        Some(lease)
    }

    /// The same, and waits for a client that may be about to go.
    pub async fn enter_soon(&self) -> Option<Arc<PortLease>> {
        match self.enter() {
            None => {
                self.wait_for_leave().await;
                self.enter()
            }
            entered => entered,
        }
    }

    /// The next client of a port that has one client at a time. Others are told so.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, Arc<PortLease>) {
        loop {
            let mut socket = clients::next(listener).await;
            if let Some(lease) = self.enter_soon().await {
                // A console is made of single keys.
                let _ = socket.set_nodelay(true);
                return (socket, lease);
            }
            tokio::spawn(async move {
                let _ = socket.write_all(BUSY).await;
                let _ = socket.shutdown().await;
            });
        }
    }

    /// Gives a client that has gone, or is going, the time in which that is noticed.
    async fn wait_for_leave(&self) {
        let present = self.lease.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let Some(leaves) = present.map(|lease| lease.leaves()) else { return };
        // If it stays, it stays.
        let _ = tokio::time::timeout(GRACE, leaves).await;
    }
}
