//! Tests of ESP32 boards without Rust: scenarios in TOML or YAML.
//!
//! A scenario names a board and its firmware and says what is done and what has to come of it, step by step. It runs on every kind
//! of board that `ESPALIER_BOARD` can choose.
//!
//! ```toml
//! board = "mpython"
//! firmware = "firmware.bin"
//!
//! steps = [
//!     { expect = '/@event address (?<address>[0-9.]+)/' },
//!     { listen = 5001 },
//!     { send = "client ${peer} 5001" },
//!     { accept = "phone" },
//!     { peer-expect = "hello mPython,I am TCP Client" },
//!     { peer-send = "你好 OLED" },
//!     { screen = "client-received" },
//! ]
//! ```
//!
//! [`load`] reads files and folders, [`Suite::new`] makes the list of tests out of them, and [`Suite::run`] runs them on several
//! threads. [`schema`] is the JSON Schema with which editors complete and check scenarios.
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("boot.toml");
//! # std::fs::write(&path, "steps = [{ run-for = '1ms' }]")?;
//! let suite = espalier_scenario::Suite::new(&espalier_scenario::load(&[path])?)?;
//! assert_eq!(suite.tests().len(), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::missing_errors_doc)]

mod de;
mod form;
mod load;
mod node;
mod pattern;
mod play;
mod problem;
mod report;
mod run;
mod suite;
mod text;

pub use form::{Need, Scenario, Step, Test, Time, Value, schema};
pub use load::{Document, load};
pub use pattern::Pattern;
pub use problem::{BadContent, Location, ScenarioError};
pub use report::{annotation, junit, tap};
pub use run::{Failure, Options, Outcome, Record};
pub use suite::{Planned, Suite};
