//! `espalier demo`: the tutorial, from flashing to the OLED.

mod stage;
mod story;

use std::time::Instant;

use espalier::{Board, Image, Kind, Model};
use espalier_tutorial::FIRMWARE;

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::output::say;
use crate::style::{BAD, FAINT, GOOD, HEADING, PLAIN};
use stage::Stage;

pub async fn perform(args: &DemoArgs) -> Result<bool, CliError> {
    let begun = Instant::now();
    say!("{HEADING}The tutorial's TCP client and server, on an emulated ESP32{PLAIN}\n");
    let board = Board::builder().kind(Kind::Emulated).model(Model::MPython).name("demo").start().await?;
    let mut stage = Stage::new(board, args.output.clone());
    let outcome = story::play(&mut stage, &Image::from_bytes("the tutorial's image", FIRMWARE)?).await;
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
    say!("\n{mark}  {FAINT}{board_time} of board time in {:.1} s{PLAIN}", begun.elapsed().as_secs_f64());
    say!("report   {}", report.display());
    Ok(held)
}
