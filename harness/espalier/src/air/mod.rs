//! The air around the board: networks that it joins, and stations that join its own.
//!
//! ```no_run
//! use espalier::{Board, Units};
//!
//! # async fn test() -> espalier::Result<()> {
//! let board = Board::builder().firmware("ESP32_GENERIC-20240602-v1.23.0.bin").start().await?;
//! board.air().access_point("workshop").password("correct horse").channel(6).start()?;
//! board.micropython().run_file("join.py").within(30.s()).await?;
//! let socket = board.peer().connect(5001).await?;
//! # drop(socket);
//! // Or the other way round: the board opens a network.
//! let phone = board.air().join("mPython").password("12345678").within(20.s()).await?;
//! let socket = phone.connect(5001).await?;
//! # Ok(())
//! # }
//! ```

mod station;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use station::{Join, Station};

use crate::driver::{AccessPoint, AirDriver, AirFaults, AirNetwork, Segment};
use crate::error::Failure;
use crate::peer::Peer;
use crate::session::{CAPTURE_KEPT, Result, Shared};

/// The air around a board; [`Board::air`](crate::Board::air) gives it. Handles are cheap and all lead to the same air.
///
/// Every call takes effect at once and takes no board time; the board notices the change as it would on air. Calls before the board
/// has run set what is there when it boots.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.air().access_point("home").password("correct horse").start()?;
/// assert_eq!(board.air().stations("home")?.len(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Air {
    shared: Arc<Shared>,
}

impl Air {
    pub(crate) fn new(shared: Arc<Shared>) -> Air {
        Air { shared }
    }

    /// A network to put into the air. By default it is open and on channel 1.
    pub fn access_point(&self, ssid: impl Into<String>) -> NewAccessPoint {
        NewAccessPoint { air: self.clone(), settings: AccessPoint::new(ssid) }
    }

    /// Puts a network into the air.
    ///
    /// # Errors
    /// If the board has no air ([`Unsupported`](crate::Unsupported)), or the settings are impossible ([`AirError`](crate::AirError)).
    pub fn add(&self, settings: &AccessPoint) -> Result<()> {
        self.act(|air| air.add_access_point(settings))
    }

    /// Switches the networks of this name off. They do not say goodbye: the board notices that beacons are missing.
    ///
    /// # Errors
    /// If the board has no air, or there is no network of this name.
    pub fn remove(&self, ssid: impl AsRef<str>) -> Result<()> {
        self.act(|air| air.remove_access_point(ssid.as_ref()))
    }

    /// Has the networks of this name send the board away (reason 3, "the sender is leaving"). It may come back.
    ///
    /// # Errors
    /// If the board has no air, or there is no network of this name.
    pub fn deauthenticate(&self, ssid: impl AsRef<str>) -> Result<()> {
        self.act(|air| air.deauthenticate(ssid.as_ref()))
    }

    /// Sets how strong the board receives the networks of this name, in dBm.
    ///
    /// # Errors
    /// If the board has no air, or there is no network of this name.
    pub fn set_rssi(&self, ssid: impl AsRef<str>, rssi: i8) -> Result<()> {
        self.act(|air| air.set_rssi(ssid.as_ref(), rssi))
    }

    /// Hardware addresses of the stations in the networks of this name: that of the board, if it has joined.
    ///
    /// # Errors
    /// If the board has no air, or there is no network of this name.
    pub fn stations(&self, ssid: impl AsRef<str>) -> Result<Vec<[u8; 6]>> {
        self.act(|air| air.stations(ssid.as_ref()))
    }

    /// The peer on a network that has a router of its own; see [`AccessPoint::gateway`]. On all other networks it is
    /// [`Board::peer`](crate::Board::peer).
    ///
    /// # Errors
    /// If the board has no air, or there is no network of this name with a router of its own.
    pub fn peer(&self, ssid: impl AsRef<str>) -> Result<Peer> {
        let address = self.act(|air| air.subnet(ssid.as_ref()))?;
        Ok(Peer::at(self.shared.clone(), Segment::Air(address)))
    }

    /// The networks that the board itself has in the air.
    ///
    /// # Errors
    /// If the board has no air.
    pub fn networks_of_board(&self) -> Result<Vec<AirNetwork>> {
        self.act(|air| Ok(air.announced()))
    }

    /// A station that joins a network of the board: the part of the phone or laptop in a tutorial.
    pub fn join(&self, ssid: impl Into<String>) -> Join {
        Join::new(self.shared.clone(), ssid.into())
    }

    /// From now on, these faults happen in the air, and no others. The cable has faults of its own; see
    /// [`Network`](crate::Network).
    ///
    /// # Errors
    /// If the board has no air, or a probability is not from 0 to 1.
    pub fn set_faults(&self, faults: AirFaults) -> Result<()> {
        self.act(|air| air.set_faults(faults))
    }

    /// Records the frames in the air from now on. The last 64 MiB are kept.
    ///
    /// # Errors
    /// If the board has no air.
    pub fn start_capture(&self) -> Result<()> {
        self.act(|air| {
            air.start_capture(CAPTURE_KEPT);
            Ok(())
        })
    }

    /// The record since [`start_capture`](Air::start_capture): a pcap file of 802.11 frames with radiotap headers, as a
    /// sniffer beside the board would write it. With the handshake in it, Wireshark decrypts WPA2 with the
    /// passphrase.
    ///
    /// # Errors
    /// If the board has no air.
    pub fn capture(&self) -> Result<Vec<u8>> {
        self.act(|air| Ok(air.capture()))
    }

    /// Returns the number of frames dropped from the record, because more was recorded than is kept.
    ///
    /// # Errors
    /// If the board has no air.
    pub fn capture_dropped(&self) -> Result<u64> {
        self.act(|air| Ok(air.capture_dropped()))
    }

    fn act<T>(&self, act: impl FnOnce(&mut dyn AirDriver) -> Result<T, Failure>) -> Result<T> {
        let mut state = self.shared.lock();
        let result = state.driver.air().and_then(act);
        result.map_err(|kind| state.fail(kind))
    }
}

/// A network that is about to be put into the air.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.air().access_point("home").channel(6).rssi(-70).hidden().start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "there is no network before `start`"]
pub struct NewAccessPoint {
    air: Air,
    settings: AccessPoint,
}

impl NewAccessPoint {
    /// See [`AccessPoint::password`].
    pub fn password(self, password: impl Into<String>) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.password(password), ..self }
    }

    /// See [`AccessPoint::channel`].
    pub fn channel(self, channel: u8) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.channel(channel), ..self }
    }

    /// See [`AccessPoint::rssi`].
    pub fn rssi(self, rssi: i8) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.rssi(rssi), ..self }
    }

    /// See [`AccessPoint::hidden`].
    pub fn hidden(self) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.hidden(), ..self }
    }

    /// See [`AccessPoint::bssid`].
    pub fn bssid(self, bssid: [u8; 6]) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.bssid(bssid), ..self }
    }

    /// See [`AccessPoint::gateway`].
    pub fn gateway(self, gateway: impl Into<std::net::Ipv4Addr>) -> NewAccessPoint {
        NewAccessPoint { settings: self.settings.gateway(gateway), ..self }
    }

    /// Switches the network on.
    ///
    /// # Errors
    /// If the board has no air, or the settings are impossible ([`AirError`](crate::AirError)).
    pub fn start(self) -> Result<()> {
        self.air.add(&self.settings)
    }
}
