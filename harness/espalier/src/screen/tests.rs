use std::fs;

use espalier_core::Bitmap;

use crate::driver::fake::{Action, Fake};
use crate::png::{decode, encode};
use crate::{PendingGolden, PendingGoldens, Rect, ScreenError, Units};

fn picture(lit: &[(u32, u32)]) -> Bitmap {
    let mut bitmap = Bitmap::new(128, 64);
    for (x, y) in lit {
        bitmap.set(*x, *y, true);
    }
    bitmap
}

#[tokio::test]
async fn a_screen_settles_after_its_last_change() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |x| Action::Draw(picture(&[(x, 0)]));
    let board = Fake::new([(0, draw(0)), (20, draw(1)), (60, draw(2))]).board(folder.path());
    board.run_for(1.ms()).await.unwrap();
    let settled = board.screen().settled().await.unwrap();
    assert!(settled.bitmap().get(2, 0));
    assert_eq!(settled.at().as_micros(), 110_000);
    let again = board.screen().settled().await.unwrap();
    assert_eq!(again.at().as_micros(), 160_000, "what is drawn in answer to something is waited for");
}

#[tokio::test]
async fn a_golden_can_be_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = folder.path().join("goldens");
    fs::create_dir(&goldens).unwrap();
    fs::write(goldens.join("greeting.png"), encode(&picture(&[(1, 0)]))).unwrap();
    let draw = |x| Action::Draw(picture(&[(x, 0)]));
    let board = Fake::new([(0, draw(0)), (20, draw(1)), (21, draw(2))]).board(folder.path());
    board.run_for(1.ms()).await.unwrap();
    let seen = board.screen().wait_for_golden("greeting").await.unwrap();
    assert_eq!(seen.at().as_micros(), 20_000);
    board.run_for(2.ms()).await.unwrap();
    let error = board.screen().wait_for_golden("greeting").within(30.ms()).await.err().unwrap();
    let Some(screen) = error.find::<ScreenError>() else { panic!("{error}") };
    assert!(matches!(screen, ScreenError::Differs { differing: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_mismatch_leaves_three_pictures_and_a_readable_error() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = folder.path().join("goldens/client");
    fs::create_dir_all(&goldens).unwrap();
    fs::write(goldens.join("greeting.png"), encode(&picture(&[(10, 10), (11, 10)]))).unwrap();
    let board = Fake::new([(0, Action::Draw(picture(&[(10, 10), (12, 11)])))]).board(folder.path());
    board.run_for(1.ms()).await.unwrap();
    let error = board.screen().assert_golden("client/greeting").await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the screen differs from its golden picture in 2 pixels, 2x2 pixels at (11, 10)\n"),
        "{message}"
    );
    assert!(message.contains("··#-····\n"), "{message}");
    let left = folder.path().join("artefacts/fake/client");
    assert!(decode(&fs::read(left.join("greeting.actual.png")).unwrap()).unwrap() == picture(&[(10, 10), (12, 11)]));
    assert!(decode(&fs::read(left.join("greeting.expected.png")).unwrap()).unwrap() == picture(&[(10, 10), (11, 10)]));
    assert_eq!(decode(&fs::read(left.join("greeting.diff.png")).unwrap()).unwrap().width(), 512);
    let pending = PendingGoldens::find(folder.path().join("artefacts")).unwrap();
    assert_eq!(pending.ready.iter().map(PendingGolden::golden).collect::<Vec<_>>(), [goldens.join("greeting.png")]);
    assert_eq!((pending.ready[0].test(), pending.ready[0].actual()), ("fake", left.join("greeting.actual.png")));
    assert!(board.screen().compare("client/greeting").await.unwrap().max_pixels(2).check().is_ok());
    assert!(board.screen().compare("client/greeting").await.unwrap().mask(Rect::new(11, 10, 2, 2)).check().is_ok());
    assert!(board.screen().compare("client/greeting").await.unwrap().max_distance(1).check().is_ok());
}

#[tokio::test]
async fn blessing_rewrites_only_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = folder.path().join("goldens");
    fs::create_dir(&goldens).unwrap();
    let shown = picture(&[(3, 3)]);
    // The same picture in another encoding, and another picture.
    let colour = crate::png::encode_colour(128, 64, 1, |x, y| if shown.get(x, y) { [255; 3] } else { [0; 3] });
    fs::write(goldens.join("same.png"), &colour).unwrap();
    fs::write(goldens.join("other.png"), encode(&picture(&[]))).unwrap();
    fs::write(goldens.join("broken.png"), b"not a picture").unwrap();
    let board = Fake::new([(0, Action::Draw(shown.clone()))]).board(folder.path());
    board.run_for(1.ms()).await.unwrap();
    let screen = board.screen();
    assert!(screen.assert_golden("broken").await.unwrap_err().to_string().contains("broken.png is not a usable PNG"));
    screen.shared.lock().bless = true;
    for name in ["same", "other", "new", "broken"] {
        screen.assert_golden(name).await.unwrap();
    }
    assert_eq!(fs::read(goldens.join("same.png")).unwrap(), colour);
    for name in ["other.png", "new.png", "broken.png"] {
        assert_eq!(fs::read(goldens.join(name)).unwrap(), encode(&shown));
    }
}

