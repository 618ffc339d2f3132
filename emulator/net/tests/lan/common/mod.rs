//! A board for the tests of the LAN: smoltcp behind the board's port.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Load, Persist, Reader, Span, Time, Writer};
use espalier_net::{Lan, SharedFrame};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dhcpv4, dns, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{DnsQueryType, EthernetAddress, HardwareAddress, IpAddress, IpCidr};

pub const MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 0, 0, 1];
pub const STATIC: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 50);
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
pub const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

#[derive(Default)]
struct Port {
    incoming: Option<SharedFrame>,
    outgoing: Vec<Vec<u8>>,
}

struct Incoming(SharedFrame);
struct Outgoing<'a>(&'a mut Vec<Vec<u8>>);

impl Device for Port {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        self.incoming.take().map(|frame| (Incoming(frame), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut bytes = vec![0; length];
        let result = f(&mut bytes);
        self.0.push(bytes);
        result
    }
}

/// The LAN out of a snapshot of it.
fn reloaded(lan: &Lan) -> Lan {
    let mut to = Writer::new();
    lan.save(&mut to);
    let bytes = to.into_bytes();
    let mut from = Reader::new(&bytes);
    let lan = Lan::load(&mut from).unwrap();
    from.finish().unwrap();
    lan
}

pub struct Board {
    pub lan: Lan,
    pub now: Time,
    interface: Interface,
    sockets: SocketSet<'static>,
    port: Port,
    /// Whether `frames` grows.
    pub records: bool,
    /// Whether the LAN is saved and loaded again all the time.
    pub reloads: bool,
    /// Every frame in either direction, in order.
    pub frames: Vec<(Time, Vec<u8>)>,
}

impl Board {
    /// A board with a fixed address.
    pub fn new(lan: Lan) -> Board {
        let mut board = Board::without_address(lan);
        board.interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(STATIC.into(), 24)).unwrap();
        });
        board
    }

    pub fn without_address(lan: Lan) -> Board {
        let mut port = Port::default();
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(MAC)));
        config.random_seed = 1;
        let interface = Interface::new(config, &mut port, Instant::ZERO);
        let sockets = SocketSet::new(Vec::new());
        Board { now: lan.now(), lan, interface, sockets, port, records: true, reloads: false, frames: Vec::new() }
    }

    fn instant(&self) -> Instant {
        Instant::from_micros(self.now.as_micros() as i64)
    }

    /// Runs board and LAN until `done` says so. Panics when that takes longer than `limit` of guest time.
    pub fn run_until(&mut self, limit: Span, mut done: impl FnMut(&mut Board) -> bool) {
        let end = self.now + limit;
        loop {
            self.step();
            if done(self) {
                return;
            }
            let stack = self.interface.poll_at(self.instant(), &self.sockets);
            let stack = stack.map(|at| Time::from_micros(at.total_micros() as u64));
            let next = [stack, self.lan.deadline(), Some(end)].into_iter().flatten().min().unwrap();
            assert!(self.now < end, "nothing within {limit}");
            self.now = next.max(self.now + Span::from_micros(1));
        }
    }

    pub fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        self.run_until(span + Span::from_millis(1), |board| board.now >= end);
    }

    fn step(&mut self) {
        if self.reloads {
            self.lan = reloaded(&self.lan);
        }
        let now = self.instant();
        while let Some(frame) = self.lan.take_for_board(self.now) {
            self.record(&frame);
            self.port.incoming = Some(frame);
            self.interface.poll(now, &mut self.port, &mut self.sockets);
            self.flush();
        }
        self.interface.poll(now, &mut self.port, &mut self.sockets);
        self.flush();
    }

    fn flush(&mut self) {
        for frame in std::mem::take(&mut self.port.outgoing) {
            self.record(&frame);
            self.lan.send_from_board(frame, self.now);
        }
    }

    fn record(&mut self, frame: &[u8]) {
        if self.records {
            self.frames.push((self.now, frame.to_vec()));
        }
    }

    pub fn tcp(&mut self, socket: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(socket)
    }

    fn new_tcp(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    pub fn listen(&mut self, port: u16) -> SocketHandle {
        let socket = self.new_tcp();
        self.tcp(socket).listen(port).unwrap();
        socket
    }

    pub fn connect(&mut self, remote: SocketAddrV4, port: u16) -> SocketHandle {
        let socket = self.new_tcp();
        let Board { interface, sockets, .. } = self;
        let remote = (IpAddress::Ipv4(*remote.ip()), remote.port());
        sockets.get_mut::<tcp::Socket>(socket).connect(interface.context(), remote, port).unwrap();
        socket
    }

    pub fn received(&mut self, socket: SocketHandle) -> Vec<u8> {
        let mut bytes = vec![0; 65536];
        let count = self.tcp(socket).recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }

    pub fn udp(&mut self, port: u16) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    pub fn udp_socket(&mut self, socket: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(socket)
    }

    /// Gets an address by DHCP. Returns it with the router and the DNS server.
    pub fn dhcp(&mut self) -> (Ipv4Addr, Option<Ipv4Addr>, Vec<Ipv4Addr>) {
        let socket = self.sockets.add(dhcpv4::Socket::new());
        let mut configured = None;
        self.run_until(Span::from_secs(5), |board| {
            if let Some(dhcpv4::Event::Configured(config)) = board.sockets.get_mut::<dhcpv4::Socket>(socket).poll() {
                configured = Some((config.address, config.router, config.dns_servers.iter().copied().collect()));
            }
            configured.is_some()
        });
        let (address, router, servers) = configured.unwrap();
        assert_eq!(address.prefix_len(), 24);
        self.interface.update_ip_addrs(|addresses| addresses.push(IpCidr::Ipv4(address)).unwrap());
        (address.address(), router, servers)
    }

    /// Asks the gateway for a name. None if it has no address.
    pub fn resolve(&mut self, name: &str) -> Option<Ipv4Addr> {
        let socket = self.sockets.add(dns::Socket::new(&[IpAddress::Ipv4(GATEWAY)], vec![]));
        let Board { interface, sockets, .. } = self;
        let query = sockets.get_mut::<dns::Socket>(socket);
        let query = query.start_query(interface.context(), name, DnsQueryType::A).unwrap();
        let mut answer = None;
        self.run_until(Span::from_secs(5), |board| {
            match board.sockets.get_mut::<dns::Socket>(socket).get_query_result(query) {
                Ok(addresses) => answer = addresses.first().map(|IpAddress::Ipv4(address)| *address),
                Err(dns::GetQueryResultError::Pending) => return false,
                Err(dns::GetQueryResultError::Failed) => {}
            }
            true
        });
        // A socket takes the answers to the queries of all others.
        self.sockets.remove(socket);
        answer
    }
}
