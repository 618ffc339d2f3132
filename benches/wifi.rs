//! Wi-Fi on MicroPython: how long it takes to join a network, and how fast TCP is, for the board and for the host.
//! `cargo bench -p espalier-benches --bench wifi`; without the image that `ci/fetch-images` fetches there is nothing to measure.

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use espalier::{Board, PeerStream, Result, Span, Units};
use tokio::runtime::{Builder, Runtime};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");
const PASSWORD: &str = "correct horse";
const PORT: u16 = 5001;
/// Bytes that go over a connection, and how many of them MicroPython handles at once.
const BYTES: usize = 256 * 1024;
const PIECE: usize = 4096;
const SAMPLES: usize = 10;

const JOIN: &str = "import network, socket, time\n\
    w = network.WLAN(network.STA_IF)\n\
    w.active(True)\n\
    w.connect('home', 'correct horse')\n\
    while not w.isconnected(): time.sleep_ms(1)\n\
    print('joined')\n";

/// A board at its prompt in the range of a network.
async fn boot(image: &Path) -> Result<Board> {
    let board = Board::builder().firmware(image).start().await?;
    board.console().expect(">>> ").await?;
    board.air().access_point("home").password(PASSWORD).start()?;
    Ok(board)
}

/// From the end of the script's way to the board until it has an address.
async fn join(booted: &Board) -> Result<(Board, Span)> {
    let board = booted.fork()?;
    let running = board.micropython().start(JOIN).await?;
    let begun = board.now();
    board.console().expect_line("joined").within(30.s()).await?;
    let taken = board.now().since(begun);
    running.finished().await?;
    Ok((board, taken))
}

/// A script that connects to the peer, and the connection.
async fn connect(joined: &Board, body: &str) -> Result<(Board, PeerStream)> {
    let board = joined.fork()?;
    let listener = board.peer().listen(PORT).await?;
    let script = format!(
        "s = socket.socket()\ns.connect(('10.0.2.2', {PORT}))\nb = bytearray({PIECE})\nn = {BYTES}\n\
         while n:\n {body}\ns.close()\n"
    );
    board.micropython().start(script).await?;
    let socket = listener.accept().await?;
    Ok((board, socket))
}

async fn from_board(joined: &Board) -> Result<Span> {
    let (board, socket) = connect(joined, "n -= s.write(b)").await?;
    let (begun, mut count) = (board.now(), 0);
    while count < BYTES {
        count += socket.receive().await?.len();
    }
    Ok(board.now().since(begun))
}

async fn to_board(joined: &Board) -> Result<Span> {
    let (board, socket) = connect(joined, "n -= s.readinto(b)").await?;
    let begun = board.now();
    socket.send(vec![0; BYTES]).within(60.s()).await?;
    socket.expect_close().within(60.s()).await?;
    Ok(board.now().since(begun))
}

fn rate(taken: Span) -> f64 {
    BYTES as f64 / taken.as_micros() as f64 * 1000.0
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, image: &Path) -> Result<()> {
    let booted = runtime.block_on(boot(image))?;
    let (joined, taken) = runtime.block_on(join(&booted))?;
    println!("board time to join with WPA2 and DHCP: {taken}");
    println!("board's rate of TCP from the board: {:.0} kB/s", rate(runtime.block_on(from_board(&joined))?));
    println!("board's rate of TCP to the board: {:.0} kB/s", rate(runtime.block_on(to_board(&joined))?));
    let mut group = criterion.benchmark_group("wifi");
    group.sample_size(SAMPLES);
    group.bench_function("join with WPA2 and DHCP", |bench| {
        bench.iter(|| runtime.block_on(join(&booted)).map(drop).unwrap_or_else(|error| panic!("{error}")));
    });
    group.bench_function("256 KiB from the board", |bench| {
        bench.iter(|| runtime.block_on(from_board(&joined)).unwrap_or_else(|error| panic!("{error}")));
    });
    group.bench_function("256 KiB to the board", |bench| {
        bench.iter(|| runtime.block_on(to_board(&joined)).unwrap_or_else(|error| panic!("{error}")));
    });
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let image = std::env::var_os("ESPALIER_IMAGES").map_or_else(
        || PathBuf::from(IMAGE),
        |folder| Path::new(&folder).join(Path::new(IMAGE).file_name().unwrap_or_default()),
    );
    if !image.exists() {
        eprintln!("nothing is measured: {} is missing; ci/fetch-images fetches it", image.display());
        return;
    }
    let measured = Builder::new_current_thread().build().map_err(Into::into);
    measured
        .and_then(|runtime| measure(criterion, &runtime, &image))
        .unwrap_or_else(|error: espalier::Error| panic!("{error}"));
}

criterion_group!(group, benches);
criterion_main!(group);
