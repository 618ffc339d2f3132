//! The configuration of a LAN.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use espalier_core::{FlatMap, Span};

use crate::LanError;

/// Describes a LAN. The default is 10.0.2.0/24 with the gateway at .1 and a peer at .2, where the network of QEMU's `-nic user` has
/// the host. The soft access point of an ESP32 is 192.168.4.1 unless its firmware says otherwise, so that a board which is on
/// this LAN too can tell one network from the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanConfig {
    /// Decides everything that is random: faults and TCP's initial sequence numbers.
    pub seed: u64,
    /// The router, which is also the DHCP and the DNS server.
    pub gateway: Ipv4Addr,
    /// Bits of the network part of the LAN's addresses, 1 to 30.
    pub prefix_len: u8,
    /// The host that peers are on when nothing else is said.
    pub peer: Ipv4Addr,
    /// Addresses that the DHCP server hands out, in this order.
    pub leases: RangeInclusive<Ipv4Addr>,
    /// Time that a frame takes from one port to another, besides its time on the wire.
    pub latency: Span,
    /// Time that a peer waits for a remote host that does not answer at all before it gives a connection up.
    pub tcp_timeout: Span,
    /// Names that the DNS server knows from the start. Case makes no difference.
    pub names: FlatMap<String, Ipv4Addr>,
}

espalier_core::persist!(value LanConfig { seed, gateway, prefix_len, peer, leases, latency, tcp_timeout, names });

impl Default for LanConfig {
    fn default() -> LanConfig {
        let gateway = Ipv4Addr::new(10, 0, 2, 1);
        let peer = Ipv4Addr::new(10, 0, 2, 2);
        LanConfig {
            seed: 0,
            gateway,
            prefix_len: 24,
            peer,
            leases: Ipv4Addr::new(10, 0, 2, 100)..=Ipv4Addr::new(10, 0, 2, 199),
            latency: Span::from_micros(100),
            tcp_timeout: Span::from_secs(30),
            names: FlatMap::from_iter([("gateway.lan".into(), gateway), ("peer.lan".into(), peer)]),
        }
    }
}

impl LanConfig {
    /// The LAN 255.255.255.0 of a router: the peer is its neighbour in the range, and the upper half is handed out from 100 on.
    ///
    /// # Errors
    /// If `gateway` cannot be a router's address: the first 99 host addresses of a network can.
    pub fn of_gateway(gateway: Ipv4Addr) -> Result<LanConfig, LanError> {
        let [a, b, c, host] = gateway.octets();
        let address = |host| Ipv4Addr::new(a, b, c, host);
        let peer = address(if host == 2 { 1 } else { 2 });
        let config = LanConfig {
            gateway,
            peer,
            leases: address(100)..=address(199),
            names: FlatMap::from_iter([("gateway.lan".into(), gateway), ("peer.lan".into(), peer)]),
            ..LanConfig::default()
        };
        config.check()?;
        Ok(config)
    }

    /// The LAN's netmask.
    pub fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(self.prefix_len)))
    }

    /// True if `address` belongs to the LAN and can be a host's.
    pub fn is_host_address(&self, address: Ipv4Addr) -> bool {
        let mask = self.netmask().to_bits();
        let host = address.to_bits() & !mask;
        address.to_bits() & mask == self.gateway.to_bits() & mask && host != 0 && host != !mask
    }

    /// True if the DHCP server may hand out `address`.
    pub fn is_leasable(&self, address: Ipv4Addr) -> bool {
        self.leases.contains(&address)
    }

    pub(crate) fn check(&self) -> Result<(), LanError> {
        if !(1..=30).contains(&self.prefix_len) {
            return Err(LanError::PrefixLength { bits: self.prefix_len });
        }
        if self.gateway.is_multicast() || self.gateway.is_loopback() || !self.is_host_address(self.gateway) {
            return Err(LanError::NotOnLan { address: self.gateway });
        }
        for address in [*self.leases.start(), *self.leases.end()] {
            if !self.is_host_address(address) {
                return Err(LanError::NotOnLan { address });
            }
        }
        if self.is_leasable(self.gateway) {
            return Err(LanError::AddressTaken { address: self.gateway });
        }
        self.check_peer(self.peer)
    }

    /// Whether a peer host may have `address`.
    pub(crate) fn check_peer(&self, address: Ipv4Addr) -> Result<(), LanError> {
        if !self.is_host_address(address) {
            return Err(LanError::NotOnLan { address });
        }
        if address == self.gateway || self.is_leasable(address) {
            return Err(LanError::AddressTaken { address });
        }
        Ok(())
    }
}
