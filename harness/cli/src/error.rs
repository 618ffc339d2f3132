//! Errors of the command itself.

use std::path::{Path, PathBuf};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Board(#[from] espalier::Error),
    #[error(transparent)]
    Demo(#[from] espalier_demo::DemoError),
    #[error(transparent)]
    Machine(#[from] espalier_soc::SocError),
    #[error(transparent)]
    Definition(#[from] espalier_soc::BoardError),
    #[error(transparent)]
    Timing(#[from] espalier::UnknownTiming),
    #[error(transparent)]
    Boards(#[from] espalier_world::WorldError),
    #[error(transparent)]
    Serve(#[from] espalier_serve::ServeError),
    #[error(transparent)]
    Scenario(#[from] espalier_scenario::ScenarioError),
    #[cfg(feature = "fuzz")]
    #[error(transparent)]
    Fuzz(#[from] espalier_fuzz::FuzzError),
    #[cfg(not(feature = "fuzz"))]
    #[error(
        "this build cannot fuzz, since it has no LibAFL: install one that can with `cargo install --locked --path harness/cli --features fuzz`"
    )]
    NoFuzzer,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{} is {source}", path.display())]
    Picture { path: PathBuf, source: espalier::PngError },
    #[error("{} and {} have different sizes: {}x{} and {}x{}", paths.0.display(), paths.1.display(), sizes.0.0, sizes.0.1, sizes.1.0, sizes.1.1)]
    Sizes { paths: (PathBuf, PathBuf), sizes: ((u32, u32), (u32, u32)) },
    #[error("there is no folder {}: no test has failed yet, or its files are elsewhere (name the folder)", folder.display())]
    NoArtefacts { folder: PathBuf },
    #[error("{} is there already; remove it, or write another scenario beside it", path.display())]
    Exists { path: PathBuf },
    #[error("no firmware to write a test for: {hint}")]
    NoProject { hint: String },
    #[error("{}: {reason}", path.display())]
    World { path: PathBuf, reason: String },
    #[error(
        "{} is a saved board, which has its own --board, --seed, --access-point, --partition-table and --strict; leave these away",
        path.display()
    )]
    AlreadySet { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Snapshot { path: PathBuf, source: espalier_soc::SnapshotError },
    #[error("{} is a saved board, which a scenario cannot begin with; record from its firmware", path.display())]
    NoScenario { path: PathBuf },
    #[error("{} is a saved world of {count} boards; serve it with --world", path.display())]
    SeveralBoards { path: PathBuf, count: usize },
    #[error("no board answers at {at}: {source}")]
    Unreachable { at: String, source: std::io::Error },
    #[error("{reason}")]
    Refused { reason: String },
    #[error("--save-at {text}: {source}")]
    SaveAt { text: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(
        "--coverage needs the functions and lines of the firmware: put its ELF file beside the image, with the same name"
    )]
    NoElf,
    #[error("no board has counted what it executes: only emulated boards do")]
    NothingCounted,
    #[error("no firmware: name MicroPython's image with --firmware, or in {}", espalier::IMAGE_VARIABLE)]
    NoFirmware,
    #[cfg(not(feature = "window"))]
    #[error(
        "this build has no windows: install SDL 2 (Debian: apt install libsdl2-dev), then\n       \
         cargo run --release --features window -- run ... --window"
    )]
    NoWindows,
    #[cfg(feature = "window")]
    #[error("cannot open a window: {reason}")]
    Window { reason: String },
}

impl From<espalier::ImageError> for CliError {
    fn from(error: espalier::ImageError) -> CliError {
        CliError::Board(error.into())
    }
}

impl CliError {
    /// Says what was about to be done with a file.
    pub fn file(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> CliError {
        let path = path.as_ref().to_owned();
        move |source| CliError::File { action, path, source }
    }
}
