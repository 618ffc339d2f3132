//! `espalier screen`: pictures of screens.

use std::fs;
use std::path::{Path, PathBuf};

use espalier::{Bitmap, Comparison, decode_png, render};

use crate::args::ScreenAction;
use crate::error::CliError;
use crate::style::{BAD, FAINT, GOOD, PLAIN, SCREEN, columns};

/// Ends of the files that a failed comparison leaves behind; the second says which golden it is about.
const ACTUAL: &str = ".actual.png";
const TARGET: &str = ".golden.txt";

pub fn perform(action: ScreenAction) -> Result<bool, CliError> {
    match action {
        ScreenAction::Show { picture } => {
            anstream::print!("{SCREEN}{}{PLAIN}", render::fitting(&read(&picture)?, columns()));
            Ok(true)
        }
        ScreenAction::Diff { expected, actual, output } => diff(expected, actual, output),
        ScreenAction::Accept { folder, dry_run } => accept(&folder, dry_run),
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
        None => anstream::println!("{GOOD}the pictures show the same{PLAIN}"),
        Some(bounds) => {
            anstream::println!("{BAD}{} pixels differ{PLAIN}, {bounds}", comparison.differing());
            anstream::print!("{}", comparison.drawing());
        }
    }
    Ok(comparison.matches())
}

fn accept(folder: &Path, dry_run: bool) -> Result<bool, CliError> {
    let mut targets = Vec::new();
    if folder.exists() {
        find_targets(folder, &mut targets)?;
    }
    targets.sort();
    for (actual, golden) in &targets {
        let done = if dry_run { "would accept" } else { "accepted" };
        anstream::println!("{GOOD}{done}{PLAIN} {} {FAINT}from {}{PLAIN}", golden.display(), actual.display());
        if !dry_run {
            replace(actual, golden)?;
        }
    }
    match targets.len() {
        0 => anstream::println!("nothing to accept in {}", folder.display()),
        count => anstream::println!("{count} golden picture{}", if count == 1 { "" } else { "s" }),
    }
    Ok(true)
}

/// The pictures that failed tests left behind, each with the golden that it would replace.
fn find_targets(folder: &Path, found: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), CliError> {
    for entry in fs::read_dir(folder).map_err(CliError::file("read", folder))? {
        let path = entry.map_err(CliError::file("read", folder))?.path();
        if path.is_dir() {
            find_targets(&path, found)?;
        } else if let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(TARGET)) {
            let golden = fs::read_to_string(&path).map_err(CliError::file("read", &path))?;
            found.push((PathBuf::from(format!("{stem}{ACTUAL}")), PathBuf::from(golden.trim_end())));
        }
    }
    Ok(())
}

/// Moves the picture to its golden, and forgets what the failure left beside it.
fn replace(actual: &Path, golden: &Path) -> Result<(), CliError> {
    let file = fs::read(actual).map_err(CliError::file("read", actual))?;
    if let Some(parent) = golden.parent() {
        fs::create_dir_all(parent).map_err(CliError::file("create", parent))?;
    }
    espalier_files::write(golden, &file).map_err(CliError::file("write", golden))?;
    let stem = actual.to_string_lossy().trim_end_matches(ACTUAL).to_owned();
    for end in [ACTUAL, TARGET, ".expected.png", ".diff.png"] {
        match fs::remove_file(format!("{stem}{end}")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CliError::file("remove", format!("{stem}{end}"))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::accept;
    use std::fs;

    #[test]
    fn accepting_moves_the_picture_and_clears_up() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("artefacts/test/client");
        let golden = folder.path().join("goldens/client/greeting.png");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("greeting.actual.png"), b"picture").unwrap();
        fs::write(left.join("greeting.diff.png"), b"difference").unwrap();
        fs::write(left.join("greeting.golden.txt"), golden.to_str().unwrap()).unwrap();
        let artefacts = folder.path().join("artefacts");
        assert!(accept(&artefacts, true).unwrap() && !golden.exists());
        assert!(accept(&artefacts, false).unwrap());
        assert_eq!(fs::read(golden).unwrap(), b"picture");
        assert_eq!(fs::read_dir(left).unwrap().count(), 0);
    }
}
