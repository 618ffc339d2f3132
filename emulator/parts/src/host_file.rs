//! Files of the host that a part has its content from, and that are written as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces the content of a file. Another process sees the old content or the new one, and so does the file after a crash.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside)))
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
        fs::create_dir(folder.join("taken")).unwrap();
        fs::write(folder.join("taken/file"), "").unwrap();
        assert!(replace(&folder.join("taken"), b"no folder is replaced").is_err());
        assert!(replace(&folder.join("absent/card.img"), b"").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
