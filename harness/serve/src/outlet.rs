//! Output of the board that a client has not taken yet.
//!
//! A board does not wait for a client, unless it is to. When a client stops reading, its oldest bytes are dropped and counted.

use std::collections::VecDeque;
use std::path::PathBuf;
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
    /// The pseudo-terminal from which the client reads.
    terminal: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<u8>,
    /// The bytes that were taken last are on their way to the client.
    is_carried: bool,
    dropped: u64,
    connected: bool,
    closed: bool,
}

impl Outlet {
    /// The outlet of a port that clients come to and leave again. What the board sends while there is none is lost, as on a
    /// serial line.
    pub fn new() -> Outlet {
        Outlet { state: Mutex::default(), changed: Notify::new(), keeps: false, terminal: None }
    }

    /// An outlet that keeps bytes sent before the first client.
    pub fn keeping() -> Outlet {
        Outlet { keeps: true, ..Outlet::new() }
    }

    /// The outlet of a pseudo-terminal, whose clients can be seen to read.
    #[cfg(unix)]
    pub fn of_terminal(path: PathBuf) -> Outlet {
        Outlet { terminal: Some(path), ..Outlet::new() }
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

    /// Waits for bytes and takes at most `limit` of them. None once the board is gone and everything is taken. What was taken before
    /// has been given to the client.
    pub async fn take(&self, limit: usize) -> Option<Vec<u8>> {
        self.state().is_carried = false;
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if !state.waiting.is_empty() {
                    let length = state.waiting.len().min(limit);
                    let bytes = state.waiting.drain(..length).collect();
                    state.is_carried = true;
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
        (state.connected, state.is_carried) = (true, false);
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

    /// True while a client is connected that has not taken all that the board has sent. Of a socket it is not known what its client has
    /// read; it counts as read once the system has it.
    pub fn is_unread(&self) -> bool {
        let state = self.state();
        state.connected
            && (!state.waiting.is_empty() || state.is_carried || self.terminal.as_deref().is_some_and(holds_bytes))
    }

    /// Bytes that clients have missed because they did not read.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }
}

/// Whether a pseudo-terminal has bytes that its client has not read.
#[cfg(unix)]
fn holds_bytes(terminal: &std::path::Path) -> bool {
    use rustix::fs::{Mode, OFlags, open};
    // It is only opened for this moment, so that it is known to be closed when its client has gone.
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let unread = open(terminal, flags, Mode::empty()).and_then(rustix::io::ioctl_fionread);
    unread.is_ok_and(|bytes| bytes > 0)
}

#[cfg(not(unix))]
fn holds_bytes(_terminal: &std::path::Path) -> bool {
    false
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
    fn bytes_are_unread_until_they_were_given_to_the_client() {
        let outlet = Outlet::new();
        outlet.push(b"lost");
        assert!(outlet.connect() && !outlet.is_unread());
        outlet.push(b"x");
        assert!(outlet.is_unread());
        assert_eq!(runtime().block_on(outlet.take(9)).unwrap(), b"x");
        assert!(outlet.is_unread(), "on its way");
        outlet.push(b"y");
        assert_eq!(runtime().block_on(outlet.take(9)).unwrap(), b"y");
        outlet.disconnect();
        assert!(!outlet.is_unread(), "there is no client");
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
