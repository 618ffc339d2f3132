//! The DHCP server (RFC 2131). Addresses are handed out in the order in which clients first ask, and a client always
//! gets the same one.

use std::net::Ipv4Addr;
use std::sync::Arc;

use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress};

use super::reply::Reply;
use crate::LanConfig;

pub(super) const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// One day, so that a test does not see a renewal that it did not ask for.
const LEASE_SECONDS: u32 = 24 * 60 * 60;

#[derive(Clone, Debug)]
pub(super) struct DhcpServer {
    config: Arc<LanConfig>,
    leases: Vec<Lease>,
    /// Index of the lease that was confirmed last.
    last: Option<usize>,
}

espalier_core::persist!(value DhcpServer { config, leases, last } if DhcpServer::is_sound;);

#[derive(Clone, Copy, Debug)]
struct Lease {
    /// None for an address that a client found to be in use.
    mac: Option<[u8; 6]>,
    address: Ipv4Addr,
    confirmed: bool,
}

espalier_core::persist!(value Lease { mac, address, confirmed });

impl DhcpServer {
    fn is_sound(&self) -> bool {
        self.last.is_none_or(|index| index < self.leases.len())
    }

    pub(super) fn new(config: Arc<LanConfig>) -> DhcpServer {
        DhcpServer { config, leases: Vec::new(), last: None }
    }

    pub(super) fn lease(&self, mac: EthernetAddress) -> Option<Ipv4Addr> {
        self.leases.iter().find(|lease| lease.mac == Some(mac.0) && lease.confirmed).map(|lease| lease.address)
    }

    pub(super) fn last_lease(&self) -> Option<Ipv4Addr> {
        self.last.map(|index| self.leases[index]).filter(|lease| lease.confirmed).map(|lease| lease.address)
    }

    pub(super) fn receive(&mut self, server: EthernetAddress, payload: &[u8]) -> Option<Vec<u8>> {
        let packet = DhcpPacket::new_checked(payload).ok()?;
        let request = DhcpRepr::parse(&packet).ok()?;
        let mac = request.client_hardware_address;
        if !mac.is_unicast() {
            return None;
        }
        match request.message_type {
            DhcpMessageType::Discover => {
                let index = self.find_or_assign(mac)?;
                let address = self.leases[index].address;
                self.answer(server, &request, DhcpMessageType::Offer, address)
            }
            DhcpMessageType::Request => self.receive_request(server, &request),
            DhcpMessageType::Inform => self.answer(server, &request, DhcpMessageType::Ack, Ipv4Addr::UNSPECIFIED),
            DhcpMessageType::Release => {
                if let Some(lease) = self.leases.iter_mut().find(|lease| lease.mac == Some(mac.0)) {
                    lease.confirmed = false;
                }
                None
            }
            DhcpMessageType::Decline => {
                if let Some(lease) = self.leases.iter_mut().find(|lease| lease.mac == Some(mac.0)) {
                    *lease = Lease { mac: None, confirmed: false, ..*lease };
                }
                None
            }
            _ => None,
        }
    }

    fn receive_request(&mut self, server: EthernetAddress, request: &DhcpRepr<'_>) -> Option<Vec<u8>> {
        if request.server_identifier.is_some_and(|chosen| chosen != self.config.gateway) {
            return None;
        }
        let wanted = request.requested_ip.unwrap_or(request.client_ip);
        let index = self.find_or_assign(request.client_hardware_address);
        match index {
            Some(index) if self.leases[index].address == wanted => {
                self.leases[index].confirmed = true;
                self.last = Some(index);
                self.answer(server, request, DhcpMessageType::Ack, wanted)
            }
            _ => self.answer(server, request, DhcpMessageType::Nak, Ipv4Addr::UNSPECIFIED),
        }
    }

    /// The lease of a client, which has the next address if it is new.
    pub(super) fn find_or_assign(&mut self, mac: EthernetAddress) -> Option<usize> {
        if let Some(index) = self.leases.iter().position(|lease| lease.mac == Some(mac.0)) {
            return Some(index);
        }
        let first = self.config.leases.start().to_bits();
        let address = Ipv4Addr::from_bits(first.checked_add(u32::try_from(self.leases.len()).ok()?)?);
        if !self.config.is_leasable(address) {
            return None;
        }
        self.leases.push(Lease { mac: Some(mac.0), address, confirmed: false });
        Some(self.leases.len() - 1)
    }

    fn answer(
        &self,
        server: EthernetAddress,
        request: &DhcpRepr<'_>,
        message_type: DhcpMessageType,
        your_ip: Ipv4Addr,
    ) -> Option<Vec<u8>> {
        let gateway = self.config.gateway;
        let accepted = message_type != DhcpMessageType::Nak;
        let lease = (!your_ip.is_unspecified()).then_some(LEASE_SECONDS);
        let answer = DhcpRepr {
            message_type,
            transaction_id: request.transaction_id,
            secs: 0,
            client_hardware_address: request.client_hardware_address,
            client_ip: if accepted { request.client_ip } else { Ipv4Addr::UNSPECIFIED },
            your_ip,
            server_ip: gateway,
            router: accepted.then_some(gateway),
            subnet_mask: accepted.then(|| self.config.netmask()),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: request.broadcast,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(gateway),
            parameter_request_list: None,
            dns_servers: accepted.then(|| [gateway].into_iter().collect()),
            max_size: None,
            lease_duration: lease,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut datagram = vec![0; answer.buffer_len()];
        answer.emit(&mut DhcpPacket::new_unchecked(&mut datagram[..])).ok()?;
        // RFC 2131, 4.1: where the answer goes.
        let broadcast = request.broadcast || !accepted;
        let to_mac = if broadcast { EthernetAddress::BROADCAST } else { request.client_hardware_address };
        let to = match request.client_ip {
            address if accepted && self.config.is_host_address(address) => address,
            _ => Ipv4Addr::BROADCAST,
        };
        Some(Reply { mac: server, to_mac, from: gateway, to }.udp(SERVER_PORT, CLIENT_PORT, &datagram))
    }
}
