//! `espalier test` as its user sees it.

use std::path::Path;
use std::process::{Command, Output};

const TUTORIAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scenarios/tutorial");
const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

/// Runs `espalier test` in this folder, where it leaves what belongs to a failure.
pub(super) fn test(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.arg("test").args(args).current_dir(folder);
    for variable in ["ESPALIER_BOARD", "ESPALIER_IMAGE", "ESPALIER_BLESS", "ESPALIER_ARTEFACTS", "GITHUB_ACTIONS"] {
        command.env_remove(variable);
    }
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
    (status.code(), text(stdout), text(stderr))
}

/// Runs one scenario with the tutorial's firmware, in a folder of its own.
fn run(name: &str, text: &str, args: &[&str]) -> (tempfile::TempDir, Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), text.replace("IMAGE", IMAGE)).expect("a file");
    let (status, output, errors) = test(folder.path(), &[&[name], args].concat());
    (folder, status, output, errors)
}

#[test]
fn the_tutorial_passes_as_scenarios() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, output, errors) = test(folder.path(), &[TUTORIAL]);
    assert_eq!(status, Some(0), "{output}\n{errors}");
    assert!(
        output.contains("test client::shows and echoes[golden=client-received-ascii,text=Hello, OLED!] ... ok"),
        "{output}"
    );
    assert!(output.contains("test server::serves one client after another ... ok"), "{output}");
    assert!(
        output.contains("\ntest result: ok. 17 passed; 0 failed; 0 skipped; 0 filtered out; finished in "),
        "{output}"
    );
    assert!(!folder.path().join("target").exists(), "a test that passes leaves nothing");
}

/// The number of functions that were called according to a tracefile of lcov.
fn called(report: &str) -> usize {
    report.lines().filter(|line| line.starts_with("FNDA:") && !line.starts_with("FNDA:0,")).count()
}

#[test]
fn coverage_is_that_of_all_tests_and_of_what_they_share() {
    let scenario = "board: mpython\nfirmware: IMAGE\nsetup: [{ expect: '@event address', within: 60s }]\ntests:\n  \
                    - { name: waits, steps: [run-for: 10ms] }\n  \
                    - { name: talks, steps: [send: status, expect: '@status'] }\n";
    let covered = |filter: &str| {
        let (folder, status, output, errors) =
            run("both.yaml", scenario, &["--coverage", "both.info", "--filter", filter]);
        assert_eq!(status, Some(0), "{output}\n{errors}");
        std::fs::read_to_string(folder.path().join("both.info")).expect("a report")
    };
    let (both, waits) = (covered("both"), covered("waits"));
    assert!(both.starts_with("TN:core0\nSF:") && both.ends_with("end_of_record\n"), "{both:.300}");
    assert!(called(&both) > called(&waits) && called(&waits) > 50, "{} and {}", called(&both), called(&waits));

    // The same out of a folder that the environment names, in two runs.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("both.yaml"), scenario.replace("IMAGE", IMAGE)).expect("a file");
    let espalier = |args: &[&str], variable: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        let output = command.args(args).current_dir(folder.path()).env("ESPALIER_COVERAGE", variable).output();
        output.expect("the command runs").status.success()
    };
    for test in ["waits", "talks"] {
        assert!(espalier(&["test", "both.yaml", "--filter", test], "records"));
    }
    assert!(espalier(&["coverage", "records", "-o", "all.info"], ""));
    let all = std::fs::read_to_string(folder.path().join("all.info")).expect("a report");
    assert_eq!(called(&all), called(&both));
    assert!(!espalier(&["coverage", ".", "-o", "none.info"], ""), "there is no record");
    assert!(!folder.path().join("none.info").exists());
}

#[test]
fn power_is_cut_and_the_board_is_saved() {
    let scenario = "board: mpython\nfirmware: IMAGE\nneeds: [power, snapshot]\nsteps:\n  - expect: '@event address '\n  \
                    - cut-power: 1\n  - run-for: 1s\n  - power-on: true\n  - expect: POWERON_RESET\n  - expect: '@event \
                    address '\n  - save: booted.espalier\n";
    let (folder, status, output, errors) = run("power.yaml", scenario, &[]);
    assert_eq!(status, Some(0), "{output}{errors}");
    assert!(std::fs::read(folder.path().join("booted.espalier")).unwrap().starts_with(b"ESPWORLD"));
}

#[test]
fn parts_of_a_scenario_are_on_its_board() {
    let scenario = r#"
board = "mpython"
firmware = "IMAGE"
steps = [
    { expect-pin = { pin = 25, level = "high" } },
    { press = "c" },
    { expect-pin = { pin = 25, level = "low" } },
    { expect-part = { climate = { temperature = 21.5 } } },
    { part = { climate = { temperature = -7.5 } } },
    { expect-part = { climate = { temperature = -7.5 } } },
]

[[part]]
kind = "button"
name = "c"
gpio = 25

[[part]]
kind = "bme280"
name = "climate"
scl = 22
sda = 23
temperature = 21.5
"#;
    let (_, status, output, errors) = run("parts.toml", scenario, &[]);
    assert_eq!(status, Some(0), "{output}{errors}");
}

