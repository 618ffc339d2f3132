//! Frames in a line each: protocol, addresses, length. Ethernet for the network, 802.11 behind a radiotap header for the air.

use std::fmt::Write;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const ETHERNET: usize = 14;
/// Addresses that the board's interfaces have: the factory's and those after it.
const OWN_ADDRESSES: u8 = 4;
/// TCP's flags that are told (RFC 9293, 3.1).
const FLAGS: [(u8, &str); 5] = [(0x02, "SYN"), (0x01, "FIN"), (0x04, "RST"), (0x08, "PSH"), (0x10, "ACK")];
/// Subtypes of management frames (IEEE 802.11-2020, table 9-1).
const MANAGEMENT: [(u8, &str); 11] = [
    (0, "association request"),
    (1, "association response"),
    (2, "reassociation request"),
    (3, "reassociation response"),
    (4, "probe request"),
    (5, "probe response"),
    (8, "beacon"),
    (10, "disassociation"),
    (11, "authentication"),
    (12, "deauthentication"),
    (13, "action"),
];

/// Kind of the frames of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Network,
    Air,
}

/// The frames of a pcap file, each with its time, its direction as the board sees it, and what it is.
pub(crate) fn describe(file: &[u8], medium: Medium, own: [u8; 6]) -> Vec<Value> {
    let mut frames = Vec::new();
    let mut rest = file.get(FILE_HEADER..).unwrap_or_default();
    while let Some((header, after)) = rest.split_at_checked(RECORD_HEADER) {
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let Some((frame, next)) = after.split_at_checked(word(8) as usize) else { break };
        let told = match medium {
            Medium::Network => ethernet(frame),
            Medium::Air => air(frame),
        };
        let told = told.unwrap_or_else(|| Told { protocol: "damaged".to_owned(), ..Told::default() });
        frames.push(json!({
            "at": f64::from(word(0)) + f64::from(word(4)) / 1e9,
            "out": told.source.is_some_and(|source| is_own(source, own)),
            "protocol": told.protocol,
            "from": told.from,
            "to": told.to,
            "length": word(12),
            "info": told.info,
        }));
        rest = next;
    }
    frames
}

/// Describes any bytes as captures of both media: for fuzzers.
pub fn describe_any_capture(file: &[u8]) {
    for medium in [Medium::Network, Medium::Air] {
        drop(describe(file, medium, [0; 6]));
    }
}

fn is_own(address: [u8; 6], own: [u8; 6]) -> bool {
    address[..5] == own[..5] && address[5].wrapping_sub(own[5]) < OWN_ADDRESSES
}

#[derive(Default)]
struct Told {
    source: Option<[u8; 6]>,
    protocol: String,
    from: String,
    to: String,
    info: String,
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn mac_at(bytes: &[u8], at: usize) -> Option<[u8; 6]> {
    bytes.get(at..at + 6)?.try_into().ok()
}

fn mac(address: [u8; 6]) -> String {
    if address == [0xFF; 6] { "all".to_owned() } else { address.map(|byte| format!("{byte:02x}")).join(":") }
}

fn ip(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?))
}

fn ethernet(frame: &[u8]) -> Option<Told> {
    const ARP: u16 = 0x0806;
    const IPV4: u16 = 0x0800;
    const IPV6: u16 = 0x86DD;
    const EAPOL: u16 = 0x888E;
    let (to, from, kind) = (mac_at(frame, 0)?, mac_at(frame, 6)?, half(frame, 12)?);
    let body = &frame[ETHERNET..];
    let plain =
        |protocol: &str| Told { protocol: protocol.to_owned(), from: mac(from), to: mac(to), ..Told::default() };
    let told = match kind {
        ARP => {
            let (sender, target) = (ip(body, 14)?, ip(body, 24)?);
            let info = if half(body, 6)? == 1 {
                format!("who has {target}? tell {sender}")
            } else {
                format!("{sender} is at {}", mac(mac_at(body, 8)?))
            };
            Told { info, ..plain("ARP") }
        }
        IPV4 => ipv4(body)?,
        IPV6 => plain("IPv6"),
        EAPOL => plain("EAPOL"),
        kind => plain(&format!("type {kind:#06x}")),
    };
    Some(Told { source: Some(from), ..told })
}

