//! The other end of the cable: 10.0.2.2 with TCP, DHCP and DNS.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, IpAddress, IpCidr,
    IpEndpoint, Ipv4Address,
};

use super::wire::{Cable, PEER, Wire};

const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const BOARD_ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 100);
const DNS_PORT: u16 = 53;

/// A host that a test drives by hand.
pub struct Peer {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    dhcp: SocketHandle,
    dns: SocketHandle,
    now: Instant,
    next_port: u16,
    pub dhcp_answers: bool,
}

impl Peer {
    pub fn new(cable: &Cable) -> Peer {
        let mut wire = cable.peer();
        let mut interface = Interface::new(Config::new(EthernetAddress(PEER).into()), &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(IpAddress::Ipv4(ADDRESS), 24)).unwrap());
        let mut sockets = SocketSet::new(Vec::new());
        let mut bound = |port: u16| {
            let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
            let mut socket = udp::Socket::new(buffer(), buffer());
            socket.bind(port).unwrap();
            sockets.add(socket)
        };
        let (dhcp, dns) = (bound(DHCP_SERVER_PORT), bound(DNS_PORT));
        Peer { wire, interface, sockets, dhcp, dns, now: Instant::ZERO, next_port: 40000, dhcp_answers: true }
    }

    /// Does what there is to do; returns when it wants to be polled again.
    pub fn poll(&mut self, now: u64) -> u64 {
        self.now = Instant::from_micros(now as i64);
        self.interface.poll(self.now, &mut self.wire, &mut self.sockets);
        self.answer_dhcp();
        self.answer_dns();
        self.interface.poll(self.now, &mut self.wire, &mut self.sockets);
        self.interface.poll_at(self.now, &self.sockets).map_or(u64::MAX, |at| at.total_micros() as u64)
    }

    fn answer_dhcp(&mut self) {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.dhcp);
        let Ok((request, _)) = socket.recv() else { return };
        if !self.dhcp_answers {
            return;
        }
        let request = DhcpPacket::new_checked(request).unwrap();
        let request = DhcpRepr::parse(&request).unwrap();
        let answer = DhcpRepr {
            message_type: match request.message_type {
                DhcpMessageType::Discover => DhcpMessageType::Offer,
                _ => DhcpMessageType::Ack,
            },
            your_ip: BOARD_ADDRESS,
            server_ip: ADDRESS,
            server_identifier: Some(ADDRESS),
            subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
            router: Some(ADDRESS),
            dns_servers: Some([ADDRESS].into_iter().collect()),
            lease_duration: Some(3600),
            broadcast: true,
            requested_ip: None,
            client_identifier: None,
            parameter_request_list: None,
            max_size: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
            ..request
        };
        let mut bytes = vec![0; answer.buffer_len()];
        answer.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).unwrap();
        let everyone = IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::BROADCAST), DHCP_CLIENT_PORT);
        socket.send_slice(&bytes, everyone).unwrap();
    }

    /// Knows `peer.lan` and no other name (RFC 1035, chapter 4).
    fn answer_dns(&mut self) {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.dns);
        let Ok((query, from)) = socket.recv() else { return };
        let known = query[12..].starts_with(b"\x04peer\x03lan\x00");
        let mut answer = query.to_vec();
        let (flags, answers) = if known { ([0x81, 0x80], 1) } else { ([0x81, 0x83], 0) };
        answer[2..4].copy_from_slice(&flags);
        answer[7] = answers;
        if known {
            answer.extend_from_slice(b"\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x3C\x00\x04");
            answer.extend_from_slice(&ADDRESS.octets());
        }
        socket.send_slice(&answer, from.endpoint).unwrap();
    }

    fn add_socket(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    /// Accepts one connection on a port.
    pub fn listen(&mut self, port: u16) -> SocketHandle {
        let handle = self.add_socket();
        self.socket(handle).listen(port).unwrap();
        handle
    }

    /// Connects to the board.
    pub fn connect(&mut self, port: u16) -> SocketHandle {
        let handle = self.add_socket();
        self.next_port += 1;
        let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(handle);
        socket.connect(self.interface.context(), (BOARD_ADDRESS, port), self.next_port).unwrap();
        handle
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub fn send(&mut self, handle: SocketHandle, bytes: &[u8]) {
        assert_eq!(self.socket(handle).send_slice(bytes), Ok(bytes.len()));
    }

    /// Takes what has arrived.
    pub fn received(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut bytes = vec![0; 8192];
        let length = self.socket(handle).recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(length);
        bytes
    }
}
