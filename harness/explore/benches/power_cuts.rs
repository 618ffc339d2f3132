//! Duration of cutting the power at every moment while a thousand settings are written into each of two stores, and of two updates. Run with
//! `cargo bench -p espalier-explore`; behind `--`, a number is another number of settings, and words choose some of the scenarios. The word
//! `root` has the file in the root directory, where a case takes more than twice as long.

#[path = "../tests/power/settings.rs"]
mod settings;
#[path = "../tests/power/update.rs"]
mod update;

use std::path::Path;
use std::time::Instant;

use espalier::{Board, Result};
use espalier_explore::PowerCuts;

use settings::{DIRECTORY, LITTLEFS, NVS};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/images/ESP32_GENERIC-20240602-v1.23.0.bin");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1_000);
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| name.parse::<u32>().is_err()).collect();
    let is_chosen = |name| names.contains(&name) || names.is_empty() && name != "root";
    if !Path::new(IMAGE).exists() {
        println!("{IMAGE} is missing: fetch it with ci/fetch-images");
        return Ok(());
    }
    let board = Board::builder().firmware(IMAGE).name("boot").start().await?;
    board.console().expect(">>> ").await?;
    for (name, store) in [("nvs", NVS), ("littlefs", DIRECTORY), ("root", LITTLEFS)] {
        if is_chosen(name) {
            let begun = Instant::now();
            let explored = store.explore(&board.fork()?, count, PowerCuts::new().seeds(1)).await?;
            println!("{name}, {count} settings: {explored}, {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
    let board = Board::builder().image(update::image(Path::new(IMAGE))?).name("two-slots").start().await?;
    if is_chosen("update") {
        let begun = Instant::now();
        let explored = update::explore(&board.fork()?, PowerCuts::new().seeds(1)).await?;
        println!("update, confirmed: {explored}, {:.1} s", begun.elapsed().as_secs_f64());
    }
    if is_chosen("rollback") {
        let begun = Instant::now();
        let (explored, rollbacks) = update::explore_rollback(&board, PowerCuts::new()).await?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("rollback, not confirmed: {explored}, {rollbacks} rollbacks, {seconds:.1} s");
    }
    Ok(())
}
