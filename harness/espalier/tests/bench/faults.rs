//! Faults on a bench: each is reported in seconds, no process is left running, and the next run works.

use std::time::{Duration, Instant};

use espalier::{BenchError, Board, FlashError, Image, Result, Units};
use espalier_serve::{Pace, ServeConfig, Server};

use crate::noise::noise;
use crate::served::{IMAGE, Served};

/// Longest acceptable time until a fault is reported.
const SECONDS: Duration = Duration::from_secs(15);

fn bench_error(error: &espalier::Error) -> &BenchError {
    error.find().unwrap_or_else(|| panic!("not about the bench: {error}"))
}

#[tokio::test]
async fn a_cable_that_is_pulled_while_flashing_is_reported() -> Result<()> {
    let mut served = Served::start(Pace::RealTime);
    let board = served.board("served").start().await?;
    let mut flasher = board.flasher().connect().await?;
    let begun = Instant::now();
    let mut server = Some(served.server);
    let error = flasher
        .write(0x10000, &noise(0x4_0000), |progress| {
            if progress.done > 0 {
                // Shutting the server down closes its ports, as pulling the cable does.
                drop(server.take());
            }
        })
        .await
        .unwrap_err();
    assert!(matches!(bench_error(&error), BenchError::Gone { .. }), "{error}");
    assert!(begun.elapsed() < SECONDS);
    let again = board.console().expect("anything").await.unwrap_err();
    assert!(matches!(bench_error(&again), BenchError::Gone { .. }), "{again}");
    drop((flasher, board));
    // The next run works.
    served = Served::start(Pace::RealTime);
    let board = served.board("served").firmware(IMAGE).start().await?;
    board.console().expect("@event started").await?;
    Ok(())
}

#[tokio::test]
async fn a_board_that_is_plugged_in_again_goes_on_after_a_reset() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let board = served.board("served").firmware(IMAGE).start().await?;
    board.console().expect("@event started").await?;
    let address = served.server.rfc2217_address();
    let machine = served.server.shutdown();
    let error = board.console().expect("anything").await.unwrap_err();
    assert!(matches!(bench_error(&error), BenchError::Gone { .. }), "{error}");
    let error = board.reset().await.unwrap_err();
    assert!(matches!(bench_error(&error), BenchError::Open { .. }), "{error}");

    let config = ServeConfig { rfc2217: address, ..ServeConfig::default() };
    let _server = Server::start(machine, &config).unwrap();
    board.reset().await?;
    board.console().expect("@event started").await?;
    Ok(())
}

#[tokio::test]
async fn a_port_that_another_process_has_is_busy() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let other = std::net::TcpStream::connect(served.server.rfc2217_address().unwrap())?;
    // It counts as connected when the server has taken it.
    while !served.server.statistics().iter().any(|port| port.name == "rfc2217" && port.connected) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let error = served.board("served").start().await.err().unwrap();
    assert!(matches!(bench_error(&error), BenchError::Busy { .. }), "{error}");
    assert!(error.to_string().contains("another client is connected"), "{error}");
    drop(other);
    while served.server.statistics().iter().any(|port| port.name == "rfc2217" && port.connected) {
        std::thread::sleep(Duration::from_millis(5));
    }
    served.board("served").start().await?;
    Ok(())
}

#[tokio::test]
async fn an_image_for_another_chip_is_refused_before_anything_is_written() -> Result<()> {
    let mut bytes = std::fs::read(IMAGE)?;
    // The chip id of the ESP32-C3 in the extended header (ESP-IDF, "App Image Format").
    bytes[12] = 5;
    // No digest is appended to it then.
    bytes[23] = 0;
    let error = Image::from_bytes("c3.bin", bytes).unwrap_err().to_string();
    assert!(error.starts_with("c3.bin is for the ESP32-C3 (chip id 5), the board has an ESP32"), "{error}");
    Ok(())
}

