//! A booted board for every test.

use espalier::{Board, BootOnce, Model, Result, Units};
use rstest::fixture;

pub const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
pub const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/app");

static BOOTED: BootOnce = BootOnce::new();

/// The board with the tutorial's firmware, switched on a moment ago.
pub async fn start() -> Result<Board> {
    Board::builder().model(Model::MPython).firmware(IMAGE).goldens(GOLDENS).start().await
}

async fn booted() -> Result<Board> {
    let boot = async || {
        let board = start().await?;
        // A board in wall time boots as slowly as a busy host lets it.
        board.console().expect("@event address ").within(60.s()).await?;
        Ok(board)
    };
    BOOTED.fork(boot).await
}

/// A fork of a board that has booted and has its address.
#[fixture]
pub async fn board() -> Board {
    booted().await.unwrap_or_else(|error| panic!("{error}"))
}
