//! The LAN's refusals.

use std::net::Ipv4Addr;

/// Why the LAN refused what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LanError {
    #[error("prefix length {bits} is not between 1 and 30")]
    PrefixLength { bits: u8 },
    #[error("{address} is not a host address of this LAN")]
    NotOnLan { address: Ipv4Addr },
    #[error("{address} belongs to the gateway or to its DHCP server")]
    AddressTaken { address: Ipv4Addr },
    #[error("port {port} of {host} is in use")]
    PortInUse { host: Ipv4Addr, port: u16 },
    #[error("{address} is not the address of a multicast group")]
    NotAGroup { address: Ipv4Addr },
    #[error("a UDP port is in {limit} multicast groups already")]
    GroupsExhausted { limit: usize },
    #[error("port zero is not a port")]
    PortZero,
    #[error("{host} has no free port left")]
    PortsExhausted { host: Ipv4Addr },
    #[error("a datagram of {length} bytes does not fit into a frame, which holds {limit}")]
    DatagramTooLong { length: usize, limit: usize },
    #[error("cable {cable} is none of the {count} that are plugged in")]
    NoSuchCable { cable: usize, count: usize },
    #[error("the probability of {fault} is not between 0 and 1")]
    Probability { fault: &'static str },
}
