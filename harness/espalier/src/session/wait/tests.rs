use crate::driver::fake::{Action, Fake};
use crate::{BootOnce, Units};

#[tokio::test]
async fn running_for_a_span_takes_just_that() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([]).board(folder.path());
    board.run_for(2_500.us()).await.unwrap();
    assert_eq!(board.now().as_micros(), 2_500);
    board.run_for(0.s()).await.unwrap();
    assert_eq!(board.now().as_micros(), 2_500);
}

#[tokio::test]
async fn other_tasks_get_their_turn_while_a_board_runs() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([]).board(folder.path());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let other = tokio::spawn(async move { sender.send(5) });
    tokio::select! {
        biased;
        () = async { board.run_for(1_000.s()).await.unwrap() } => panic!("the other task starved"),
        received = receiver => assert_eq!(received, Ok(5)),
    }
    other.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_fork_goes_its_own_way_from_where_the_board_stood() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(1, Action::Print(b"booted\n")), (5, Action::Print(b"later\n"))]).board(folder.path());
    board.console().expect("booted").await.unwrap();
    let fork = board.fork_as("test").unwrap();
    fork.console().expect("later").await.unwrap();
    assert_eq!(fork.console().lines().len(), 2, "what came before the fork is kept");
    assert_eq!((board.now().as_micros(), fork.now().as_micros()), (1000, 5000));
    assert_eq!(board.console().lines().len(), 1);
    assert_eq!(board.fork_as("test").unwrap().name(), "test-2");
}

#[tokio::test]
async fn a_board_is_booted_once() {
    let folder = tempfile::tempdir().unwrap();
    let once = BootOnce::new();
    let failed = once.fork(async || Err(crate::NoFirmware { variable: "X" }.into())).await;
    assert!(failed.is_err());
    for _ in 0..2 {
        let boot = async || {
            let board = Fake::new([(1, Action::Print(b"booted\n"))]).board(folder.path());
            board.console().expect("booted").await?;
            Ok(board)
        };
        let board = once.fork(boot).await.unwrap();
        assert_eq!(board.now().as_micros(), 1000);
        board.run_for(1.ms()).await.unwrap();
    }
}
