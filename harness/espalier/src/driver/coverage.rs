//! Record of the instructions that the cores of a board have executed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::error::FileError;

/// The environment variable with the folder to which boards write what they have executed.
pub const COVERAGE_VARIABLE: &str = "ESPALIER_COVERAGE";
/// File extension of the records of a process.
const EXTENSION: &str = "blocks";

/// Instructions that follow each other in memory, as a core has executed them in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutedBlock {
    pub(crate) core: u8,
    /// Address of the first instruction.
    pub(crate) start: u32,
    /// Address after the last one.
    pub(crate) end: u32,
}

/// Executions of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Executions {
    /// All of them.
    pub(crate) count: u64,
    /// Executions after which the core went on elsewhere than behind it.
    pub(crate) jumps: u64,
}

impl Executions {
    fn add(&mut self, other: Executions) {
        self.count += other.count;
        self.jumps += other.jumps;
    }
}

/// The number of executions of each block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) blocks: BTreeMap<ExecutedBlock, Executions>,
    /// Executions of blocks that there was no room for.
    pub(crate) dropped: u64,
}

impl Executed {
    pub(crate) fn add(&mut self, other: &Executed) {
        for (block, executions) in &other.blocks {
            self.blocks.entry(*block).or_default().add(*executions);
        }
        self.dropped += other.dropped;
    }

    /// Adds this to the records of this process in a folder.
    pub(crate) fn append(&self, folder: &Path) -> Result<(), FileError> {
        fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
        let path = folder.join(format!("{}.{EXTENSION}", std::process::id()));
        let mut text = String::new();
        for (ExecutedBlock { core, start, end }, Executions { count, jumps }) in &self.blocks {
            let _ = writeln!(text, "{core} {start:#x} {end:#x} {count} {jumps}");
        }
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(FileError::of("write", &path))
    }

    /// The records in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Executed, FileError> {
        let mut all = Executed::default();
        let entries = fs::read_dir(folder).map_err(FileError::of("read", folder))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let text = fs::read_to_string(&path).map_err(FileError::of("read", &path))?;
                for (block, executions) in text.lines().filter_map(parse) {
                    all.blocks.entry(block).or_default().add(executions);
                }
            }
        }
        Ok(all)
    }
}

/// A line of a record.
fn parse(line: &str) -> Option<(ExecutedBlock, Executions)> {
    let mut words = line.split(' ');
    let address = |word: Option<&str>| u32::from_str_radix(word?.strip_prefix("0x")?, 16).ok();
    let core = words.next()?.parse().ok()?;
    let (start, end) = (address(words.next())?, address(words.next())?);
    let (count, jumps) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((ExecutedBlock { core, start, end }, Executions { count, jumps }))
}

#[cfg(test)]
mod tests {
    use super::{Executed, ExecutedBlock, Executions, parse};

    #[test]
    fn records_are_read_as_they_were_written_and_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut executed = Executed::default();
        executed
            .blocks
            .insert(ExecutedBlock { core: 0, start: 0x4000_0000, end: 0x4000_0010 }, Executions { count: 3, jumps: 1 });
        executed
            .blocks
            .insert(ExecutedBlock { core: 1, start: 0x400D_0020, end: 0x400D_0022 }, Executions { count: 9, jumps: 9 });
        executed.append(folder.path()).unwrap();
        assert_eq!(Executed::read(folder.path()).unwrap(), executed);
        executed.append(folder.path()).unwrap();
        let mut twice = executed.clone();
        twice.add(&executed);
        assert_eq!(Executed::read(folder.path()).unwrap(), twice);
        assert_eq!((parse("0 0x10 0x20"), parse("x"), parse("0 10 20 3 0")), (None, None, None));
    }
}
