//! Who has a serial port: one client at a time.
//!
//! A client that has closed its end may have sent more than the line has carried yet. It keeps the port until that is done or the
//! next client comes, whichever is first; then the rest is dropped, as a port does that is closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::watch;

use crate::board::Recall;
use crate::outlet::Outlet;

/// How often to look whether a client has closed its end whose bytes are not read because the line is behind.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Present,
    /// It has closed its end.
    Leaving,
    /// Another client has the port.
    Replaced,
}

/// A client's time at a port, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Visit {
    stage: watch::Sender<Stage>,
    outlet: Arc<Outlet>,
    /// What it sent can be taken back.
    pub recall: Recall,
}

impl Visit {
    /// A visit at a port that is free. None if its outlet is not.
    pub fn begin(outlet: &Arc<Outlet>) -> Option<Visit> {
        outlet.connect().then(|| Visit {
            stage: watch::Sender::new(Stage::Present),
            outlet: Arc::clone(outlet),
            recall: Recall::default(),
        })
    }

    /// Ends it for another client, if this one has closed its end.
    pub fn give_way(&self) -> bool {
        let is_leaving = *self.stage.borrow() == Stage::Leaving;
        if is_leaving {
            self.recall.give();
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

    /// What waits until the client has closed its end or is gone.
    pub fn leaves(&self) -> impl Future<Output = ()> + use<> {
        let mut stage = self.stage.subscribe();
        async move {
            // If it was dropped, the client is gone.
            let _ = stage.wait_for(|stage| *stage != Stage::Present).await;
        }
    }

    /// Does `work`, which may wait for the line, and notices meanwhile that the client closes its end.
    pub async fn heed<T>(&self, reader: &OwnedReadHalf, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let is_present = *self.stage.borrow() == Stage::Present;
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(LOOK), if is_present => {
                    if has_closed(reader).await {
                        self.stage.send_replace(Stage::Leaving);
                    }
                }
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.is_replaced() {
            self.outlet.disconnect();
        }
    }
}

/// True if nothing comes behind what is still to be read.
async fn has_closed(reader: &OwnedReadHalf) -> bool {
    tokio::select! {
        biased;
        ready = reader.ready(Interest::READABLE) => ready.is_ok_and(|ready| ready.is_read_closed()),
        () = std::future::ready(()) => false,
    }
}