#[test]
fn a_failure_names_the_line_and_shows_the_scene() {
    let scenario = "board: mpython\nfirmware: IMAGE\nsteps:\n  - expect: '@event address'\n  - name: the shop opens\n    \
                    expect: open for business\n    within: 1s\n";
    let reports = ["--junit", "junit.xml", "--tap", "out.tap"];
    let (folder, status, output, _) = run("shop.yaml", scenario, &reports);
    assert_eq!(status, Some(1), "{output}");
    for part in [
        "test shop ... FAILED",
        "---- shop ----\nshop.yaml:5:5: the shop opens: waited 1.",
        "\"open for business\" on the console",
        "@event address",
        "test result: FAILED. 0 passed; 1 failed; 0 skipped; 0 filtered out",
    ] {
        assert!(output.contains(part), "no {part:?} in:\n{output}");
    }
    let artefacts = folder.path().join("target/espalier/scenarios/shop");
    assert!(artefacts.join("console.log").is_file(), "{output}");
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).expect("a report");
    assert!(junit.contains("failures=\"1\"") && junit.contains("classname=\"shop.yaml\""), "{junit}");
    let tap = std::fs::read_to_string(folder.path().join("out.tap")).expect("a report");
    assert!(tap.starts_with("TAP version 14\n1..1\nnot ok 1 - shop\n  ---\n"), "{tap}");
}

#[test]
fn mistakes_are_reported_with_line_column_and_a_hint() {
    for (name, text, expected) in [
        (
            "a.toml",
            "board = \"mpython\"\nsteps = [\n  { expct = \"ready\" },\n]\n",
            "a.toml:3:5: unknown key \"expct\"; did you mean \"expect\"?",
        ),
        ("b.yaml", "steps:\n  - listen: 70000\n", "b.yaml:2:13: invalid value: integer `70000`, expected u16"),
        (
            "c.yaml",
            "steps:\n  - expect: a\n    send: b\n",
            "c.yaml:2:5: a step has one action, and this one has expect and send",
        ),
        ("d.toml", "steps = [{ within = \"2 seconds\" }]\n", "d.toml:1:21: \"2 seconds\" is not a length of time"),
        ("e.toml", "steps = [{ expect = '/(/' }]\n", "e.toml:1:10: regex parse error"),
        ("f.toml", "board = \"mpython\"\n", "f.toml:1:1: a scenario has `steps` or `tests`"),
        ("g.yaml", "steps: [\n", "g.yaml:2:1: "),
        (
            "h.toml",
            "board = \"arduino\"\nsteps = [{ reset = true }]\n",
            "h.toml:1:1: \"arduino\" is not a model; supported: ",
        ),
        (
            "j.toml",
            "board = \"mpython\"\nsteps = [{ reset = true }]\n[[part]]\nkind = \"button\"\ngpio = 40\n",
            "j.toml:5:8: board mpython: button \"button\": gpio is 40, not a pin of the chip: ",
        ),
        (
            "k.yaml",
            "board: mpython\npart:\n  - { kind: button, name: c, gpio: 25 }\n  - { kind: bmi280, scl: 22, sda: 23 }\nsteps: [reset: true]\n",
            "k.yaml:4:13: board mpython: bmi280 \"bmi280\": there is no such kind of part; there are analog, at24c, ",
        ),
        (
            "l.yaml",
            "board: mpython\npart:\n  - { kind: button, name: c, gpio: 25, colour: red }\nsteps: [reset: true]\n",
            "l.yaml:3:48: board mpython: button \"c\": unknown key colour; it has ",
        ),
        (
            "m.yaml",
            "part: [{ kind: { a: 1 } }]\nsteps: [reset: true]\n",
            "m.yaml:1:16: true or false, a number, a text or a list",
        ),
        ("i.yaml", "steps:\n  - access-point: { ssid: home, channel: 6, pasword: x }\n", "did you mean \"password\"?"),
    ] {
        let (_folder, status, output, errors) = run(name, text, &[]);
        assert_eq!((status, output.as_str()), (Some(1), ""), "{name}: {errors}");
        assert!(errors.starts_with("error: ") && errors.contains(expected), "{name}: no {expected:?} in:\n{errors}");
    }
}

