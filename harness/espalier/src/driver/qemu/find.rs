//! Where QEMU is, and whether it is one that has the chip.
//!
//! Espressif's tools install it as `~/.espressif/tools/qemu-xtensa/VERSION/qemu/bin/qemu-system-xtensa` (ESP-IDF programming
//! guide, "IDF tools"). The QEMU of a distribution has the same name and no ESP32.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::error::QemuError;
use super::names::{EMULATOR_VARIABLE, MACHINE, PROGRAM, TOOLS_VARIABLE};
use super::process::{Guarded, describe};

/// Time limit for a program to list its machines: a bound for one that hangs, not for a host that is busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// Interval of checking a program that was asked.
const NAP: Duration = Duration::from_millis(5);

/// A QEMU that has the machine `esp32`.
///
/// ```
/// match espalier::Qemu::find() {
///     Ok(qemu) => println!("{} {}", qemu.program().display(), qemu.version()),
///     Err(error) => println!("no boards in QEMU: {error}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    program: PathBuf,
    version: String,
}

/// Where QEMU is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) named: Option<PathBuf>,
    pub(super) path: Vec<PathBuf>,
    pub(super) tools: Option<PathBuf>,
}

impl Places {
    fn from_env() -> Places {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = variable("PATH").unwrap_or_default();
        let home = || Some(PathBuf::from(variable("HOME")?).join(".espressif"));
        Places {
            named: variable(EMULATOR_VARIABLE).map(PathBuf::from),
            path: std::env::split_paths(&path).collect(),
            tools: variable(TOOLS_VARIABLE).map(PathBuf::from).or_else(home),
        }
    }

    /// Every program that may be it, the one that is wanted most first. The one that is named is the only one.
    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.clone()];
        }
        let on_path = self.path.iter().map(|folder| folder.join(PROGRAM));
        on_path.chain(self.installed()).filter(|program| program.is_file()).collect()
    }

    /// Returns the versions that Espressif's tools have installed, the newest first.
    fn installed(&self) -> Vec<PathBuf> {
        let Some(tools) = &self.tools else { return Vec::new() };
        let versions = fs::read_dir(tools.join("tools").join("qemu-xtensa"));
        let mut versions: Vec<PathBuf> = versions.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        versions.sort_by_key(|folder| std::cmp::Reverse(numbers(folder)));
        versions.into_iter().map(|folder| folder.join("qemu").join("bin").join(PROGRAM)).collect()
    }
}

/// The numbers in the last part of a path, by which versions such as `esp_develop_9.2.2_20250817` sort.
fn numbers(folder: &Path) -> Vec<u64> {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.split(|character: char| !character.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

impl Qemu {
    /// Looks for a QEMU with the machine: `ESPALIER_QEMU`, then `PATH`, then the folder of Espressif's tools.
    ///
    /// # Errors
    /// If there is none, or none with the machine; the message says what to install.
    pub fn find() -> Result<Qemu, QemuError> {
        Qemu::find_in(&Places::from_env())
    }

    /// The program, if it has the machine.
    ///
    /// # Errors
    /// If it has not, or cannot be run.
    pub fn at(program: impl Into<PathBuf>) -> Result<Qemu, QemuError> {
        Qemu::find_in(&Places { named: Some(program.into()), ..Places::default() })
    }

    pub(super) fn find_in(places: &Places) -> Result<Qemu, QemuError> {
        let mut refused = Vec::new();
        for program in places.candidates() {
            match Qemu::examine(&program) {
                Ok(qemu) => return Ok(qemu),
                Err(reason) => refused.push((program, reason)),
            }
        }
        Err(if refused.is_empty() { QemuError::Absent } else { QemuError::Unfit { refused } })
    }

    /// Asks a program for its machines and its version.
    fn examine(program: &Path) -> Result<Qemu, String> {
        let machines = ask(program, &["-M", "help"])?;
        if !machines.lines().any(|line| line.split_whitespace().next() == Some(MACHINE)) {
            return Err("does not list it in `-M help`".to_owned());
        }
        let version = ask(program, &["--version"])?.lines().next().unwrap_or_default().to_owned();
        Ok(Qemu { program: program.to_owned(), version })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version line, such as "QEMU emulator version 9.2.2".
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Returns the output of a program that ends in time and with success.
fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let mut process = Guarded::start(&command, &[]).map_err(|error| format!("does not start: {error}"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match process.ended() {
            Some(status) if status.success() => return Ok(process.output()),
            Some(status) => {
                let words = process.last_words();
                let words = words.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
                return Err(format!("ends with {}{words}", describe(status)));
            }
            None if Instant::now() >= deadline => {
                return Err(format!("says nothing about its machines within {PATIENCE:?}"));
            }
            None => std::thread::sleep(NAP),
        }
    }
}

#[cfg(test)]
mod tests;
