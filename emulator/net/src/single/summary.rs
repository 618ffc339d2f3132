//! Frames in few words.

use espalier_ieee80211::{Control, FrameType, Mpdu, subtype};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, IpProtocol,
    Ipv4Packet, TcpPacket, UdpPacket,
};

/// Bytes of a data frame before its EtherType (RFC 1042), and the EtherType of keys (IEEE 802.1X).
const SNAP: usize = 6;
const EAPOL: u16 = 0x888E;
const DHCP_SERVER: u16 = 67;
const DNS: u16 = 53;

/// Of an Ethernet frame, or of its beginning.
pub(super) fn ethernet(bytes: &[u8]) -> String {
    let Ok(frame) = EthernetFrame::new_checked(bytes) else { return "a short frame".to_owned() };
    packet(frame.ethertype(), frame.payload())
}

fn packet(protocol: EthernetProtocol, payload: &[u8]) -> String {
    let summary = match protocol {
        EthernetProtocol::Arp => ArpPacket::new_checked(payload).ok().map(|packet| arp(&packet)),
        // The frame may have been cut.
        EthernetProtocol::Ipv4 => (payload.len() >= 20).then(|| ip(&Ipv4Packet::new_unchecked(payload), payload)),
        _ => None,
    };
    summary.unwrap_or_else(|| protocol.to_string())
}

fn arp(packet: &ArpPacket<&[u8]>) -> String {
    match ArpRepr::parse(packet) {
        Ok(ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, target_protocol_addr, .. }) => {
            format!("ARP who has {target_protocol_addr}")
        }
        Ok(ArpRepr::EthernetIpv4 { operation: ArpOperation::Reply, source_protocol_addr, .. }) => {
            format!("ARP {source_protocol_addr} is here")
        }
        _ => "ARP".to_owned(),
    }
}

fn ip(packet: &Ipv4Packet<&[u8]>, bytes: &[u8]) -> String {
    let header = usize::from(packet.header_len());
    let length = usize::from(packet.total_len()).saturating_sub(header);
    let payload = bytes.get(header..).unwrap_or_default();
    match packet.next_header() {
        IpProtocol::Tcp if payload.len() >= 20 => tcp(&TcpPacket::new_unchecked(payload), length),
        IpProtocol::Udp if payload.len() >= 8 => udp(&UdpPacket::new_unchecked(payload)),
        IpProtocol::Icmp => match Icmpv4Packet::new_checked(payload).map(|packet| packet.msg_type()) {
            Ok(Icmpv4Message::EchoRequest) => "ping".to_owned(),
            Ok(Icmpv4Message::EchoReply) => "answer to a ping".to_owned(),
            _ => "ICMP".to_owned(),
        },
        protocol => protocol.to_string(),
    }
}

fn tcp(packet: &TcpPacket<&[u8]>, length: usize) -> String {
    let flags = [(packet.syn(), "SYN"), (packet.fin(), "FIN"), (packet.rst(), "RST"), (packet.ack(), "ACK")];
    let flags: Vec<&str> = flags.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect();
    let data = length.saturating_sub(usize::from(packet.header_len()));
    let data = if data == 0 { String::new() } else { format!(", {data} bytes") };
    format!("TCP {} > {} {}{data}", packet.src_port(), packet.dst_port(), flags.join("+"))
}

fn udp(packet: &UdpPacket<&[u8]>) -> String {
    let (from, to) = (packet.src_port(), packet.dst_port());
    match (from, to) {
        (DHCP_SERVER, _) | (_, DHCP_SERVER) => "DHCP".to_owned(),
        (DNS, _) | (_, DNS) => "DNS".to_owned(),
        _ => format!("UDP {from} > {to}"),
    }
}

/// Of a frame of 802.11.
pub(super) fn air(bytes: &[u8]) -> String {
    let Some(frame) = Mpdu::new(bytes) else { return "a short frame".to_owned() };
    let control = frame.control();
    match control.frame_type() {
        FrameType::Management => management(control.subtype()).to_owned(),
        FrameType::Data if control.subtype() & subtype::NULL != 0 && control.has(Control::POWER_MANAGEMENT) => {
            "null data: it will sleep".to_owned()
        }
        FrameType::Data if control.subtype() & subtype::NULL != 0 => "null data: it is awake".to_owned(),
        FrameType::Data if control.has(Control::PROTECTED) => "protected data".to_owned(),
        FrameType::Data => data(frame.body()),
        _ => "control".to_owned(),
    }
}

fn data(body: &[u8]) -> String {
    match body.get(SNAP..).and_then(<[u8]>::split_first_chunk) {
        Some((ethertype, _)) if u16::from_be_bytes(*ethertype) == EAPOL => "EAPOL key".to_owned(),
        Some((ethertype, payload)) => packet(EthernetProtocol::from(u16::from_be_bytes(*ethertype)), payload),
        None => "data".to_owned(),
    }
}

fn management(kind: u8) -> &'static str {
    match kind {
        subtype::ASSOCIATION_REQUEST => "association request",
        subtype::ASSOCIATION_RESPONSE => "association response",
        subtype::REASSOCIATION_REQUEST => "reassociation request",
        subtype::REASSOCIATION_RESPONSE => "reassociation response",
        subtype::DISASSOCIATION => "disassociation",
        subtype::AUTHENTICATION => "authentication",
        subtype::DEAUTHENTICATION => "deauthentication",
        subtype::ACTION => "action",
        _ => "management",
    }
}

#[cfg(test)]
mod tests {
    use super::{air, ethernet};
    use espalier_ieee80211::{Control, FrameBuilder, FrameType, MacAddress, subtype};

    #[test]
    fn frames_are_told_apart() {
        let mut syn = vec![0; 12];
        syn.extend([0x08, 0x00, 0x45, 0, 0, 44, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 100]);
        syn.extend([0x13, 0x89, 0xC0, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0x02, 0, 0, 0, 0, 0, 0, 2, 4, 5, 180]);
        assert_eq!(ethernet(&syn), "TCP 5001 > 49152 SYN");
        for end in 0..syn.len() {
            assert!(!ethernet(&syn[..end]).is_empty());
        }
        let control = Control::new(FrameType::Management, subtype::AUTHENTICATION);
        let frame = FrameBuilder::new(control, [MacAddress::BROADCAST; 3], 1).bytes(&[0; 6]).build();
        assert_eq!(air(&frame), "authentication");
        assert_eq!(air(&[]), "a short frame");
    }
}
