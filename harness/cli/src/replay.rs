//! `espalier replay`: shows what an exploration has found.

use std::io::Write;
use std::path::Path;

use espalier_explore::{Replayed, replay};

use crate::error::CliError;
use crate::style::{BAD, FAINT, GOOD, PLAIN};

/// Runs the board of a finding to where its test saw it fail, with its console on this terminal. False if the run is another one.
pub async fn perform(file: &Path) -> Result<bool, CliError> {
    let Replayed { board, finding, is_same } = replay(file).await?;
    anstream::eprintln!("{FAINT}--- power lost {} ---{PLAIN}", finding.moment);
    let mut out = std::io::stdout().lock();
    out.write_all(&board.console().take_unread()).and_then(|()| out.flush())?;
    anstream::eprintln!("{FAINT}--- {} ---{PLAIN}\n{}", board.now(), finding.message);
    if is_same {
        anstream::eprintln!("{GOOD}the run was the same:{PLAIN} trace {}", finding.trace);
    } else {
        anstream::eprintln!(
            "{BAD}the run was another one{PLAIN} than in the test: its invariant did more than look on"
        );
    }
    Ok(is_same)
}
