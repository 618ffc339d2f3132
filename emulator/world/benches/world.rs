//! Costs of boards in one world: on one thread and on two, and in memory.
//!
//! `cargo bench -p espalier-world`; the boards run official MicroPython, which `ci/fetch-images` fetches.

use std::path::PathBuf;
use std::time::Instant;

use espalier_core::Span;
use espalier_soc::MachineConfig;
use espalier_world::World;

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const IMAGE_OFFSET: u32 = 0x1000;
const BOOT: Span = Span::from_millis(1500);
const BUSY: Span = Span::from_secs(1);
const IDLE: usize = 100;

fn booted(image: &[u8], count: usize) -> World {
    let mut world = World::new(0).expect("a world");
    for place in 0..count {
        let board = world.add_board(&format!("board {place}"), &MachineConfig::default()).expect("a board");
        world.board_mut(board).load_flash(IMAGE_OFFSET, image).expect("the image fits");
    }
    world.run_for(BOOT);
    world
}

/// Two boards that count, on so many threads: seconds on the clock, and the trace.
fn count(booted: &World, threads: usize) -> (f64, u64) {
    let mut world = booted.clone();
    world.set_threads(threads);
    let boards: Vec<_> = world.boards().map(|(board, _)| board).collect();
    for board in boards {
        world.board_mut(board).uart_send(0, b"n=0\rwhile True: n+=1\r\r\r");
    }
    world.run_for(Span::from_millis(100));
    let start = Instant::now();
    world.run_for(BUSY);
    (start.elapsed().as_secs_f64(), world.trace_hash())
}

/// Resident memory in megabytes, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn main() {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images"));
    let Ok(image) = std::fs::read(directory.join(IMAGE)) else {
        println!("not measured: {IMAGE} is missing; fetch it with ci/fetch-images");
        return;
    };
    let two = booted(&image, 2);
    let (one_thread, trace) = count(&two, 1);
    let (two_threads, same) = count(&two, 2);
    assert_eq!(trace, same, "the number of threads must not change the run");
    println!("two busy boards, {BUSY} of their time: {one_thread:.2} s on one thread, {two_threads:.2} s on two");
    println!("two threads are {:.2} times as fast", one_thread / two_threads);
    let mut wired = two.clone();
    let [one, other] = wired.boards().map(|(board, _)| board).collect::<Vec<_>>()[..] else { panic!("two boards") };
    wired.wire((one, 17), (other, 16)).expect("a wire");
    let ((one_thread, trace), (two_threads, same)) = (count(&wired, 1), count(&wired, 2));
    assert_eq!(trace, same, "the number of threads must not change the run");
    println!("the same with a wire between them: {one_thread:.2} s on one thread, {two_threads:.2} s on two");
    drop((two, wired));
    let before = resident();
    let start = Instant::now();
    let mut world = booted(&image, IDLE);
    let boot = start.elapsed().as_secs_f64();
    world.run_for(BUSY);
    println!(
        "{IDLE} boards booted in {boot:.1} s, then idle for {BUSY}: {:.1} s",
        start.elapsed().as_secs_f64() - boot
    );
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("{IDLE} idle boards take {} MB", after.saturating_sub(before));
    }
}
