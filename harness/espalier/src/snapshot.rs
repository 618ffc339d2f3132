//! Screens as binary snapshots of insta, so that `cargo insta review` accepts them.

pub use insta;

use insta::Snapshot;
use insta::comparator::Comparator;
use insta::internals::SnapshotContents;

use crate::png::decode;
use crate::screen::Comparison;

/// Compares PNG snapshots by their pixels, so that another PNG encoder is no difference.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::{ScreenComparator, insta, snapshot_file};
///
/// let picture = board.screen().settled().await?;
/// insta::with_settings!({ comparator => Box::new(ScreenComparator) }, {
///     insta::assert_binary_snapshot!(&snapshot_file("menu"), picture.png());
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScreenComparator;

impl Comparator for ScreenComparator {
    fn matches(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        let pixels = |snapshot: &Snapshot| match snapshot.contents() {
            SnapshotContents::Binary(Some(bytes)) => decode(bytes).ok(),
            _ => None,
        };
        let (reference, test) = (pixels(reference), pixels(test));
        if let (Some(reference), Some(test)) = (&reference, &test) {
            let comparison = Comparison::of(reference, test);
            // insta shows no pictures, so the test's output has to.
            if !comparison.matches() {
                eprintln!("{} pixels differ, {}", comparison.differing(), comparison.drawing());
            }
        }
        reference.is_some() && reference == test
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

/// The name that insta wants for a PNG called `name`.
pub fn snapshot_file(name: impl AsRef<str>) -> String {
    format!("{}.png", name.as_ref())
}

/// Asserts that a [`Picture`](crate::Picture) is that of an insta snapshot, pixel by pixel. The name is any text, such as a literal or
/// what `format!` makes.
///
/// The snapshot lies beside the test as insta puts it: `snapshots/NAME.snap` and `snapshots/NAME.snap.png`. A mismatch leaves
/// a pending snapshot for `cargo insta review`.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let picture = board.screen().settled().await?;
/// espalier::assert_screen_snapshot!("greeting", picture);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! assert_screen_snapshot {
    ($name:expr, $picture:expr $(,)?) => {{
        let mut settings = $crate::insta::Settings::clone_current();
        settings.set_comparator(Box::new($crate::ScreenComparator));
        settings.bind(|| {
            $crate::insta::assert_binary_snapshot!(&$crate::snapshot_file($name), $picture.png(), stringify!($picture))
        });
    }};
}
