//! `espalier doctor`: whether everything works here.

use std::io::IsTerminal;
use std::time::Instant;

use espalier::{
    ARTEFACTS_VARIABLE, BLESS_VARIABLE, BOARD_VARIABLE, Board, GOLDENS_VARIABLE, IMAGE_VARIABLE, Image, KEEP_VARIABLE,
    Kind, MODEL_VARIABLE, Model, Target, Time, Units,
};
use espalier_tutorial::FIRMWARE;

use crate::error::CliError;
use crate::output::say;
use crate::style::{BAD, FAINT, GOOD, HEADING, PLAIN};

/// The least that shows console and OLED side by side.
const COLUMNS: u16 = 66;
const ROWS: u16 = 24;

pub async fn perform() -> Result<bool, CliError> {
    let mut sound = true;
    let mut say = |name: &str, outcome: Result<String, String>| {
        sound &= outcome.is_ok();
        match outcome {
            Ok(detail) => say!("{GOOD}✓{PLAIN} {name:<10} {FAINT}{detail}{PLAIN}"),
            Err(reason) => say!("{BAD}✗{PLAIN} {name:<10} {reason}"),
        }
    };
    say("emulator", rom().await);
    say("engine", Ok(engine()));
    say("firmware", firmware().await);
    say("files", writable());
    let target = Target::from_env();
    say("board", Ok(format!("{BOARD_VARIABLE} chooses: {target} ({})", target.kind())));
    say!("\n{HEADING}terminal{PLAIN}");
    terminal();
    say!("\n{HEADING}environment{PLAIN}");
    for name in [
        BOARD_VARIABLE,
        MODEL_VARIABLE,
        IMAGE_VARIABLE,
        GOLDENS_VARIABLE,
        BLESS_VARIABLE,
        ARTEFACTS_VARIABLE,
        KEEP_VARIABLE,
        "NO_COLOR",
    ] {
        let value = std::env::var(name).unwrap_or_else(|_| "not set".to_owned());
        say!("  {name:<20} {FAINT}{value}{PLAIN}");
    }
    Ok(sound)
}

async fn rom() -> Result<String, String> {
    let banner = banner().await.map_err(|error| error.to_string())?;
    Ok(format!("the mask ROM says {banner:?}"))
}

fn engine() -> String {
    match espalier_soc::translation_host() {
        Some(host) => format!("hot code of boards is translated to {host}"),
        None => "the interpreter: there is no back end for this host, or it refuses memory for code".to_owned(),
    }
}

async fn banner() -> espalier::Result<String> {
    let board = Board::builder().kind(Kind::Emulated).name("doctor").start().await?;
    Ok(board.console().expect_line("rst:").within(1.s()).await?.text)
}

async fn firmware() -> Result<String, String> {
    let begun = Instant::now();
    let started = tutorial().await.map_err(|error| error.to_string())?;
    let elapsed = begun.elapsed().as_millis();
    Ok(format!("the tutorial starts at {started} of board time, after {elapsed} ms here"))
}

async fn tutorial() -> espalier::Result<Time> {
    let image = Image::from_bytes("the tutorial's image", FIRMWARE)?;
    let board = Board::builder().kind(Kind::Emulated).model(Model::MPython).name("doctor").image(image).start().await?;
    board.console().expect("@event started").await?;
    Ok(board.now())
}

fn writable() -> Result<String, String> {
    let folder = std::path::Path::new("target/espalier/doctor");
    let write = || {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("probe"), b"probe")?;
        std::fs::remove_dir_all(folder)
    };
    match write() {
        Ok(()) => Ok("target/espalier can be written".to_owned()),
        Err(error) => Err(format!("target/espalier cannot be written here: {error}; choose another with --output")),
    }
}

fn terminal() {
    let row = |name: &str, value: String| say!("  {name:<20} {FAINT}{value}{PLAIN}");
    row("output", if std::io::stdout().is_terminal() { "a terminal" } else { "no terminal: plain text" }.to_owned());
    row(
        "size",
        match crossterm::terminal::size() {
            Ok((columns, rows)) if columns >= COLUMNS && rows >= ROWS => format!("{columns}x{rows}"),
            Ok((columns, rows)) => {
                format!("{columns}x{rows}: too small to draw the OLED live, which needs {COLUMNS}x{ROWS}")
            }
            Err(_) => "unknown".to_owned(),
        },
    );
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    row(
        "locale",
        match locale {
            Some(locale) if locale.to_lowercase().replace('-', "").contains("utf8") => locale,
            Some(locale) => format!("{locale}: screens are drawn with Unicode, which may not show"),
            None => "not set: screens are drawn with Unicode, which may not show".to_owned(),
        },
    );
}
