//! The progress of a search.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Counters of a search that goes on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) executions: AtomicU64,
    pub(crate) edges: AtomicUsize,
    pub(crate) inputs: AtomicUsize,
    pub(crate) findings: AtomicUsize,
}

impl Counters {
    pub(crate) fn now(&self, elapsed: Duration) -> Progress {
        Progress {
            executions: self.executions.load(Ordering::Relaxed),
            edges: self.edges.load(Ordering::Relaxed),
            inputs: self.inputs.load(Ordering::Relaxed),
            findings: self.findings.load(Ordering::Relaxed),
            elapsed,
        }
    }
}

/// The progress of a search.
///
/// ```
/// use std::time::Duration;
///
/// use espalier_fuzz::Progress;
///
/// let progress = Progress { executions: 3000, edges: 120, inputs: 7, findings: 1, elapsed: Duration::from_secs(2) };
/// assert_eq!(progress.to_string(), "3000 executions, 1500 a second; 120 edges, 7 inputs, 1 finding");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Inputs that were given to forks.
    pub executions: u64,
    /// Counters of jumps that were seen at work.
    pub edges: usize,
    /// Inputs that led to something new.
    pub inputs: usize,
    /// Findings, each of another kind or place.
    pub findings: usize,
    /// The host's time.
    pub elapsed: Duration,
}

impl Progress {
    /// Executions in a second of the host's time.
    pub fn rate(&self) -> f64 {
        self.executions as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { executions, edges, inputs, findings, .. } = self;
        let plural = if *findings == 1 { "" } else { "s" };
        let rate = self.rate();
        write!(
            f,
            "{executions} executions, {rate:.0} a second; {edges} edges, {inputs} inputs, {findings} finding{plural}"
        )
    }
}
