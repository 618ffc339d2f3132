//! The TCP slots and DNS questions of the network.

use core::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::iface::Context;
use smoltcp::socket::{dns, tcp};
use smoltcp::time::Duration;
use smoltcp::wire::{DnsQueryType, IpAddress, IpEndpoint};

use super::{End, Network, SOCKETS};

/// How long a peer may be silent when it should answer.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a peer that has nothing to say is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// First port of the dynamic range (RFC 6335, chapter 6).
const FIRST_DYNAMIC_PORT: u16 = 49152;

impl Network {
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
        socket.start_query(self.interface.context(), host, DnsQueryType::A).ok()
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

/// A connection that notices when its peer is gone.
fn be_attentive(socket: &mut tcp::Socket<'_>) {
    socket.set_timeout(Some(PEER_TIMEOUT));
    socket.set_keep_alive(Some(KEEP_ALIVE));
}