#[test]
fn a_matrix_makes_tests_that_can_be_listed_and_chosen() {
    let scenario = "firmware = \"IMAGE\"\n[matrix]\nboard = [\"mpython\"]\nword = [\"left\", \"right\"]\n[[tests]]\nname = \"one\"\n\
                    steps = [{ equal = [\"${word}\", \"left\"] }]\n[[tests]]\nname = \"two\"\nskip = \"not yet\"\nsteps = []\n";
    let (_, status, output, _) = run("words.toml", scenario, &["--list"]);
    let expected = "words[board=mpython,word=left]::one: test\nwords[board=mpython,word=left]::two: test\n\
                    words[board=mpython,word=right]::one: test\nwords[board=mpython,word=right]::two: test\n\n4 tests\n";
    assert_eq!((status, output.as_str()), (Some(0), expected));
    let (_, status, output, _) = run("words.toml", scenario, &["--filter", "left", "--repeat", "2"]);
    assert_eq!(status, Some(0), "{output}");
    assert!(output.contains("::one#2 ... ok") && output.contains("::two#1 ... skipped, not yet"), "{output}");
    assert!(output.contains("2 passed; 0 failed; 2 skipped; 4 filtered out"), "{output}");
    let (_, status, output, _) = run("words.toml", scenario, &["--filter", "right"]);
    assert!(status == Some(1) && output.contains("\"right\" is not \"left\""), "{output}");
    let (_, status, _, errors) = run("words.toml", scenario, &["--filter", "centre"]);
    assert!(status == Some(1) && errors.contains("no test has this name"), "{errors}");
}

#[test]
fn a_golden_is_blessed_and_a_crash_is_a_failure() {
    let scenario =
        "board: mpython\nfirmware: IMAGE\nsteps:\n  - { expect: '@event address', within: 60s }\n  - screen: first\n";
    let (folder, status, output, _) = run("look.yaml", scenario, &["--bless"]);
    assert_eq!(status, Some(0), "{output}");
    assert!(folder.path().join("goldens/first.png").is_file(), "{output}");
    let (status, output, _) = test(folder.path(), &["look.yaml"]);
    assert_eq!(status, Some(0), "{output}");
    let forbidden = format!("fail-on: ['/event add/']\n{scenario}");
    let (_, status, output, _) = run("look.yaml", &forbidden, &[]);
    assert!(status == Some(1) && output.contains("forbids: @event address"), "{output}");
}

#[test]
fn forks_share_what_comes_before_them() {
    let scenario = "board: mpython\nfirmware: IMAGE\nsteps:\n  - { expect: '/@event address (?<address>[0-9.]+)/', within: 60s }\n  \
                    - fork:\n    - { name: left, steps: [send: hello, expect: '@hello'] }\n    \
                    - { name: right, steps: [equal: ['${address}', '${board}']] }\n";
    let (_, status, output, _) = run("parts.yaml", scenario, &[]);
    assert_eq!(status, Some(0), "{output}");
    assert!(output.contains("test parts::left ... ok") && output.contains("test parts::right ... ok"), "{output}");
}

#[test]
fn the_schema_that_editors_get_is_the_one_in_the_repository() {
    let (status, output, _) = test(Path::new(env!("CARGO_MANIFEST_DIR")), &["--schema"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenario/scenario.schema.json");
    if std::env::var_os("ESPALIER_BLESS").is_some() {
        std::fs::write(file, &output).expect("a file");
    }
    let committed = std::fs::read_to_string(file).expect("the schema");
    assert_eq!((status, output), (Some(0), committed), "run this test with ESPALIER_BLESS=1 to write it");
}

#[test]
fn a_first_scenario_is_written_from_what_the_firmware_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let init = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        let output = command.arg("init").args(args).current_dir(folder.path()).output().expect("the command runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("output is text"))
    };
    let (status, errors) = init(&[]);
    assert!(status == Some(1) && errors.contains("no firmware to write a test for: . has no build in it"), "{errors}");
    std::fs::write(folder.path().join("platformio.ini"), "").expect("a file");
    let (status, errors) = init(&[]);
    assert!(status == Some(1) && errors.contains("platformio.ini is there: run `pio run` first"), "{errors}");
    let (status, errors) = init(&["--firmware", IMAGE, "--board", "mpython"]);
    assert_eq!(status, Some(0), "{errors}");
    let path = folder.path().join("scenarios/boot.toml");
    let text = std::fs::read_to_string(&path).expect("a scenario");
    assert!(
        text.contains("board = \"mpython\"\n")
            && text.contains("{ expect = ")
            && text.contains("{ screen = \"first\" }"),
        "{text}"
    );
    let (status, output, _) = test(folder.path(), &["--bless"]);
    assert_eq!(status, Some(0), "{text}\n{output}");
    let (status, output, _) = test(folder.path(), &[]);
    assert_eq!(status, Some(0), "{output}");
    let (status, errors) = init(&["--firmware", IMAGE]);
    assert!(status == Some(1) && errors.contains("boot.toml is there already"), "{errors}");
    assert_eq!(std::fs::read_to_string(&path).expect("a scenario"), text);
}
