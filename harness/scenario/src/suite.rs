//! The tests that scenarios come to: every test with every case, on every board and firmware of the matrix.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use espalier::part::PartEntry;
use espalier::{IMAGE_VARIABLE, Model};

use crate::form::{Action, Need, Placed, Step, Test, Value};
use crate::load::Document;
use crate::play::{Hardware, Stage};
use crate::problem::{Location, ScenarioError};
use crate::text::Variables;

/// Names in a matrix that are no variables.
const BOARD: &str = "board";
const FIRMWARE: &str = "firmware";
/// A suite has at most this many tests.
const MOST_TESTS: usize = 100_000;

/// Tests that can be run.
///
/// ```
/// use espalier_scenario::{Document, Suite};
///
/// let mut suite = Suite::new(&[Document::parse("boot.yaml", "steps:\n  - expect: ready\n")?])?;
/// suite.filter(&["network".to_owned()]);
/// assert!(suite.tests().is_empty());
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Debug, Default)]
pub struct Suite {
    tests: Vec<Planned>,
}

/// A test that can be run.
///
/// ```
/// use espalier_scenario::{Document, Suite};
///
/// let suite = Suite::new(&[Document::parse("boot.yaml", "steps:\n  - expect: ready\n")?])?;
/// let test = &suite.tests()[0];
/// println!("{}:{}: {}", test.path().display(), test.at(), test.name());
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Planned {
    pub(crate) name: String,
    pub(crate) document: Arc<Document>,
    pub(crate) at: Location,
    pub(crate) needs: Vec<Need>,
    pub(crate) skip: Option<String>,
    pub(crate) variables: Variables,
    /// The steps before its own, which other tests may share.
    pub(crate) stage: Arc<Stage>,
    pub(crate) steps: Vec<Placed<Step>>,
}

impl Planned {
    /// Its name: that of the scenario, the test, and its case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file.
    pub fn path(&self) -> &std::path::Path {
        &self.document.path
    }

    /// Where it begins in its file.
    pub fn at(&self) -> Location {
        self.at
    }
}

impl Suite {
    /// The tests of these scenarios.
    ///
    /// # Errors
    /// If a scenario names no firmware while `ESPALIER_IMAGE` does neither, or a board that there is not.
    pub fn new(documents: &[Document]) -> Result<Suite, ScenarioError> {
        let mut suite = Suite::default();
        for document in documents {
            let document = Arc::new(document.clone());
            for combination in combinations(&document.scenario.matrix) {
                suite.add(&document, &combination)?;
                if suite.tests.len() > MOST_TESTS {
                    let message = format!("the matrix makes more than {MOST_TESTS} tests");
                    return Err(document.problem(Location::START, message));
                }
            }
        }
        Ok(suite)
    }

    /// Its tests, in the order of their files.
    pub fn tests(&self) -> &[Planned] {
        &self.tests
    }

    /// Keeps the tests whose names contain one of `words`; all of them if there are no words.
    pub fn filter(&mut self, words: &[String]) {
        if !words.is_empty() {
            self.tests.retain(|test| words.iter().any(|word| test.name.contains(word.as_str())));
        }
    }

    fn add(&mut self, document: &Arc<Document>, combination: &[(&str, &Value)]) -> Result<(), ScenarioError> {
        let scenario = &document.scenario;
        let chosen = |name: &str| combination.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        let image = || std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from);
        let firmware = chosen(FIRMWARE).or_else(|| scenario.firmware.clone()).map(|path| document.path_of(path));
        let model = match chosen(BOARD).or_else(|| scenario.board.clone()) {
            None => Model::default(),
            Some(name) => match name.parse() {
                Ok(Model::File(path)) => Model::File(document.path_of(path)),
                Ok(model) => model,
                Err(error) => return Err(document.problem(Location::START, format!("{error}"))),
            },
        };
        let parts = parts(document, &model)?;
        let variables: Variables = scenario
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .chain(combination.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect();
        let stage = Arc::new(Stage::first(
            document,
            Hardware { model, parts, firmware: firmware.or_else(image) },
            variables.clone(),
        ));
        let suffix = case_name(combination.iter().copied());
        let name = document.name();
        if scenario.tests.is_empty() {
            let at = scenario.steps.first().map_or(Location::START, |step| step.at);
            self.branch(Branch {
                name: format!("{name}{suffix}"),
                at,
                needs: scenario.needs.clone(),
                skip: None,
                variables,
                stage,
                steps: &scenario.steps,
            });
            return Ok(());
        }
        let parent = Parent { name: format!("{name}{suffix}"), needs: &scenario.needs, skip: None, variables, stage };
        self.tests_of(&scenario.tests, &parent);
        Ok(())
    }

