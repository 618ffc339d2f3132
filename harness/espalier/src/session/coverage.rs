//! The code that several boards execute, added up while they run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Result;
use crate::driver::{COVERAGE_VARIABLE, Executed};
use crate::error::FileError;

/// File extension of a record.
const EXTENSION: &str = "blocks";
/// Begins the line with the ELF file of the firmware whose blocks follow.
const ELF: &str = "elf";

/// Collects the coverage of boards and of all their forks, with the ELF file of each firmware.
///
/// A board adds what it has executed when it is forked and when it is gone; see [`BoardBuilder::coverage`](crate::BoardBuilder::coverage).
/// With a folder in `ESPALIER_COVERAGE`, every board of a process has such a record in a file there.
///
/// ```no_run
/// use espalier::{Board, CoverageRecord};
///
/// # async fn test() -> espalier::Result<()> {
/// let record = CoverageRecord::default();
/// let board = Board::builder().firmware("firmware.bin").coverage(&record).start().await?;
/// board.fork()?.console().expect("ready").await?;
/// drop(board);
/// for (elf, coverage) in record.by_firmware() {
///     println!("{elf:?}: {} blocks", coverage.blocks().count());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CoverageRecord {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The folder in which it has a file.
    folder: Option<PathBuf>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_firmware: BTreeMap<Option<PathBuf>, Executed>,
    file: Option<PathBuf>,
}

impl CoverageRecord {
    /// The record that the environment asks for.
    pub(crate) fn from_env() -> Option<CoverageRecord> {
        let folder = std::env::var_os(COVERAGE_VARIABLE).filter(|folder| !folder.is_empty())?;
        Some(CoverageRecord::in_folder(folder.into()))
    }

    fn in_folder(folder: PathBuf) -> CoverageRecord {
        CoverageRecord { shared: Arc::new(Shared { folder: Some(folder), inner: Mutex::default() }) }
    }

    /// Adds what a board has executed of the firmware with this ELF file.
    pub(crate) fn add(&self, elf: Option<&Path>, executed: &Executed) -> std::result::Result<(), FileError> {
        let mut inner = self.lock();
        inner.by_firmware.entry(elf.map(Path::to_owned)).or_default().add(executed);
        let Some(folder) = &self.shared.folder else { return Ok(()) };
        let file = match inner.file.take() {
            Some(file) => file,
            None => new_file(folder)?,
        };
        let written = espalier_files::write(&file, inner.text().as_bytes()).map_err(FileError::of("write", &file));
        inner.file = Some(file);
        written
    }

    /// The blocks that were executed of each firmware, by its ELF file.
    pub(crate) fn executed(&self) -> BTreeMap<Option<PathBuf>, Executed> {
        self.lock().by_firmware.clone()
    }

    /// The sum of the records that boards have written to the folder that `ESPALIER_COVERAGE` named.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be read.
    pub fn read(folder: impl AsRef<Path>) -> Result<CoverageRecord> {
        let folder = folder.as_ref();
        let record = CoverageRecord::default();
        let entries = fs::read_dir(folder).map_err(FileError::of("read", folder))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let text = fs::read_to_string(&path).map_err(FileError::of("read", &path))?;
                record.lock().add_text(&text);
            }
        }
        Ok(record)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn text(&self) -> String {
        let mut text = String::new();
        for (elf, executed) in &self.by_firmware {
            let elf = elf.as_deref().map(Path::display);
            let _ = writeln!(text, "{ELF} {}", elf.map_or_else(String::new, |elf| elf.to_string()));
            executed.write(&mut text);
        }
        text
    }

    fn add_text(&mut self, text: &str) {
        let mut elf = None;
        for line in text.lines() {
            match line.strip_prefix(ELF).and_then(|line| line.strip_prefix(' ')) {
                Some(path) => elf = Some(path).filter(|path| !path.is_empty()).map(PathBuf::from),
                None => self.by_firmware.entry(elf.clone()).or_default().add_line(line),
            }
        }
    }
}

/// A file of its own in the folder, which is made if need be.
fn new_file(folder: &Path) -> std::result::Result<PathBuf, FileError> {
    fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
    let mut number = 0;
    loop {
        let path = folder.join(format!("{}-{number}.{EXTENSION}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(FileError::of("create", &path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::CoverageRecord;
    use crate::driver::{Executed, ExecutedBlock, Executions};

    fn executed(core: u8, start: u32, executions: Executions) -> Executed {
        let mut executed = Executed { dropped: 2, ..Executed::default() };
        executed.blocks.insert(ExecutedBlock { core, start, end: start + 9 }, executions);
        executed
    }

    #[test]
    fn records_are_read_as_they_were_written_and_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Executions { count: 3, jumps: 1 }, Executions { count: 9, jumps: 9 });
        let elf = Path::new("a b/app.elf");
        for _ in 0..2 {
            // Two families of boards.
            let record = CoverageRecord::in_folder(folder.path().to_owned());
            record.add(Some(elf), &executed(0, 0x4000_0000, one)).unwrap();
            record.add(None, &executed(1, 0x400D_0020, other)).unwrap();
            record.add(Some(elf), &executed(0, 0x4000_0000, one)).unwrap();
        }
        let read = CoverageRecord::read(folder.path()).unwrap().executed();
        assert_eq!(read.keys().map(Option::as_deref).collect::<Vec<_>>(), [None, Some(elf)]);
        let sum = |key: Option<&Path>| read.iter().find(|(elf, _)| elf.as_deref() == key).unwrap().1;
        assert_eq!(sum(Some(elf)).blocks.values().copied().collect::<Vec<_>>(), [Executions { count: 12, jumps: 4 }]);
        assert_eq!(sum(None).blocks.values().copied().collect::<Vec<_>>(), [Executions { count: 18, jumps: 18 }]);
        assert_eq!((sum(Some(elf)).dropped, sum(None).dropped), (8, 4));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
