//! Frames of 802.11 that a board's radio sends into the air, and Ethernet frames that go there from the LAN.

use espalier_core::{Span, Time};
use espalier_net::{AccessPoint, Air, Rate, Station};

const NETWORK: [u8; 6] = [2, 0, 0, 0, 0, 1];
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// Where a frame has its receiver.
const RECEIVER: std::ops::Range<usize> = 4..10;
/// The rest of guest time after the last frame.
const AFTER: Span = Span::from_secs(5);
/// More events than a handful of frames can cause in that time: beacons and what is repeated.
const EVENTS: usize = 20_000;

/// The first byte of each frame says who gets it, and whether it comes from the board.
pub(crate) fn frames(input: &[u8]) {
    let mut air = Air::new(0);
    let open = AccessPoint { bssid: Some(NETWORK), ..AccessPoint::new("home") };
    air.add_access_point(open).expect("a network of a new address");
    air.add_station(Station { address: Some(STATION), ..Station::open("board") }).expect("a station of a new address");
    let mut now = Time::ZERO;
    for piece in crate::pieces(input) {
        let Some((to, bytes)) = piece.split_first() else { continue };
        let mut frame = bytes.to_vec();
        if let Some(receiver) = frame.get_mut(RECEIVER) {
            match to % 4 {
                0 => receiver.copy_from_slice(&NETWORK),
                1 => receiver.copy_from_slice(&STATION),
                2 => receiver.fill(0xFF),
                _ => {}
            }
        }
        if to & 0x80 == 0 {
            air.send_from_board(&frame, 1, Rate::DSSS_1M, now);
        } else {
            air.send_from_lan(&frame, now);
        }
        now += Span::from_micros(777);
        drain(&mut air, now, to & 0x40 != 0);
    }
    let (end, mut events) = (now + AFTER, 0);
    while let Some(at) = air.deadline().filter(|at| *at <= end) {
        let at = at.max(air.now());
        drain(&mut air, at, true);
        events += 1;
        assert!(events < EVENTS, "the air does not come to rest");
    }
}

fn drain(air: &mut Air, now: Time, acknowledged: bool) {
    while let Some(frame) = air.take_for_board(now) {
        air.report(frame, acknowledged);
    }
    while air.take_for_lan().is_some() {}
}