fn ipv4(packet: &[u8]) -> Option<Told> {
    let header = usize::from(packet.first()? & 0xF) * 4;
    let total = usize::from(half(packet, 2)?).min(packet.len());
    let (from, to, body) = (ip(packet, 12)?, ip(packet, 16)?, packet.get(header..total)?);
    let ports = |protocol: String, info: String| -> Option<Told> {
        let (from, to) = (format!("{from}:{}", half(body, 0)?), format!("{to}:{}", half(body, 2)?));
        Some(Told { source: None, protocol, from, to, info })
    };
    match packet.get(9)? {
        1 => {
            let info = match body.first()? {
                0 => "echo reply",
                3 => "unreachable",
                8 => "echo request",
                _ => "",
            };
            let (from, to) = (from.to_string(), to.to_string());
            Some(Told { source: None, protocol: "ICMP".to_owned(), from, to, info: info.to_owned() })
        }
        6 => {
            let data = body.len().saturating_sub(usize::from(*body.get(12)? >> 4) * 4);
            let set = *body.get(13)?;
            let mut info: Vec<&str> = FLAGS.iter().filter(|(flag, _)| set & flag != 0).map(|(_, name)| *name).collect();
            let bytes = format!("{data} byte{}", if data == 1 { "" } else { "s" });
            if data > 0 {
                info.push(&bytes);
            }
            ports("TCP".to_owned(), info.join(" "))
        }
        17 => {
            let protocol = match (half(body, 0)?, half(body, 2)?) {
                (67 | 68, 67 | 68) => "DHCP",
                (53, _) | (_, 53) => "DNS",
                (5353, _) | (_, 5353) => "mDNS",
                (123, _) | (_, 123) => "NTP",
                _ => "UDP",
            };
            ports(protocol.to_owned(), format!("{} bytes", body.len().saturating_sub(8)))
        }
        other => {
            let (from, to) = (from.to_string(), to.to_string());
            Some(Told { source: None, protocol: format!("IP protocol {other}"), from, to, info: String::new() })
        }
    }
}

fn air(packet: &[u8]) -> Option<Told> {
    const PROTECTED: u8 = 0x40;
    const SSID: usize = 36;
    let radiotap = usize::from(u16::from_le_bytes(packet.get(2..4)?.try_into().ok()?));
    let frame = packet.get(radiotap..)?;
    let (kind, subtype, flags) = (frame.first()? >> 2 & 3, frame.first()? >> 4, *frame.get(1)?);
    let to = mac_at(frame, 4)?;
    let from = mac_at(frame, 10);
    let mut info = String::new();
    let protocol = match kind {
        0 => {
            if matches!(subtype, 5 | 8) && frame.get(SSID) == Some(&0) {
                let name = frame.get(SSID + 2..SSID + 2 + usize::from(*frame.get(SSID + 1)?))?;
                // Writing to a string cannot fail.
                let _ = write!(info, "{:?}", String::from_utf8_lossy(name));
            }
            MANAGEMENT.iter().find(|(known, _)| *known == subtype).map_or("management", |(_, name)| name)
        }
        1 => "control",
        2 if subtype & 4 != 0 => "null data",
        2 => "data",
        _ => "reserved",
    };
    if flags & PROTECTED != 0 {
        info.push_str("encrypted");
    }
    let from_text = from.map(mac).unwrap_or_default();
    Some(Told { source: from, protocol: protocol.to_owned(), from: from_text, to: mac(to), info })
}

#[cfg(test)]
mod tests {
    use super::{FILE_HEADER, Medium, describe};
    use proptest::prelude::*;

