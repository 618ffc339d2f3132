//! Record of the instructions that the cores of a board have executed.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The environment variable with the folder to which boards write what they have executed.
pub const COVERAGE_VARIABLE: &str = "ESPALIER_COVERAGE";
/// Begins the line with the number of executions that there was no room for.
const DROPPED: &str = "dropped";

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
        if self.blocks.is_empty() {
            self.blocks.clone_from(&other.blocks);
            self.dropped += other.dropped;
            return;
        }
        for (block, executions) in &other.blocks {
            self.blocks.entry(*block).or_default().add(*executions);
        }
        self.dropped += other.dropped;
    }

    /// The executions since they were `before`.
    pub(crate) fn since(mut self, before: &Executed) -> Executed {
        if *before == Executed::default() {
            return self;
        }
        for (block, earlier) in &before.blocks {
            if let Some(executions) = self.blocks.get_mut(block) {
                executions.count -= earlier.count.min(executions.count);
                executions.jumps -= earlier.jumps.min(executions.jumps);
            }
        }
        self.blocks.retain(|_, executions| executions.count > 0);
        self.dropped -= before.dropped.min(self.dropped);
        self
    }

    /// Writes a line for each block.
    pub(crate) fn write(&self, text: &mut String) {
        if self.dropped > 0 {
            let _ = writeln!(text, "{DROPPED} {}", self.dropped);
        }
        for (ExecutedBlock { core, start, end }, Executions { count, jumps }) in &self.blocks {
            let _ = writeln!(text, "{core} {start:#x} {end:#x} {count} {jumps}");
        }
    }

    /// Adds a line of [`write`](Executed::write); others are passed over.
    pub(crate) fn add_line(&mut self, line: &str) {
        let dropped = line.strip_prefix(DROPPED).and_then(|line| line.trim().parse::<u64>().ok());
        self.dropped += dropped.unwrap_or(0);
        if let Some((block, executions)) = parse(line) {
            self.blocks.entry(block).or_default().add(executions);
        }
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
    use super::{Executed, ExecutedBlock, Executions};

    #[test]
    fn lines_come_back_and_others_are_passed_over() {
        let mut executed = Executed { dropped: 5, ..Executed::default() };
        let block = |start| ExecutedBlock { core: 1, start, end: start + 2 };
        executed.blocks.insert(block(0x400D_0020), Executions { count: 9, jumps: 9 });
        let mut text = "x\n0 10 20 3 0\ndropped much\n0 0x10 0x20\n".to_owned();
        executed.write(&mut text);
        let mut read = Executed::default();
        text.lines().for_each(|line| read.add_line(line));
        assert_eq!(read, executed);

        let before = executed.clone();
        executed.blocks.insert(block(0x400D_0020), Executions { count: 11, jumps: 10 });
        executed.blocks.insert(block(0x400D_0030), Executions { count: 1, jumps: 0 });
        let fresh = executed.since(&before);
        let counts: Vec<_> = fresh.blocks.into_values().collect();
        assert_eq!(
            (counts, fresh.dropped),
            (vec![Executions { count: 2, jumps: 1 }, Executions { count: 1, jumps: 0 }], 0)
        );
    }
}
