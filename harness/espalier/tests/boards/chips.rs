//! Boards of every chip are chosen by their names.

use espalier::{Board, Kind, Model, Units};

#[tokio::test]
async fn an_esp32_c3_by_name_starts_its_rom() -> espalier::Result<()> {
    let model: Model = "esp32c3-devkit".parse().unwrap();
    let board = Board::builder().kind(Kind::Emulated).model(model).name("c3").start().await?;
    board.console().expect("ESP-ROM:esp32c3-api1-20210207").within(1.s()).await?;
    board.console().expect("rst:0x1 (POWERON)").within(1.s()).await?;
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_kind_of_board_that_does_not_play_the_chip_says_so() {
    let model: Model = "esp32c3-devkit".parse().unwrap();
    // The chip is looked at before QEMU is started, so any program will do.
    let started = Board::builder().kind(Kind::Qemu).qemu("/bin/true").model(model).name("c3").start().await;
    let error = started.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("esp32c3-devkit has an esp32c3, which Espressif's QEMU is not started as"), "{error}");
}
