//! `espalier replay`: shows what an exploration has found.

use std::io::Write;
use std::path::Path;

use espalier_explore::{Replayed, replay};

use crate::error::CliError;
use crate::style::{BAD, FAINT, GOOD, PLAIN};

/// Runs the board of a finding to where its test saw it fail, with its console on this terminal. False if the run is another one.
pub async fn perform(file: &Path) -> Result<bool, CliError> {
    let Replayed { board, finding, is_same } = replay(file).await?;
    anstream::eprintln!("{FAINT}--- {} ---{PLAIN}", finding.moment);
    let mut out = std::io::stdout().lock();
    out.write_all(&board.console().take_unread()).and_then(|()| out.flush())?;
    anstream::eprintln!("{FAINT}--- {} ---{PLAIN}\n{}", board.now(), finding.message);
    if is_same {
        let trace = finding.replay.as_ref().map_or("", |replay| &replay.trace);
        anstream::eprintln!("{GOOD}the run was the same:{PLAIN} trace {trace}");
    } else {
        let reason = finding.replay.as_ref().and_then(|replay| replay.incomplete.as_deref());
        let reason = reason.unwrap_or("another build of the emulator wrote it, or its board was changed");
        anstream::eprintln!("{BAD}the run was another one{PLAIN} than in the test: {reason}");
    }
    Ok(is_same)
}

/// Keeps the case of a finding for its test.
pub fn keep(file: &Path, folder: &Path) -> Result<bool, CliError> {
    let kept = espalier_explore::keep(file, folder)?;
    anstream::eprintln!("{GOOD}kept{PLAIN} {}: explorations of its test try this case first", kept.display());
    Ok(true)
}
