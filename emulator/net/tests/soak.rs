//! Two hundred megabytes over one connection leave nothing behind. The board is smoltcp, not firmware, so that it takes seconds; what
//! a real board leaves behind is measured by the soak test of the harness. In a process of its own, whose memory it measures.

#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "most of it is for the other tests")]
#[path = "lan/common/mod.rs"]
mod common;

use std::net::SocketAddrV4;

use common::{Board, PEER};
use espalier_core::Span;
use espalier_net::{ConnState, Lan, LanConfig};

const PORT: u16 = 5001;
/// Bytes in both directions together.
const TOTAL: usize = 200_000_000;
/// Kilobytes that the process may grow by.
const GROWTH: u64 = 10 * 1024;
/// Continuous recordings are part of the measurement.
const RECORD: usize = 2 << 20;

/// A line of the process's status, in kilobytes (proc(5)).
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_hundred_megabytes_leave_nothing_behind() {
    let mut board = Board::new(Lan::new(LanConfig::default()).unwrap());
    board.records = false;
    board.lan.start_capture(RECORD);
    let listener = board.lan.listen(PORT).unwrap();
    let socket = board.connect(SocketAddrV4::new(PEER, PORT), 50_000);
    let mut connection = None;
    board.run_until(Span::from_secs(1), |board| {
        connection = board.lan.accept(listener);
        connection.is_some()
    });
    let connection = connection.unwrap();
    let piece: Vec<u8> = (0..8192_u32).map(|n| (n / 3) as u8).collect();
    let mut buffer = vec![0; 1 << 16];
    let (mut up, mut down, mut before) = (0, 0, None);
    board.run_until(Span::from_secs(3600), |board| {
        let _ = board.tcp(socket).send_slice(&piece);
        board.lan.send(connection, &piece);
        up += board.lan.receive(connection, &mut buffer);
        down += board.tcp(socket).recv_slice(&mut buffer).unwrap_or(0);
        // Buffers and the record have their full size by then.
        if up + down > TOTAL / 20 && before.is_none() {
            before = Some(memory("VmRSS"));
        }
        up + down >= TOTAL
    });
    assert_eq!(board.lan.state(connection), ConnState::Open);
    assert!(up > TOTAL / 10 && down > TOTAL / 10, "{up} bytes up, {down} down");
    let (before, peak) = (before.unwrap(), memory("VmHWM"));
    assert!(peak < before + GROWTH, "{before} kB after a twentieth, {peak} kB at most");
    // A fork has a connection with all that is under way, and no more.
    let mut fork = board.lan.clone();
    fork.abort(connection);
    assert_eq!((board.lan.state(connection), fork.state(connection)), (ConnState::Open, ConnState::Aborted));
}
