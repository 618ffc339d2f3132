//! Tests of networks and stations, without a board between them.

use espalier_core::{Span, Time};
use espalier_ieee80211::{Control, FrameBuilder, FrameType, MacAddress, Mpdu, Rate, element_id, subtype};
use proptest::prelude::{any, prop};
use proptest::proptest;

use super::network::Network;
use super::station::{Member, Station};
use super::{AccessPoint, Air, AirError, SPACING};
use crate::rng::Rng;

const BSSID: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const STATION: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
const HOST: [u8; 6] = [2, 0, 0, 0, 0, 9];
const PASSWORD: &str = "correct horse";

fn ethernet(to: [u8; 6], from: [u8; 6], payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &[0x08, 0x00], payload].concat()
}

/// Lets an access point and a station talk for some time.
fn talk(network: &mut Network, member: &mut Member, from: Time, span: Span) -> Time {
    let mut now = from;
    while now < from + span {
        network.wake(now);
        if member.deadline().is_some_and(|deadline| deadline <= now) {
            member.wake(now);
        }
        loop {
            let (down, up) = (network.take_outgoing(), member.take_outgoing());
            if down.is_empty() && up.is_empty() {
                break;
            }
            down.iter().for_each(|(bytes, _)| member.receive(Mpdu::new(bytes).unwrap(), now));
            up.iter().for_each(|(bytes, _)| network.receive(Mpdu::new(bytes).unwrap(), now));
        }
        now += Span::from_millis(10);
    }
    now
}

fn pair(network: Option<&str>, station: Option<&str>) -> (Network, Member) {
    let settings = AccessPoint { password: network.map(Into::into), ..AccessPoint::new("home") };
    let station =
        Station { ssid: "home".into(), password: station.map(Into::into), address: Some(STATION.0), rssi: -40 };
    (Network::new(settings, BSSID, 1, Time::ZERO), Member::new(station, STATION, &mut Rng::new(2, 0)))
}

#[test]
fn a_station_joins_and_data_goes_both_ways() {
    for password in [None, Some(PASSWORD)] {
        let (mut network, mut member) = pair(password, password);
        let now = talk(&mut network, &mut member, Time::ZERO, Span::from_millis(300));
        assert!(member.is_connected());
        assert_eq!(network.associated().collect::<Vec<_>>(), [STATION]);
        let (down, up) = (ethernet(STATION.0, HOST, b"down"), ethernet(HOST, STATION.0, b"up"));
        let to_all = ethernet(MacAddress::BROADCAST.0, HOST, b"all");
        network.forward(&down, now);
        network.forward(&to_all, now);
        member.forward(&up);
        talk(&mut network, &mut member, now, Span::from_millis(20));
        assert_eq!((network.take_for_lan(), member.take_for_host()), (vec![up], vec![down, to_all]));
    }
}

/// 12.7.6: a second message with a wrong integrity code is dropped; the station is sent away when the time is up.
#[test]
fn a_wrong_password_ends_in_a_deauthentication() {
    let (mut network, mut member) = pair(Some(PASSWORD), Some("wrong horse"));
    talk(&mut network, &mut member, Time::ZERO, Span::from_secs(2));
    assert!(!member.is_connected() && network.associated().count() == 1);
    let mut told = false;
    let mut now = Time::from_micros(2_000_000);
    while now < Time::from_micros(6_000_000) {
        network.wake(now);
        told |= network
            .take_outgoing()
            .iter()
            .any(|(bytes, _)| Mpdu::new(bytes).unwrap().control().is_management(subtype::DEAUTHENTICATION));
        now += Span::from_millis(10);
    }
    assert!(told && network.associated().count() == 0);
}

/// 11.2.3: frames for a station that sleeps wait; beacons say so; the station polls or wakes up.
#[test]
fn frames_wait_for_a_station_that_sleeps() {
    let (mut network, mut member) = pair(None, None);
    let now = talk(&mut network, &mut member, Time::ZERO, Span::from_millis(300));
    let null = |flags| {
        let control = Control(Control::new(FrameType::Data, subtype::NULL).0 | Control::TO_DS | flags);
        FrameBuilder::new(control, [BSSID, STATION, BSSID], 0).build()
    };
    network.receive(Mpdu::new(&null(Control::POWER_MANAGEMENT)).unwrap(), now);
    network.forward(&ethernet(STATION.0, HOST, b"one"), now);
    network.forward(&ethernet(STATION.0, HOST, b"two"), now);
    network.forward(&ethernet(MacAddress::BROADCAST.0, HOST, b"all"), now);
    assert!(network.take_outgoing().is_empty());

    network.wake(now + Span::from_millis(103));
    let sent = network.take_outgoing();
    let beacon = Mpdu::new(&sent[0].0).unwrap();
    // Group frames follow, and frames for association identifier 1 wait.
    assert_eq!(beacon.elements(12).get(element_id::TIM), Some(&[0, 1, 1, 2][..]));
    assert_eq!((sent.len(), Mpdu::new(&sent[1].0).unwrap().receiver()), (2, MacAddress::BROADCAST));

    let poll = Control::new(FrameType::Control, subtype::PS_POLL).0.to_le_bytes();
    let poll = [&poll[..], &[1, 0xC0], &BSSID.0, &STATION.0].concat();
    network.receive(Mpdu::new(&poll).unwrap(), now);
    let sent = network.take_outgoing();
    assert_eq!(sent.len(), 1);
    assert!(Mpdu::new(&sent[0].0).unwrap().control().has(Control::MORE_DATA));
    network.receive(Mpdu::new(&null(0)).unwrap(), now);
    assert_eq!(network.take_outgoing().len(), 1);
}

