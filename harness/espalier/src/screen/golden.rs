//! Golden pictures: what a screen has to show, as files.

use std::fs;
use std::path::{Component, Path, PathBuf};

use espalier_core::Bitmap;

use super::claim::claim;
use super::compare::{Comparison, Rect, Tolerance};
use super::error::ScreenError;
use super::pending::{ACTUAL_SUFFIX, DIFFERENCE_SUFFIX, EXPECTED_SUFFIX, TARGET_SUFFIX, Target};
use crate::error::{Failure, FileError};
use crate::png::{decode, encode};
use crate::run_id::run_id;
use crate::session::State;
use crate::session::artefacts::hexadecimal;

/// Environment variable that makes what screens show the new goldens.
pub const BLESS_VARIABLE: &str = "ESPALIER_BLESS";
/// Environment variable with the folder of the golden pictures.
pub const GOLDENS_VARIABLE: &str = "ESPALIER_GOLDENS";
/// Where the golden pictures of a crate are unless it is said otherwise.
pub const GOLDENS_FOLDER: &str = "tests/goldens";

pub(crate) fn default_folder() -> PathBuf {
    std::env::var_os(GOLDENS_VARIABLE).map_or_else(|| PathBuf::from(GOLDENS_FOLDER), PathBuf::from)
}

pub(crate) fn bless_from_env() -> bool {
    std::env::var_os(BLESS_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether a picture matches its golden, without leaving anything behind.
pub(crate) fn matches(state: &State, name: &str, actual: &Bitmap, tolerance: &Tolerance) -> Result<bool, Failure> {
    let path = path(&state.goldens, name)?;
    let golden = load(&path)?.filter(|golden| Comparison::new(&golden.bitmap, actual, tolerance).matches());
    match &golden {
        Some(golden) if state.bless => claim(&state.artefacts, &absolute(&path), &golden.bitmap)?,
        _ => {}
    }
    Ok(golden.is_some())
}

/// Compares a picture with its golden. A mismatch leaves pictures behind, or replaces the golden if that was asked for.
pub(crate) fn judge(state: &State, name: &str, actual: &Bitmap, tolerance: &Tolerance) -> Result<(), Failure> {
    let path = path(&state.goldens, name)?;
    let golden = match load(&path) {
        Err(_) if state.bless => None,
        golden => golden?,
    };
    let comparison = golden.as_ref().map(|golden| Comparison::new(&golden.bitmap, actual, tolerance));
    let held = golden.as_ref().filter(|_| comparison.as_ref().is_some_and(Comparison::matches));
    if state.bless {
        claim(&state.artefacts, &absolute(&path), held.map_or(actual, |golden| &golden.bitmap))?;
    }
    if held.is_some() {
        return Ok(());
    }
    let file = encode(actual);
    if state.bless {
        return Ok(replace(&path, &file)?);
    }
    let artefacts = &state.artefacts;
    let target = Target {
        golden: absolute(&path),
        was: golden.as_ref().map(|golden| golden.digest.clone()),
        test: artefacts.owner(),
        run: run_id().to_owned(),
    };
    artefacts.write(&format!("{name}{TARGET_SUFFIX}"), target.to_string().as_bytes())?;
    let actual_file = artefacts.write(&format!("{name}{ACTUAL_SUFFIX}"), &file)?;
    let (Some(Golden { bitmap: golden, .. }), Some(comparison)) = (golden, comparison) else {
        return Err(ScreenError::NoGolden { path, actual: actual_file }.into());
    };
    artefacts.write(&format!("{name}{EXPECTED_SUFFIX}"), &encode(&golden))?;
    let diff = artefacts.write(&format!("{name}{DIFFERENCE_SUFFIX}"), &comparison.picture())?;
    if !comparison.same_size() {
        let expected = (golden.width(), golden.height());
        return Err(ScreenError::Size { path, expected, actual: (actual.width(), actual.height()) }.into());
    }
    let error = ScreenError::Differs {
        differing: comparison.differing(),
        forgiven: tolerance.pixels,
        bounds: comparison.bounds().unwrap_or(Rect::new(0, 0, 0, 0)),
        golden: path,
        actual: actual_file,
        diff,
        drawing: comparison.drawing(),
    };
    Err(error.into())
}

/// Writes a golden picture.
pub(crate) fn replace(path: &Path, file: &[u8]) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
    }
    espalier_files::write(path, file).map_err(FileError::of("write", path))
}

/// A golden picture.
pub(crate) struct Golden {
    pub(crate) bitmap: Bitmap,
    /// Of the file.
    digest: String,
}

/// Reads a golden picture; `None` if there is none.
pub(crate) fn load(path: &Path) -> Result<Option<Golden>, Failure> {
    let file = match fs::read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::of("read", path)(error).into()),
    };
    let bitmap = decode(&file).map_err(|source| ScreenError::Unreadable { path: path.to_owned(), source })?;
    Ok(Some(Golden { bitmap, digest: hexadecimal(&file) }))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn path(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !plain {
        return Err(ScreenError::Name { name: name.to_owned() }.into());
    }
    Ok(folder.join(format!("{name}.png")))
}
