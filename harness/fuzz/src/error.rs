//! Why a search does not begin or go on.

use std::path::PathBuf;

/// Why a search does not begin or go on.
///
/// ```
/// let error = espalier_fuzz::FuzzError::Engine("no room".to_owned());
/// assert_eq!(error.to_string(), "the engine gives up: no room");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FuzzError {
    /// The board fails by itself.
    #[error("the board fails without any input: {message}")]
    Unsound {
        /// The fault.
        message: String,
    },
    /// The corpus cannot be used.
    #[error("the corpus {} cannot be used: {source}", path.display())]
    Corpus {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The board cannot go on, or is of a kind that cannot be forked.
    #[error(transparent)]
    Board(#[from] espalier::Error),
    /// The engine gives up.
    #[error("the engine gives up: {0}")]
    Engine(String),
    /// A thread cannot be made.
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}
