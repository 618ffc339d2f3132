//! Clients of services that any number of programs may use at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that a service has at once. The next one waits until one of them ends.
const MOST: usize = 64;
/// Pause if the host gives no connection, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections.
#[derive(Debug)]
pub(crate) struct Clients {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Clients {
    pub fn of(listener: TcpListener) -> Clients {
        Clients { listener, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// The next client, and its place, which it keeps until it goes.
    pub async fn next(&self) -> (TcpStream, OwnedSemaphorePermit) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        (next(&self.listener).await, place)
    }
}

/// The next connection.
pub(crate) async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
