//! Findings: the shortest one, its file, and what becomes of it.

use std::fs;

use espalier::{Board, FrameFault, FrameLink, Result, Units};
use espalier_explore::{
    Direction, Explored, Found, KeptWithoutBoard, NetworkCase, NetworkFaults, Replayed, SavedFinding, keep, replay,
};

use crate::common::{answers, board, greeted};

/// Is content with nothing but a greeting and an echo at once.
async fn impatient(board: &Board) -> Result<()> {
    let socket = greeted(board).await?;
    socket.send("now").await?;
    socket.expect("now").within(100.ms()).await.map(drop)
}

async fn explore(faults: NetworkFaults) -> Result<Explored<NetworkCase>> {
    let board = board().await?;
    let before = (board.trace_hash(), board.now());
    let explored = faults.explore(&board, impatient, answers).await?;
    assert_eq!((board.trace_hash(), board.now()), before);
    Ok(explored)
}

#[tokio::test]
async fn an_echo_that_must_come_at_once_is_found() -> Result<()> {
    let error = explore(NetworkFaults::new()).await?.check().unwrap_err();
    let Some(Found::<NetworkCase>(explored)) = error.find() else { panic!("{error}") };
    let shortest = explored.shortest().unwrap();
    let [fault] = &shortest.case.faults[..] else { panic!("{explored}") };
    // The frame that ends the handshake: the message comes behind it, and must not overtake it.
    assert_eq!((fault.link, fault.direction), (FrameLink::Cable, Direction::ToBoard), "{explored}");
    assert_eq!((fault.number, fault.fault), (2, FrameFault::Delay(500.ms())), "{explored}");
    assert!(fault.summary.starts_with("TCP "), "{explored}");
    let file = shortest.file.as_ref().unwrap();
    for _ in 0..10 {
        let Replayed { board, finding, is_same } = replay(file).await?;
        assert!(is_same, "{finding:?}");
        assert_eq!((board.now(), board.trace_hash()), (shortest.until, shortest.trace));
    }
    let told = error.to_string();
    assert!(told.contains(" late:\n    waited 0.100000s of board time"), "{told}");
    assert!(told.contains("\n`espalier replay "), "{told}");
    Ok(())
}

/// In another folder, as on another machine.
#[tokio::test]
#[ignore = "takes a minute"]
async fn a_finding_replays_a_thousand_times_to_one_trace() -> Result<()> {
    let explored = explore(NetworkFaults::new()).await?;
    let shortest = explored.shortest().expect("a lost frame is late");
    let file = shortest.file.as_ref().unwrap();
    let folder = tempfile::tempdir()?;
    for extension in ["toml", "espalier"] {
        let from = file.with_extension(extension);
        fs::copy(&from, folder.path().join(from.file_name().unwrap()))?;
        fs::remove_file(from)?;
    }
    let file = folder.path().join(file.file_name().unwrap());
    for _ in 0..1000 {
        let Replayed { board, finding, is_same } = replay(&file).await?;
        assert!(is_same, "{finding:?}");
        assert_eq!((board.now(), board.trace_hash()), (shortest.until, shortest.trace));
    }
    Ok(())
}

#[tokio::test]
async fn threads_find_the_same_network() -> Result<()> {
    let mut found = Vec::new();
    for threads in [1, 3] {
        let explored = explore(NetworkFaults::new().threads(threads)).await?;
        let shortest = explored.shortest().expect("a lost frame is late").clone();
        found.push((shortest.case, shortest.trace, shortest.until, shortest.stimuli));
    }
    assert_eq!(found[0], found[1]);
    Ok(())
}

#[tokio::test]
async fn more_than_one_finding_is_looked_for() -> Result<()> {
    let explored = explore(NetworkFaults::new().findings(3)).await?;
    assert_eq!(explored.findings.len(), 3, "{explored}");
    assert!(explored.findings[0].file.is_some() && explored.findings[1].file.is_none());
    Ok(())
}

#[tokio::test]
async fn a_finding_is_kept_without_its_board() -> Result<()> {
    let explored = explore(NetworkFaults::new()).await?;
    let file = explored.shortest().and_then(|shortest| shortest.file.clone()).expect("a file");
    let folder = tempfile::tempdir()?;
    let kept = keep(&file, folder.path())?;
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    let finding = SavedFinding::read(&kept)?;
    assert_eq!(
        (finding.replay.is_none(), finding.test.as_str()),
        (true, "findings::a_finding_is_kept_without_its_board")
    );
    let error = replay(&kept).await.unwrap_err();
    assert!(matches!(error.find(), Some(KeptWithoutBoard { .. })), "{error}");
    Ok(())
}

/// `tests/findings` has a finding of this test: `espalier replay --keep` has put it there.
#[tokio::test]
async fn a_kept_case_is_tried_first() -> Result<()> {
    let explored = explore(NetworkFaults::new().frames(0)).await?;
    assert_eq!(explored.tried, 1);
    let shortest = explored.shortest().expect("the kept case fails");
    assert_eq!(shortest.case.faults[0].direction, Direction::ToBoard);
    Ok(())
}
