//! Frames that only an owner of the keys can send, made of any bytes: the inputs of a fuzzer behind the integrity codes of WPA2, where
//! bytes alone do not lead.

use std::sync::OnceLock;

use aes_kw::KwAes128;
use aes_kw::cipher::KeyInit;
use espalier_core::{Span, Time};
use espalier_ieee80211::{Control, FrameBuilder, FrameType, MacAddress, Mpdu, ccmp_header, seal, subtype};

use super::eapol::{self, Fields, KeyMessage, Keys, info};
use super::ethernet;
use super::network::Network;
use super::settings::AccessPoint;
use super::station::{Member, Station};
use crate::rng::Rng;

const SSID: &str = "home";
const PASSWORD: &str = "correct horse";
const NETWORK: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const STATION: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
/// Guest time between two exchanges.
const STEP: Span = Span::from_millis(10);
/// Exchanges after which the two have joined, and some more.
const EXCHANGES: usize = 30;
/// Packet numbers of frames that are made up: the two have not come to them.
const FIRST_NUMBER: u64 = 1000;

/// An access point and a station on their way to a connection.
#[derive(Clone)]
struct Pair {
    network: Network,
    member: Member,
    now: Time,
    /// Nonces of the network and of the station, as far as they were sent.
    nonces: [Option<[u8; 32]>; 2],
    replay: u64,
    number: u64,
}

impl Pair {
    fn new() -> Pair {
        let settings = AccessPoint::wpa2(SSID, PASSWORD);
        let station = Station { address: Some(STATION.0), ..Station::wpa2(SSID, PASSWORD) };
        Pair {
            network: Network::new(settings, NETWORK, 1, Time::ZERO),
            member: Member::new(station, STATION, &mut Rng::new(2, 0)),
            now: Time::ZERO,
            nonces: [None; 2],
            replay: 0,
            number: FIRST_NUMBER,
        }
    }

    /// Each gets what the other has sent. True if there was something.
    fn exchange(&mut self) -> bool {
        let (down, up) = (self.network.take_outgoing(), self.member.take_outgoing());
        for (bytes, _) in &down {
            self.note(bytes, 0);
            deliver(bytes, |frame| self.member.receive(frame, self.now));
        }
        for (bytes, _) in &up {
            self.note(bytes, 1);
            deliver(bytes, |frame| self.network.receive(frame, self.now));
        }
        !(down.is_empty() && up.is_empty())
    }

    /// Remembers the nonce and the replay counter of a message of the handshake.
    fn note(&mut self, bytes: &[u8], sender: usize) {
        let Some(body) = Mpdu::new(bytes).map(Mpdu::body) else { return };
        if ethernet::ethertype(body) == Some(eapol::ETHERTYPE)
            && let Some(message) = KeyMessage::new(ethernet::payload(body))
        {
            self.replay = message.replay;
            if message.nonce != [0; 32] {
                self.nonces[sender] = Some(message.nonce);
            }
        }
    }

    fn pass(&mut self) {
        self.now += STEP;
        self.network.wake(self.now);
        if self.member.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.member.wake(self.now);
        }
    }

    /// The keys that both sides derive, with zeros for a nonce that was not sent yet.
    fn keys(&self) -> Keys {
        static MASTER: OnceLock<[u8; 32]> = OnceLock::new();
        let master = MASTER.get_or_init(|| eapol::master_key(SSID, PASSWORD));
        Keys::derive(master, [NETWORK, STATION], self.nonces.map(Option::unwrap_or_default))
    }

    /// A data frame to the network or from it, sealed with the pairwise key if it is said.
    fn data(&mut self, to_network: bool, sealed: bool, header: u8, body: &[u8]) -> Vec<u8> {
        let flags = if to_network { Control::TO_DS } else { Control::FROM_DS };
        let flags = flags | if sealed { Control::PROTECTED } else { 0 } | (u16::from(header) << 4 & Control::RETRY);
        let control = Control(Control::new(FrameType::Data, header & subtype::NULL).0 | flags);
        let addresses = if to_network { [NETWORK, STATION, NETWORK] } else { [STATION, NETWORK, NETWORK] };
        let frame = FrameBuilder::new(control, addresses, 1);
        if !sealed {
            return frame.bytes(body).build();
        }
        self.number += 1;
        let mut bytes = frame.bytes(&ccmp_header(self.number, 0)).bytes(body).build();
        let code = seal(&mut bytes, &self.keys().temporal);
        bytes.extend(code.iter().flatten());
        bytes
    }

    /// A message of the handshake with a valid integrity code, whose fields are those bytes.
    fn message(&self, bytes: &[u8]) -> Vec<u8> {
        let (head, data) = bytes.split_at_checked(4).unwrap_or((&[0; 4], bytes));
        let keys = self.keys();
        let mut wrapped = Vec::new();
        let data = match head[3] & 1 {
            0 => data,
            // As the third message has them: wrapped by the key that is for that.
            _ => {
                let mut clear = data.to_vec();
                clear.resize(clear.len().next_multiple_of(8).max(16), 0);
                wrapped.resize(clear.len() + 8, 0);
                let kept = KwAes128::new(&keys.encryption.into()).wrap_key(&clear, &mut wrapped).is_ok();
                if kept { &wrapped } else { data }
            }
        };
        let fields = Fields {
            info: u16::from_le_bytes([head[0], head[1]]) | info::MIC,
            key_length: u16::from(head[3]),
            replay: self.replay.wrapping_add(u64::from(head[2] & 3)),
            nonce: self.nonces[usize::from(head[2] >> 7)].unwrap_or_default(),
            group_number: 0,
            data,
        };
        ethernet::encapsulate(eapol::ETHERTYPE, &eapol::build(&fields, Some(&keys.confirmation)))
    }
}