/// The loader in the ROM of an ESP32-C3, as far as a host asks it who it is (ESP-IDF, "Serial Protocol"; esptool's targets give the
/// magic values at 0x4000_1000).
fn other_chip(mut stream: std::net::TcpStream) {
    use std::io::{Read, Write};
    const END: u8 = 0xC0;
    const SYNC: u8 = 0x08;
    const READ_REG: u8 = 0x0A;
    const MAGIC: u32 = 0x1B31_506F;
    let mut packet = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|length| length == 1) {
        if byte[0] != END {
            packet.push(byte[0]);
            continue;
        }
        let command = packet.get(1).copied();
        packet.clear();
        let (value, failed, count) = match command {
            None => continue,
            Some(SYNC) => (0x2012_0707, false, 8),
            Some(READ_REG) => (MAGIC, false, 1),
            // "Received message is invalid".
            Some(_) => (0, true, 1),
        };
        let mut answer = vec![END, 1, command.unwrap_or(0), 4, 0];
        answer.extend(u32::to_le_bytes(value));
        answer.extend([u8::from(failed), if failed { 5 } else { 0 }, 0, 0, END]);
        if stream.write_all(&answer.repeat(count)).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn another_chip_than_the_images_is_refused() -> Result<()> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let target = format!("socket://{}", listener.local_addr()?);
    std::thread::spawn(move || listener.incoming().flatten().for_each(other_chip));
    let begun = Instant::now();
    let error = Board::builder().target(target.as_str()).firmware(IMAGE).start().await.err().unwrap();
    assert!(matches!(error.find(), Some(FlashError::WrongChip { .. })), "{error}");
    assert!(begun.elapsed() < SECONDS, "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_board_that_is_another_one_is_refused() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let text = std::fs::read_to_string(served.bench())?;
    std::fs::write(served.bench(), text.replace("flash-baud", "mac = \"aa:bb:cc:dd:ee:ff\"\nflash-baud"))?;
    let error = served.board("served").firmware(IMAGE).start().await.err().unwrap();
    assert!(matches!(bench_error(&error), BenchError::WrongBoard { .. }), "{error}");
    assert!(error.to_string().starts_with("wrong board: served has the MAC address aa:bb:cc:dd:ee:ff"), "{error}");
    Ok(())
}

/// The board that the child process below takes.
const CHILD: &str = "ESPALIER_TEST_BOARD";

/// Run by the test after it, in a process of its own.
#[tokio::test]
#[ignore = "the other process of another test"]
async fn holds_a_board_until_its_input_ends() -> Result<()> {
    let Ok(target) = std::env::var(CHILD) else { return Ok(()) };
    let _board = Board::builder().target(target.as_str()).start().await?;
    println!("taken");
    std::io::read_to_string(std::io::stdin())?;
    Ok(())
}

#[tokio::test]
async fn a_board_that_another_process_has_is_waited_for() -> Result<()> {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let served = Served::start(Pace::RealTime);
    let target = format!("{}#served", served.bench().display());
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "faults::holds_a_board_until_its_input_ends", "--ignored", "--nocapture"])
        .env(CHILD, &target)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().expect("the child says that it has the board")?.contains("taken") {}
    let holding = child.stdin.take();
    let waiting = served.board("served").start();
    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(holding);
        child.wait()
    });
    // It ends by itself after a moment, and the board is ours.
    let board = waiting.await?;
    assert!(ending.join().unwrap()?.success());
    board.run_for(1.ms()).await?;
    Ok(())
}

/// A client that stops reading loses what it did not read; the board goes on.
#[tokio::test]
async fn an_unread_console_does_not_block_the_board() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let board = served.board("served").firmware(IMAGE).start().await?;
    board.console().expect("@event address").await?;
    for _ in 0..20 {
        board.console().send_line("help").await?;
    }
    std::thread::sleep(Duration::from_secs(1));
    board.console().send_line("hello").await?;
    board.console().expect("@hello espalier-app").await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_board_is_refused_with_the_known_ones() -> Result<()> {
    let served = Served::start(Pace::RealTime);
    let error = served.board("right").start().await.err().unwrap();
    assert!(error.to_string().contains("has: served, terminal"), "{error}");
    let error = Board::builder().target("/dev/ttyUSB199").start().await.err().unwrap();
    assert!(matches!(bench_error(&error), BenchError::Absent { .. }), "{error}");
    Ok(())
}
