//! The client that holds a serial port: one at a time.
//!
//! A client that has closed its end may have sent more than the line has carried yet. It keeps the port until that is done or the
//! next client comes, whichever is first; then the rest is dropped, as a port does that is closed.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

use super::PIECE;
use crate::outlet::Outlet;
use crate::serial_input::CancelToken;

/// Bytes that are read while the line is behind. The end of a client that has sent more is noticed later.
const READ_AHEAD: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Present,
    /// It has closed its end.
    Leaving,
    /// Another client has the port.
    Replaced,
}

/// A client's hold on a port, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct PortLease {
    stage: watch::Sender<Stage>,
    outlet: Arc<Outlet>,
    /// Cancels bytes that it sent and that the line has not carried yet.
    pub cancel: CancelToken,
}

impl PortLease {
    /// Takes a free port. None if its outlet is in use.
    pub fn begin(outlet: &Arc<Outlet>) -> Option<PortLease> {
        outlet.connect().then(|| PortLease {
            stage: watch::Sender::new(Stage::Present),
            outlet: Arc::clone(outlet),
            cancel: CancelToken::default(),
        })
    }

    /// Ends it for another client, if this one has closed its end.
    pub fn give_way(&self) -> bool {
        let is_leaving = *self.stage.borrow() == Stage::Leaving;
        if is_leaving {
            self.cancel.cancel();
            self.stage.send_replace(Stage::Replaced);
            self.outlet.disconnect();
        }
        is_leaving
    }

    /// True once another client has the port.
    pub fn is_replaced(&self) -> bool {
        *self.stage.borrow() == Stage::Replaced
    }

    /// Waits until another client has the port.
    pub async fn replaced(&self) {
        let mut stage = self.stage.subscribe();
        // It cannot be dropped meanwhile.
        let _ = stage.wait_for(|stage| *stage == Stage::Replaced).await;
    }

    /// Completes when the client has closed its end or is gone.
    pub fn leaves(&self) -> impl Future<Output = ()> + use<> {
        let mut stage = self.stage.subscribe();
        async move {
            // If it was dropped, the client is gone.
            let _ = stage.wait_for(|stage| *stage != Stage::Present).await;
        }
    }

    /// Does `work`, which may wait for the line, and reads meanwhile what the client sends, so that its end is noticed.
    pub async fn heed<T>(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
        ahead: &mut Vec<u8>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let is_present = *self.stage.borrow() == Stage::Present;
            tokio::select! {
                biased;
                done = &mut work => return done,
                read = reader.read_buf(ahead), if is_present && ahead.len() < READ_AHEAD => {
                    if !matches!(read, Ok(1..)) {
                        self.leave();
                    }
                }
            }
        }
    }

    /// The client has closed its end.
    fn leave(&self) {
        self.stage.send_if_modified(|stage| {
            let is_present = *stage == Stage::Present;
            if is_present {
                *stage = Stage::Leaving;
            }
            is_present
        });
    }

    /// Returns the next input of the client, which may have been read already; `None` after its end.
    pub async fn next(&self, reader: &mut (impl AsyncRead + Unpin), ahead: &mut Vec<u8>) -> Option<Vec<u8>> {
        if !ahead.is_empty() {
            return Some(std::mem::take(ahead));
        }
        if *self.stage.borrow() != Stage::Present {
            return None;
        }
        let mut heard = Vec::with_capacity(PIECE);
        matches!(reader.read_buf(&mut heard).await, Ok(1..)).then_some(heard)
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        if !self.is_replaced() {
            self.outlet.disconnect();
        }
    }
}
