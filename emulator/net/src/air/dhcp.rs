//! The DHCP client of a station that has joined the board's network (RFC 2131, 4.4). It takes the first offer and keeps it.

use std::net::Ipv4Addr;

use espalier_core::{Span, Time};
use espalier_ieee80211::MacAddress;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};

use crate::gateway::reply::Reply;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Time limit for the server's first answer; it doubles up to the longest (RFC 2131, 4.1).
const ANSWER_TIME: Span = Span::from_secs(1);
const LONGEST_ANSWER_TIME: Span = Span::from_secs(8);

/// The server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub address: Ipv4Addr,
    pub prefix_len: u8,
    pub router: Ipv4Addr,
}

espalier_core::persist!(value Lease { address, prefix_len, router });

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Selecting,
    Requesting { address: Ipv4Addr, server: Ipv4Addr },
    Bound,
}

espalier_core::persist!(enum Stage { Idle, Selecting, Requesting { address, server }, Bound });

/// A client that has one transaction at a time.
#[derive(Clone, Debug)]
pub(super) struct DhcpClient {
    mac: MacAddress,
    transaction: u32,
    stage: Stage,
    answer_time: Span,
    deadline: Option<Time>,
}

espalier_core::persist!(value DhcpClient { mac, transaction, stage, answer_time, deadline });

impl DhcpClient {
    /// A client that is not on a network yet.
    pub fn new(mac: MacAddress, transaction: u32) -> DhcpClient {
        DhcpClient { mac, transaction, stage: Stage::Idle, answer_time: ANSWER_TIME, deadline: None }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// The station has joined a network: asks for an address. Returns the frame that does.
    pub fn start(&mut self, now: Time) -> Vec<u8> {
        self.transaction = self.transaction.wrapping_add(1);
        self.stage = Stage::Selecting;
        self.answer_time = ANSWER_TIME;
        self.ask(now)
    }

    /// The station has left its network.
    pub fn stop(&mut self) {
        self.stage = Stage::Idle;
        self.deadline = None;
    }

    /// The server did not answer in time: asks again.
    pub fn wake(&mut self, now: Time) -> Option<Vec<u8>> {
        self.deadline.take()?;
        self.answer_time = Span::from_ticks(self.answer_time.ticks() * 2).min(LONGEST_ANSWER_TIME);
        self.stage = Stage::Selecting;
        Some(self.ask(now))
    }

    /// A frame from the network. Returns what to send, and the lease when there is one.
    pub fn receive(&mut self, frame: &[u8], now: Time) -> (Option<Vec<u8>>, Option<Lease>) {
        let Some(datagram) = datagram_to(frame, CLIENT_PORT) else { return (None, None) };
        let answer = DhcpPacket::new_checked(&datagram[..]).ok().and_then(|packet| {
            let answer = DhcpRepr::parse(&packet).ok()?;
            let ours = answer.transaction_id == self.transaction && answer.client_hardware_address.0 == self.mac.0;
            ours.then(|| self.take(&answer, now))
        });
        answer.unwrap_or_default()
    }

    fn take(&mut self, answer: &DhcpRepr, now: Time) -> (Option<Vec<u8>>, Option<Lease>) {
        match (self.stage, answer.message_type) {
            (Stage::Selecting, DhcpMessageType::Offer) => {
                let server = answer.server_identifier.unwrap_or(answer.server_ip);
                self.stage = Stage::Requesting { address: answer.your_ip, server };
                (Some(self.ask(now)), None)
            }
            (Stage::Requesting { address, server }, DhcpMessageType::Ack) if answer.your_ip == address => {
                self.stage = Stage::Bound;
                self.deadline = None;
                let prefix_len = answer.subnet_mask.map_or(24, |mask| mask.to_bits().leading_ones() as u8);
                (None, Some(Lease { address, prefix_len, router: answer.router.unwrap_or(server) }))
            }
            (Stage::Requesting { .. }, DhcpMessageType::Nak) => (Some(self.start(now)), None),
            _ => (None, None),
        }
    }

    /// The message of the present stage.
    fn ask(&mut self, now: Time) -> Vec<u8> {
        self.deadline = Some(now + self.answer_time);
        let (message_type, requested_ip, server_identifier) = match self.stage {
            Stage::Requesting { address, server } => (DhcpMessageType::Request, Some(address), Some(server)),
            Stage::Idle | Stage::Selecting | Stage::Bound => (DhcpMessageType::Discover, None, None),
        };
        /// Options 1, 3 and 6: subnet mask, router, DNS servers (RFC 2132).
        const WANTED: &[u8] = &[1, 3, 6];
        let mac = EthernetAddress(self.mac.0);
        let message = DhcpRepr {
            message_type,
            transaction_id: self.transaction,
            secs: 0,
            client_hardware_address: mac,
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::UNSPECIFIED,
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: true,
            requested_ip,
            client_identifier: Some(mac),
            server_identifier,
            parameter_request_list: Some(WANTED),
            dns_servers: None,
            max_size: None,
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut datagram = vec![0; message.buffer_len()];
        // A buffer of the length that the message asks for holds it.
        let _ = message.emit(&mut DhcpPacket::new_unchecked(&mut datagram[..]));
        let broadcast =
            Reply { mac, to_mac: EthernetAddress::BROADCAST, from: Ipv4Addr::UNSPECIFIED, to: Ipv4Addr::BROADCAST };
        broadcast.udp(CLIENT_PORT, SERVER_PORT, &datagram)
    }
}

/// The datagram in an Ethernet frame, if it is for `port`.
fn datagram_to(frame: &[u8], port: u16) -> Option<Vec<u8>> {
    let checksums = ChecksumCapabilities::default();
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let header = Ipv4Repr::parse(&packet, &checksums).ok()?;
    if header.next_header != IpProtocol::Udp || packet.more_frags() || packet.frag_offset() != 0 {
        return None;
    }
    let udp = UdpPacket::new_checked(packet.payload()).ok()?;
    let ports = UdpRepr::parse(&udp, &header.src_addr.into(), &header.dst_addr.into(), &checksums).ok()?;
    (ports.dst_port == port).then(|| udp.payload().to_vec())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use espalier_core::{Span, Time};
    use espalier_ieee80211::MacAddress;

    use super::{ANSWER_TIME, DhcpClient, Lease};
    use crate::{Lan, LanConfig};

    /// The server that boards are tested with is the other side.
    #[test]
    fn a_server_gives_an_address_although_the_first_question_is_lost() {
        let mut lan = Lan::new(LanConfig::default()).unwrap();
        lan.plug_in_air();
        let mut client = DhcpClient::new(MacAddress([2, 0, 0, 0, 0, 7]), 1);
        client.start(Time::ZERO);
        let mut now = Time::ZERO + ANSWER_TIME;
        assert_eq!(client.deadline(), Some(now));
        let mut question = client.wake(now);
        let mut lease = None;
        for _ in 0..10 {
            question.take().into_iter().for_each(|frame| lan.send_from_air(frame, now));
            now += Span::from_millis(1);
            while let Some(frame) = lan.take_for_air(now) {
                let (answer, given) = client.receive(&frame, now);
                question = question.or(answer);
                lease = lease.or(given);
            }
        }
        let address = Ipv4Addr::new(10, 0, 2, 100);
        assert_eq!(lease, Some(Lease { address, prefix_len: 24, router: Ipv4Addr::new(10, 0, 2, 1) }));
        assert_eq!((client.deadline(), lan.board_address()), (None, Some(address)));
    }
}
