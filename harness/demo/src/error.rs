//! Errors of the demo.

use std::path::{Path, PathBuf};

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Board(#[from] espalier::Error),
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{} is {source}", path.display())]
    Picture { path: PathBuf, source: espalier::PngError },
}

impl DemoError {
    /// Says what was about to be done with a file.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> DemoError {
        let path = path.to_owned();
        move |source| DemoError::File { action, path, source }
    }
}
