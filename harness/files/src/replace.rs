//! New content in place of the old.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Symbolic links that may lead to one another.
const LINKS: usize = 40;

/// Writes `content` as the whole content of the file at `path`, which need not exist.
///
/// # Errors
/// An error of the host's file system. The file is unchanged then, unless it had to be overwritten in place.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(content))
}

/// The same for content that `fill` writes.
///
/// # Errors
/// An error of the host's file system or of `fill`. The file is unchanged then, unless it had to be overwritten in place.
pub fn replace(path: &Path, mut fill: impl FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = follow(path)?;
    let existing = match fs::metadata(&target) {
        Ok(existing) => Some(existing),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if existing.as_ref().is_some_and(|existing| !existing.is_file() || has_other_names(existing)) {
        return overwrite(&target, &mut fill);
    }
    // Permission to write is asked for, for renaming needs that of the directory only.
    if existing.is_some() {
        OpenOptions::new().write(true).open(&target)?;
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut new = match beside(&target, directory) {
        Err(error) if existing.is_some() && refuses_new_files(&error) => return overwrite(&target, &mut fill),
        new => new?,
    };
    if let Some(existing) = &existing {
        if !is_owned_alike(existing, &new.as_file().metadata()?) {
            return overwrite(&target, &mut fill);
        }
        new.as_file().set_permissions(existing.permissions())?;
    }
    fill(new.as_file_mut())?;
    new.as_file().sync_all()?;
    match new.persist(&target) {
        Ok(_) => sync_directory(directory),
        // A file that is mounted by itself cannot be renamed over.
        Err(refused) if refused.error.kind() == ErrorKind::ResourceBusy => overwrite(&target, &mut fill),
        Err(refused) => Err(refused.error),
    }
}

/// The file that `path` means in the end, which need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "too many symbolic links lead to one another"))
}

fn beside(target: &Path, directory: &Path) -> io::Result<NamedTempFile> {
    let name = target.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the path names no file"))?;
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Permissions of a new file, reduced by the process's mask.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

fn refuses_new_files(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::InvalidFilename)
}

/// Overwrites the file itself.
fn overwrite(target: &Path, fill: &mut impl FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(target)?;
    fill(&mut file)?;
    if file.metadata()?.is_file() {
        let length = file.stream_position()?;
        file.set_len(length)?;
    }
    match file.sync_all() {
        // Pipes and terminals have nothing to sync.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

#[cfg(unix)]
fn has_other_names(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
fn has_other_names(_file: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_owned_alike(old: &Metadata, new: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (old.uid(), old.gid()) == (new.uid(), new.gid())
}

#[cfg(not(unix))]
fn is_owned_alike(_old: &Metadata, _new: &Metadata) -> bool {
    true
}

/// Makes the new name last.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Windows has no such thing.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{replace, write};
    use std::fs;
    use std::io::{ErrorKind, Write};

    fn names(directory: &std::path::Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_cannot_be_filled_stays_as_it_was_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        write(&path, b"before").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of it")?;
            assert_eq!(fs::read(&path)?, b"before");
            assert_eq!(fs::read_dir(directory.path())?.count(), 2);
            Err(ErrorKind::StorageFull.into())
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(names(directory.path()), ["flash.bin"]);
        write(&path, b"after").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(names(directory.path()), ["flash.bin"]);
    }

    #[cfg(unix)]
    mod unix {
        use super::{fs, names, replace, write};
        use std::io::Write;
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

        #[test]
        fn symbolic_links_lead_to_what_is_written_and_stay() {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            fs::create_dir(at("images")).unwrap();
            symlink("images/flash.bin", at("link")).unwrap();
            symlink(at("link"), at("link to a link")).unwrap();
            for content in [b"new", b"old"] {
                write(&at("link to a link"), content).unwrap();
                assert_eq!(fs::read(at("images/flash.bin")).unwrap(), content);
            }
            assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
            assert_eq!(names(&at("images")), ["flash.bin"]);
            symlink("itself", at("itself")).unwrap();
            assert!(write(&at("itself"), b"x").unwrap_err().to_string().contains("symbolic links"));
        }

        #[test]
        fn every_hard_link_keeps_naming_the_file() {
            let directory = tempfile::tempdir().unwrap();
            let (one, other) = (directory.path().join("one"), directory.path().join("other"));
            write(&one, b"a longer content").unwrap();
            fs::hard_link(&one, &other).unwrap();
            write(&one, b"shorter").unwrap();
            assert_eq!(fs::read(&other).unwrap(), b"shorter");
            assert_eq!(fs::metadata(&one).unwrap().ino(), fs::metadata(&other).unwrap().ino());
        }

        #[test]
        fn permissions_stay_and_new_files_have_the_usual_ones() {
            let directory = tempfile::tempdir().unwrap();
            let (path, usual) = (directory.path().join("flash.bin"), directory.path().join("usual"));
            write(&path, b"1").unwrap();
            fs::write(&usual, b"1").unwrap();
            let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), mode(&usual));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            write(&path, b"2").unwrap();
            assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o640, b"2".to_vec()));
        }

        #[test]
        fn files_that_are_not_plain_are_written_in_place() {
            write(std::path::Path::new("/dev/null"), b"gone").unwrap();
            let full = replace(std::path::Path::new("/dev/full"), |file| file.write_all(b"x"));
            if std::path::Path::new("/dev/full").exists() {
                assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
            }
            assert!(std::os::unix::fs::FileTypeExt::is_char_device(&fs::metadata("/dev/null").unwrap().file_type()));
        }
    }
}
