//! Many boards in one process, and what is left of them.

use espalier_serve::Server;

use crate::client::{Bridge, Link, downloading};

/// SLIP (RFC 1055), as the ROM's loader uses it.
const END: u8 = 0xC0;
/// Commands of the ROM's loader (esptool documentation, "Serial protocol").
const SYNC: u8 = 0x08;
const READ_REG: u8 = 0x0A;
/// EFUSE_BLK0_RDATA1: the lower four bytes of the factory MAC address (TRM, "eFuse Controller").
const MAC_LOW: u32 = 0x3FF5_A004;
const BOARDS: u8 = 10;

fn request(command: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![END, 0x00, command];
    packet.extend((data.len() as u16).to_le_bytes());
    packet.extend([0; 4]);
    packet.extend(data);
    packet.push(END);
    packet
}

/// Enters the loader and reads the board's MAC address through it.
fn last_byte_of_mac(server: &Server) -> u8 {
    let mut bridge = Bridge::connect(server.rfc2217_address().unwrap(), 115_200);
    bridge.set_lines(false, true);
    bridge.set_lines(true, true);
    bridge.set_lines(true, false);
    bridge.wait_for(b"waiting for download");
    bridge.set_lines(false, false);
    let mut sync = vec![0x07, 0x07, 0x12, 0x20];
    sync.extend([0x55; 32]);
    let mut heard = Vec::new();
    // The first ones are for the ROM to measure the rate.
    while !heard.windows(3).any(|window| window == [END, 0x01, SYNC]) {
        bridge.send(&request(SYNC, &sync));
        heard.extend((0..5).flat_map(|_| bridge.hear()));
    }
    bridge.send(&request(READ_REG, &MAC_LOW.to_le_bytes()));
    let answer = [END, 0x01, READ_REG, 4, 0];
    let mut heard = bridge.wait_for(&answer);
    while heard.windows(5).position(|window| window == answer).is_some_and(|at| heard.len() < at + 9) {
        heard.extend(bridge.hear());
    }
    let at = heard.windows(5).position(|window| window == answer).unwrap();
    heard[at + 5]
}

#[test]
fn ten_boards_at_once_do_not_mix() {
    let servers: Vec<_> = (0..BOARDS).map(|number| (number, downloading(0x20 + number))).collect();
    std::thread::scope(|scope| {
        let clients: Vec<_> =
            servers.iter().map(|(number, server)| (number, scope.spawn(|| last_byte_of_mac(server)))).collect();
        for (number, client) in clients {
            assert_eq!(client.join().unwrap(), 0x20 + number);
        }
    });
}

/// Threads of this process that serve boards.
#[cfg(target_os = "linux")]
fn threads_of(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

/// Waits until so many threads serve boards and their ports: a thread takes its name when it first runs, and the kernel lists it for
/// a moment after it was joined.
#[cfg(target_os = "linux")]
fn wait_for_threads(expected: (usize, usize)) {
    let begun = std::time::Instant::now();
    loop {
        let threads = (threads_of("espalier-board"), threads_of("espalier-io"));
        if threads == expected {
            return;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{threads:?} instead of {expected:?}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Runs in a process of its own, because the other tests have threads too.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_left_of_a_board() {
    const CHILD: &str = "ESPALIER_SERVE_TEST_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let test = "isolation::nothing_is_left_of_a_board";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads=1"])
            .env(CHILD, "1")
            .status();
        assert!(child.unwrap().success());
        return;
    }
    let server = downloading(0x10);
    let address = server.rfc2217_address().unwrap();
    let client = Bridge::connect(address, 115_200);
    wait_for_threads((1, 1));
    let machine = server.shutdown();
    assert_eq!(machine.board().mac[5], 0x10);
    wait_for_threads((0, 0));
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(client);
    drop(downloading(0x10));
    wait_for_threads((0, 0));
}
