//! Data that passes through a board for long does not accumulate: memory of the process that runs it, measured from outside. In a process
//! of its own.
//!
//! The firmware is the tutorial's, which shows, echoes and reports every message. Its console, its transcript and the record of its
//! network all grow beyond their bounds here. `cargo test --test soak -- --ignored` sends two hundred megabytes over the Wi-Fi of
//! MicroPython, from the board and with a line of the console for each kilobyte, which takes minutes.

#![cfg(target_os = "linux")]

use espalier::{Board, Kind, Model, PeerStream, Result, Units};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const MICROPYTHON: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");
/// Kilobytes that the process may grow by.
const GROWTH: u64 = 10 * 1024;
/// The bytes that the firmware takes at once.
const MESSAGE: usize = 1000;

/// A line of the process's status, in kilobytes (proc(5)).
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A board and the connection over which it echoes; None on a board whose memory is not this process's.
async fn connected() -> Result<Option<(Board, PeerStream)>> {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).start().await?;
    if board.kind() != Kind::Emulated {
        return Ok(None);
    }
    board.console().expect("@event address").await?;
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.expect("hello mPython,I am TCP Client").await?;
    Ok(Some((board, socket)))
}

async fn echo(socket: &PeerStream, messages: usize) -> Result<()> {
    let message = vec![b'x'; MESSAGE];
    for _ in 0..messages {
        socket.send(&message).await?;
        let mut missing = MESSAGE;
        while missing > 0 {
            missing -= socket.receive().within(60.s()).await?.len();
        }
    }
    Ok(())
}

async fn soak(messages: usize) -> Result<()> {
    let Some((board, socket)) = connected().await? else { return Ok(()) };
    // Long enough that everything has its full size.
    echo(&socket, messages / 2).await?;
    let before = memory("VmRSS");
    echo(&socket, messages).await?;
    // All at once: the connection takes what it has room for, and no copy is made of the rest.
    let large = vec![b'y'; messages * MESSAGE / 4];
    let sending = async { socket.send(&large).within(36_000.s()).await };
    let receiving = async {
        let mut missing = large.len();
        while missing > 0 {
            missing -= socket.receive().within(60.s()).await?.len();
        }
        Ok(())
    };
    tokio::try_join!(sending, receiving)?;
    let (peak, expected) = (memory("VmHWM"), before + large.len() as u64 / 1024 + GROWTH);
    assert!(peak < expected, "{before} kB before, {peak} kB at most, {expected} kB expected");
    let first = board.peer().transcript().remove(0).to_string();
    assert!(first.contains("were dropped"), "{first}");
    Ok(())
}

#[tokio::test]
async fn megabytes_leave_nothing_behind() -> Result<()> {
    soak(2000).await
}

/// Joins a network, connects to the peer and sends megabytes, with a line of the console for each tenth of one.
const SENDER: &str = "
import network, socket, time
w = network.WLAN(network.STA_IF)
w.active(True)
w.connect('home', 'correct horse')
while not w.isconnected():
 time.sleep_ms(10)
s = socket.socket()
s.connect((PEER, 5001))
b = bytearray(4096)
n = 0
while True:
 n += s.write(b)
 if n % (25 * 4096) == 0:
  print('sent', n, '.' * 2000)
";

#[tokio::test]
#[ignore = "takes minutes, and needs the image that ci/fetch-images fetches"]
async fn two_hundred_megabytes_leave_nothing_behind() -> Result<()> {
    const MEGABYTE: usize = 1_000_000;
    // By then everything has its full size: the console and both records of the network.
    const SETTLED: usize = 40 * MEGABYTE;
    const ALL: usize = 240 * MEGABYTE;
    let board = Board::builder().kind(Kind::Emulated).firmware(MICROPYTHON).start().await?;
    board.console().expect(">>> ").await?;
    board.air().access_point("home").password("correct horse").start()?;
    let listener = board.peer().listen(5001).await?;
    let sender = format!("PEER = '{}'\n{SENDER}", board.peer().address());
    board.micropython().start(sender).await?;
    let socket = listener.accept().within(60.s()).await?;
    let (mut received, mut before) = (0, None);
    while received < ALL {
        received += socket.receive().within(60.s()).await?.len();
        if received >= SETTLED && before.is_none() {
            before = Some(memory("VmRSS"));
            println!("{} kB after {received} bytes", memory("VmRSS"));
        }
    }
    let (before, peak) = (before.unwrap_or_default(), memory("VmHWM"));
    println!("{peak} kB at most after {received} bytes, at {} of board time", board.now());
    assert!(peak < before + GROWTH, "{before} kB before, {peak} kB at most");
    Ok(())
}
