//! Duration of tests: start-up, a fork, and the tutorial's client from its connection to its end. `cargo bench -p espalier-benches`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use espalier::{Board, Model, Result};
use tokio::runtime::{Builder, Runtime};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/firmware/tutorial-esp32.bin");
const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/goldens/app");
const PORT: u16 = 5001;
const GREETING: &str = "hello mPython,I am TCP Client";
const MESSAGE: &str = "你好,掌控板!";
/// Starting a board takes long enough to be measured a few times only.
const STARTS: usize = 10;

async fn boot() -> Result<Board> {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).goldens(GOLDENS).start().await?;
    board.console().expect("@event address").await?;
    Ok(board)
}

/// Everything that a test of the client does, on a fork of its own.
async fn client(booted: &Board) -> Result<()> {
    let board = booted.fork()?;
    let listener = board.peer().listen(PORT).await?;
    board.console().send_line(format!("client {} {PORT}", board.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    socket.send(MESSAGE).await?;
    socket.expect(MESSAGE).await?;
    board.screen().settled().await?.assert_golden("client-received-chinese")?;
    socket.close().await?;
    socket.expect_close().await?;
    Ok(())
}

fn measure(criterion: &mut Criterion, runtime: &Runtime) -> Result<()> {
    let booted = runtime.block_on(boot())?;
    criterion.bench_function("fork a booted board", |bench| bench.iter(|| black_box(booted.fork()).map(drop)));
    criterion.bench_function("client test from a fork", |bench| {
        bench.iter(|| runtime.block_on(client(&booted)).unwrap_or_else(|error| panic!("{error}")));
    });
    let mut start = criterion.benchmark_group("start");
    start.sample_size(STARTS);
    start.bench_function("to the board's address", |bench| {
        bench.iter(|| runtime.block_on(boot()).unwrap_or_else(|error| panic!("{error}")));
    });
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let measured = Builder::new_current_thread().build().map_err(Into::into);
    measured
        .and_then(|runtime| measure(criterion, &runtime))
        .unwrap_or_else(|error: espalier::Error| panic!("{error}"));
}

criterion_group!(group, benches);
criterion_main!(group);