    fn tests_of(&mut self, tests: &[Placed<Test>], parent: &Parent<'_>) {
        for Placed { at, value: test } in tests {
            let no_cases = [BTreeMap::new()];
            let cases = if test.cases.is_empty() { &no_cases[..] } else { &test.cases };
            for case in cases {
                let mut variables = parent.variables.clone();
                let own = test.variables.iter().chain(case).map(|(name, value)| (name.clone(), value.to_string()));
                variables.extend(own);
                let suffix = case_name(case.iter().map(|(name, value)| (name.as_str(), value)));
                self.branch(Branch {
                    name: format!("{}::{}{suffix}", parent.name, test.name),
                    at: *at,
                    needs: parent.needs.iter().chain(&test.needs).copied().collect(),
                    skip: parent.skip.clone().or_else(|| test.skip.clone()),
                    variables,
                    stage: parent.stage.clone(),
                    steps: &test.steps,
                });
            }
        }
    }

    /// Adds a test, or what it forks into.
    fn branch(&mut self, branch: Branch<'_>) {
        let Branch { name, at, needs, skip, variables, stage, steps } = branch;
        let document = stage.document().clone();
        if let Some((Placed { value: last, .. }, before)) = steps.split_last()
            && let Ok(Action::Fork(tests)) = last.action()
        {
            let stage = Arc::new(Stage::after(stage, before.to_vec(), variables.clone()));
            self.tests_of(&tests, &Parent { name, needs: &needs, skip, variables, stage });
            return;
        }
        self.tests.push(Planned { name, document, at, needs, skip, variables, stage, steps: steps.to_vec() });
    }
}

struct Parent<'a> {
    name: String,
    needs: &'a [Need],
    skip: Option<String>,
    variables: Variables,
    stage: Arc<Stage>,
}

struct Branch<'a> {
    name: String,
    at: Location,
    needs: Vec<Need>,
    skip: Option<String>,
    variables: Variables,
    stage: Arc<Stage>,
    steps: &'a [Placed<Step>],
}

/// The parts that a scenario gives its board, once it is sure that they fit.
fn parts(document: &Document, model: &Model) -> Result<Vec<PartEntry>, ScenarioError> {
    let path = |file: &str| document.path_of(file).to_string_lossy().into_owned();
    let mut parts = Vec::new();
    for Placed { at, value: form } in &document.scenario.part {
        parts.push(form.entry(path));
        if let Err(error) = model.check_with(&parts) {
            let message = error.to_string();
            let at = form.value_in(&message).map_or(*at, |value| value.at);
            return Err(document.problem(at, message));
        }
    }
    Ok(parts)
}

/// Returns the values that distinguish a case from the others, in brackets; empty if there is only one case.
fn case_name<'a>(values: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let words: Vec<String> = values.map(|(name, value)| format!("{name}={value}")).collect();
    if words.is_empty() { String::new() } else { format!("[{}]", words.join(",")) }
}

/// Every combination of the values of a matrix; the last name changes fastest.
fn combinations(matrix: &BTreeMap<String, Vec<Value>>) -> Vec<Vec<(&str, &Value)>> {
    let mut all = vec![Vec::new()];
    for (name, values) in matrix {
        let count = all.len().saturating_mul(values.len());
        all = all
            .iter()
            .flat_map(|begun| values.iter().map(move |value| (begun, value)))
            .map(|(begun, value)| begun.iter().copied().chain([(name.as_str(), value)]).collect())
            .take(count.min(MOST_TESTS + 1))
            .collect();
    }
    all
}
