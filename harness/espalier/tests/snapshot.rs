//! Screens as insta snapshots: what lies there is compared by its pixels, and a mismatch waits for `cargo insta review`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use espalier::{Board, Model, Result, Units, assert_screen_snapshot, decode_png, encode_png};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

/// insta stores nothing where a variable says that this is CI, and reads that only once; so the test runs in a process of its
/// own.
#[test]
fn mismatches_wait_for_review() {
    let program = std::env::current_exe().expect("the test has a file");
    let mut test = Command::new(program);
    test.args(["--ignored", "--exact", "a_mismatch_leaves_a_pending_snapshot"]);
    test.env("INSTA_UPDATE", "new").env("INSTA_FORCE_PASS", "0");
    let output = test.output().expect("the test runs again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "mismatches_wait_for_review runs it"]
async fn a_mismatch_leaves_a_pending_snapshot() -> Result<()> {
    let board = Board::builder().model(Model::MPython).firmware(IMAGE).start().await?;
    board.console().expect("@event address").await?;
    let picture = board.screen().settled().await?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.path());
    settings.set_prepend_module_to_snapshot(false);
    let check = || {
        settings
            .bind(|| catch_unwind(AssertUnwindSafe(|| assert_screen_snapshot!(format!("{}le", "id"), picture))).is_ok())
    };

    assert!(!check(), "there is no snapshot yet");
    let pending = fs::read(file("idle.snap.new.png"))?;
    assert!(decode_png(&pending).is_ok_and(|bitmap| bitmap == *picture.bitmap()));
    // The same as `cargo insta accept`.
    fs::rename(file("idle.snap.new"), file("idle.snap"))?;
    fs::rename(file("idle.snap.new.png"), file("idle.snap.png"))?;
    assert!(check(), "the snapshot was accepted");

    rewrite(&file("idle.snap.png"), &pending)?;
    assert!(check(), "another encoding of the same pixels");

    let mut other = picture.bitmap().clone();
    other.set(127, 63, true);
    fs::write(file("idle.snap.png"), encode_png(&other))?;
    assert!(!check(), "one pixel differs");
    assert!(file("idle.snap.new").exists());
    board.run_for(1.ms()).await
}

/// Writes the PNG again with a comment in it: another file with the same pixels.
fn rewrite(path: &Path, file: &[u8]) -> Result<()> {
    // PNG specification, chapter 5.3: the image data comes after the header chunk, which ends at byte 33.
    const AFTER_HEADER: usize = 33;
    const COMMENT: &[u8] = b"\0\0\0\x03tEXta\0b\xDC\x49\xA2\x3B";
    let (header, rest) = file.split_at(AFTER_HEADER);
    Ok(fs::write(path, [header, COMMENT, rest].concat())?)
}
