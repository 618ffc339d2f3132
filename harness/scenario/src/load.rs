//! Scenario files on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::form::{ACTIONS, Action, Placed, Scenario, Step, Test};
use crate::node::{self, Data, Node};
use crate::pattern::Pattern;
use crate::problem::{Location, Problem, ScenarioError};
use crate::{de, text};

/// File extensions of scenario files.
const EXTENSIONS: [&str; 3] = ["toml", "yaml", "yml"];
/// Depth to which folders are searched.
const DEEPEST: usize = 16;
/// Keys that only scenarios have, which tell them from other TOML and YAML files in a folder.
const MARKS: [&str; 2] = ["steps", "tests"];

/// A scenario and its file.
///
/// ```
/// let document = espalier_scenario::Document::parse("boot.yaml", "steps:\n  - expect: ready\n")?;
/// assert_eq!((document.name().as_str(), document.scenario.steps.len()), ("boot", 1));
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Document {
    /// The file.
    pub path: PathBuf,
    /// Its contents.
    pub scenario: Scenario,
    source: String,
}

impl Document {
    /// Reads a scenario from text; `path` says whether it is YAML or TOML, and stands in messages.
    ///
    /// # Errors
    /// If it is no scenario, with line and column.
    pub fn parse(path: impl Into<PathBuf>, source: impl Into<String>) -> Result<Document, ScenarioError> {
        let (path, source) = (path.into(), source.into());
        let scenario = node::read(&path, &source).and_then(|node| scenario(&node));
        match scenario {
            Ok(scenario) => Ok(Document { path, scenario, source }),
            Err(problem) => Err(problem.in_file(&path, &source)),
        }
    }

    /// The scenario's name.
    pub fn name(&self) -> String {
        let stem = || self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.scenario.name.clone().unwrap_or_else(stem)
    }

    /// A path that the scenario names, from the folder of its file.
    pub(crate) fn path_of(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    pub(crate) fn problem(&self, at: Location, message: impl Into<String>) -> ScenarioError {
        Problem::new(at, message.into()).in_file(&self.path, &self.source)
    }
}

/// Reads scenario files, and all of those in folders and the folders in them, in the order of their names. Files in folders that
/// have neither steps nor tests are no scenarios.
///
/// # Errors
/// If a file cannot be read or is wrong, or a folder has none.
pub fn load(paths: &[impl AsRef<Path>]) -> Result<Vec<Document>, ScenarioError> {
    let mut documents = Vec::new();
    for path in paths {
        let path = path.as_ref();
        if path.is_dir() {
            let before = documents.len();
            load_folder(path, DEEPEST, &mut documents)?;
            if documents.len() == before {
                return Err(ScenarioError::Empty { path: path.to_owned() });
            }
        } else {
            documents.push(Document::parse(path, read(path)?)?);
        }
    }
    Ok(documents)
}

fn read(path: &Path) -> Result<String, ScenarioError> {
    let error = |source| ScenarioError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(error)?.len();
    if size > node::LONGEST as u64 {
        let message = format!("it has {size} bytes, and a scenario at most {}", node::LONGEST);
        return Err(error(std::io::Error::other(message)));
    }
    std::fs::read_to_string(path).map_err(error)
}

fn load_folder(folder: &Path, depth: usize, documents: &mut Vec<Document>) -> Result<(), ScenarioError> {
    let error = |source| ScenarioError::Read { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(error)?;
    let paths: BTreeSet<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(error)?;
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !path.is_symlink() && !hidden && depth > 0 {
            load_folder(&path, depth - 1, documents)?;
        } else if EXTENSIONS.contains(&extension) && path.is_file() {
            let source = read(&path)?;
            // A file that cannot be parsed is reported too: it may be a scenario with a mistake.
            let is_other = node::read(&path, &source).is_ok_and(|node| !is_scenario(&node));
            if !is_other {
                documents.push(Document::parse(path, source)?);
            }
        }
    }
    Ok(())
}

fn is_scenario(node: &Node) -> bool {
    matches!(&node.data, Data::Table(entries) if entries.iter().any(|(key, _)| MARKS.contains(&key.name.as_str())))
}

/// Converts a document into a scenario.
fn scenario(node: &Node) -> Result<Scenario, Problem> {
    let scenario: Scenario = de::value(node)?;
    let whole = |message: &str| Problem::new(node.at, message.to_owned());
    match (scenario.steps.is_empty(), scenario.tests.is_empty()) {
        (true, true) => return Err(whole("a scenario has `steps` or `tests`")),
        (false, false) => return Err(whole("a scenario has either `steps` or `tests`, not both")),
        _ => {}
    }
    if let Some((name, _)) = scenario.matrix.iter().find(|(_, values)| values.is_empty()) {
        return Err(whole(&format!("`matrix.{name}` has no values")));
    }
    for text in &scenario.fail_on {
        check_pattern(node.at, text)?;
    }
    check_steps(&scenario.setup, false)?;
    check_steps(&scenario.steps, true)?;
    check_tests(&scenario.tests)?;
    Ok(scenario)
}

fn check_tests(tests: &[Placed<Test>]) -> Result<(), Problem> {
    let mut names = BTreeSet::new();
    for Placed { at, value: test } in tests {
        if test.name.trim().is_empty() {
            return Err(Problem::new(*at, "a test has a name".to_owned()));
        }
        if !names.insert(&test.name) {
            return Err(Problem::new(*at, format!("there is another test \"{}\" in this list", test.name)));
        }
        check_steps(&test.steps, true)?;
    }
    Ok(())
}

/// Checks steps. `branches` says whether the last one may be `fork`.
fn check_steps(steps: &[Placed<Step>], branches: bool) -> Result<(), Problem> {
    for (index, Placed { at, value: step }) in steps.iter().enumerate() {
        let action = step.action().map_err(|found| {
            let message = match found.as_slice() {
                [] => format!("a step has one action: {}", ACTIONS.join(", ")),
                several => format!("a step has one action, and this one has {}", several.join(" and ")),
            };
            Problem::new(*at, message)
        })?;
        match &action {
            Action::Expect(text) => check_pattern(*at, text)?,
            Action::Repeat(repeat) => check_steps(&repeat.steps, false)?,
            Action::Fork(_) if !branches || index + 1 < steps.len() => {
                return Err(Problem::new(*at, "`fork` is the last step of a test".to_owned()));
            }
            Action::Fork(tests) if tests.is_empty() => {
                return Err(Problem::new(*at, "`fork` has at least one test".to_owned()));
            }
            Action::Fork(tests) => check_tests(tests)?,
            _ => {}
        }
    }
    Ok(())
}

/// A pattern without variables can be checked before anything runs.
fn check_pattern(at: Location, pattern: &str) -> Result<(), Problem> {
    if text::has_variables(pattern) {
        return Ok(());
    }
    pattern.parse::<Pattern>().map(drop).map_err(|error| Problem::new(at, error.to_string()))
}
