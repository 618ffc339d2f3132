//! The report of coverage: a tracefile of lcov (its manual page geninfo(1), "FILES"), which `genhtml` and editors read; each core is a
//! test of its own there. A line was executed as often as its most executed instruction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

use super::Coverage;
use crate::driver::{ExecutedBlock, Executions, conditional_branches};
use crate::error::{Cause, FileError};
use crate::session::Result;

/// Source file of functions without debug information.
const NO_SOURCE: &str = "unknown";

/// An ELF file does not say what code there is.
///
/// ```
/// let error = espalier::NoSymbols { path: "firmware.elf".into(), reason: "it is empty".to_owned() };
/// assert_eq!(error.to_string(), "firmware.elf says nothing of its code: it is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} says nothing of its code: {reason}", path.display())]
pub struct NoSymbols {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

impl Cause for NoSymbols {}

impl Coverage {
    /// A tracefile of lcov with what this ELF file has: each core as a test, with the functions and lines that it has executed and those
    /// that it has not.
    ///
    /// # Errors
    /// If the file cannot be read, or has no code.
    pub fn lcov(&self, elf: &Path) -> Result<String> {
        let code = Code::read(elf)?;
        // The first core is there even if it has not run yet.
        let cores: BTreeSet<u8> = self.executed.blocks.keys().map(|block| block.core).chain([0]).collect();
        let mut report = String::new();
        for core in cores {
            let blocks = self.executed.blocks.iter().filter(|(block, _)| block.core == core);
            code.report(
                &format!("core{core}"),
                &blocks.map(|(block, executions)| (*block, *executions)).collect(),
                &mut report,
            );
        }
        Ok(report)
    }
}

/// Conditional branches: their addresses, and those behind them. Compilation units that share their table of lines each name them.
type Branches = BTreeSet<(u32, u32)>;

/// A function, where it begins.
struct Function {
    name: String,
    start: u32,
    end: u32,
    source: (String, u32),
}

/// One source file: its functions, and its lines with how often each was executed.
#[derive(Default)]
struct Source<'a> {
    functions: Vec<&'a Function>,
    lines: Vec<(u32, u64)>,
    /// The conditional branches of each line.
    branches: Vec<(u32, &'a Branches)>,
}

/// The functions and lines of an ELF file.
struct Code {
    functions: Vec<Function>,
    /// Where instructions of each line are: start and end.
    lines: BTreeMap<(String, u32), Vec<(u32, u32)>>,
    branches: BTreeMap<(String, u32), Branches>,
}

impl Code {
    fn read(elf: &Path) -> Result<Code> {
        let none = |reason: String| NoSymbols { path: elf.to_owned(), reason };
        let content = fs::read(elf).map_err(FileError::of("read", elf))?;
        let file = object::File::parse(&*content).map_err(|error| none(error.to_string()))?;
        let loader = Loader::new(elf).map_err(|error| none(error.to_string()))?;
        let mut lines: BTreeMap<(String, u32), Vec<(u32, u32)>> = BTreeMap::new();
        let mut branches: BTreeMap<(String, u32), Branches> = BTreeMap::new();
        // The header's e_machine (System V ABI, "ELF Header").
        let machine = content.get(18..20).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let (start, end) = (section.address(), section.address().saturating_add(section.size()));
            let ranges = loader.find_location_range(start, end).map_err(|error| none(error.to_string()))?;
            let code = section.data().unwrap_or_default();
            for (address, size, location) in ranges {
                if let (Some(file), Some(line)) = (location.file, location.line.filter(|line| *line > 0)) {
                    let place = lines.entry((file.to_owned(), line)).or_default();
                    place.push((address as u32, address.saturating_add(size) as u32));
                    let offset = address.saturating_sub(start) as usize;
                    let code = code.get(offset..offset.saturating_add(size as usize)).unwrap_or_default();
                    let found = conditional_branches(machine, code, address as u32);
                    if !found.is_empty() {
                        branches.entry((file.to_owned(), line)).or_default().extend(found);
                    }
                }
            }
        }
        let symbols = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        let mut functions: Vec<Function> = symbols
            .map(|symbol| {
                let location = loader.find_location(symbol.address()).ok().flatten();
                let source = location.and_then(|place| Some((place.file?.to_owned(), place.line?)));
                Function {
                    name: addr2line::demangle_auto(symbol.name().unwrap_or_default().into(), None).into_owned(),
                    start: symbol.address() as u32,
                    end: symbol.address().saturating_add(symbol.size()) as u32,
                    source: source.unwrap_or_else(|| (NO_SOURCE.to_owned(), 0)),
                }
            })
            .collect();
        if functions.is_empty() {
            return Err(none("it has no functions".to_owned()).into());
        }
        functions.sort_by(|one, other| (one.start, &one.name).cmp(&(other.start, &other.name)));
        functions.dedup_by_key(|function| function.start);
        Ok(Code { functions, lines, branches })
    }

