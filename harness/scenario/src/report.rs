//! Reports of a run for other programs: JUnit, TAP (version 14), and annotations of GitHub's workflows.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::run::{Outcome, Record};

/// A JUnit report, with one suite for each file.
pub fn junit(records: &[Record]) -> String {
    let mut report = Report::new("espalier test");
    let mut suites: Vec<TestSuite> = Vec::new();
    for record in records {
        let file = record.path.display().to_string();
        let mut status = match &record.outcome {
            Outcome::Passed => TestCaseStatus::success(),
            Outcome::Failed(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Outcome::Skipped(_) => TestCaseStatus::skipped(),
        };
        match &record.outcome {
            Outcome::Passed => {}
            Outcome::Failed(failure) => {
                status.set_message(first_line(&failure.message)).set_description(failure.to_string());
            }
            Outcome::Skipped(reason) => {
                status.set_message(reason.as_str());
            }
        }
        let mut case = TestCase::new(record.name.as_str(), status);
        case.set_classname(file.as_str()).set_time(record.took);
        case.extra.insert("file".into(), file.as_str().into());
        case.extra.insert("line".into(), record.at.line.to_string().into());
        match suites.iter_mut().find(|suite| suite.name.as_str() == file) {
            Some(suite) => {
                suite.add_test_case(case);
            }
            None => {
                let mut suite = TestSuite::new(file);
                suite.add_test_case(case);
                suites.push(suite);
            }
        }
    }
    report.add_test_suites(suites);
    // It is written into memory, which does not fail.
    report.to_string().unwrap_or_default()
}

/// A report in the Test Anything Protocol.
pub fn tap(records: &[Record]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", records.len());
    for (index, record) in records.iter().enumerate() {
        let (word, rest) = match &record.outcome {
            Outcome::Passed => ("ok", String::new()),
            Outcome::Failed(failure) => {
                let lines: Vec<String> = failure.to_string().lines().map(|line| format!("    {line}\n")).collect();
                ("not ok", format!("\n  ---\n  message: |\n{}  ...", lines.concat()))
            }
            Outcome::Skipped(reason) => ("ok", format!(" # SKIP {}", first_line(reason))),
        };
        // A number sign begins a directive.
        let name = record.name.replace('\\', "\\\\").replace('#', "\\#");
        text.push_str(&format!("{word} {} - {name}{rest}\n", index + 1));
    }
    text
}

/// The annotation with which GitHub shows a failure beside the line of the scenario; none if the test did not fail.
pub fn annotation(record: &Record) -> Option<String> {
    let Outcome::Failed(failure) = &record.outcome else { return None };
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    Some(format!(
        "::error file={},line={},col={},title={}::{}",
        property(&failure.path.display().to_string()),
        failure.at.line,
        failure.at.column,
        property(&record.name),
        escape(&failure.message),
    ))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
