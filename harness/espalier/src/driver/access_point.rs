//! What a test says about networks, and what it hears of the board's.

use std::fmt;
use std::net::Ipv4Addr;

use espalier_core::Span;

/// A Wi-Fi network around the board: an access point, with the board's LAN or a subnet of its own behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a network is in the air once it has been added"]
pub struct AccessPoint {
    pub(crate) ssid: String,
    pub(crate) password: Option<String>,
    pub(crate) channel: Option<u8>,
    pub(crate) rssi: Option<i8>,
    pub(crate) bssid: Option<[u8; 6]>,
    pub(crate) hidden: bool,
    pub(crate) gateway: Option<Ipv4Addr>,
}

impl AccessPoint {
    /// An open network of this name, which has 1 to 32 bytes.
    pub fn new(ssid: impl Into<String>) -> AccessPoint {
        AccessPoint {
            ssid: ssid.into(),
            password: None,
            channel: None,
            rssi: None,
            bssid: None,
            hidden: false,
            gateway: None,
        }
    }

    /// Protects it with WPA2-PSK; the passphrase has 8 to 63 characters.
    pub fn password(self, password: impl Into<String>) -> AccessPoint {
        AccessPoint { password: Some(password.into()), ..self }
    }

    /// Its channel in the 2.4 GHz band, 1 to 14; otherwise 1.
    pub fn channel(self, channel: u8) -> AccessPoint {
        AccessPoint { channel: Some(channel), ..self }
    }

    /// How strong the board receives it, in dBm; otherwise -40. The firmware sees the figure; frames do not get lost by it.
    pub fn rssi(self, rssi: i8) -> AccessPoint {
        AccessPoint { rssi: Some(rssi), ..self }
    }

    /// Its name is not in its beacons: only who knows it finds it.
    pub fn hidden(self) -> AccessPoint {
        AccessPoint { hidden: true, ..self }
    }

    /// Its hardware address; otherwise one that follows from the board's seed and the network's name.
    pub fn bssid(self, bssid: [u8; 6]) -> AccessPoint {
        AccessPoint { bssid: Some(bssid), ..self }
    }

    /// Gives it a router of its own at this address, with DHCP and a peer, apart from the board's LAN. The subnet has the mask
    /// 255.255.255.0, and [`Air::peer`](super::Air::peer) leads to the peer.
    pub fn gateway(self, gateway: impl Into<Ipv4Addr>) -> AccessPoint {
        AccessPoint { gateway: Some(gateway.into()), ..self }
    }
}

/// What goes wrong in the air, in both directions. The default is nothing.
///
/// A frame for one receiver that gets lost is sent again, up to seven times by an access point or station and as often as the
/// firmware's library wants by the board, as real ones do: losses cost time before they cost data. Frames for all are just lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AirFaults {
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Every frame is delayed by a random time up to this; they stay in order.
    pub jitter: Span,
}

/// A network that the board has in the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirNetwork {
    /// Its name.
    pub ssid: String,
    /// Its channel.
    pub channel: u8,
    /// Whether it wants a password.
    pub protected: bool,
}

impl fmt::Display for AirNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AirNetwork { ssid, channel, protected } = self;
        write!(f, "{ssid:?} (channel {channel}, {})", if *protected { "WPA2" } else { "open" })
    }
}