    /// Writes the records of one test: one of each source file.
    fn report(&self, test: &str, blocks: &BTreeMap<ExecutedBlock, Executions>, report: &mut String) {
        let counts = Counts::of(blocks);
        let jumps = Jumps::of(blocks);
        let mut files: BTreeMap<&str, Source<'_>> = BTreeMap::new();
        for function in &self.functions {
            files.entry(&function.source.0).or_default().functions.push(function);
        }
        for ((file, line), ranges) in &self.lines {
            let count = ranges.iter().map(|(start, end)| counts.most(*start, *end)).max().unwrap_or(0);
            files.entry(file).or_default().lines.push((*line, count));
        }
        for ((file, line), branches) in &self.branches {
            files.entry(file).or_default().branches.push((*line, branches));
        }
        for (file, Source { functions, lines, branches }) in files {
            let _ = writeln!(report, "TN:{test}\nSF:{file}");
            let called = |function: &&&Function| counts.most(function.start, function.end) > 0;
            for function in &functions {
                let _ = writeln!(report, "FN:{},{}", function.source.1, function.name);
            }
            for function in &functions {
                let _ = writeln!(
                    report,
                    "FNDA:{},{}",
                    counts.most(function.start, function.start.saturating_add(1)),
                    function.name
                );
            }
            let _ = writeln!(report, "FNF:{}\nFNH:{}", functions.len(), functions.iter().filter(called).count());
            report_branches(&branches, &counts, &jumps, report);
            for (line, count) in &lines {
                let _ = writeln!(report, "DA:{line},{count}");
            }
            let hit = lines.iter().filter(|(_, count)| *count > 0).count();
            let _ = writeln!(report, "LF:{}\nLH:{hit}\nend_of_record", lines.len());
        }
    }
}

/// Writes both ways of each conditional branch: that it was taken, and that it was not. A dash stands for a branch that was not executed.
fn report_branches(branches: &[(u32, &Branches)], counts: &Counts, jumps: &Jumps, report: &mut String) {
    let (mut found, mut hit) = (0, 0);
    for (line, branches) in branches {
        for (number, (at, behind)) in branches.iter().enumerate() {
            let executed = counts.most(*at, at.saturating_add(1));
            let taken = jumps.from(*behind).min(executed);
            for (way, count) in [taken, executed - taken].into_iter().enumerate() {
                let told = if executed == 0 { "-".to_owned() } else { count.to_string() };
                let _ = writeln!(report, "BRDA:{line},{number},{way},{told}");
                hit += usize::from(count > 0);
                found += 1;
            }
        }
    }
    if found > 0 {
        let _ = writeln!(report, "BRF:{found}\nBRH:{hit}");
    }
}

/// Number of jumps by the instruction that ends at each address.
struct Jumps(BTreeMap<u32, u64>);

impl Jumps {
    fn of(blocks: &BTreeMap<ExecutedBlock, Executions>) -> Jumps {
        let mut jumps = BTreeMap::new();
        for (block, executions) in blocks.iter().filter(|(_, executions)| executions.jumps > 0) {
            *jumps.entry(block.end).or_default() += executions.jumps;
        }
        Jumps(jumps)
    }

    fn from(&self, end: u32) -> u64 {
        self.0.get(&end).copied().unwrap_or(0)
    }
}

/// Number of executions of each address, as steps: from an address on, up to the next one.
struct Counts(Vec<(u32, u64)>);