    const OWN: [u8; 6] = [0x24, 0x0A, 0xC4, 0, 1, 0x10];

    /// A pcap file with these frames, all at 1.5 s.
    fn file(frames: &[&[u8]]) -> Vec<u8> {
        let mut file = vec![0; FILE_HEADER];
        for frame in frames {
            let length = frame.len() as u32;
            file.extend([1, 500_000_000, length, length].iter().flat_map(|word: &u32| word.to_le_bytes()));
            file.extend(*frame);
        }
        file
    }

    fn frame(source: [u8; 6], kind: u16, body: &[u8]) -> Vec<u8> {
        [&[0xFF; 6][..], &source, &kind.to_be_bytes(), body].concat()
    }

    fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
        let length = (20 + body.len() as u16).to_be_bytes();
        let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2];
        [&header[..], body].concat()
    }

    #[test]
    fn frames_of_the_network_are_told_in_a_line() {
        let tcp = [0xC0, 0, 0x13, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0, b'h', b'i'];
        let udp = [0, 68, 0, 67, 0, 9, 0, 0, 1];
        let mut arp = [0; 28];
        arp[7] = 1;
        let mut station = OWN;
        station[5] += 3;
        let frames = [
            frame(station, 0x0800, &ipv4(6, &tcp)),
            frame([2; 6], 0x0800, &ipv4(17, &udp)),
            frame(OWN, 0x0806, &arp),
            frame(OWN, 0x1234, &[]),
            vec![1, 2, 3],
        ];
        let told = describe(&file(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()), Medium::Network, OWN);
        let line = |n: usize| {
            let text = |name: &str| told[n][name].as_str().unwrap().to_owned();
            let arrow = if told[n]["out"] == true { "->" } else { "<-" };
            format!("{arrow} {} {} {} {}", text("protocol"), text("from"), text("to"), text("info"))
        };
        assert_eq!(line(0), "-> TCP 10.0.2.15:49152 10.0.2.2:5001 PSH ACK 2 bytes");
        assert_eq!(line(1), "<- DHCP 10.0.2.15:68 10.0.2.2:67 1 bytes");
        assert_eq!(line(2), "-> ARP 24:0a:c4:00:01:10 all who has 0.0.0.0? tell 0.0.0.0");
        assert_eq!(line(3), "-> type 0x1234 24:0a:c4:00:01:10 all ");
        assert_eq!(line(4), "<- damaged   ");
        assert_eq!((&told[0]["at"], &told[0]["length"]), (&1.5.into(), &56.into()));
    }

    #[test]
    fn frames_in_the_air_are_told_in_a_line() {
        let radiotap = [0, 0, 8, 0, 0, 0, 0, 0];
        let address = |first: u8| [first, 0x0A, 0xC4, 0, 1, 0x10];
        let head = |control: [u8; 2]| {
            [&radiotap[..], &control, &[0, 0], &[0xFF; 6], &address(0x24), &address(2), &[0, 0]].concat()
        };
        let beacon = [head([0x80, 0]), vec![0; 12], vec![0, 4], b"home".to_vec()].concat();
        let data = head([0x08, 0x41]);
        let told = describe(&file(&[&beacon, &data]), Medium::Air, OWN);
        assert_eq!((&told[0]["protocol"], &told[0]["info"]), (&"beacon".into(), &"\"home\"".into()));
        assert_eq!((&told[1]["protocol"], &told[1]["info"]), (&"data".into(), &"encrypted".into()));
        assert_eq!((&told[1]["out"], &told[1]["to"]), (&true.into(), &"all".into()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_told_somehow(frames in prop::collection::vec(any::<Vec<u8>>(), 0..8), air in any::<bool>()) {
            let medium = if air { Medium::Air } else { Medium::Network };
            let told = describe(&file(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()), medium, OWN);
            prop_assert_eq!(told.len(), frames.len());
            let noise = frames.concat();
            prop_assert!(describe(&noise, medium, OWN).len() <= noise.len());
        }
    }
}
