//! The debug probe on an emulated board: probe-rs with its own sequences and its own flash loader for the ESP32, on the pins of
//! the emulated chip.

use espalier::probe::{Core, ProbeFailure, Symbol};
use espalier::{Board, BootOnce, Error, Model, Result, Units};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const MICROPYTHON: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");
/// The entry point of the committed ELF file.
const ENTRY: u32 = 0x4008_03ec;
const RESET_VECTOR: u32 = 0x4000_0400;
/// The word of the ROM by which esptool tells the chip, and where the application's description begins in flash behind the
/// data cache (ESP-IDF, `esp_app_desc_t`).
const CHIP_MAGIC: (u32, u32) = (0x4000_1000, 0x00f0_1d83);
const DESCRIPTION_MAGIC: (u32, u32) = (0x3f40_0020, 0xabcd_5432);
/// RAM that the tutorial's firmware does not use, and instruction RAM.
const FREE_RAM: u32 = 0x3ffc_0000;
const FREE_IRAM: u32 = 0x4009_0000;
/// Flash behind the tutorial's image.
const FREE_FLASH: u32 = 0x20_0000;
const CODE: std::ops::Range<u32> = 0x4000_0000..0x4040_0000;

static BOOTED: BootOnce = BootOnce::new();

async fn boot() -> Result<Board> {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).name("boot").start().await?;
    board.console().expect("@event address").within(5.s()).await?;
    Ok(board)
}

async fn booted() -> Result<Board> {
    BOOTED.fork(boot).await
}

/// The board that runs the tutorial answers on its console.
async fn answers(board: &Board) -> Result<()> {
    board.console().send_line("client 10.0.2.2 5001").await?;
    board.console().expect("@").within(2.s()).await?;
    Ok(())
}

#[tokio::test]
async fn it_stops_a_running_board_and_lets_it_go() -> Result<()> {
    let board = booted().await?;
    let mut probe = board.probe()?;
    assert!(!probe.is_halted(Core::Pro)?, "attaching does not stop it");
    let pc = probe.halt(Core::Pro)?;
    assert!(CODE.contains(&pc), "{pc:#x}");
    assert_eq!(probe.registers(Core::Pro)?.pc, pc);
    board.run_for(10.ms()).await?;
    assert_eq!(probe.registers(Core::Pro)?.pc, pc, "it stands still");
    probe.resume(Core::Pro)?;
    assert!(!probe.is_halted(Core::Pro)?);
    drop(probe);
    answers(&board).await
}

#[tokio::test]
async fn it_reads_and_writes_what_the_core_sees() -> Result<()> {
    let board = booted().await?;
    let mut probe = board.probe()?;
    for (address, word) in [CHIP_MAGIC, DESCRIPTION_MAGIC] {
        assert_eq!(probe.read_word(Core::Pro, address)?, word);
    }
    assert!(!probe.is_halted(Core::Pro)?, "a running core goes on");
    probe.halt(Core::Pro)?;
    let bytes: Vec<u8> = (0..1000u32).map(|number| number as u8 ^ 0x5a).collect();
    for address in [FREE_RAM, FREE_RAM + 1001, FREE_IRAM, FREE_IRAM + 1003] {
        probe.write(Core::Pro, address, &bytes)?;
        let mut read = vec![0; bytes.len()];
        probe.read(Core::Pro, address, &mut read)?;
        assert_eq!(read, bytes, "{address:#x}");
    }
    drop(probe);
    answers(&board).await
}

#[tokio::test]
async fn it_resets_steps_and_stops_at_breakpoints() -> Result<()> {
    let board = booted().await?;
    let mut probe = board.probe()?;
    assert_eq!(probe.reset_and_halt()?, RESET_VECTOR);
    let stepped = probe.step(Core::Pro)?;
    assert_ne!(stepped, RESET_VECTOR);
    probe.set_breakpoint(Core::Pro, ENTRY)?;
    probe.resume(Core::Pro)?;
    assert_eq!(probe.wait_for_halt(Core::Pro, 1.s())?, ENTRY);
    let after = probe.step(Core::Pro)?;
    assert_ne!(after, ENTRY);
    probe.clear_breakpoint(Core::Pro, ENTRY)?;
    probe.resume(Core::Pro)?;
    board.console().expect("@event address").within(5.s()).await?;
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_breakpoint_ends() -> Result<()> {
    let board = booted().await?;
    let mut probe = board.probe()?;
    probe.set_breakpoint(Core::Pro, ENTRY)?;
    let error = probe.wait_for_halt(Core::Pro, 5.ms()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Ok(())
}

#[tokio::test]
async fn call_stacks_have_names() -> Result<()> {
    let board = booted().await?;
    let mut probe = board.probe()?;
    let trace = probe.backtrace(Core::Pro)?;
    let names: Vec<&str> = trace
        .frames
        .iter()
        .filter_map(|frame| match &frame.symbol {
            Symbol::Function { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert!(names.iter().any(|name| name.contains("main")), "{trace}");
    assert!(probe.backtrace(Core::App)?.frames.is_empty(), "the tutorial leaves the APP CPU alone");
    let error = probe.halt(Core::App).unwrap_err();
    assert!(error.find::<ProbeFailure>().is_some(), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_failure_shows_where_the_cores_were() -> Result<()> {
    let board = booted().await?;
    let error: Error = board.console().expect("never printed").within(10.ms()).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("stacks") && message.contains("PRO CPU:"), "{message}");
    assert!(message.contains("APP CPU: has not been started"), "{message}");
    answers(&board).await
}

#[tokio::test]
async fn a_failure_does_not_disturb_the_board() -> Result<()> {
    let run = async |fail: bool| -> Result<Option<u64>> {
        let board = booted().await?;
        if fail {
            board.console().expect("never printed").within(10.ms()).await.unwrap_err();
        } else {
            board.run_for(10.ms()).await?;
        }
        board.run_for(10.ms()).await?;
        Ok(board.trace_hash())
    };
    assert_eq!(run(true).await?, run(false).await?);
    Ok(())
}

/// The whole image goes the same way, but takes half a minute of the host's time.
#[tokio::test]
async fn the_flash_loader_of_probe_rs_writes_the_flash_chip() -> Result<()> {
    let board = booted().await?;
    let before = board.read_flash()?;
    let bytes: Vec<u8> = (0..5000u32).map(|number| ((number * 7) >> 3) as u8).collect();
    let mut probe = board.probe()?;
    probe.write_flash(FREE_FLASH, &bytes)?;
    let flash = board.read_flash()?;
    let start = FREE_FLASH as usize;
    assert!(flash[start..].starts_with(&bytes));
    assert_eq!(flash[..start], before[..start], "and nothing else");
    probe.reset()?;
    drop(probe);
    board.console().expect("@event address").within(5.s()).await?;
    Ok(())
}

#[tokio::test]
async fn both_cores_of_micropython_stop_and_go() -> Result<()> {
    if !std::path::Path::new(MICROPYTHON).exists() {
        eprintln!("ignored: {MICROPYTHON} is not there; ci/fetch-images fetches it");
        return Ok(());
    }
    let board = Board::builder().firmware(MICROPYTHON).start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    let mut probe = board.probe()?;
    for core in Core::ALL {
        assert!(CODE.contains(&probe.halt(core)?), "{core}");
        let trace = probe.backtrace(core)?;
        assert!(trace.frames.len() > 1, "{trace}");
    }
    for core in Core::ALL {
        probe.resume(core)?;
    }
    drop(probe);
    board.console().send_line("print(6*7)").await?;
    board.console().expect("42").within(2.s()).await?;
    Ok(())
}
