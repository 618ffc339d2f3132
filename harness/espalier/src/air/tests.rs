use crate::driver::fake::Fake;
use crate::{AirError, AirNetwork, Capability, Refusal, Unsupported};

#[tokio::test]
async fn a_board_without_air_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let board = Fake::new([]).board(folder.path());
    let errors = [
        board.air().access_point("home").start().unwrap_err(),
        board.air().remove("home").unwrap_err(),
        board.air().join("board").await.err().unwrap(),
    ];
    for error in errors {
        assert!(matches!(error.find(), Some(Unsupported { capability: Capability::Air, .. })), "{error}");
    }
}

#[test]
fn messages_say_what_there_is() {
    let present = vec!["home".to_owned(), "掌控板".to_owned()];
    let error = AirError::NoSuchNetwork { ssid: "hom".to_owned(), present };
    assert_eq!(error.to_string(), "no network \"hom\" is in the air; there is home, 掌控板");
    let opened = vec![AirNetwork { ssid: "board".to_owned(), channel: 6, protected: true }];
    let error = AirError::NotOpened { ssid: "Board".to_owned(), opened };
    assert_eq!(
        error.to_string(),
        "the board opened no network \"Board\" in time; there is \"board\" (channel 6, WPA2)"
    );
    let error = AirError::Refused { ssid: "board".to_owned(), reason: Refusal::WrongPassword };
    assert_eq!(error.to_string(), "the station did not join the board's network \"board\": wrong password");
}
