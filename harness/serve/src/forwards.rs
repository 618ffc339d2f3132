//! The ports of the host that lead to the board at present: those that it was started with, and those that clients add and remove.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio::task::AbortHandle;

/// The tasks that listen, by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Forwards(Mutex<BTreeMap<SocketAddr, AbortHandle>>);

impl Forwards {
    /// Notes that `task` listens at `address`.
    pub fn insert(&self, address: SocketAddr, task: AbortHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address, task);
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
