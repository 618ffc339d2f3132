//! Wi-Fi around the board.

use std::sync::{Mutex, PoisonError};

use espalier::{AccessPoint, AirFaults};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Raise;
use crate::peer::Peer;
use crate::values::span;
use crate::wait::Wait;

/// The air around a board. Handles are cheap and all lead to the same air.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Air(pub(crate) espalier::Air);

/// A network as it is asked for.
fn network(ssid: String, password: Option<String>, channel: u8, rssi: Option<i8>, hidden: bool) -> AccessPoint {
    let mut settings = AccessPoint::new(ssid).channel(channel);
    if let Some(password) = password {
        settings = settings.password(password);
    }
    if let Some(rssi) = rssi {
        settings = settings.rssi(rssi);
    }
    if hidden { settings.hidden() } else { settings }
}

#[pymethods]
impl Air {
    /// Puts a network into the air: open without a password, WPA2 with one.
    #[pyo3(signature = (ssid, password=None, *, channel=1, rssi=None, hidden=false))]
    fn access_point(
        &self,
        ssid: String,
        password: Option<String>,
        channel: u8,
        rssi: Option<i8>,
        hidden: bool,
    ) -> PyResult<()> {
        self.0.add(&network(ssid, password, channel, rssi, hidden)).raise()
    }

    /// Switches the networks of this name off. They do not say goodbye.
    fn remove(&self, ssid: &str) -> PyResult<()> {
        self.0.remove(ssid).raise()
    }

    /// Has the networks of this name send the board away. It may come back.
    fn deauthenticate(&self, ssid: &str) -> PyResult<()> {
        self.0.deauthenticate(ssid).raise()
    }

    /// Sets how strong the board receives the networks of this name, in dBm.
    fn set_rssi(&self, ssid: &str, rssi: i8) -> PyResult<()> {
        self.0.set_rssi(ssid, rssi).raise()
    }

    /// Hardware addresses of the stations in the networks of this name: that of the board, if it has joined.
    fn stations(&self, ssid: &str) -> PyResult<Vec<String>> {
        let hexadecimal = |address: [u8; 6]| address.map(|byte| format!("{byte:02x}")).join(":");
        Ok(self.0.stations(ssid).raise()?.into_iter().map(hexadecimal).collect())
    }

    /// A station joins a network of the board: the part of the phone or laptop.
    #[pyo3(signature = (ssid, password=None, *, rssi=None, within=None))]
    fn join(&self, ssid: &str, password: Option<String>, rssi: Option<i8>, within: Option<f64>) -> PyResult<Wait> {
        let mut join = self.0.join(ssid);
        if let Some(password) = password {
            join = join.password(password);
        }
        if let Some(rssi) = rssi {
            join = join.rssi(rssi);
        }
        if let Some(seconds) = within {
            join = join.within(span(seconds)?);
        }
        Ok(Wait::new(async { Ok(Station(Mutex::new(Some(join.await?)))) }))
    }

    /// From now on, these faults happen in the air, and no others.
    #[pyo3(signature = (*, loss=0.0, jitter=0.0))]
    fn set_faults(&self, loss: f64, jitter: f64) -> PyResult<()> {
        self.0.set_faults(AirFaults { loss, jitter: span(jitter)? }).raise()
    }

    /// Records the frames in the air from now on.
    fn start_capture(&self) -> PyResult<()> {
        self.0.start_capture().raise()
    }

    /// The record since `start_capture`, as a pcap file.
    fn capture(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        py.detach(|| self.0.capture()).raise()
    }
}

/// A station that has joined a network of the board, and the host behind it.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Station(Mutex<Option<espalier::Station>>);

impl Station {
    fn with<T>(&self, act: impl FnOnce(&espalier::Station) -> T) -> PyResult<T> {
        let station = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        station.as_ref().map(act).ok_or_else(|| PyValueError::new_err("the station has left"))
    }
}

#[pymethods]
impl Station {
    /// The peer behind it, with the board on the other side.
    #[getter]
    fn peer(&self) -> PyResult<Peer> {
        self.with(|station| Peer((**station).clone()))
    }

    /// The network's name.
    #[getter]
    fn ssid(&self) -> PyResult<String> {
        self.with(|station| station.ssid().to_owned())
    }

    /// The board's address, which is that of the router in its network.
    #[getter]
    fn board_address(&self) -> PyResult<Option<String>> {
        self.with(|station| station.board_address().map(|address| address.to_string()))
    }

    /// Whether it is in the board's network at this moment.
    fn is_connected(&self) -> PyResult<bool> {
        self.with(espalier::Station::is_connected)
    }

    /// Tells the board that it leaves, and is gone.
    fn leave(&self) -> PyResult<()> {
        let station = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        station.ok_or_else(|| PyValueError::new_err("the station has left"))?.leave().raise()
    }
}
