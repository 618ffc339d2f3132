//! Files that tests leave behind, seen from outside: their folders, and the effects of blessing and accepting. Each test here runs one of
//! the ignored ones in processes of their own, as runners do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espalier::{ARTEFACTS_VARIABLE, BLESS_VARIABLE, Board, BootOnce, GOLDENS_VARIABLE, Model, PendingGoldens, Result};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// Environment variable with what the board is told.
const COMMAND: &str = "ESPALIER_TEST_COMMAND";
/// The package and the binary of these tests, as their folders are called.
const BINARY: &str = concat!(env!("CARGO_PKG_NAME"), "/artefacts");

static BOOTED: BootOnce = BootOnce::new();

/// A fork of a board that is booted by whichever test comes first, and has no name of its own.
async fn board() -> Result<Board> {
    let boot = async || {
        let board = Board::builder().model(Model::MPython).firmware(IMAGE).start().await?;
        board.console().expect("@event address").await?;
        Ok(board)
    };
    BOOTED.fork(boot).await
}

#[tokio::test]
#[ignore = "the others run it"]
async fn shows() -> Result<()> {
    let board = board().await?;
    if let Ok(command) = std::env::var(COMMAND) {
        board.console().send_line(command).await?;
        board.console().expect("@event listening").await?;
    }
    board.screen().settled().await?.assert_golden("shown")
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `shows` in a process of the run `run`; nextest calls it `name`.
    fn run(&self, run: &str, name: Option<&str>, environment: &[(&str, &str)]) -> Output {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--ignored", "--exact", "shows"]).env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
        test.env(ARTEFACTS_VARIABLE, self.path("artefacts")).env(GOLDENS_VARIABLE, self.path("goldens"));
        test.env_remove(BLESS_VARIABLE).env_remove(COMMAND).env_remove("NEXTEST_TEST_NAME").env("NEXTEST_RUN_ID", run);
        test.envs(name.map(|name| ("NEXTEST_TEST_NAME", name))).envs(environment.iter().copied());
        test.output().unwrap()
    }

    fn left(&self, test: &str) -> PathBuf {
        self.path("artefacts").join(BINARY).join(test)
    }

    fn pending(&self) -> PendingGoldens {
        PendingGoldens::find(self.path("artefacts")).unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn exists(folder: &Path, file: &str) -> bool {
    folder.join(file).exists()
}

const SERVER: (&str, &str) = (COMMAND, "server 5001");
const BLESS: (&str, &str) = (BLESS_VARIABLE, "1");

#[test]
fn the_test_that_boots_the_board_leaves_its_own_folder_and_cleans_it() {
    let place = Place::new();
    let output = place.run("1", None, &[]);
    assert!(!output.status.success() && text(&output).contains("there is no golden picture"), "{}", text(&output));
    let left = place.left("shows");
    assert!(exists(&left, "shown.actual.png") && exists(&left, "console.log"), "{}", text(&output));
    let page = fs::read_to_string(left.join("index.html")).unwrap();
    for part in ["there is no golden picture", "alt=\"actual\"", "@event address", "cargo test -p espalier-hil 'shows'"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(fs::read_dir(left.parent().unwrap()).unwrap().count(), 2, "that, and the name of the run");
    let pending = place.pending();
    assert_eq!((pending.ready.len(), pending.refused.len(), pending.earlier), (1, 0, 0));
    assert_eq!(pending.ready[0].test(), format!("{BINARY} shows"));
    pending.ready[0].accept().unwrap();
    let output = place.run("2", None, &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(!left.exists(), "a pass leaves nothing");
}

#[test]
fn a_test_that_passes_removes_nothing_of_another() {
    let place = Place::new();
    assert!(!place.run("1", Some("screens::case_1"), &[]).status.success());
    fs::create_dir_all(place.path("goldens")).unwrap();
    fs::copy(place.left("screens.case_1").join("shown.actual.png"), place.path("goldens/shown.png")).unwrap();
    assert!(place.run("1", Some("screens::case_2"), &[]).status.success());
    assert!(exists(&place.left("screens.case_1"), "shown.actual.png"));
    assert!(!place.run("1", Some("screens::case_3"), &[SERVER]).status.success());
    let pending = place.pending();
    assert_eq!((pending.ready.len(), pending.refused.len()), (0, 1), "the first saw another golden: {pending:?}");
    // In the next run, the first one passes.
    assert!(place.run("2", Some("screens::case_1"), &[]).status.success());
    assert_eq!(place.pending(), PendingGoldens { earlier: 1, ..PendingGoldens::default() });
}

#[test]
fn two_processes_of_a_run_cannot_bless_different_pictures() {
    let place = Place::new();
    assert!(place.run("1", Some("first"), &[BLESS]).status.success());
    assert!(place.run("1", Some("same"), &[BLESS]).status.success());
    let blessed = fs::read(place.path("goldens/shown.png")).unwrap();
    let output = place.run("1", Some("second"), &[BLESS, SERVER]);
    let told = format!("cannot show what both tests show: {BINARY} first and {BINARY} second");
    assert!(!output.status.success() && text(&output).contains(&told), "{}", text(&output));
    assert_eq!(fs::read(place.path("goldens/shown.png")).unwrap(), blessed);
    let output = place.run("2", Some("second"), &[BLESS, SERVER]);
    assert!(output.status.success(), "another run may change its mind: {}", text(&output));
    assert_ne!(fs::read(place.path("goldens/shown.png")).unwrap(), blessed);
}

#[test]
fn two_processes_of_a_run_cannot_have_different_pictures_accepted() {
    let place = Place::new();
    assert!(!place.run("1", Some("first"), &[]).status.success());
    assert!(!place.run("1", Some("second"), &[SERVER]).status.success());
    let pending = place.pending();
    assert!(pending.ready.is_empty());
    let told = format!(
        "cannot be the golden of all these tests, which show different pictures: {BINARY} first, {BINARY} second"
    );
    assert!(pending.refused[0].to_string().contains(&told), "{:?}", pending.refused);
}
