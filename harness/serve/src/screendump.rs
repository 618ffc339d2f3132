//! The command `screendump`, of QMP and of the monitor.

use std::path::{Path, PathBuf};

use crate::files::Files;
use crate::handle::{BoardHandle, Gone};
use espalier_page::{picture_as_png, picture_as_ppm};

/// Why there is no file with the picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error("the board has no display")]
    NoDisplay,
    #[error("Parameter 'format' does not accept value '{0}'")]
    Format(String),
    #[error("failed to write '{path}': {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

/// Writes the display's picture into a file: PNG if that is asked for or the name ends so, otherwise PPM.
pub(crate) async fn screendump(
    board: &BoardHandle,
    files: &Files,
    path: &Path,
    format: Option<&str>,
) -> Result<(), DumpError> {
    let named_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let picture = board.screen().await?.ok_or(DumpError::NoDisplay)?;
    let file = match format.unwrap_or(if named_png { "png" } else { "ppm" }) {
        "png" => picture_as_png(&picture),
        "ppm" => picture_as_ppm(&picture),
        other => return Err(DumpError::Format(other.to_owned())),
    };
    let written = files.write(path, file).await;
    written.map_err(|source| DumpError::Write { path: path.to_owned(), source })
}
