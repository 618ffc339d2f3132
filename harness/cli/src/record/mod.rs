//! `espalier record`: a first scenario out of a session by hand.

mod file;

use std::fs;
use std::path::Path;

use espalier::Board;
use espalier_scenario::{Options, Outcome, Suite, load};

use crate::args::{RecordArgs, RunArgs};
use crate::error::CliError;
use crate::style::{BAD, FAINT, GOOD, PLAIN};
use crate::{FAILURE, run};
use file::{Head, path_from};

/// The folder of golden pictures, beside the scenario.
const GOLDENS: &str = "goldens";

pub async fn perform(mut args: RecordArgs) -> Result<u8, CliError> {
    let path = &args.output;
    if path.exists() {
        return Err(CliError::Exists { path: path.clone() });
    }
    if Board::is_saved(&args.run.image) {
        return Err(CliError::NoScenario { path: args.run.image.clone() });
    }
    args.run.live.get_or_insert(0);
    let stem = path.file_stem().map_or_else(|| "screen".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let ran = run::session(&args.run, Some(&stem)).await?;
    let Some((recorder, board)) = ran.recorded else { return ran.status };
    let (steps, pictures) = recorder.finish(&board).await;
    drop(board);
    let folder = path.parent().unwrap_or(Path::new(""));
    let goldens = folder.join(GOLDENS);
    fs::create_dir_all(if pictures.is_empty() { folder } else { &goldens })
        .map_err(CliError::file("create", folder))?;
    for (name, png) in &pictures {
        let picture = goldens.join(format!("{name}.png"));
        espalier_files::write(&picture, png).map_err(CliError::file("write", &picture))?;
    }
    let text = file::text(path, &head(path, &args.run), &steps);
    espalier_files::write(path, text.as_bytes()).map_err(CliError::file("write", path))?;
    let (count, shown) = (steps.len(), pictures.len());
    anstream::eprintln!("{GOOD}wrote{PLAIN} {}: {count} steps, {shown} golden pictures", path.display());
    let status = ran.status?;
    Ok(if replay(path).await? { status } else { FAILURE })
}

/// The keys of the scenario that describe the board.
fn head(path: &Path, run: &RunArgs) -> Head {
    let mut head: Head = vec![("board", board_of(path, run)), ("firmware", path_from(path, &run.image))];
    if let Some(table) = run.table.partition_table {
        head.push(("partition-table", i64::from(table).into()));
    }
    if run.setup.seed != 0 {
        head.push(("seed", (run.setup.seed as i64).into()));
    }
    if run.allow_reset {
        head.push(("allow-reset", true.into()));
    }
    let networks: Vec<toml::Value> = run
        .setup
        .access_point
        .iter()
        .map(|network| {
            let password = network.password.iter().map(|password| ("password".to_owned(), password.as_str().into()));
            let ssid = ("ssid".to_owned(), network.ssid.as_str().into());
            toml::Value::Table(std::iter::once(ssid).chain(password).collect())
        })
        .collect();
    if !networks.is_empty() {
        head.push(("access-points", networks.into()));
    }
    head
}

/// The board's name, or its file from the folder of the scenario.
fn board_of(path: &Path, run: &RunArgs) -> toml::Value {
    match &run.setup.board {
        espalier::Model::File(file) => path_from(path, file),
        model => model.to_string().into(),
    }
}

/// Plays the scenario on a fresh board. True if it passes.
async fn replay(path: &Path) -> Result<bool, CliError> {
    let suite = Suite::new(&load(&[path.to_owned()])?)?;
    let played = tokio::task::spawn_blocking(move || suite.run(&Options::default(), |_| {}));
    let records = played.await.map_err(std::io::Error::other)?;
    for record in &records {
        if let Outcome::Failed(failure) = &record.outcome {
            anstream::eprintln!(
                "{BAD}a replay of it fails{PLAIN}, so a step of it has to be mended by hand:\n{failure}"
            );
            return Ok(false);
        }
    }
    anstream::eprintln!("{GOOD}a replay of it passes{PLAIN}; {FAINT}espalier test {}{PLAIN}", path.display());
    Ok(true)
}
