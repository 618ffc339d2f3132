//! Inputs for each second of CPU time that a search gives to a board, on one thread: `cargo bench -p espalier-fuzz --features search`, with
//! the name of a row for that alone. What a busy machine does to clocks on the wall does nothing to these.
//!
//! The row of an echo needs the image of MicroPython that `ci/fetch-images` fetches; `ESPALIER_IMAGES` names another folder.
//! `ESPALIER_SECONDS` says how long each row takes, 10 s unless it is set.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use espalier::{Board, Kind, Model, PeerStream, Units};
use espalier_fuzz::{Entry, Fuzz};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TUTORIAL: &str = "fixtures/firmware/tutorial-esp32.bin";
const MICROPYTHON: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const PORT: u16 = 5001;
const SECONDS: f64 = 10.0;
/// The chip's own Ethernet, and a server that sends back what it gets.
const LAN: &str = "[ethernet]\nphy = \"lan8720\"\n";
const ECHO: &str = "
import network, socket, time
from machine import Pin
lan = network.LAN(mdc=Pin(23), mdio=Pin(18), power=None, phy_type=network.PHY_LAN8720, phy_addr=1)
lan.active(True)
while not lan.isconnected(): time.sleep_ms(50)
s = socket.socket()
s.bind(('', 5001))
s.listen(1)
print('listening')
c, _ = s.accept()
while True:
    d = c.recv(2000)
    if not d: break
    c.sendall(d)
";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// CPU time of this process, in seconds: fields 14 and 15 of `/proc/self/stat` (proc_pid_stat(5)), in units of 10 ms.
fn taken() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn measure(name: &str, board: &Board, entry: Entry, seed: &[u8]) -> Result<()> {
    let seconds = std::env::var("ESPALIER_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let begun = taken();
    let fuzz = Fuzz::new(entry).seed(seed).threads(1).random(1).time(Duration::from_secs(3600));
    // A look at `/proc` takes a part of the time of an input.
    let asked = AtomicU64::new(0);
    let over = || asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) && taken() - begun >= seconds;
    let report = fuzz.run(board, over)?;
    let rate = report.progress.executions as f64 / (taken() - begun);
    println!("| {name:<44} | {rate:>8.0} | {:>8} | {:>6} |", report.progress.executions, report.progress.inputs);
    report.findings.iter().for_each(|finding| eprintln!("{finding}"));
    Ok(())
}

/// The tutorial's server, and a connection to it.
async fn tutorial() -> Result<(Board, PeerStream)> {
    let firmware = Path::new(ROOT).join(TUTORIAL);
    let board = Board::builder().kind(Kind::Emulated).model(Model::MPython).firmware(firmware).start().await?;
    board.console().expect("@event address ").await?;
    board.console().send_line(format!("server {PORT}")).await?;
    board.console().expect("@event listening ").await?;
    let socket = board.peer().connect(PORT).await?;
    board.console().expect("@event accepted ").await?;
    Ok((board, socket))
}

/// A server that only sends back what it gets, and a connection to it.
async fn echo(image: &Path) -> Result<(Board, PeerStream)> {
    let file = std::env::temp_dir().join(format!("espalier-rates-{}.toml", std::process::id()));
    std::fs::write(&file, LAN)?;
    let board = Board::builder().kind(Kind::Emulated).model(Model::File(file.clone())).firmware(image).start().await;
    std::fs::remove_file(file)?;
    let board = board?;
    board.console().expect(">>> ").within(10.s()).await?;
    board.micropython().start(ECHO).await?;
    board.console().expect_line("listening").within(30.s()).await?;
    let socket = board.peer().connect(PORT).await?;
    // The connection has come to the script.
    board.run_for(100.ms()).await?;
    Ok((board, socket))
}

/// A request for the address of the board.
fn arp(board: Ipv4Addr) -> Vec<u8> {
    let sender = [2, 0, 0, 0, 0, 9];
    let request = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    [&[0xFF; 6][..], &sender, &request, &sender, &[10, 0, 2, 9], &[0; 6], &board.octets()].concat()
}

async fn table(only: Option<&str>) -> Result<()> {
    println!("| {:<44} | {:>8} | {:>8} | {:>6} |", "to the board", "a second", "inputs", "corpus");
    let wanted = |name: &str| only.is_none_or(|only| name == only);
    let (board, socket) = tutorial().await?;
    if wanted("ethernet") {
        let request = arp(board.address().await?);
        measure("ethernet: a frame to the tutorial's server", &board, Entry::ethernet(), &request)?;
    }
    if wanted("uart") {
        measure("uart: bytes on the tutorial's console", &board, Entry::uart(0), b"help\r\n")?;
    }
    if wanted("display") {
        measure("display: a message that is drawn and echoed", &board, Entry::tcp(&socket), b"Hello")?;
    }
    let folder =
        std::env::var_os("ESPALIER_IMAGES").map_or_else(|| Path::new(ROOT).join("target/images"), PathBuf::from);
    let image = folder.join(MICROPYTHON);
    if !wanted("echo") {
        return Ok(());
    }
    if !image.exists() {
        eprintln!("the echo is not measured: {} is missing; ci/fetch-images fetches it", image.display());
        return Ok(());
    }
    let (board, socket) = echo(&image).await?;
    measure("echo: a message that MicroPython sends back", &board, Entry::tcp(&socket), b"Hello")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Cargo adds options that start with dashes.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    table(only.as_deref()).await
}
