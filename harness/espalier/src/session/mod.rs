//! One board in use: the driver, and a bounded record of all that was seen of it.
//!
//! All handles of a board share one [`State`]. Waiting lets the driver run; a failure is shown with its scene, and leaves its files
//! in the folder of its test.

pub(crate) mod artefacts;
mod calm;
mod connection;
mod coverage;
mod crash;
mod error;
mod inputs;
mod log;
mod members;
mod page;
pub(crate) mod runs;
mod saved;
mod scene;
mod state;
mod transcript;
mod wait;

pub(crate) use connection::{Connection, Ended};
pub use coverage::CoverageRecord;
pub(crate) use crash::Watch;
pub use crash::{Crash, CrashKind};
pub use error::{Error, Result};
pub use log::Line;
pub(crate) use log::Log;
pub(crate) use members::Members;
pub(crate) use saved::{Saved, Use, attachment, records};
pub use scene::Scene;
pub(crate) use state::{CAPTURE_KEPT, CONSOLE, RECORD_KEPT, Shared, State};
pub(crate) use transcript::quoted;
pub use transcript::{Entry, Event};
pub(crate) use wait::{Ask, Until};
pub use wait::{PATIENCE, SETTLED, Timeout, Wait};
