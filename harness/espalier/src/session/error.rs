//! The error of everything that a test does with a board.

use std::fmt;

use super::scene::Scene;
use super::wait::Timeout;
use crate::error::{Cause, Failure};

/// The result of everything that a test does with a board.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed, and the state of the board at that moment.
///
/// Both `{}` and `{:?}` show the whole story: the console's last lines, the network's last messages, the screen.
///
/// ```
/// use espalier::{Board, Error, Unsupported};
///
/// fn is_for_another_board(error: &Error) -> bool {
///     error.find::<Unsupported>().is_some()
/// }
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    failure: Failure,
    scene: Option<Scene>,
}

impl Error {
    pub(crate) fn with_scene(failure: Failure, scene: Scene) -> Error {
        Error { inner: Box::new(Inner { failure, scene: Some(scene) }) }
    }

    /// Why it failed, if the cause is of this type, such as [`BenchError`](crate::BenchError) or [`Timeout`].
    pub fn find<T: Cause>(&self) -> Option<&T> {
        self.inner.failure.find()
    }

    /// Why it failed, without the scene.
    pub fn cause(&self) -> &(dyn std::error::Error + 'static) {
        self.inner.failure.as_error()
    }

    /// The state of the board when it failed, if a board was involved.
    pub fn scene(&self) -> Option<&Scene> {
        self.inner.scene.as_ref()
    }

    /// Whether a wait ran out of time.
    pub fn is_timeout(&self) -> bool {
        self.find::<Timeout>().is_some()
    }
}

impl<C: Cause> From<C> for Error {
    fn from(cause: C) -> Error {
        Failure::from(cause).into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error { inner: Box::new(Inner { failure, scene: None }) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().source()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner.failure, f)?;
        match &self.inner.scene {
            Some(scene) => write!(f, "\n{scene}"),
            None => Ok(()),
        }
    }
}

/// The same as `{}`: this is what `cargo test` prints when a test returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
