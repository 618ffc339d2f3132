//! Ethernet interface, address and sockets.

mod slots;

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use espalier_protocol::{Event, NetworkSetup, Origin};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Cidr};

use crate::io::Nic;
use crate::outbox::Outbox;

pub use slots::PEER_TIMEOUT;

/// TCP sockets: the one that is served and a backlog of three, as the tutorial's `listen(3)` has it.
pub const SOCKETS: usize = 4;

/// How long DHCP may take before the user is told.
const DHCP_PATIENCE: Duration = Duration::from_secs(10);
/// How often DHCP asks.
const DHCP_INTERVAL: Duration = Duration::from_secs(3);
/// How often the cable is looked at.
const LINK_INTERVAL: Duration = Duration::from_millis(500);

const RECEIVE_BUFFER: usize = 4096;
const SEND_BUFFER: usize = 4096;
/// Frames that one poll takes in, so that a flood cannot hold up the rest.
const FRAMES_PER_POLL: usize = 32;

/// Why a connection ended that this side did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer sent a reset.
    Reset,
    /// The peer did not answer any more.
    Silence,
}

/// The network as the roles see it.
pub struct Network {
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: [SocketHandle; SOCKETS],
    ends: [Option<End>; SOCKETS],
    dns: SocketHandle,
    dhcp: Option<SocketHandle>,
    address: Option<(Ipv4Addr, u8)>,
    link: Option<bool>,
    next_link_check: Instant,
    dhcp_deadline: Option<Instant>,
    dynamic_ports: u16,
    /// The last poll did not take in all that was there.
    more_frames: bool,
}

impl Network {
    /// A network without an address that will ask DHCP for one.
    pub fn new(nic: &mut impl Nic, seed: u64, now: Instant) -> Network {
        let mut config = Config::new(EthernetAddress(nic.address()).into());
        config.random_seed = seed;
        let mut sockets = SocketSet::new(Vec::new());
        let tcp = core::array::from_fn(|_| sockets.add(new_socket()));
        let dns = sockets.add(dns::Socket::new(&[], Vec::new()));
        let mut network = Network {
            interface: Interface::new(config, nic, now),
            sockets,
            tcp,
            ends: [None; SOCKETS],
            dns,
            dhcp: None,
            address: None,
            link: None,
            next_link_check: now,
            dhcp_deadline: None,
            dynamic_ports: seed as u16,
            more_frames: false,
        };
        network.ask_dhcp(now);
        network
    }

    /// Address and prefix length, if there is one.
    pub fn address(&self) -> Option<(Ipv4Addr, u8)> {
        self.address
    }

    /// Whether the cable is plugged in.
    pub fn link_up(&self) -> bool {
        self.link == Some(true)
    }

