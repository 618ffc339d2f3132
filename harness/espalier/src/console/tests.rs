use tokio::join;

use crate::Units;
use crate::driver::fake::{Action, Fake};

#[tokio::test]
async fn expectations_consume_in_order_and_everything_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([
        (2, Action::Print(b"rst:0x1 (POWERON_RESET)\r\nboot: ready\r\nboot: re")),
        (5, Action::Print(b"ady\r\nport 5001, peer \xff\r\n")),
    ])
    .board(folder.path());
    let console = board.console();
    assert_eq!(console.expect("ready").await.unwrap().before, "rst:0x1 (POWERON_RESET)\r\nboot: ");
    assert_eq!(board.now(), espalier_core::Time::from_micros(2000));
    let second = console.expect("ready").await.unwrap();
    assert_eq!((second.at.as_micros(), board.now().as_micros()), (2000, 5000));
    let captured = console.expect_regex(r"port (?<port>\d+)(!)?").await.unwrap();
    assert_eq!((captured.get(1), captured.name("port"), captured.get(2)), (Some("5001"), Some("5001"), None));
    assert_eq!(console.expect_line("peer").await.unwrap().text, ", peer \\xff");
    assert_eq!(console.lines().len(), 4);
    assert_eq!(console.tail(1)[0].text, "port 5001, peer \\xff");
}

#[tokio::test]
async fn a_prompt_without_line_end_is_matched_once_it_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(1, Action::Print(b">>> "))]).board(folder.path());
    board.console().expect_regex(r"(?m)^>>> $").await.unwrap();
    assert_eq!(board.now().as_micros(), 11_000);
}

#[tokio::test]
async fn lines_are_sent_with_a_carriage_return() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([]).board(folder.path());
    let console = board.console();
    console.send_line("status").await.unwrap();
    assert_eq!(console.next_line().await.unwrap().text, "status!");
    assert_eq!(console.take_unread(), b"");
}

#[tokio::test]
async fn waits_on_one_board_can_be_joined() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(3, Action::Print(b"a\n")), (9, Action::Print(b"b\n"))]).board(folder.path());
    let console = board.console();
    let (b, a, passed) = join!(console.expect("b"), console.expect("a"), board.run_for(4.ms()));
    passed.unwrap();
    assert_eq!((a.unwrap().text.as_str(), b.unwrap().text.as_str()), ("a", "b"));
    assert_eq!(board.now().as_micros(), 9000);
}

#[tokio::test]
async fn a_wait_that_times_out_shows_the_scene() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(1, Action::Print(b"rebooting...\r\n\x1b[31mpanic"))]).board(folder.path());
    let error = board.console().expect("ready").within(300.ms()).await.unwrap_err();
    assert!(error.is_timeout());
    let message = error.to_string();
    assert!(message.starts_with("waited 0.300000s of board time for \"ready\" on the console, which did not come\n"));
    assert!(message.contains("    0.001000s │ rebooting...\n"), "{message}");
    assert!(message.contains("\\x1b[31mpanic"), "{message}");
    assert_eq!(format!("{error:?}"), message);
    drop(board);
    let log = std::fs::read_to_string(folder.path().join("artefacts/fake/console.log")).unwrap();
    assert!(log.contains("rebooting..."));
}

#[tokio::test]
async fn nothing_is_left_behind_when_nothing_failed() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(1, Action::Print(b"ok\n"))]).board(folder.path());
    board.console().expect("ok").await.unwrap();
    drop(board);
    assert!(!folder.path().join("artefacts/fake").exists());
}

#[tokio::test]
async fn errors_of_the_caller_and_of_the_board_end_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([(7, Action::Halt("double exception at 0x400d1234"))]).board(folder.path());
    let error = board.console().expect_regex("(").await.unwrap_err();
    assert!(error.find::<regex::Error>().is_some());
    let error = board.console().expect("never").await.unwrap_err();
    assert!(error.to_string().starts_with("the board halted: double exception at 0x400d1234\n"));
}