fn deliver(bytes: &[u8], receive: impl FnOnce(Mpdu<'_>)) {
    if let Some(frame) = Mpdu::new(bytes) {
        receive(frame);
    }
}

/// The pair after each exchange.
fn stages() -> &'static [Pair] {
    static STAGES: OnceLock<Vec<Pair>> = OnceLock::new();
    STAGES.get_or_init(|| {
        let mut pair = Pair::new();
        let mut stages = vec![pair.clone()];
        while stages.len() < EXCHANGES {
            if !pair.exchange() {
                pair.pass();
            }
            stages.push(pair.clone());
        }
        stages
    })
}

/// Gives a network and a station that join each other, or have joined, what these bytes say: the first one chooses how far they have
/// come, and the others are commands of a kind, a length and so many bytes.
pub fn frames_with_valid_keys(input: &[u8]) {
    let Some((stage, mut rest)) = input.split_first() else { return };
    let mut pair = stages()[usize::from(*stage) % EXCHANGES].clone();
    while let [kind, length, after @ ..] = rest {
        let (bytes, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        let now = pair.now;
        match kind % 8 {
            0 => deliver(bytes, |frame| pair.network.receive(frame, now)),
            1 => deliver(bytes, |frame| pair.member.receive(frame, now)),
            command @ (2 | 3) => {
                let (header, body) = bytes.split_first().unwrap_or((&0, &[]));
                let frame = pair.data(command == 2, true, *header, body);
                pair.receive(command == 2, &frame);
            }
            command @ (4 | 5) => {
                let body = pair.message(bytes);
                let frame = pair.data(command == 4, kind & 8 != 0, 0, &body);
                pair.receive(command == 4, &frame);
            }
            6 => pair.network.forward(bytes, now),
            _ => pair.member.forward(bytes),
        }
        if kind & 0x80 != 0 {
            pair.exchange();
        }
        if kind & 0x40 != 0 {
            pair.pass();
        }
        pair.network.take_for_lan();
        pair.member.take_for_host();
    }
}

impl Pair {
    fn receive(&mut self, by_network: bool, bytes: &[u8]) {
        let now = self.now;
        deliver(bytes, |frame| match by_network {
            true => self.network.receive(frame, now),
            false => self.member.receive(frame, now),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{ethernet, frames_with_valid_keys, stages};

    #[test]
    fn a_frame_sealed_by_the_right_keys_is_taken() {
        let mut pair = stages().last().expect("thirty of them").clone();
        assert!(pair.member.is_connected());
        let body = ethernet::encapsulate(0x0800, b"hello");
        let up = pair.data(true, true, 0, &body);
        pair.receive(true, &up);
        let down = pair.data(false, true, 0, &body);
        pair.receive(false, &down);
        let (to_lan, to_host) = (pair.network.take_for_lan(), pair.member.take_for_host());
        assert!(to_lan[0].ends_with(b"hello") && to_host[0].ends_with(b"hello"), "{to_lan:?} {to_host:?}");
    }

    #[test]
    fn commands_that_end_early_are_taken() {
        for input in [&[][..], &[0], &[255, 4], &[29, 0x84, 40, 1, 2, 3, 1], &[29, 0xC5, 8, 0xCA, 0x13, 0, 1, 0xDD, 3]]
        {
            frames_with_valid_keys(input);
        }
    }
}
