//! Why something could not be done with a file of the board.

use crate::micropython::exception::MicroPythonError;

/// `errno` of the systems that MicroPython follows.
const ENOENT: u32 = 2;
const EACCES: u32 = 13;
const EEXIST: u32 = 17;
const ENODEV: u32 = 19;
const ENOTDIR: u32 = 20;
const EISDIR: u32 = 21;
const ENOSPC: u32 = 28;
const EROFS: u32 = 30;
const ENOTEMPTY: u32 = 39;

/// Why something could not be done with a file of the board.
///
/// ```
/// use espalier::{RemoteFileError, RemoteFileReason};
///
/// let error = RemoteFileError { action: "read", path: "/main.py".to_owned(), reason: RemoteFileReason::Missing };
/// assert!(error.to_string().ends_with("no such file or directory"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the board's {path}: {reason}")]
pub struct RemoteFileError {
    /// The operation, such as "read".
    pub action: &'static str,
    /// The file or directory.
    pub path: String,
    /// Why it could not be done.
    pub reason: RemoteFileReason,
}

/// A fault of a file of the board.
///
/// ```
/// assert_eq!(espalier::RemoteFileReason::Full.to_string(), "no space left");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteFileReason {
    /// There is none.
    #[error("no such file or directory")]
    Missing,
    /// It does not fit.
    #[error("no space left")]
    Full,
    /// It is there already.
    #[error("it exists already")]
    Exists,
    /// It is a directory.
    #[error("it is a directory")]
    IsDirectory,
    /// Part of the path is a file.
    #[error("part of it is not a directory")]
    NotDirectory,
    /// Something is in the directory.
    #[error("the directory is not empty")]
    NotEmpty,
    /// It cannot be changed, or its file system not be reached.
    #[error("the file system refuses")]
    Refused,
    /// It is not what was sent.
    #[error("it arrived damaged: {0}")]
    Damaged(String),
    /// Anything else.
    #[error("{0}")]
    Exception(Box<MicroPythonError>),
}

impl From<MicroPythonError> for RemoteFileReason {
    fn from(error: MicroPythonError) -> RemoteFileReason {
        match error.errno() {
            Some(ENOENT) => RemoteFileReason::Missing,
            Some(ENOSPC) => RemoteFileReason::Full,
            Some(EEXIST) => RemoteFileReason::Exists,
            Some(EISDIR) => RemoteFileReason::IsDirectory,
            Some(ENOTDIR) => RemoteFileReason::NotDirectory,
            Some(ENOTEMPTY) => RemoteFileReason::NotEmpty,
            Some(EACCES | ENODEV | EROFS) => RemoteFileReason::Refused,
            _ => RemoteFileReason::Exception(Box::new(error)),
        }
    }
}
