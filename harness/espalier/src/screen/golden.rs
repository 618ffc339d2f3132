//! Golden pictures: what a screen has to show, as files.

use std::fs;
use std::path::{Component, Path, PathBuf};

use espalier_core::Picture;

use super::claim::claim;
use super::compare::{Comparison, Rect, Tolerance};
use super::error::ScreenError;
use super::pending::{
    ACTUAL_SUFFIX, BLESS_VARIABLE, DIFFERENCE_SUFFIX, EXPECTED_SUFFIX, TARGET_SUFFIX, Target, replace,
};
use crate::error::{Failure, FileError};
use crate::png::{PngError, decode, decode_colours, encode_picture};
use crate::run_id::run_id;
use crate::session::State;
use crate::session::artefacts::hexadecimal;

/// Environment variable with the folder of the golden pictures.
pub const GOLDENS_VARIABLE: &str = "ESPALIER_GOLDENS";
/// Default folder of the golden pictures of a crate.
pub const GOLDENS_FOLDER: &str = "tests/goldens";

pub(crate) fn default_folder() -> PathBuf {
    std::env::var_os(GOLDENS_VARIABLE).map_or_else(|| PathBuf::from(GOLDENS_FOLDER), PathBuf::from)
}

pub(crate) fn bless_from_env() -> bool {
    std::env::var_os(BLESS_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether a picture matches its golden, without leaving anything behind.
pub(crate) fn matches(state: &State, name: &str, actual: &Picture, tolerance: &Tolerance) -> Result<bool, Failure> {
    let path = path(&state.goldens, name)?;
    let golden =
        load_like(&path, actual)?.filter(|golden| Comparison::new(&golden.picture, actual, tolerance).matches());
    match &golden {
        Some(golden) if state.bless => claim(&state.artefacts, &absolute(&path), &golden.picture)?,
        _ => {}
    }
    Ok(golden.is_some())
}

/// Compares a picture with its golden. A mismatch leaves pictures behind, or replaces the golden if that was asked for.
pub(crate) fn judge(state: &State, name: &str, actual: &Picture, tolerance: &Tolerance) -> Result<(), Failure> {
    let path = path(&state.goldens, name)?;
    let golden = match load_like(&path, actual) {
        Err(_) if state.bless => None,
        golden => golden?,
    };
    let comparison = golden.as_ref().map(|golden| Comparison::new(&golden.picture, actual, tolerance));
    let held = golden.as_ref().filter(|_| comparison.as_ref().is_some_and(Comparison::matches));
    if state.bless {
        claim(&state.artefacts, &absolute(&path), held.map_or(actual, |golden| &golden.picture))?;
    }
    if held.is_some() {
        return Ok(());
    }
    let file = encode_picture(actual);
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
    let (Some(Golden { picture: golden, .. }), Some(comparison)) = (golden, comparison) else {
        return Err(ScreenError::NoGolden { path, actual: actual_file }.into());
    };
    artefacts.write(&format!("{name}{EXPECTED_SUFFIX}"), &encode_picture(&golden))?;
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

/// A golden picture.
pub(crate) struct Golden {
    pub(crate) picture: Picture,
    /// Of the file.
    digest: String,
}

/// Reads a golden picture; `None` if there is none.
pub(crate) fn load(path: &Path) -> Result<Option<Golden>, Failure> {
    read(path, |file| decode(file).map(Picture::Dots))
}

/// Reads it as a picture of the kind that `actual` is.
fn load_like(path: &Path, actual: &Picture) -> Result<Option<Golden>, Failure> {
    match actual {
        Picture::Dots(_) => load(path),
        Picture::Colours(_) => read(path, |file| decode_colours(file).map(Picture::Colours)),
    }
}

fn read(path: &Path, decode: impl Fn(&[u8]) -> Result<Picture, PngError>) -> Result<Option<Golden>, Failure> {
    let file = match fs::read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::of("read", path)(error).into()),
    };
    let picture = decode(&file).map_err(|source| ScreenError::Unreadable { path: path.to_owned(), source })?;
    Ok(Some(Golden { picture, digest: hexadecimal(&file) }))
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
