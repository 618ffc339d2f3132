//! Coverage of the tutorial's firmware. Its ELF file has functions and no lines.

use espalier::{Board, Kind, Model, Result, Units};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const ELF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.elf");

#[tokio::test]
async fn forks_add_what_they_execute_and_nothing_else_changes() -> Result<()> {
    let start = async |name: &str| {
        Board::builder().kind(Kind::Emulated).model(Model::MPython).name(name).firmware(IMAGE).start().await
    };
    let (covered, other) = (start("covered").await?, start("other").await?);
    covered.cover()?;
    for board in [&covered, &other] {
        board.console().expect("@event address").await?;
    }
    assert_eq!(covered.trace_hash(), other.trace_hash());
    assert_eq!(other.coverage().blocks().count(), 0);
    let mut all = covered.coverage();
    let booted = all.blocks().count();
    assert!(booted > 1_000 && all.dropped() == 0, "{booted} blocks");

    // A fork has only what it has executed itself.
    let fork = covered.fork_as("fork")?;
    assert_eq!(fork.coverage().blocks().count(), 0);
    let listener = fork.peer().listen(5001).await?;
    fork.console().send_line(format!("client {} 5001", fork.peer().address())).await?;
    let socket = listener.accept().within(5.s()).await?;
    socket.expect("hello mPython,I am TCP Client").await?;
    let own = fork.coverage();
    all.merge(&own);
    assert!(all.blocks().count() > booted);
    assert_eq!(covered.coverage().blocks().count(), booted);

    let hit =
        |report: &str| report.lines().filter(|line| line.starts_with("FNDA:") && !line.starts_with("FNDA:0,")).count();
    let (report, of_fork) = (all.lcov(ELF.as_ref())?, own.lcov(ELF.as_ref())?);
    assert!(report.starts_with("TN:core0\nSF:") && report.ends_with("end_of_record\n"));
    assert!(hit(&report) > hit(&of_fork) && hit(&of_fork) > 10, "{} and {}", hit(&report), hit(&of_fork));
    Ok(())
}
