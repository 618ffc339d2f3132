//! Stations that join the board's own network.

use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Poll;

use espalier_core::Span;

use crate::driver::{AirDriver, AirError, Refusal, Segment, StationState};
use crate::error::Failure;
use crate::peer::Peer;
use crate::session::{Ask, Error, PATIENCE, Result, Shared, State, Wait};

/// A station that is to join a network of the board. Awaiting it waits until it has an address from the board.
///
/// ```
/// use espalier::Units;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let phone = board.air().join("mPython").password("12345678").within(20.s()).await?;
/// assert!(phone.is_connected());
/// # Ok(())
/// # }
/// ```
#[must_use = "no station joins until this is awaited"]
pub struct Join {
    shared: Arc<Shared>,
    ssid: String,
    password: Option<String>,
    rssi: Option<i8>,
    patience: Span,
}

impl Join {
    pub(super) fn new(shared: Arc<Shared>, ssid: String) -> Join {
        Join { shared, ssid, password: None, rssi: None, patience: PATIENCE }
    }

    /// The WPA2 passphrase that the station knows.
    pub fn password(self, password: impl Into<String>) -> Join {
        Join { password: Some(password.into()), ..self }
    }

    /// Sets the signal strength at the board, in dBm; otherwise -40.
    pub fn rssi(self, rssi: i8) -> Join {
        Join { rssi: Some(rssi), ..self }
    }

    /// Fails after `patience` of the board's time instead of after [`PATIENCE`]. The board may open its network meanwhile.
    pub fn within(self, patience: Span) -> Join {
        Join { patience, ..self }
    }

    fn wait(self) -> Wait<Station> {
        let Join { shared, ssid, password, rssi, patience } = self;
        let what = format!("a station to join the board's network {ssid:?}");
        let mut attempt = Attempt { shared: shared.clone(), hardware: None };
        let check = move |state: &mut State, ask| {
            let air = state.driver.air()?;
            let hardware = match attempt.hardware {
                Some(hardware) => hardware,
                None => *attempt.hardware.insert(air.add_station(&ssid, password.as_deref(), rssi)?),
            };
            match (air.station_state(hardware), ask) {
                (Some(StationState::Ready { .. }), _) => {
                    attempt.hardware = None;
                    let peer = Peer::at(attempt.shared.clone(), Segment::Air(hardware));
                    Poll::Ready(Ok(Station { peer, hardware, ssid: ssid.clone() }))
                }
                (Some(StationState::Refused(reason @ Refusal::WrongPassword)), _) => {
                    Poll::Ready(Err(AirError::Refused { ssid: ssid.clone(), reason }.into()))
                }
                (_, Ask::Again) => Poll::Pending,
                (reached, Ask::LastTime) => Poll::Ready(Err(explain(&ssid, reached, air).into())),
            }
        };
        Wait::new(&shared, what, check).within(patience)
    }
}

/// Why a station that has come this far has come no further.
fn explain(ssid: &str, reached: Option<StationState>, air: &mut dyn AirDriver) -> AirError {
    let ssid = ssid.to_owned();
    match reached {
        Some(StationState::Refused(reason)) => AirError::Refused { ssid, reason },
        Some(StationState::Joining) => AirError::NoAnswer { ssid },
        Some(StationState::Joined | StationState::Ready { .. }) => AirError::NoAddress { ssid },
        Some(StationState::Searching) | None => AirError::NotOpened { ssid, opened: air.announced() },
    }
}

impl IntoFuture for Join {
    type Output = Result<Station, Error>;
    type IntoFuture = Wait<Station>;

    fn into_future(self) -> Wait<Station> {
        self.wait()
    }
}

/// A station that has not joined yet, and leaves the air if it never does.
struct Attempt {
    shared: Arc<Shared>,
    hardware: Option<[u8; 6]>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(hardware) = self.hardware
            && let Ok(air) = self.shared.lock().driver.air()
        {
            air.remove_station(hardware);
        }
    }
}

/// A station that has joined a network of the board, and the host behind it. It does all that a [`Peer`] does, with the board at
/// [`board_address`](Station::board_address): `station.connect(5001)` connects to the board.
///
/// Should the board close its network and open it again, the station joins it again. It stays until it is asked to
/// [`leave`](Station::leave).
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let phone = board.air().join("mPython").await?;
/// let socket = phone.connect(5001).await?;
/// drop(socket);
/// phone.leave()?;
/// # Ok(())
/// # }
/// ```
pub struct Station {
    peer: Peer,
    hardware: [u8; 6],
    ssid: String,
}

impl Station {
    /// Its hardware address, as the board sees it.
    pub fn hardware_address(&self) -> [u8; 6] {
        self.hardware
    }

    /// The board's address, which is that of the router in its network.
    pub fn board_address(&self) -> Option<Ipv4Addr> {
        self.peer.shared().lock().driver.air().ok()?.board_address(self.hardware)
    }

    /// The network's name.
    pub fn ssid(&self) -> &str {
        &self.ssid
    }

    /// Whether it is in the board's network at this moment.
    pub fn is_connected(&self) -> bool {
        let mut state = self.peer.shared().lock();
        let state = state.driver.air().ok().and_then(|air| air.station_state(self.hardware));
        matches!(state, Some(StationState::Joined | StationState::Ready { .. }))
    }

    /// Tells the board that it leaves, and is gone. Its connections break off without a word.
    ///
    /// # Errors
    /// If the board has no air.
    pub fn leave(self) -> Result<()> {
        let mut state = self.peer.shared().lock();
        let left = state.driver.air().map(|air| air.remove_station(self.hardware));
        left.map_err(|failure: Failure| state.fail(failure))
    }
}

impl Deref for Station {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}
