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
///
/// The format is that of "Workflow commands for GitHub Actions", and the escapes are those of `@actions/core` (`command.ts`). The file is an
/// absolute path: the runner makes that one of the repository, also in a container and where a job works in a folder of its own.
pub fn annotation(record: &Record) -> Option<String> {
    let Outcome::Failed(failure) = &record.outcome else { return None };
    let path = std::path::absolute(&failure.path).unwrap_or_else(|_| failure.path.clone());
    Some(format!(
        "::error file={},line={},col={},title={}::{}",
        property(&path.display().to_string()),
        failure.at.line,
        failure.at.column,
        property(&record.name),
        message(&failure.message),
    ))
}

/// The text of a workflow command, in one line.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command, which ends at a comma or a colon.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{annotation, message, property};
    use crate::problem::Location;
    use crate::run::{Failure, Outcome, Record};

    fn failed(name: &str, path: &Path, text: &str) -> Record {
        let failure = Failure {
            path: path.into(),
            at: Location { line: 12, column: 9 },
            message: text.to_owned(),
            artefacts: None,
        };
        Record {
            name: name.to_owned(),
            path: path.into(),
            at: Location { line: 7, column: 3 },
            outcome: Outcome::Failed(Box::new(failure)),
            board_time: None,
            took: Duration::ZERO,
        }
    }

    /// The vectors of `packages/core/__tests__/command.test.ts` in `actions/toolkit`.
    #[test]
    fn texts_are_escaped_as_the_toolkit_of_github_does() {
        assert_eq!(
            message("percent % percent % cr \r cr \r lf \n lf \n"),
            "percent %25 percent %25 cr %0D cr %0D lf %0A lf %0A"
        );
        assert_eq!(message("%25 %25 %0D %0D %0A %0A"), "%2525 %2525 %250D %250D %250A %250A");
        assert_eq!(
            property("percent % percent % cr \r cr \r lf \n lf \n colon : colon : comma , comma ,"),
            "percent %25 percent %25 cr %0D cr %0D lf %0A lf %0A colon %3A colon %3A comma %2C comma %2C"
        );
        assert_eq!(message("{\"test\":\"object\"}"), "{\"test\":\"object\"}", "colons end no message");
    }

    #[test]
    fn an_annotation_is_one_command_at_the_step_that_failed() {
        let place = std::env::temp_dir().join("a, b");
        let record =
            failed("menu::opens[text=a:b,c]", &place.join("menu.yaml"), "100% of\r\nthe text: \"a, b\"\n::error::no");
        let file = property(&place.join("menu.yaml").display().to_string());
        assert!(file.contains("a%2C b"), "{file}");
        let expected = format!(
            "::error file={file},line=12,col=9,title=menu%3A%3Aopens[text=a%3Ab%2Cc]::\
             100%25 of%0D%0Athe text: \"a, b\"%0A::error::no"
        );
        assert_eq!(annotation(&record).as_deref(), Some(expected.as_str()));
    }

    #[test]
    fn the_runner_gets_a_path_that_does_not_depend_on_the_folder_of_the_job() {
        let told = annotation(&failed("boot", Path::new("scenarios/boot.toml"), "no")).unwrap();
        let whole = std::env::current_dir().unwrap().join("scenarios/boot.toml");
        assert!(told.starts_with(&format!("::error file={},", property(&whole.display().to_string()))), "{told}");
    }

    #[test]
    fn a_test_that_passes_or_is_skipped_has_no_annotation() {
        for outcome in [Outcome::Passed, Outcome::Skipped("no display".to_owned())] {
            assert_eq!(annotation(&Record { outcome, ..failed("boot", Path::new("boot.toml"), "") }), None);
        }
    }
}