#[tokio::test]
async fn two_tests_cannot_bless_one_golden_with_different_pictures() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("goldens")).unwrap();
    let showing = async |name: &str, lit: &[(u32, u32)]| {
        let board = Fake::new([(0, Action::Draw(picture(lit)))]).board(folder.path());
        board.run_for(1.ms()).await.unwrap();
        board.rename(name);
        board.screen().shared.lock().bless = true;
        board
    };
    let first = showing("first", &[(1, 1)]).await;
    let (same, other) = (showing("same", &[(1, 1)]).await, showing("other", &[(2, 2)]).await);
    for board in [&first, &same, &first] {
        board.screen().assert_golden("greeting").await.unwrap();
    }
    let error = other.screen().assert_golden("greeting").await.unwrap_err();
    let golden = folder.path().join("goldens/greeting.png");
    let expected = format!(
        "the golden picture {} cannot show what both tests show: first and other; give each a golden of its own\n",
        golden.display()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(fs::read(golden).unwrap(), encode(&picture(&[(1, 1)])), "the first one stays");
    other.screen().assert_golden("another").await.unwrap();
    // One that is golden already, and satisfies a test, is not replaced by another test.
    let (content, other_content) = (encode(&picture(&[(1, 1)])), encode(&picture(&[(2, 2)])));
    fs::write(folder.path().join("goldens/old.png"), &other_content).unwrap();
    other.screen().wait_for_golden("old").await.unwrap();
    assert!(first.screen().assert_golden("old").await.is_err());
    assert_eq!(fs::read(folder.path().join("goldens/old.png")).unwrap(), other_content);
    assert_ne!(content, other_content);
}

#[tokio::test]
async fn pictures_that_cannot_be_compared_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = folder.path().join("goldens");
    fs::create_dir(&goldens).unwrap();
    fs::write(goldens.join("small.png"), encode(&Bitmap::new(8, 8))).unwrap();
    let board = Fake::new([(1, Action::Draw(picture(&[])))]).board(folder.path());
    let screen = board.screen();
    assert!(screen.picture().await.err().unwrap().to_string().starts_with("the board has no display\n"));
    board.run_for(1.ms()).await.unwrap();
    let message = async |name: &str| screen.assert_golden(name).await.unwrap_err().to_string();
    assert!(message("small").await.starts_with("the screen is 128x64, its golden picture "));
    assert!(message("none").await.contains("ESPALIER_BLESS=1 makes it the golden"));
    assert!(message("../none").await.starts_with("\"../none\" cannot name a golden picture"));
}

#[tokio::test]
async fn the_framebuffer_dump_is_compared_with_the_display() {
    let folder = tempfile::tempdir().unwrap();
    let mut frame = espalier_protocol::Frame::new();
    frame.set(5, 6, true);
    let answer = |answer: espalier_protocol::Answer<'_>| Action::Print(format!("{answer}\r\n").leak().as_bytes());
    let dump = || answer(espalier_protocol::Answer::Screen(frame.clone()));
    let board = Fake::new([
        (0, Action::Draw(picture(&[(5, 6)]))),
        (1, Action::Print(b"I (31) log\r\n")),
        (2, dump()),
        (4, Action::Draw(picture(&[]))),
        (5, dump()),
        (6, answer(espalier_protocol::Answer::Rejected("no display"))),
    ])
    .board(folder.path());
    board.run_for(1.ms()).await.unwrap();
    let (screen, console) = (board.screen(), board.console());
    screen.cross_check(&console).await.unwrap();
    let error = screen.cross_check(&console).await.err().unwrap().to_string();
    assert!(error.starts_with("the display does not show the firmware's framebuffer: 1 pixels differ\n"), "{error}");
    let error = screen.cross_check(&console).await.err().unwrap().to_string();
    assert!(error.starts_with("the firmware's framebuffer dump cannot be used: no display\n"), "{error}");
}
