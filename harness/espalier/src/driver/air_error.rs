//! Errors of networks in the air.

use std::fmt;

use super::{AirNetwork, Refusal};
use crate::error::{Cause, Source};

/// Why something in the air could not be done.
///
/// ```
/// let error = espalier::AirError::NoSubnet { ssid: "home".to_owned() };
/// assert!(error.to_string().starts_with("network \"home\" is a bridge"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AirError {
    /// No network of this name is in the air.
    #[error("no network {ssid:?} is in the air; {}", there_is(present))]
    NoSuchNetwork {
        /// The name that was asked for.
        ssid: String,
        /// The names that there are.
        present: Vec<String>,
    },
    /// The network has no subnet of its own, so its peer is that of the board.
    #[error("network {ssid:?} is a bridge to the board's LAN, whose peer is that of the board")]
    NoSubnet {
        /// The network's name.
        ssid: String,
    },
    /// The board has not opened the network that a station was to join.
    #[error("the board opened no network {ssid:?} in time; {}", there_is(opened))]
    NotOpened {
        /// The network's name.
        ssid: String,
        /// The networks that the board has opened.
        opened: Vec<AirNetwork>,
    },
    /// A station could not join the board's network.
    #[error("the station did not join the board's network {ssid:?}: {reason}")]
    Refused {
        /// The network's name.
        ssid: String,
        /// The reason.
        reason: Refusal,
    },
    /// The board did not answer a station that wanted to join its network.
    #[error("the station did not join the board's network {ssid:?}: the board did not answer")]
    NoAnswer {
        /// The network's name.
        ssid: String,
    },
    /// The station joined the board's network, and the board's DHCP server gave it no address.
    #[error("the station joined the board's network {ssid:?} and got no address from it")]
    NoAddress {
        /// The network's name.
        ssid: String,
    },
    /// There can be no such network or station, or there is one already.
    #[error(transparent)]
    Impossible(Source),
}

impl Cause for AirError {}

fn there_is(present: &[impl fmt::Display]) -> String {
    if present.is_empty() {
        return "there is none".to_owned();
    }
    let names: Vec<String> = present.iter().map(ToString::to_string).collect();
    format!("there is {}", names.join(", "))
}
