//! Ethernet interface, address and sockets.

use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddrV4};

use espalier_protocol::{Event, NetworkSetup, Origin};
use smoltcp::iface::{Config, Context, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Cidr};

use crate::io::Nic;
use crate::outbox::Outbox;

/// TCP sockets: the one that is served and a backlog of three, as the tutorial's `listen(3)` has it.
pub const SOCKETS: usize = 4;

/// How long a peer may be silent when it should answer.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a peer that has nothing to say is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
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

/// First port of the dynamic range (RFC 6335, chapter 6).
const FIRST_DYNAMIC_PORT: u16 = 49152;

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
        for _ in 0..FRAMES_PER_POLL {
            let open = self.open_sockets();
            let result = self.interface.poll_ingress_single(now, nic, &mut self.sockets);
            self.note_ends(open, End::Reset);
            if result == PollIngressSingleResult::None {
                break;
            }
        }
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

    /// A reset for a peer whose hardware address nobody knows would be tried for ever, and asking for that address would
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

    /// The socket of a slot.
    pub fn socket(&mut self, slot: usize) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.tcp[slot])
    }

    /// Why the connection of a slot ended, if this side did not end it.
    pub fn end(&self, slot: usize) -> Option<End> {
        self.ends[slot]
    }

    /// The IPv4 endpoint at the other side of a slot's connection.
    pub fn peer(&mut self, slot: usize) -> Option<SocketAddrV4> {
        let IpEndpoint { addr: IpAddress::Ipv4(address), port } = self.socket(slot).remote_endpoint()?;
        Some(SocketAddrV4::new(address, port))
    }

    /// Begins to connect the first slot; false if there can be no way to that address.
    pub fn connect(&mut self, peer: SocketAddrV4) -> bool {
        self.dynamic_ports = self.dynamic_ports.wrapping_add(1);
        let local = FIRST_DYNAMIC_PORT | self.dynamic_ports;
        self.ends[0] = None;
        let (socket, context) = self.socket_and_context(0);
        socket.abort();
        let remote = IpEndpoint::new(IpAddress::Ipv4(*peer.ip()), peer.port());
        let begun = socket.connect(context, remote, local).is_ok();
        be_attentive(socket);
        begun
    }

    /// Begins to listen with a slot. As with SO_REUSEADDR, connections that are still ending do not keep the port.
    pub fn listen(&mut self, slot: usize, port: u16) -> bool {
        self.ends[slot] = None;
        let socket = self.socket(slot);
        if socket.is_open() && !socket.is_listening() {
            socket.abort();
        }
        let listening = socket.listen(port).is_ok();
        be_attentive(socket);
        listening
    }

    /// Ends all connections, politely where there is one.
    pub fn close_all(&mut self) {
        for slot in 0..SOCKETS {
            let socket = self.socket(slot);
            if socket.may_send() { socket.close() } else { socket.abort() }
        }
    }

    fn socket_and_context(&mut self, slot: usize) -> (&mut tcp::Socket<'static>, &mut Context) {
        (self.sockets.get_mut(self.tcp[slot]), self.interface.context())
    }

    /// Asks DNS for a name.
    pub fn resolve(&mut self, host: &str) -> Option<dns::QueryHandle> {
        let socket: &mut dns::Socket<'_> = self.sockets.get_mut(self.dns);
        socket.start_query(self.interface.context(), host, smoltcp::wire::DnsQueryType::A).ok()
    }

    /// What became of a question: nothing yet, an address, or none.
    pub fn resolved(&mut self, query: dns::QueryHandle) -> Option<Option<Ipv4Addr>> {
        let socket: &mut dns::Socket<'_> = self.sockets.get_mut(self.dns);
        match socket.get_query_result(query) {
            Ok(addresses) => Some(addresses.first().map(|IpAddress::Ipv4(address)| *address)),
            Err(dns::GetQueryResultError::Pending) => None,
            Err(dns::GetQueryResultError::Failed) => Some(None),
        }
    }

    /// Gives up a question.
    pub fn forget(&mut self, query: dns::QueryHandle) {
        self.sockets.get_mut::<dns::Socket<'_>>(self.dns).cancel_query(query);
    }
}

fn new_socket() -> tcp::Socket<'static> {
    let receive = tcp::SocketBuffer::new(vec![0; RECEIVE_BUFFER]);
    tcp::Socket::new(receive, tcp::SocketBuffer::new(vec![0; SEND_BUFFER]))
}

/// A connection that notices when its peer is gone.
fn be_attentive(socket: &mut tcp::Socket<'_>) {
    socket.set_timeout(Some(PEER_TIMEOUT));
    socket.set_keep_alive(Some(KEEP_ALIVE));
}
