//! Errors of every floor, distinguished by their types.
//!
//! Each module has error types of its own, beside the code that fails, and says of each that it is a [`Cause`]. A [`Failure`] holds
//! any of them. An [`Error`](crate::Error), with which a test ends, has both: the failure as its cause, and the scene.

use std::fmt;
use std::path::PathBuf;

/// A boxed error of a crate below this one, which keeps its type.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// The type of an error that a test can fail with; [`Error::find`](crate::Error::find) looks for one.
///
/// ```
/// #[derive(Debug, thiserror::Error)]
/// #[error("the relay is stuck")]
/// struct RelayStuck;
///
/// impl espalier::Cause for RelayStuck {}
///
/// let error = espalier::Error::from(RelayStuck);
/// assert!(error.find::<RelayStuck>().is_some());
/// ```
pub trait Cause: std::error::Error + Send + Sync + 'static {}

impl Cause for std::io::Error {}

impl Cause for regex::Error {}

impl Cause for espalier_image::ImageError {}

/// Why something failed: one error of any module.
pub(crate) struct Failure(Box<dyn Cause>);

impl Failure {
    /// The error, if it is one of this type.
    pub(crate) fn find<T: Cause>(&self) -> Option<&T> {
        self.as_error().downcast_ref()
    }

    pub(crate) fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        self.0.as_ref()
    }
}

impl<C: Cause> From<C> for Failure {
    fn from(cause: C) -> Failure {
        Failure(Box::new(cause))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A file of this computer cannot be read or written.
///
/// ```
/// let source = std::io::Error::other("the disk is full");
/// let error = espalier::FileError { action: "write", path: "a.png".into(), source };
/// assert_eq!(error.to_string(), "cannot write a.png: the disk is full");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// The operation, such as "read".
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The operating system's error.
    pub source: std::io::Error,
}

impl Cause for FileError {}

impl FileError {
    /// For `map_err`: the error of doing `action` with `path`.
    pub(crate) fn of(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> FileError {
        let path = path.into();
        move |source| FileError { action, path, source }
    }
}
