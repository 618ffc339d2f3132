//! The client's test two hundred times over, on however busy a host: `cargo test -p espalier-hil --test wifi -- --ignored`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use espalier::{Result, Time};
use libtest_mimic::Failed;

use crate::{booted, tutorial};

pub const NAME: &str = "two_hundred_runs_of_the_client_are_one";
const RUNS: usize = 200;
/// More than the host has cores, so that runs disturb each other.
const THREADS: usize = 8;

/// One run on a board of its own: when it ended, and its fingerprint.
fn once() -> Result<(Time, Option<u64>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let board = booted().await?;
        tutorial::the_client_shows_and_echoes_what_the_server_sends(&board).await?;
        Ok((board.now(), board.trace_hash()))
    })
}

pub fn two_hundred_runs_of_the_client_are_one() -> std::result::Result<(), Failed> {
    let (begun, left) = (Instant::now(), AtomicUsize::new(RUNS));
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let work = || std::iter::from_fn(|| take().then(once)).collect::<Result<Vec<_>>>();
    let outcomes: Result<Vec<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let outcomes: Vec<_> = outcomes.map_err(|error| Failed::from(error.to_string()))?.concat();
    let different: BTreeSet<_> = outcomes.iter().collect();
    println!(
        "{} runs passed in {:.0?}, {} different: {different:x?}",
        outcomes.len(),
        begun.elapsed(),
        different.len()
    );
    if different.len() == 1 { Ok(()) } else { Err(Failed::from("not every run was the same")) }
}
