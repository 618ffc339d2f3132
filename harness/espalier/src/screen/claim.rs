//! Records which test has made which picture golden in this run.
//!
//! Two tests that want different pictures under one name cannot both be right, and the one that blesses last must not win in silence.
//! Tests of one run may be spread over processes, so claims are files: one for each golden, under the name of the run.

use std::fs;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::Path;

use espalier_core::Picture;
use tempfile::NamedTempFile;

use super::error::ScreenError;
use crate::error::{Failure, FileError};
use crate::png::encode_picture;
use crate::run_id::run_id;
use crate::session::artefacts::{Artefacts, hexadecimal};

/// The folder of the claims, in the one that the tests of a run share.
const CLAIMS: &str = ".claims";

/// Claims that `golden` shows `picture`, for the test that has `artefacts`.
pub(super) fn claim(artefacts: &Artefacts, golden: &Path, picture: &Picture) -> Result<(), Failure> {
    let claims = artefacts.shared().join(CLAIMS);
    let folder = claims.join(run_id());
    if !folder.is_dir() {
        // Claims of earlier runs; no test fails because they stay.
        let _ = fs::remove_dir_all(&claims);
    }
    fs::create_dir_all(&folder).map_err(FileError::of("create", &folder))?;
    let path = folder.join(hexadecimal(golden.as_os_str().as_encoded_bytes()));
    let (digest, test) = (hexadecimal(&encode_picture(picture)), artefacts.owner());
    let mut file = NamedTempFile::new_in(&folder).map_err(FileError::of("write", &path))?;
    write!(file, "{digest} {test}").map_err(FileError::of("write", &path))?;
    // It appears with its content, and only if there is none.
    match file.persist_noclobber(&path) {
        Ok(_) => return Ok(()),
        Err(error) if error.error.kind() == IoErrorKind::AlreadyExists => {}
        Err(error) => return Err(FileError::of("write", &path)(error.error).into()),
    }
    let claimed = fs::read_to_string(&path).map_err(FileError::of("read", &path))?;
    match claimed.split_once(' ') {
        Some((other, first)) if other != digest => {
            let tests = (first.to_owned(), test);
            Err(ScreenError::Contested { golden: golden.to_owned(), tests }.into())
        }
        _ => Ok(()),
    }
}
