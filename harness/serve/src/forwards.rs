//! The ports of the host that lead to the board at present: those that it was started with, and those that clients add and remove.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::config::HostForward;
use crate::forward;
use crate::handle::BoardHandle;

/// Who listens where.
#[derive(Debug, Default)]
pub(crate) struct Forwards(Mutex<BTreeMap<SocketAddr, AbortHandle>>);

impl Forwards {
    /// Leads connections to `listener` to a port of the board, on the present runtime.
    pub fn serve(&self, listener: TcpListener, board_port: u16, board: BoardHandle) {
        let address = listener.local_addr();
        let task = tokio::spawn(forward::serve_host(listener, board_port, board)).abort_handle();
        if let Ok(address) = address {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address, task);
        }
    }

    /// Listens on another port.
    pub async fn add(&self, rule: HostForward, board: BoardHandle) -> std::io::Result<()> {
        self.serve(TcpListener::bind(rule.host).await?, rule.board_port, board);
        Ok(())
    }

    /// Stops listening there; open connections stay. False if there was no such listener.
    pub fn remove(&self, address: SocketAddr) -> bool {
        let task = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
        if let Some(task) = &task {
            task.abort();
        }
        task.is_some()
    }
}
