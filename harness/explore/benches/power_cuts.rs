//! Duration of cutting the power at every moment while a thousand settings are written. Run with
//! `cargo bench -p espalier-explore`; a number behind `--` is another number of settings.

#[path = "../tests/power/settings.rs"]
mod settings;
#[path = "../tests/power/update.rs"]
mod update;

use std::path::Path;
use std::time::Instant;

use espalier::{Board, Result};
use espalier_explore::PowerCuts;

use settings::{LITTLEFS, NVS};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000);
    if !Path::new(IMAGE).exists() {
        println!("{IMAGE} is missing: fetch it with ci/fetch-images");
        return Ok(());
    }
    let board = Board::builder().firmware(IMAGE).name("boot").start().await?;
    board.console().expect(">>> ").await?;
    for (name, store) in [("NVS", NVS), ("littlefs", LITTLEFS)] {
        let begun = Instant::now();
        let explored = store.explore(&board.fork()?, count, PowerCuts::new().seeds(1)).await?;
        println!("{count} settings in {name}: {explored}, {:.1} s", begun.elapsed().as_secs_f64());
    }
    let board = Board::builder().image(update::image(Path::new(IMAGE))?).name("two-slots").start().await?;
    let begun = Instant::now();
    let explored = update::explore(&board.fork()?, PowerCuts::new().seeds(1)).await?;
    println!("an update that is confirmed: {explored}, {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let (explored, rollbacks) = update::explore_rollback(&board, PowerCuts::new()).await?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("an update that is rolled back: {explored}, {rollbacks} rollbacks, {seconds:.1} s");
    Ok(())
}
