//! `espalier screen`: pictures of screens.

use std::fs;
use std::path::{Path, PathBuf};

use espalier::{ARTEFACTS_VARIABLE, Bitmap, Comparison, PendingGoldens, decode_png, render};

use crate::args::ScreenAction;
use crate::error::CliError;
use crate::output::{say, say_text};
use crate::remote;
use crate::style::{BAD, FAINT, GOOD, PLAIN, SCREEN, columns};

/// Environment variable with Cargo's build directory.
const TARGET_VARIABLE: &str = "CARGO_TARGET_DIR";
/// The library's folder in it.
const IN_TARGET: &str = "espalier";

pub fn perform(action: ScreenAction) -> Result<bool, CliError> {
    match action {
        ScreenAction::Show { picture } => {
            say_text!("{SCREEN}{}{PLAIN}", render::fitting(&read(&picture)?, columns()));
            Ok(true)
        }
        ScreenAction::Diff { expected, actual, output } => diff(expected, actual, output),
        ScreenAction::Save { file, display, at } => remote::save_screen(&file, display, &at),
        ScreenAction::Accept { folder, dry_run } => accept(&folder.unwrap_or_else(default_folder), dry_run),
    }
}

fn read(path: &Path) -> Result<Bitmap, CliError> {
    let file = fs::read(path).map_err(CliError::file("read", path))?;
    decode_png(&file).map_err(|source| CliError::Picture { path: path.to_owned(), source })
}

fn diff(expected: PathBuf, actual: PathBuf, output: Option<PathBuf>) -> Result<bool, CliError> {
    let pictures = (read(&expected)?, read(&actual)?);
    let size = |bitmap: &Bitmap| (bitmap.width(), bitmap.height());
    let sizes = (size(&pictures.0), size(&pictures.1));
    if sizes.0 != sizes.1 {
        return Err(CliError::Sizes { paths: (expected, actual), sizes });
    }
    let comparison = Comparison::of(&pictures.0, &pictures.1);
    if let Some(output) = output {
        espalier_files::write(&output, &comparison.picture()).map_err(CliError::file("write", &output))?;
    }
    match comparison.bounds() {
        None => say!("{GOOD}the pictures show the same{PLAIN}"),
        Some(bounds) => {
            say!("{BAD}{} pixels differ{PLAIN}, {bounds}", comparison.differing());
            say_text!("{}", comparison.drawing());
        }
    }
    Ok(comparison.matches())
}

/// Where failed tests leave their files, unless it is said where: as the library has it, seen from here.
fn default_folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable(ARTEFACTS_VARIABLE) {
        return folder;
    }
    if let Some(target) = variable(TARGET_VARIABLE) {
        return target.join(IN_TARGET);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().map(|folder| folder.join("target").join(IN_TARGET)).find(|folder| folder.is_dir());
    above.unwrap_or_else(|| Path::new("target").join(IN_TARGET))
}

fn accept(folder: &Path, dry_run: bool) -> Result<bool, CliError> {
    if !folder.is_dir() {
        return Err(CliError::NoArtefacts { folder: folder.to_owned() });
    }
    let pending = PendingGoldens::find(folder)?;
    for picture in &pending.ready {
        let done = if dry_run { "would accept" } else { "accepted" };
        if !dry_run {
            picture.accept()?;
        }
        let (golden, actual) = (picture.golden().display(), picture.actual());
        say!("{GOOD}{done}{PLAIN} {golden} {FAINT}from {}{PLAIN}", actual.display());
    }
    for refusal in &pending.refused {
        anstream::eprintln!("{BAD}refused:{PLAIN} {refusal}");
    }
    match pending.ready.len() {
        0 => say!("nothing to accept in {}", folder.display()),
        count => say!("{count} golden picture{}", if count == 1 { "" } else { "s" }),
    }
    if pending.earlier > 0 {
        let them = if pending.earlier == 1 { "picture is" } else { "pictures are" };
        say!("{FAINT}{} {them} of runs before the last one, and left alone{PLAIN}", pending.earlier);
    }
    Ok(pending.refused.is_empty())
}
