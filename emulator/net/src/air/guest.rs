//! The host behind a station of the harness: it gets its address from the board, and then is on a LAN of its own.

use std::net::Ipv4Addr;

use espalier_core::Time;
use espalier_ieee80211::MacAddress;

use super::dhcp::{DhcpClient, Lease};
use crate::frame::SharedFrame;
use crate::{Lan, LanConfig};

/// A host that has joined the board's network, or is about to.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    mac: MacAddress,
    seed: u64,
    connected: bool,
    dhcp: DhcpClient,
    lan: Option<Lan>,
    outgoing: Vec<SharedFrame>,
}

espalier_core::persist!(value Guest { mac, seed, connected, dhcp, lan, outgoing });

impl Guest {
    pub fn new(mac: MacAddress, seed: u64) -> Guest {
        let dhcp = DhcpClient::new(mac, seed as u32);
        Guest { mac, seed, connected: false, dhcp, lan: None, outgoing: Vec::new() }
    }

    /// The host on its LAN, from its first address on.
    pub fn lan(&self) -> Option<&Lan> {
        self.lan.as_ref()
    }

    pub fn lan_mut(&mut self) -> Option<&mut Lan> {
        self.lan.as_mut()
    }

    /// The host's address and the board's.
    pub fn addresses(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let config = self.lan.as_ref()?.config();
        Some((config.peer, config.gateway))
    }

    /// The station can, or cannot, send data now. After every time that it joins it asks for an address again.
    pub fn set_connected(&mut self, connected: bool, now: Time) {
        if connected != std::mem::replace(&mut self.connected, connected) {
            if connected {
                self.outgoing.push(self.dhcp.start(now).into());
            } else {
                self.dhcp.stop();
            }
        }
    }

    /// A frame from the board.
    pub fn receive(&mut self, frame: Vec<u8>, now: Time) {
        let (answer, lease) = self.dhcp.receive(&frame, now);
        self.outgoing.extend(answer.map(SharedFrame::from));
        if let Some(lease) = lease {
            self.settle(lease, now);
        }
        if let Some(lan) = &mut self.lan {
            lan.send_from_air(frame, now);
        }
    }

    /// A host that keeps its address keeps its connections as well.
    fn settle(&mut self, lease: Lease, now: Time) {
        if self.addresses().is_some_and(|(address, _)| address == lease.address) {
            return;
        }
        let config = LanConfig {
            seed: self.seed,
            gateway: lease.router,
            prefix_len: lease.prefix_len,
            peer: lease.address,
            // This host hands nothing out.
            leases: Ipv4Addr::BROADCAST..=Ipv4Addr::UNSPECIFIED,
            ..LanConfig::default()
        };
        self.lan = Some(Lan::of_guest(config, self.mac.0, now));
    }

    pub fn deadline(&self) -> Option<Time> {
        let lan = self.lan.as_ref().and_then(Lan::deadline);
        self.dhcp.deadline().into_iter().chain(lan).min()
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Time) {
        if self.dhcp.deadline().is_some_and(|deadline| deadline <= now) {
            self.outgoing.extend(self.dhcp.wake(now).map(SharedFrame::from));
        }
        if let Some(lan) = &mut self.lan {
            while let Some(frame) = lan.take_for_air(now) {
                self.outgoing.push(frame);
            }
            // The other port is not connected.
            while lan.take_for_board(now).is_some() {}
        }
    }

    pub fn take_outgoing(&mut self) -> Vec<SharedFrame> {
        std::mem::take(&mut self.outgoing)
    }
}