impl Counts {
    fn of(blocks: &BTreeMap<ExecutedBlock, Executions>) -> Counts {
        let mut changes: BTreeMap<u32, i128> = BTreeMap::new();
        for (block, Executions { count, .. }) in blocks {
            *changes.entry(block.start).or_default() += i128::from(*count);
            *changes.entry(block.end).or_default() -= i128::from(*count);
        }
        let running = changes.into_iter().scan(0, |now: &mut i128, (address, change)| {
            *now += change;
            Some((address, u64::try_from(*now).unwrap_or(0)))
        });
        Counts(running.collect())
    }

    /// The most that any address of a range was executed.
    fn most(&self, start: u32, end: u32) -> u64 {
        let first = self.0.partition_point(|(address, _)| *address <= start).saturating_sub(1);
        let steps = self.0[first..].iter().take_while(|(address, _)| *address < end);
        // The first step may lie behind the start, or before it and reach into the range.
        steps.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::{Code, Counts, Coverage, ExecutedBlock, Executions, Jumps, report_branches};

    fn covered(blocks: &[(u8, u32, u32, u64)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (core, start, end, count) in blocks {
            let executions = Executions { count: *count, jumps: *count / 2 };
            coverage.executed.blocks.insert(ExecutedBlock { core: *core, start: *start, end: *end }, executions);
        }
        coverage
    }

    #[test]
    fn blocks_that_overlap_add_up() {
        let coverage = covered(&[(0, 10, 20, 3), (0, 14, 20, 2), (0, 30, 31, 7)]);
        let counts = Counts::of(&coverage.executed.blocks);
        let at = |address| counts.most(address, address + 1);
        assert_eq!([9, 10, 13, 14, 19, 20, 29, 30, 31].map(at), [0, 3, 3, 5, 5, 0, 0, 7, 0]);
        assert_eq!((counts.most(0, 10), counts.most(0, 100), counts.most(20, 30)), (0, 7, 0));
        assert!(coverage.has(19) && !coverage.has(20));
    }

    #[test]
    fn branches_are_told_both_ways() {
        // A block that is left at 0x12 by three of six runs; one that goes on through the branch there, twice; none is at 0x30.
        let blocks = covered(&[(0, 0x10, 0x12, 6), (0, 0x10, 0x20, 2)]).executed.blocks;
        let branches = [(0x10, 0x12), (0x30, 0x33), (0x10, 0x12)].into();
        let mut report = String::new();
        report_branches(&[(7, &branches)], &Counts::of(&blocks), &Jumps::of(&blocks), &mut report);
        assert_eq!(report, "BRDA:7,0,0,3\nBRDA:7,0,1,5\nBRDA:7,1,0,-\nBRDA:7,1,1,-\nBRF:4\nBRH:2\n");
    }

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn espalier_covered_function(value: u32) -> u32 {
        black_box(value).wrapping_mul(3)
    }

    /// This test's own program is an ELF file with lines and functions.
    #[cfg(target_os = "linux")]
    #[test]
    fn lines_and_functions_come_from_the_elf_file() {
        assert_eq!(espalier_covered_function(2), 6);
        let program = std::env::current_exe().unwrap();
        let code = Code::read(&program).unwrap();
        let function = code.functions.iter().find(|function| function.name == "espalier_covered_function").unwrap();
        let report = covered(&[(1, function.start, function.end, 4)]).lcov(&program).unwrap();
        let record = report
            .split("end_of_record\n")
            .filter(|record| record.starts_with("TN:core1"))
            .find(|record| record.contains(&function.name));
        let record = record.unwrap();
        assert!(record.starts_with("TN:core1\nSF:") && record.contains("src/coverage/lcov.rs\n"), "{record}");
        assert!(record.contains("FNDA:4,espalier_covered_function\n"), "{record}");
        let line = function.source.1;
        let hit: Vec<&str> = record.lines().filter(|line| line.starts_with("DA:") && line.ends_with(",4")).collect();
        assert!(!hit.is_empty() && hit.len() < 5, "{hit:?} near {line}");
        assert!(record.lines().any(|line| line.starts_with("DA:") && line.ends_with(",0")));
    }
}
