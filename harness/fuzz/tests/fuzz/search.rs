//! The search itself, which finds what was planted.

use std::time::Duration;

use espalier_explore::{Replayed, replay};
use espalier_fuzz::{Entry, FaultKind, Fuzz, FuzzError};

use crate::firmware::connected;

/// It ends with the finding, long before that.
const AT_MOST: Duration = Duration::from_secs(900);

#[tokio::test]
async fn a_planted_overflow_is_found_shrunk_and_shown_again() -> Result<(), FuzzError> {
    let (board, socket) = connected(true).await?;
    let before = (board.trace_hash(), board.now(), board.console().bytes());
    let corpus = tempfile::tempdir()?;
    let fuzz = Fuzz::new(Entry::tcp(&socket)).seed("EN\x05hello").corpus(corpus.path()).time(AT_MOST).until_found();
    // They would lead to an instruction that is none first.
    let fuzz = fuzz.without_comparisons();
    let report = fuzz.run_and_tell(&board, || false, |progress| println!("{progress}"))?;
    println!("{report}");
    let finding = report.findings.first().expect("something was planted");
    assert_eq!(finding.fault.kind, FaultKind::IllegalAccess, "{report}");
    let input = &finding.input;
    // The address behind a name of 16 bytes is overwritten with the first byte behind them.
    assert!(input.starts_with(b"EN") && input.len() <= 3 + 20, "{report}");
    for _ in 0..3 {
        let Replayed { is_same, finding: saved, .. } = replay(&finding.file).await?;
        assert!(is_same, "{saved:?}");
    }
    assert!((board.trace_hash(), board.now(), board.console().bytes()) == before);
    Ok(())
}

/// The comparisons of an example that is no message of the planted parser say how one begins.
#[tokio::test]
async fn comparisons_lead_from_any_bytes_to_what_was_planted() -> Result<(), FuzzError> {
    let (board, socket) = connected(true).await?;
    let fuzz = Fuzz::new(Entry::tcp(&socket)).seed("hello").threads(1).time(AT_MOST).until_found();
    let report = fuzz.run(&board, || false)?;
    println!("{report}");
    let finding = report.findings.first().expect("something was planted");
    // Mutations at random have not found it within 8,000.
    assert!(finding.input.starts_with(b"E") && report.progress.executions < 4000, "{report}");
    Ok(())
}

#[tokio::test]
async fn inputs_that_lead_on_are_added_to_the_corpus() -> Result<(), FuzzError> {
    let (board, socket) = connected(false).await?;
    let corpus = tempfile::tempdir()?;
    let fuzz = Fuzz::new(Entry::tcp(&socket)).seed("Hello").corpus(corpus.path()).time(AT_MOST);
    let added = || std::fs::read_dir(corpus.path()).is_ok_and(|files| files.count() >= 3);
    let report = fuzz.run(&board, added)?;
    println!("{report}");
    assert!(report.findings.is_empty() && report.progress.inputs >= 3 && report.progress.edges > 100, "{report}");
    Ok(())
}
