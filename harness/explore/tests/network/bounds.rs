//! Explorations that would have too many cases.

use std::sync::atomic::{AtomicUsize, Ordering};

use espalier::{Board, Result};
use espalier_explore::{Input, Inputs, NetworkFaults, TooManyCases};

use crate::common::{answers, board, client};

#[tokio::test]
async fn pairs_of_more_frames_than_the_limit_allows_are_an_error_and_not_tried() -> Result<()> {
    let runs = AtomicUsize::new(0);
    let scenario = async |board: &Board| {
        runs.fetch_add(1, Ordering::Relaxed);
        client(board).await
    };
    let error =
        NetworkFaults::new().pairs(12).cases(500).explore(&board().await?, scenario, answers).await.unwrap_err();
    let Some(TooManyCases { cases, limit: 500 }) = error.find() else { panic!("{error}") };
    // 14 frames on the cable with 4 faults each: 56 alone, and 16 for each of 91 pairs.
    assert_eq!(*cases, 56 + 91 * 16, "{error}");
    // The one without a fault, whose frames are counted.
    assert_eq!(runs.into_inner(), 1);
    Ok(())
}

#[tokio::test]
async fn more_moments_than_the_limit_allows_are_an_error_before_anything_runs() -> Result<()> {
    let scenario = async |_: &Board| panic!("it ran");
    let inputs = Inputs::new([Input::press("a"), Input::press("b")]).moments(u64::MAX);
    let error = inputs.explore(&board().await?, scenario, answers).await.unwrap_err();
    assert!(matches!(error.find(), Some(TooManyCases { cases: usize::MAX, limit: 10_000 })), "{error}");
    Ok(())
}