    /// A few words for the screen about why there is no address, or the address.
    pub fn state(&self) -> &'static str {
        match (self.link_up(), self.dhcp_deadline) {
            (false, _) => "cable out",
            (true, None) if self.dhcp.is_some() => "no DHCP answer",
            (true, _) => "asking DHCP...",
        }
    }

    /// Changes where the address comes from.
    pub fn set_up(&mut self, setup: NetworkSetup, now: Instant, outbox: &mut Outbox) {
        if let Some(dhcp) = self.dhcp.take() {
            self.sockets.remove(dhcp);
        }
        self.drop_address(outbox);
        match setup {
            NetworkSetup::Dhcp => self.ask_dhcp(now),
            NetworkSetup::Static { address, prefix, gateway, dns } => {
                self.dhcp_deadline = None;
                let servers: Vec<IpAddress> = dns.into_iter().map(IpAddress::Ipv4).collect();
                self.take_address(Ipv4Cidr::new(address, prefix), gateway, &servers, Origin::Static, outbox);
            }
        }
    }

    fn ask_dhcp(&mut self, now: Instant) {
        let mut socket = dhcpv4::Socket::new();
        let mut retry = dhcpv4::RetryConfig::default();
        retry.discover_timeout = DHCP_INTERVAL;
        socket.set_retry_config(retry);
        self.dhcp = Some(self.sockets.add(socket));
        self.dhcp_deadline = Some(now + DHCP_PATIENCE);
    }

    fn take_address(
        &mut self,
        cidr: Ipv4Cidr,
        gateway: Option<Ipv4Addr>,
        servers: &[IpAddress],
        origin: Origin,
        outbox: &mut Outbox,
    ) {
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // The list has room for one and was just cleared.
            let _ = addresses.push(IpCidr::Ipv4(cidr));
        });
        self.interface.routes_mut().remove_default_ipv4_route();
        if let Some(gateway) = gateway {
            // The table was empty, so there is room.
            let _ = self.interface.routes_mut().add_default_ipv4_route(gateway);
        }
        self.sockets.get_mut::<dns::Socket<'_>>(self.dns).update_servers(servers);
        let address = (cidr.address(), cidr.prefix_len());
        if self.address != Some(address) {
            self.address = Some(address);
            outbox.event(Event::Address { address: address.0, prefix: address.1, origin });
        }
        self.dhcp_deadline = None;
    }

    fn drop_address(&mut self, outbox: &mut Outbox) {
        self.interface.update_ip_addrs(|addresses| addresses.clear());
        self.interface.routes_mut().remove_default_ipv4_route();
        if self.address.take().is_some() {
            outbox.event(Event::AddressLost);
        }
    }

    /// Exchanges frames with the cable and keeps the address up to date.
    pub fn poll(&mut self, nic: &mut impl Nic, now: Instant, outbox: &mut Outbox) {
        self.check_link(nic, now, outbox);
        let mut frames = 0;
        self.more_frames = loop {
            let open = self.open_sockets();
            let result = self.interface.poll_ingress_single(now, nic, &mut self.sockets);
            self.note_ends(open, End::Reset);
            frames += 1;
            if result == PollIngressSingleResult::None || frames == FRAMES_PER_POLL {
                break frames == FRAMES_PER_POLL;
            }
        };
        self.send(nic, now);
        self.poll_dhcp(now, outbox);
    }

    /// Sends what the sockets have to send.
    pub fn send(&mut self, nic: &mut impl Nic, now: Instant) {
        let open = self.open_sockets();
        while self.interface.poll_egress(now, nic, &mut self.sockets) != PollResult::None {}
        self.note_ends(open, End::Silence);
        self.drop_undeliverable_resets();
    }

    /// A reset for a peer whose hardware address is unknown would be tried for ever, and asking for that address would
    /// keep other addresses from being asked for, as only one question a second is allowed.
    fn drop_undeliverable_resets(&mut self) {
        for handle in self.tcp {
            let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(handle);
            if socket.state() == tcp::State::Closed && socket.remote_endpoint().is_some() {
                *socket = new_socket();
            }
        }
    }

    fn check_link(&mut self, nic: &mut impl Nic, now: Instant, outbox: &mut Outbox) {
        if now < self.next_link_check {
            return;
        }
        self.next_link_check = now + LINK_INTERVAL;
        let up = nic.link_up();
        if self.link.replace(up) == Some(up) {
            return;
        }
        outbox.event(Event::Link { up });
        if let Some(dhcp) = self.dhcp.filter(|_| up && self.address.is_none()) {
            // What was asked without a cable was lost: ask again at once.
            self.sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).reset();
            self.dhcp_deadline = Some(now + DHCP_PATIENCE);
        }
    }

    fn poll_dhcp(&mut self, now: Instant, outbox: &mut Outbox) {
        let Some(dhcp) = self.dhcp else { return };
        match self.sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                let servers: Vec<IpAddress> = config.dns_servers.iter().copied().map(IpAddress::Ipv4).collect();
                let (cidr, router) = (config.address, config.router);
                self.take_address(cidr, router, &servers, Origin::Dhcp, outbox);
            }
            Some(dhcpv4::Event::Deconfigured) if self.address.is_some() => {
                self.drop_address(outbox);
                self.dhcp_deadline = Some(now + DHCP_PATIENCE);
            }
            _ => {}
        }
        if self.link_up() && self.dhcp_deadline.is_some_and(|deadline| deadline <= now) {
            self.dhcp_deadline = None;
            outbox.event(Event::DhcpSilent);
        }
    }

    /// When this wants to be polled again if nothing arrives.
    pub fn deadline(&mut self, now: Instant) -> Instant {
        if self.more_frames {
            return now;
        }
        let deadlines = [self.interface.poll_at(now, &self.sockets), self.dhcp_deadline.filter(|_| self.link_up())];
        deadlines.into_iter().flatten().fold(self.next_link_check, Instant::min)
    }

    fn open_sockets(&self) -> [bool; SOCKETS] {
        self.tcp.map(|handle| self.sockets.get::<tcp::Socket<'_>>(handle).is_open())
    }

    fn note_ends(&mut self, open: [bool; SOCKETS], end: End) {
        for ((was, is), noted) in open.into_iter().zip(self.open_sockets()).zip(&mut self.ends) {
            if was && !is {
                *noted = Some(end);
            }
        }
    }
}

fn new_socket() -> tcp::Socket<'static> {
    let receive = tcp::SocketBuffer::new(vec![0; RECEIVE_BUFFER]);
    tcp::Socket::new(receive, tcp::SocketBuffer::new(vec![0; SEND_BUFFER]))
}