/// Addresses that a driver makes up have their bound, and a station that was there before keeps its place.
#[test]
fn a_network_takes_as_many_stations_as_it_has_numbers_for() {
    const NUMBERS: usize = 2007;
    const NO_MORE: [u8; 2] = [17, 0];
    let mut network = Network::new(AccessPoint::new("home"), BSSID, 1, Time::ZERO);
    let request = |station: MacAddress, kind, body: &[u8]| {
        FrameBuilder::new(Control::new(FrameType::Management, kind), [BSSID, station, BSSID], 0).bytes(body).build()
    };
    let mut answer = |station: MacAddress| {
        let authentication = request(station, subtype::AUTHENTICATION, &[0, 0, 1, 0, 0, 0]);
        network.receive(Mpdu::new(&authentication).unwrap(), Time::ZERO);
        let association = request(station, subtype::ASSOCIATION_REQUEST, b"\x01\x00\x03\x00\x00\x04home");
        network.receive(Mpdu::new(&association).unwrap(), Time::ZERO);
        let answers = network.take_outgoing();
        let status = Mpdu::new(&answers[0].0).unwrap().body()[4..6].to_vec();
        (status, network.associated().count())
    };
    let station = |number: usize| MacAddress([2, 9, 0, 0, (number >> 8) as u8, number as u8]);
    for number in 0..NUMBERS {
        assert_eq!(answer(station(number)), (vec![0, 0], number + 1));
    }
    for number in NUMBERS..NUMBERS + 5 {
        assert_eq!(answer(station(number)), (NO_MORE.to_vec(), NUMBERS));
    }
    assert_eq!(answer(station(7)), (vec![0, 0], NUMBERS));
}

#[test]
fn unacknowledged_frames_are_repeated_with_space_between() {
    let mut air = Air::new(0);
    let settings = AccessPoint { bssid: Some(BSSID.0), channel: 6, ..AccessPoint::new("home") };
    air.add_access_point(settings.clone()).unwrap();
    assert_eq!(air.add_access_point(settings), Err(AirError::AddressTaken { address: BSSID }));
    let control = Control::new(FrameType::Management, subtype::AUTHENTICATION);
    let request = FrameBuilder::new(control, [BSSID, STATION, BSSID], 0).bytes(&[0, 0, 1, 0, 0, 0]).build();
    assert!(!air.send_from_board(&request, 5, Rate::DSSS_1M, Time::ZERO), "no station is on this channel");
    assert!(air.send_from_board(&request, 6, Rate::DSSS_1M, Time::ZERO));
    let mut arrivals = Vec::new();
    while let Some(at) = air.deadline().filter(|at| *at < Time::from_micros(100_000)) {
        while let Some(frame) = air.take_for_board(at) {
            let answer = Mpdu::new(&frame.bytes).unwrap();
            if answer.receiver() == STATION {
                arrivals.push((at, answer.control().has(Control::RETRY)));
                air.report(frame, false);
            }
        }
    }
    assert_eq!(arrivals.len(), 8);
    assert!(!arrivals[0].1 && arrivals[1..].iter().all(|(_, retry)| *retry));
    assert!(arrivals.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= SPACING));
    air.remove_access_point("home").unwrap();
    assert_eq!(air.remove_access_point("home"), Err(AirError::NoSuchNetwork { ssid: "home".into() }));
    assert!(!air.send_from_board(&request, 6, Rate::DSSS_1M, Time::from_micros(200_000)));
}

#[test]
fn impossible_networks_are_refused() {
    let mut air = Air::new(0);
    for (settings, error) in [
        (AccessPoint::new(""), AirError::Ssid { length: 0 }),
        (AccessPoint { channel: 15, ..AccessPoint::new("home") }, AirError::Channel { channel: 15 }),
        (AccessPoint::wpa2("home", "short"), AirError::Password { length: 5 }),
    ] {
        assert_eq!(air.add_access_point(settings), Err(error));
    }
    assert_eq!(air.deadline(), None);
}

proptest! {
    /// Whatever a broken driver sends, the networks survive it.
    #[test]
    fn garbage_does_no_harm(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20)) {
        let mut air = Air::new(0);
        air.add_access_point(AccessPoint { bssid: Some(BSSID.0), ..AccessPoint::wpa2("home", PASSWORD) }).unwrap();
        air.add_station(Station { address: Some(STATION.0), ..Station::open("board") }).unwrap();
        let mut now = Time::ZERO;
        for mut frame in frames {
            air.send_from_board(&frame, 1, Rate::DSSS_1M, now);
            air.send_from_lan(&frame, now);
            if frame.len() >= 10 {
                // The same, but for the network.
                frame[4..10].copy_from_slice(&BSSID.0);
                air.send_from_board(&frame, 1, Rate::DSSS_1M, now);
            }
            now += Span::from_micros(777);
            while air.take_for_board(now).is_some() {}
            while air.take_for_lan().is_some() {}
        }
    }
}
