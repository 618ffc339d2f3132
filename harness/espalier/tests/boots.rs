//! Boot once, in however many processes the tests are: the first boots, and the others have its board out of a file.
//!
//! `ci/check-nextest` runs the two hundred tests here with `cargo nextest`, each in a process of its own, and counts the boots.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use espalier::{Board, BootOnce, Kind, Model, Result, Units};
use rstest::rstest;

#[path = "common/tally.rs"]
mod tally;

use tally::Tally;

/// In the package's folder, which nextest names on machines that have the tests out of an archive.
const IMAGE: &str = "../../fixtures/firmware/tutorial-esp32.bin";
/// Environment variable with a file that gets a line for each boot.
const BOOTS_VARIABLE: &str = "BOOTS";
/// Environment variable with a seed, which the harness does not know by name.
const SEED_VARIABLE: &str = "SEED";
/// Environment variable with a board file that has a part of the kind `tally`, which is written here.
const PARTS_VARIABLE: &str = "PARTS";
/// The test that a process runs.
const ONE: &str = "one_of_many_processes";

static BOOTED: BootOnce = BootOnce::new();

async fn board() -> Result<Board> {
    let boot = async || {
        let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or_default();
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let builder = Board::builder().kind(Kind::Emulated).model(Model::MPython).firmware(package.join(IMAGE));
        let builder = match std::env::var_os(PARTS_VARIABLE) {
            Some(file) => builder.model(Model::File(file.into())).part("tally", Tally::make),
            None => builder,
        };
        let builder = builder.seed(seed);
        let board = builder.start().await?;
        // The test continues with this file, if there is one.
        if let Some(path) = std::env::var_os(BOOTS_VARIABLE) {
            let mut boots = fs::File::options().create(true).append(true).open(path)?;
            boots.write_all(format!("{}\n", std::env::current_exe()?.display()).as_bytes())?;
        }
        board.console().expect("@event address ").await?;
        if std::env::var_os(PARTS_VARIABLE).is_some() {
            board.set_part("tally", "count", 5_i64)?;
        }
        Ok(board)
    };
    BOOTED.fork(boot).await
}

#[rstest]
#[tokio::test]
async fn forks(
    #[values(1, 2, 3, 4, 5)] _a: u64,
    #[values(1, 2, 3, 4, 5)] _b: u64,
    #[values(1, 2, 3, 4, 5, 6, 7, 8)] millis: u64,
) -> Result<()> {
    let board = board().await?;
    assert!(board.console().lines().iter().any(|line| line.text.contains("@event address ")));
    let before = board.now();
    board.run_for(millis.ms()).await?;
    assert!(board.now() > before);
    Ok(())
}

#[tokio::test]
async fn one_of_many_processes() -> Result<()> {
    let board = board().await?;
    // A property that cannot be read keeps the folder of its board, as every failure does.
    let tally = std::env::var_os(PARTS_VARIABLE).map(|_| board.part_property("tally", "count"));
    let tally = tally.transpose()?;
    println!("trace {:?} at {}, tally {tally:?}", board.trace_hash(), board.now());
    board.run_for(1.ms()).await
}

/// Processes that run one test each, and what they leave behind.
struct Processes {
    folder: tempfile::TempDir,
}

impl Processes {
    fn start(&self, variables: &[(&str, &str)]) -> Child {
        let program = std::env::current_exe().expect("the test has a file");
        let mut command = Command::new(program);
        command.args(["--exact", ONE, "--nocapture"]).stdout(Stdio::piped());
        command.env("ESPALIER_ARTEFACTS", self.folder.path()).env(BOOTS_VARIABLE, self.boots_file());
        command.env_remove("ESPALIER_SNAPSHOTS").env_remove("NEXTEST_TEST_NAME");
        command.envs(variables.iter().copied()).spawn().expect("a process")
    }

    /// The line that the test prints about its board.
    fn trace(child: Child) -> String {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        said.lines().find(|line| line.contains("trace ")).unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    fn run(&self, variables: &[(&str, &str)]) -> String {
        Processes::trace(self.start(variables))
    }

    fn boots_file(&self) -> PathBuf {
        self.folder.path().join("boots.txt")
    }

    fn boots(&self) -> usize {
        fs::read_to_string(self.boots_file()).unwrap_or_default().lines().count()
    }

    /// The files with boards; there are no others when no process runs.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("booted")).expect("a folder");
        let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        assert!(files.iter().all(|path| path.extension().is_some_and(|end| end == "espalier")), "{files:?}");
        files
    }

    fn console(&self) -> String {
        fn find(folder: &Path) -> Option<PathBuf> {
            let mut entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
            entries.find_map(|path| if path.ends_with("console.log") { Some(path) } else { find(&path) })
        }
        let path = find(self.folder.path()).expect("a console is kept");
        fs::read_to_string(path).expect("it can be read")
    }
}

#[test]
fn processes_share_one_boot_and_a_file_that_is_of_no_use_is_written_again() {
    let processes = Processes { folder: tempfile::tempdir().expect("a folder") };
    let children: Vec<_> = (0..4).map(|_| processes.start(&[])).collect();
    let traces: Vec<_> = children.into_iter().map(Processes::trace).collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
    assert_eq!((processes.boots(), processes.files().len()), (1, 1));

    let [file] = &processes.files()[..] else { panic!("there is one file") };
    let whole = fs::read(file).expect("it can be read");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for useless in [damaged, whole[..100].to_vec(), Vec::new()] {
        let boots = processes.boots();
        fs::write(file, useless).expect("it can be written");
        assert_eq!(processes.run(&[("ESPALIER_KEEP", "1")]), traces[0]);
        assert_eq!(processes.boots(), boots + 1, "it was booted anew");
        let console = processes.console();
        assert!(console.contains("[espalier] booted anew: "), "{console}");
        assert!(fs::read(file).expect("it is there again") == whole, "the same run makes the same file");
    }
}

/// Its code is in every process, and its state in the file.
#[test]
fn a_board_with_a_part_that_a_test_has_written_boots_once_too() {
    let processes = Processes { folder: tempfile::tempdir().expect("a folder") };
    let file = processes.folder.path().join("tallied.toml");
    fs::write(&file, "extends = \"mpython\"\n[[part]]\nkind = \"tally\"\nname = \"tally\"\n").expect("it is written");
    let file = file.display().to_string();
    let traces: Vec<_> = (0..3).map(|_| processes.run(&[(PARTS_VARIABLE, &file)])).collect();
    assert!(traces[0].ends_with("tally Some(Some(Integer(5)))"), "{}", traces[0]);
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
    assert_eq!((processes.boots(), processes.files().len()), (1, 1));
}

#[test]
fn each_seed_and_variable_has_a_file_of_its_own_and_none_is_there_if_that_is_off() {
    let processes = Processes { folder: tempfile::tempdir().expect("a folder") };
    let variables: [&[(&str, &str)]; 3] = [&[], &[(SEED_VARIABLE, "7")], &[("ESPALIER_OF_THE_SUITE", "x")]];
    for round in 0..2 {
        let traces = variables.map(|variables| processes.run(variables));
        assert_ne!(traces[0], traces[1], "another seed is another run");
        assert_eq!(traces[0], traces[2]);
        assert_eq!((processes.boots(), processes.files().len()), (3, 3), "round {round}");
    }
    let trace = processes.run(&[("ESPALIER_SNAPSHOTS", "off")]);
    assert_eq!((trace, processes.boots()), (processes.run(&[]), 4), "with `off` it was booted");
}
