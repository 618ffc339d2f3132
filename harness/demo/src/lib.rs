//! The tutorial on an emulated board, from flashing to the OLED. `espalier demo` plays it, and so does the command of this package, which
//! builds without the rest of that one.

mod error;
mod stage;
mod story;
mod style;

use std::fmt::Arguments;
use std::path::PathBuf;
use std::time::Instant;

use espalier::{Board, Image, Kind, Model, Progress};
use espalier_tutorial::FIRMWARE;

pub use error::DemoError;
use stage::Stage;
use style::{BAD, FAINT, GOOD, HEADING, PLAIN};

/// The folder of the pictures and of the report, if no other is named.
pub const FOLDER: &str = "target/espalier/demo";

/// The terminal on which the demo shows itself.
pub trait Terminal {
    /// Prints text, with colours as escape sequences.
    fn print(&mut self, text: Arguments<'_>);
    /// Prints what went wrong, apart from the rest.
    fn complain(&mut self, text: Arguments<'_>);
    /// Shows how far the firmware is written.
    fn flashing(&mut self, progress: Progress);
    /// Removes what [`Terminal::flashing`] shows.
    fn flashed(&mut self);
    /// Its width.
    fn columns(&self) -> usize;
}

/// Plays the demo, writes its pictures and its report into a folder, and says whether everything held.
///
/// # Errors
/// If the board does not start, or a file cannot be written. What goes wrong in between is shown and reported, and did not hold.
pub async fn play(terminal: &mut dyn Terminal, folder: PathBuf) -> Result<bool, DemoError> {
    let begun = Instant::now();
    let title = "The tutorial's TCP client and server, on an emulated ESP32";
    terminal.print(format_args!("{HEADING}{title}{PLAIN}\n\n"));
    let board = Board::builder().kind(Kind::Emulated).model(Model::MPython).name("demo").start().await?;
    let image = Image::from_bytes("the tutorial's image", FIRMWARE).map_err(espalier::Error::from)?;
    let mut stage = Stage::new(board, folder, terminal);
    let outcome = story::play(&mut stage, &image).await;
    stage.tell_console();
    if let Err(error) = &outcome {
        stage.failed(error);
    }
    let checked = stage.checked();
    let (held, board_time) = (stage.held(), stage.board().now());
    let report = stage.finish()?;
    let mark = if held {
        format!("{GOOD}✓ {checked} screens match their goldens{PLAIN}")
    } else {
        format!("{BAD}✗ not everything held{PLAIN}")
    };
    let taken = begun.elapsed().as_secs_f64();
    terminal.print(format_args!("\n{mark}  {FAINT}{board_time} of board time in {taken:.1} s{PLAIN}\n"));
    terminal.print(format_args!("report   {}\n", report.display()));
    Ok(held)
}
