//! Promises of the emulated machine: the chip's own code prints, and every run is the same.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use espalier::{Board, Capability, Model, Result, Units, Wait, needs};
use rstest::rstest;

use crate::common::{IMAGE, board, start};

#[tokio::test]
async fn rom_bootloader_and_application_speak_for_themselves() -> Result<()> {
    let board = start().await?;
    let console = board.console();
    console.expect_regex(r"rst:0x1 \(POWERON_RESET\),boot:0x\w+ \(SPI_FAST_FLASH_BOOT\)").await?;
    console.expect_regex(r"boot: ESP-IDF v[\w.-]+ 2nd stage bootloader").await?;
    console.expect_line("Loaded app from partition at offset 0x10000").await?;
    console.expect_line("@event started espalier-app").await?;
    Ok(())
}

async fn play(board: &Board) -> Result<u64> {
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.send("same").await?;
    socket.expect("same").await?;
    board.run_for(100.ms()).await?;
    Ok(board.trace_hash().expect("an emulated board has a trace"))
}

#[tokio::test]
async fn two_runs_and_a_fork_are_the_same() -> Result<()> {
    let first = start().await?;
    needs!(first, Capability::Fork, Capability::VirtualTime);
    let second = start().await?;
    let mut hashes = Vec::new();
    for board in [&first, &second] {
        board.console().expect("@event address").await?;
        hashes.push(board.trace_hash());
    }
    assert_eq!(hashes[0], hashes[1]);
    let fork = first.fork()?;
    let straight = play(&first).await?;
    assert_eq!(play(&fork).await?, straight, "a fork");
    assert_eq!(play(&second).await?, straight, "a second run");
    assert_eq!(first.console().bytes(), second.console().bytes());
    Ok(())
}

/// Boots and plays on a thread of its own, as tests of one binary do.
fn on_a_thread() -> std::thread::JoinHandle<u64> {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let run = async {
            let board = start().await?;
            board.console().expect("@event address").await?;
            play(&board).await
        };
        runtime.block_on(run).expect("the tutorial plays")
    })
}

#[tokio::test]
async fn boards_in_parallel_on_a_busy_host_are_the_same_too() -> Result<()> {
    needs!(start().await?, Capability::VirtualTime);
    let alone = on_a_thread().join().expect("no panic");
    let busy = Arc::new(AtomicBool::new(true));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let busy = busy.clone();
            std::thread::spawn(move || {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    let boards: Vec<_> = (0..3).map(|_| on_a_thread()).collect();
    let hashes: Vec<_> = boards.into_iter().map(|board| board.join().expect("no panic")).collect();
    busy.store(false, Ordering::Relaxed);
    load.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(hashes, [alone; 3]);
    Ok(())
}

#[tokio::test]
async fn a_strict_board_halts_at_what_is_not_modelled() -> Result<()> {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).strict(true).start().await?;
    needs!(board, Capability::VirtualTime);
    let outcome = board.console().expect("@event address").await;
    let unmodelled = board.unmodelled();
    match outcome {
        Ok(_) => assert!(unmodelled.is_empty(), "{unmodelled:?}"),
        Err(error) => {
            assert!(error.to_string().starts_with("the board halted: "), "{error}");
            assert!(unmodelled.iter().any(|access| error.to_string().contains(access)), "{error}");
        }
    }
    Ok(())
}

#[rstest]
#[case::noise(&[0xFF, 0x00, 0x80, 0x1B, 0xC0, 0xDB, 0x0A, 0x0D])]
#[case::endless_line(&[b'x'; 5000])]
#[case::half_a_character(&[0xE4, 0xBD, b'\r'])]
#[tokio::test]
async fn garbage_on_the_console_does_no_harm(#[future(awt)] board: Board, #[case] garbage: &[u8]) -> Result<()> {
    let console = board.console();
    console.send(garbage).await?;
    board.run_for(1.s()).await?;
    console.send_line("").await?;
    console.send_line("hello").await?;
    console.expect("@hello espalier-app").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn waits_that_are_joined_share_the_boards_time(#[future(awt)] board: Board) -> Result<()> {
    let console = board.console();
    let begin = board.now();
    console.send_line("hello").await?;
    let (hello, passed) = tokio::join!(console.expect("@hello espalier-app"), board.run_for(200.ms()));
    hello?;
    passed?;
    assert!(board.now().since(begin) < 300.ms());
    Ok(())
}

/// Counts the polls of a wait until it has given up.
async fn polls<T>(wait: Wait<T>) -> usize {
    let (mut wait, mut polls) = (pin!(wait.within(200.ms())), 0);
    let met = poll_fn(|cx| {
        polls += 1;
        wait.as_mut().poll(cx)
    });
    assert!(met.await.is_err(), "what is not to come has come");
    polls
}

/// Each look whether something has come costs a run of the board, so no wait may have shorter ones than the others.
#[rstest]
#[tokio::test]
async fn all_waits_let_the_board_run_as_far_at_once(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::Fork, Capability::VirtualTime);
    let fork = board.fork()?;
    let listener = fork.peer().listen(5001).await?;
    fork.console().send_line(format!("client {} 5001", fork.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.expect("hello mPython,I am TCP Client").await?;
    // A wait for nothing but text lets more pass at once after a while.
    let console = polls(fork.console().expect_regex("never printed")).await;
    assert!(polls(fork.console().expect("never printed")).await < console);
    let bound = console + console / 10;
    let datagrams = fork.peer().udp(5002)?;
    for (what, polls) in [
        ("accept", polls(listener.accept()).await),
        ("receive", polls(socket.receive()).await),
        ("expect", polls(socket.expect("never sent")).await),
        ("close", polls(socket.expect_close()).await),
        ("datagram", polls(datagrams.receive()).await),
    ] {
        assert!(polls <= bound, "{what}: {polls} polls, and {console} for the console");
    }
    Ok(())
}
