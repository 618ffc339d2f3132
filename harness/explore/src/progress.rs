//! Shows the progress of an exploration on a terminal; nothing is shown elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{prefix} {bar:30} {pos}/{len} cases, {msg}, {eta} left";

pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(what: &'static str, cases: usize) -> Progress {
        let bar = ProgressBar::new(cases as u64).with_prefix(what).with_message("nothing found");
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Progress(bar)
    }

    /// Some moments were tried or left out.
    pub(crate) fn passed(&self, moments: usize) {
        self.0.inc(moments as u64);
    }

    pub(crate) fn found(&self) {
        self.0.set_message("found a case that fails");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
