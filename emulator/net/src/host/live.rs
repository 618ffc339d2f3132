//! smoltcp at work: one interface, its sockets and the device between them and the switch.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Span, Time};
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, EthernetRepr, HardwareAddress, Icmpv4Packet,
    Icmpv4Repr, IpAddress, IpCidr, IpEndpoint, IpListenEndpoint,
};

use super::port::Port;
use super::stack::Birth;

/// Bytes that a TCP socket holds in each direction.
const TCP_BUFFER: usize = 16 * 1024;
const UDP_BUFFER: usize = 16 * 1024;
const UDP_DATAGRAMS: usize = 32;
const ECHO_BUFFER: usize = 128;
const ECHO_DATA: &[u8] = b"espalier";
/// No honest socket has more to say at one instant. Some dishonest remote hosts make smoltcp repeat itself for ever.
const EGRESS_ROUNDS: usize = 256;
/// When to ask a stack again that has something to send at once and does not send it.
const STALL: Span = Span::from_millis(1);
const ARP_FRAME: usize = 42;

pub(super) struct Live {
    interface: Interface,
    sockets: SocketSet<'static>,
    port: Port,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("sockets", &self.sockets.iter().count()).finish_non_exhaustive()
    }
}

impl Live {
    pub(super) fn new(birth: &Birth) -> Live {
        let mut port = Port::default();
        let mut config = Config::new(HardwareAddress::Ethernet(birth.mac));
        config.random_seed = birth.seed;
        let mut interface = Interface::new(config, &mut port, instant(birth.at));
        interface.update_ip_addrs(|addresses| {
            // The list of a new interface is empty, and has room for one.
            let _ = addresses.push(IpCidr::new(birth.address.into(), birth.prefix_len));
        });
        let mut live = Live { interface, sockets: SocketSet::new(Vec::new()), port };
        for &(address, mac) in &birth.neighbours {
            let introduction = ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Reply,
                source_hardware_addr: mac,
                source_protocol_addr: address,
                target_hardware_addr: birth.mac,
                target_protocol_addr: birth.address,
            };
            let mut bytes = [0; ARP_FRAME];
            let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
            EthernetRepr { src_addr: mac, dst_addr: birth.mac, ethertype: EthernetProtocol::Arp }.emit(&mut frame);
            introduction.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
            live.ingress(birth.at, bytes.to_vec().into());
        }
        live
    }

    pub(super) fn ingress(&mut self, at: Time, frame: crate::fault::Frame) {
        self.port.incoming = Some(frame);
        self.interface.poll_ingress_single(instant(at), &mut self.port, &mut self.sockets);
    }

    pub(super) fn egress(&mut self, at: Time) {
        let now = instant(at);
        self.interface.poll_maintenance(now);
        for _ in 0..EGRESS_ROUNDS {
            if self.interface.poll_egress(now, &mut self.port, &mut self.sockets) == PollResult::None {
                break;
            }
        }
    }

    pub(super) fn take_outgoing(&mut self) -> Vec<crate::fault::Frame> {
        std::mem::take(&mut self.port.outgoing)
    }

    pub(super) fn deadline(&mut self, now: Time) -> Option<Time> {
        let at = self.interface.poll_at(instant(now), &self.sockets)?;
        let at = Time::from_micros(u64::try_from(at.total_micros()).unwrap_or(0));
        Some(if at > now { at } else { now + STALL })
    }

    pub(super) fn listen(&mut self, port: u16) -> SocketHandle {
        let mut socket = tcp_socket();
        // Fails only for port zero, which the host does not let through.
        let _ = socket.listen(port);
        self.sockets.add(socket)
    }

    pub(super) fn connect(&mut self, port: u16, remote: SocketAddrV4) -> SocketHandle {
        let mut socket = tcp_socket();
        // What cannot be connected to stays closed, which is how the host sees it.
        let _ = socket.connect(self.interface.context(), IpEndpoint::from(remote), port);
        self.sockets.add(socket)
    }

    pub(super) fn send(&mut self, socket: SocketHandle, bytes: &[u8]) -> usize {
        self.sockets.get_mut::<tcp::Socket>(socket).send_slice(bytes).unwrap_or(0)
    }

    pub(super) fn receive(&mut self, socket: SocketHandle, limit: usize) -> Vec<u8> {
        let mut bytes = vec![0; limit];
        let count = self.sockets.get_mut::<tcp::Socket>(socket).recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(count);
        bytes
    }

    pub(super) fn close(&mut self, socket: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket>(socket).close();
    }

    pub(super) fn abort(&mut self, socket: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket>(socket).abort();
    }

    pub(super) fn tcp_state(&self, socket: SocketHandle) -> tcp::State {
        self.sockets.get::<tcp::Socket>(socket).state()
    }

    pub(super) fn receive_queue(&self, socket: SocketHandle) -> usize {
        self.sockets.get::<tcp::Socket>(socket).recv_queue()
    }

    pub(super) fn send_queue(&self, socket: SocketHandle) -> usize {
        self.sockets.get::<tcp::Socket>(socket).send_queue()
    }

    pub(super) fn remote(&self, socket: SocketHandle) -> Option<SocketAddrV4> {
        self.sockets.get::<tcp::Socket>(socket).remote_endpoint().map(socket_address)
    }

    pub(super) fn bind_udp(&mut self, port: u16) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; UDP_DATAGRAMS], vec![0; UDP_BUFFER]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        // Fails only for port zero, which the host does not let through.
        let _ = socket.bind(IpListenEndpoint::from(port));
        self.sockets.add(socket)
    }

    pub(super) fn send_to(&mut self, socket: SocketHandle, remote: SocketAddrV4, bytes: &[u8]) -> bool {
        self.sockets.get_mut::<udp::Socket>(socket).send_slice(bytes, IpEndpoint::from(remote)).is_ok()
    }

    pub(super) fn has_datagram(&self, socket: SocketHandle) -> bool {
        self.sockets.get::<udp::Socket>(socket).can_recv()
    }

    pub(super) fn receive_from(&mut self, socket: SocketHandle) -> Option<(SocketAddrV4, Vec<u8>)> {
        let (bytes, metadata) = self.sockets.get_mut::<udp::Socket>(socket).recv().ok()?;
        Some((socket_address(metadata.endpoint), bytes.to_vec()))
    }

    pub(super) fn bind_echo(&mut self, identifier: u16) -> SocketHandle {
        let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 1], vec![0; ECHO_BUFFER]);
        let mut socket = icmp::Socket::new(buffer(), buffer());
        // A new socket can always be bound.
        let _ = socket.bind(icmp::Endpoint::Ident(identifier));
        self.sockets.add(socket)
    }

    pub(super) fn send_echo(&mut self, socket: SocketHandle, remote: Ipv4Addr, identifier: u16) {
        let request = Icmpv4Repr::EchoRequest { ident: identifier, seq_no: 0, data: ECHO_DATA };
        if let Ok(bytes) = self.sockets.get_mut::<icmp::Socket>(socket).send(request.buffer_len(), remote.into()) {
            request.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
        }
    }

    pub(super) fn has_echo(&self, socket: SocketHandle) -> bool {
        self.sockets.get::<icmp::Socket>(socket).can_recv()
    }

    pub(super) fn receive_echo(&mut self, socket: SocketHandle) -> bool {
        let Ok((bytes, _)) = self.sockets.get_mut::<icmp::Socket>(socket).recv() else {
            return false;
        };
        let message = Icmpv4Packet::new_checked(bytes)
            .and_then(|packet| Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()).map(|_| packet.msg_type()));
        message == Ok(smoltcp::wire::Icmpv4Message::EchoReply)
    }

    pub(super) fn remove(&mut self, socket: SocketHandle) {
        self.sockets.remove(socket);
    }
}

fn tcp_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; TCP_BUFFER]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    // A test wants to see a write at once and an acknowledgement at once.
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}

fn instant(at: Time) -> Instant {
    Instant::from_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
}

fn socket_address(endpoint: IpEndpoint) -> SocketAddrV4 {
    let IpAddress::Ipv4(address) = endpoint.addr;
    SocketAddrV4::new(address, endpoint.port)
}
