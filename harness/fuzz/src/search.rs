//! State that the threads of a search share.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::corpus;
use crate::error::FuzzError;
use crate::progress::{Counters, Progress};
use crate::trial::{Seen, Trial};

/// Findings that are kept; what else is found is dropped.
const FINDINGS: usize = 64;

/// The settings of a search.
pub(crate) struct Plan {
    pub(crate) corpus: Option<PathBuf>,
    pub(crate) time: Duration,
    /// It ends with the first finding.
    pub(crate) first: bool,
    /// Numbers that an input is compared with are tried in it.
    pub(crate) comparisons: bool,
    pub(crate) random: u64,
}

/// State that the threads of a search share.
pub(crate) struct Search<'a> {
    pub(crate) plan: Plan,
    pub(crate) trial: &'a Trial,
    pub(crate) counters: Counters,
    /// Number of inputs to begin with.
    pub(crate) seeds: usize,
    since: Instant,
    /// Inputs that led to something new, the seeds first. A thread takes over those of the others.
    inputs: Mutex<Vec<Vec<u8>>>,
    found: Mutex<BTreeMap<String, (Seen, Vec<u8>)>>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(plan: Plan, trial: &'a Trial, seeds: Vec<Vec<u8>>) -> Search<'a> {
        let (counters, since) = (Counters::default(), Instant::now());
        Search { plan, trial, counters, seeds: seeds.len(), since, inputs: Mutex::new(seeds), found: Mutex::default() }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.counters.now(self.since.elapsed())
    }

    /// Whether the search is over by itself.
    pub(crate) fn is_over(&self) -> bool {
        let found = self.counters.findings.load(Ordering::Relaxed) > 0;
        self.since.elapsed() >= self.plan.time || found && self.plan.first
    }

    /// Notes what an input did. The shortest input of each finding is kept.
    pub(crate) fn note(&self, seen: Seen, input: &[u8]) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let key = seen.fault.key();
        let known = found.len();
        match found.entry(key) {
            Entry::Occupied(mut found) if input.len() < found.get().1.len() => {
                drop(found.insert((seen, input.to_vec())))
            }
            Entry::Vacant(place) if known < FINDINGS => {
                place.insert((seen, input.to_vec()));
                self.counters.findings.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Adds an input that leads to something new.
    pub(crate) fn add(&self, input: Vec<u8>) -> Result<(), FuzzError> {
        if let Some(folder) = &self.plan.corpus {
            corpus::add(folder, &input)?;
        }
        self.counters.inputs.fetch_add(1, Ordering::Relaxed);
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).push(input);
        Ok(())
    }

    /// The inputs behind the first `known` ones.
    pub(crate) fn inputs_behind(&self, known: usize) -> Vec<Vec<u8>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)[known..].to_vec()
    }

    /// Its counters, and what was found.
    pub(crate) fn into_found(self) -> (Progress, Vec<(Seen, Vec<u8>)>) {
        let progress = self.progress();
        let found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        (progress, found.into_values().collect())
    }
}
