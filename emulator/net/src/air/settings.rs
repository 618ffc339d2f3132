//! Settings of a test for networks in the air, and for faults there.

use std::net::Ipv4Addr;

use espalier_core::Span;
use espalier_ieee80211::MacAddress;

use crate::LanError;

/// A network in the air: an access point that bridges its stations to the board's LAN, or routes a subnet of its own.
///
/// ```
/// use espalier_net::AccessPoint;
///
/// let workshop = AccessPoint::new("workshop").password("correct horse").channel(6);
/// assert!(workshop.check().is_ok());
/// ```
#[must_use = "a network is in the air once it has been added"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    /// Name of the network, 1 to 32 bytes.
    pub ssid: String,
    /// WPA2 passphrase of 8 to 63 characters; `None` is an open network.
    pub password: Option<String>,
    /// Channel of the 2.4 GHz band, 1 to 14.
    pub channel: u8,
    /// Address of the access point; `None` makes one from the seed and the name.
    pub bssid: Option<[u8; 6]>,
    /// Signal strength at the board, in dBm.
    pub rssi: i8,
    /// The SSID is not in the beacons.
    pub hidden: bool,
    /// Address of the network's own router, for a subnet apart from the board's LAN; see [`LanConfig::of_gateway`]. `None` is a
    /// bridge to the LAN.
    ///
    /// [`LanConfig::of_gateway`]: crate::LanConfig::of_gateway
    pub gateway: Option<Ipv4Addr>,
}

espalier_core::persist!(value AccessPoint { ssid, password, channel, bssid, rssi, hidden, gateway });

/// Faults in the air, on every channel and in both directions. The default is none.
///
/// A frame for one receiver that gets lost is not acknowledged, and its sender tries again, as the real MAC does: losses cost time
/// before they cost data. Frames for all are gone at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AirFaults {
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Every frame is delayed by a random time of at most this much. This keeps frames in order.
    pub jitter: Span,
}

espalier_core::persist!(value AirFaults { loss, jitter });

impl AirFaults {
    pub(crate) fn check(&self) -> Result<(), AirError> {
        if (0.0..=1.0).contains(&self.loss) { Ok(()) } else { Err(AirError::Probability { fault: "loss" }) }
    }
}

impl AccessPoint {
    /// An open network on channel 1 with this name of 1 to 32 bytes.
    pub fn new(ssid: impl Into<String>) -> AccessPoint {
        AccessPoint {
            ssid: ssid.into(),
            password: None,
            channel: 1,
            bssid: None,
            rssi: -40,
            hidden: false,
            gateway: None,
        }
    }

    /// Protects it with WPA2-PSK; the passphrase has 8 to 63 characters.
    pub fn password(self, password: impl Into<String>) -> AccessPoint {
        AccessPoint { password: Some(password.into()), ..self }
    }

    /// Its channel in the 2.4 GHz band, 1 to 14.
    pub fn channel(self, channel: u8) -> AccessPoint {
        AccessPoint { channel, ..self }
    }

    /// Sets the signal strength at the board, in dBm. The firmware sees the figure; no frame is lost because of it.
    pub fn rssi(self, rssi: i8) -> AccessPoint {
        AccessPoint { rssi, ..self }
    }

    /// Leaves its name out of its beacons: only a station that knows the name finds it.
    pub fn hidden(self) -> AccessPoint {
        AccessPoint { hidden: true, ..self }
    }

    /// Its hardware address; otherwise one that follows from the seed and the network's name.
    pub fn bssid(self, bssid: [u8; 6]) -> AccessPoint {
        AccessPoint { bssid: Some(bssid), ..self }
    }

    /// Gives it a router of its own at this address, with DHCP and a peer, apart from the board's LAN. The subnet has the mask
    /// 255.255.255.0.
    pub fn gateway(self, gateway: impl Into<Ipv4Addr>) -> AccessPoint {
        AccessPoint { gateway: Some(gateway.into()), ..self }
    }

    /// A network with WPA2-PSK on channel 1.
    pub fn wpa2(ssid: &str, password: &str) -> AccessPoint {
        AccessPoint { password: Some(password.into()), ..AccessPoint::new(ssid) }
    }

    /// Says whether there can be such a network.
    ///
    /// # Errors
    /// If the name, the password, the channel or the address is not one that 802.11 allows.
    pub fn check(&self) -> Result<(), AirError> {
        if !(1..=32).contains(&self.ssid.len()) {
            return Err(AirError::Ssid { length: self.ssid.len() });
        }
        if !(1..=14).contains(&self.channel) {
            return Err(AirError::Channel { channel: self.channel });
        }
        if let Some(password) = &self.password
            && !(8..=63).contains(&password.len())
        {
            return Err(AirError::Password { length: password.len() });
        }
        match self.bssid.map(MacAddress) {
            Some(address) if address.is_group() => Err(AirError::GroupAddress { address }),
            _ => Ok(()),
        }
    }
}

/// Why a network cannot be put into the air.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AirError {
    #[error("ssid has {length} bytes, not 1 to 32")]
    Ssid { length: usize },
    #[error("password has {length} bytes, not 8 to 63")]
    Password { length: usize },
    #[error("channel {channel} is not one of the 2.4 GHz band")]
    Channel { channel: u8 },
    #[error("{address} is a group address")]
    GroupAddress { address: MacAddress },
    #[error("address {address} is that of another network")]
    AddressTaken { address: MacAddress },
    #[error("no network {ssid:?} is in the air")]
    NoSuchNetwork { ssid: String },
    #[error("no station has the address {address}")]
    NoSuchStation { address: MacAddress },
    #[error("the probability of {fault} is not between 0 and 1")]
    Probability { fault: &'static str },
    #[error(transparent)]
    Lan(#[from] LanError),
}
