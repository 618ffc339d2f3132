//! Output of the board that a client has not taken yet.
//!
//! The board never waits for a client. When a client stops reading, its oldest bytes are dropped and counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes that wait for one client at most.
const CAPACITY: usize = 1 << 20;

/// The bytes that wait for the client of one port.
#[derive(Debug)]
pub(crate) struct Outlet {
    state: Mutex<State>,
    changed: Notify,
    /// Bytes are kept while no client is connected.
    keeps: bool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<u8>,
    dropped: u64,
    connected: bool,
    closed: bool,
}

impl Outlet {
    /// The outlet of a port that clients come to and leave again. What the board sends while there is none is lost, as on a
    /// serial line.
    pub fn new() -> Outlet {
        Outlet { state: Mutex::default(), changed: Notify::new(), keeps: false }
    }

    /// An outlet that keeps bytes sent before the first client.
    pub fn keeping() -> Outlet {
        Outlet { keeps: true, ..Outlet::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The board sends `bytes`.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.state();
        if !state.connected && !self.keeps {
            return;
        }
        state.waiting.extend(bytes);
        let excess = state.waiting.len().saturating_sub(CAPACITY);
        state.waiting.drain(..excess);
        if state.connected {
            state.dropped += excess as u64;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for bytes and takes at most `limit` of them. None once the board is gone and everything is taken.
    pub async fn take(&self, limit: usize) -> Option<Vec<u8>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if !state.waiting.is_empty() {
                    let length = state.waiting.len().min(limit);
                    let bytes = state.waiting.drain(..length).collect();
                    if !state.waiting.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(bytes);
                }
                if state.closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// A client asks to be the one of this port. False while another one is.
    pub fn connect(&self) -> bool {
        let mut state = self.state();
        if state.connected {
            return false;
        }
        if !self.keeps {
            state.waiting.clear();
        }
        state.connected = true;
        true
    }

    /// The client has gone.
    pub fn disconnect(&self) {
        self.state().connected = false;
    }

    /// Forgets what waits.
    pub fn clear(&self) {
        self.state().waiting.clear();
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// True while a client is connected.
    pub fn is_connected(&self) -> bool {
        self.state().connected
    }

    /// Bytes that clients have missed because they did not read.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Outlet};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_client_that_does_not_read_loses_the_oldest_bytes() {
        let outlet = Outlet::new();
        assert!(outlet.connect());
        outlet.push(b"old");
        outlet.push(&vec![b'n'; CAPACITY]);
        assert_eq!(outlet.dropped(), 3);
        let taken = runtime().block_on(outlet.take(usize::MAX)).unwrap();
        assert_eq!(taken, vec![b'n'; CAPACITY]);
    }

    #[test]
    fn bytes_dropped_before_the_first_client_are_not_counted_as_missed() {
        let outlet = Outlet::keeping();
        outlet.push(&vec![b'n'; 2 * CAPACITY]);
        assert_eq!(outlet.dropped(), 0);
        assert!(outlet.connect());
        outlet.push(b"new");
        assert_eq!(outlet.dropped(), 3);
    }

    #[test]
    fn a_port_has_one_client_at_a_time_and_starts_afresh_with_each() {
        let outlet = Outlet::new();
        outlet.push(b"no client hears this");
        assert!(outlet.connect());
        assert!(!outlet.connect());
        outlet.push(b"left behind");
        outlet.disconnect();
        assert!(outlet.connect());
        outlet.push(b"heard");
        assert_eq!(runtime().block_on(outlet.take(2)).unwrap(), b"he");
        assert_eq!(runtime().block_on(outlet.take(99)).unwrap(), b"ard");
        outlet.close();
        assert_eq!(runtime().block_on(outlet.take(99)), None);
    }
}
