//! Addresses and forwarded ports as QEMU's options and commands write them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::config::HostForward;

/// Text that is not an address or a rule for a forwarded port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing says which port.
    #[error("'{0}' lacks a port")]
    NoPort(String),
    /// The port is not a number from 0 to 65535.
    #[error("'{0}' is not a port")]
    Port(String),
    /// The name of the host leads nowhere.
    #[error("'{host}': {reason}")]
    Host {
        /// The name.
        host: String,
        /// The host's error.
        reason: String,
    },
    /// A rule is not of the form that is known.
    #[error("'{0}': a forwarded port is tcp:[ADDRESS]:PORT-[ADDRESS]:PORT")]
    Rule(String),
}

/// Finds `HOST:PORT`. An empty host is this computer, out of reach for others.
///
/// # Errors
/// If it is not of this form, or the host has no address.
pub fn resolve(address: &str) -> Result<SocketAddr, AddressError> {
    let (host, port) = address.rsplit_once(':').ok_or_else(|| AddressError::NoPort(address.to_owned()))?;
    let port: u16 = port.parse().map_err(|_| AddressError::Port(port.to_owned()))?;
    let host = if host.is_empty() { "127.0.0.1" } else { host.trim_start_matches('[').trim_end_matches(']') };
    let unknown = |reason: String| AddressError::Host { host: host.to_owned(), reason };
    let found = (host, port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    // A name like `localhost` has two; most clients try this one.
    let addresses: Vec<SocketAddr> = found.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| unknown("it has no address".to_owned()))
}

impl FromStr for HostForward {
    type Err = AddressError;

    /// `tcp:[ADDRESS]:PORT-[ADDRESS]:PORT`. The board's address is the one that DHCP gave it.
    fn from_str(rule: &str) -> Result<HostForward, AddressError> {
        let malformed = || AddressError::Rule(rule.to_owned());
        let ends = rule.strip_prefix("tcp:").or_else(|| rule.strip_prefix(':')).ok_or_else(malformed)?;
        let (host, board) = ends.split_once('-').ok_or_else(malformed)?;
        let (_, port) = board.rsplit_once(':').ok_or_else(malformed)?;
        let board_port = port.parse().map_err(|_| AddressError::Port(port.to_owned()))?;
        Ok(HostForward { host: resolve(host)?, board_port })
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressError, resolve};
    use crate::config::HostForward;

    #[test]
    fn addresses_and_rules() {
        assert_eq!(resolve(":5555"), Ok(([127, 0, 0, 1], 5555).into()));
        assert_eq!(resolve("[::1]:1"), Ok((std::net::Ipv6Addr::LOCALHOST, 1).into()));
        assert_eq!(resolve("127.0.0.1"), Err(AddressError::NoPort("127.0.0.1".into())));
        assert_eq!(resolve(":70000"), Err(AddressError::Port("70000".into())));
        let forward = HostForward { host: ([127, 0, 0, 1], 8080).into(), board_port: 80 };
        assert_eq!("tcp::8080-10.0.2.15:80".parse(), Ok(forward));
        assert_eq!("tcp:127.0.0.1:8080-:80".parse(), Ok(forward));
        let refused = "udp::1-:2".parse::<HostForward>().unwrap_err().to_string();
        assert_eq!(refused, "'udp::1-:2': a forwarded port is tcp:[ADDRESS]:PORT-[ADDRESS]:PORT");
    }
}
