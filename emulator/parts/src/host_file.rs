//! Files of the host that a part has its content from, and that are written as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Files of an unfinished write that may lie beside one file.
const UNFINISHED: u32 = 1000;

/// Replaces the content of a file, or of that which a symbolic link names. Another process sees the old content or the new one, and so does
/// the file after a crash.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (mut file, beside) = create_beside(&path)?;
    let mut write = || {
        if let Ok(present) = fs::metadata(&path) {
            file.set_permissions(present.permissions())?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Makes a file in the same folder, one for each writer: forks of a board may replace one file at once.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    for number in 0..UNFINISHED {
        let beside = path.with_file_name(format!(".{name}.{}.{number}.new", std::process::id()));
        match File::create_new(&beside) {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::replace;

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let folder = std::env::temp_dir().join(format!("espalier-host-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("card.img");
        for content in [&b"first"[..], b"second, which is longer", b""] {
            replace(&path, content).unwrap();
            assert_eq!((fs::read(&path).unwrap(), fs::read_dir(&folder).unwrap().count()), (content.to_vec(), 1));
        }
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|byte| {
                    scope.spawn({
                        let path = path.clone();
                        move || replace(&path, &[byte; 5000])
                    })
                })
                .collect();
            assert!(
                writers.into_iter().all(|writer| writer.join().unwrap().is_ok()),
                "forks of a board may write at once"
            );
        });
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 5000 && content.iter().all(|byte| *byte == content[0]), "one of them has written all");
        fs::create_dir(folder.join("taken")).unwrap();
        fs::write(folder.join("taken/file"), "").unwrap();
        assert!(replace(&folder.join("taken"), b"no folder is replaced").is_err());
        assert!(replace(&folder.join("absent/card.img"), b"").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
