//! The board's display, and what a test expects on it.

mod claim;
mod compare;
mod error;
mod golden;
mod pending;

use std::sync::Arc;
use std::task::{Poll, ready};

use espalier_core::{Bitmap, Span, Time};
use espalier_protocol::{Answer, Command};

pub(crate) use compare::Tolerance;
pub use compare::{Comparison, Rect};
pub use error::ScreenError;
pub use golden::{BLESS_VARIABLE, GOLDENS_FOLDER, GOLDENS_VARIABLE};
pub(crate) use golden::{bless_from_env, default_folder};
pub use pending::{PendingGolden, PendingGoldens, Refusal as GoldenRefusal};

use crate::console::Console;
use crate::driver::{Capability, DisplayState};
use crate::png::encode;
use crate::render::half_blocks;
use crate::session::{Ask, Result, SETTLED, Shared, Wait};

/// The display of a board. Handles are cheap and all lead to the same display.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.screen().settled().await?.assert_golden("menu")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Screen {
    shared: Arc<Shared>,
}

impl Screen {
    pub(crate) fn new(shared: Arc<Shared>) -> Screen {
        Screen { shared }
    }

    /// Waits until the display has not changed for [`SETTLED`], counted from now: what the firmware draws in answer to
    /// something that was just sent is waited for.
    pub fn settled(&self) -> Wait<Picture> {
        self.settled_for(SETTLED)
    }

    /// Waits until the display has not changed for `quiet`, counted from now.
    pub fn settled_for(&self, quiet: Span) -> Wait<Picture> {
        let shared = self.shared.clone();
        let mut begun = None;
        let mut settled_at = None;
        Wait::new(&self.shared, format!("the screen to stay unchanged for {quiet}"), move |state, _| {
            let begun = *begun.get_or_insert(state.driver.now());
            let shown = ready!(state.driver.look(settled_at.unwrap_or(begun)))?;
            let since = shown.changed.max(begun);
            if shown.at.since(since) < quiet {
                settled_at = Some(since + quiet);
                return Poll::Pending;
            }
            Poll::Ready(Ok(Picture::new(&shared, shown)))
        })
    }

    /// Waits until the display shows the golden picture `name`. With `ESPALIER_BLESS=1`, what the display shows at the end of
    /// the wait becomes the golden if it was never seen.
    pub fn wait_for_golden(&self, name: impl Into<String>) -> Wait<Picture> {
        let name = name.into();
        let shared = self.shared.clone();
        let mut looked = None;
        let mut since = None;
        Wait::new(&self.shared, format!("the screen to show {name:?}"), move |state, ask| {
            let since = since.get_or_insert(state.driver.now());
            let shown = match (state.driver.look(*since), ask) {
                (Poll::Ready(shown), _) => shown?,
                (Poll::Pending, Ask::Again) => return Poll::Pending,
                // What was seen last has to do.
                (Poll::Pending, Ask::LastTime) => match state.driver.shown() {
                    Some(shown) => shown,
                    None => return Poll::Pending,
                },
            };
            *since = shown.at + Span::from_ticks(1);
            let fresh = looked.replace(shown.changed) != Some(shown.changed);
            if ask == Ask::LastTime {
                golden::judge(state, &name, &shown.bitmap, &Tolerance::default())?;
            } else if !fresh || !golden::matches(state, &name, &shown.bitmap, &Tolerance::default())? {
                return Poll::Pending;
            }
            Poll::Ready(Ok(Picture::new(&shared, shown)))
        })
    }

    /// What the display shows now. An emulated board answers at once; the firmware of another one is asked over its console,
    /// which takes a moment.
    pub fn picture(&self) -> Wait<Picture> {
        let shared = self.shared.clone();
        let mut since = None;
        Wait::new(&self.shared, "a picture of the screen", move |state, _| {
            let since = *since.get_or_insert(state.driver.now());
            Poll::Ready(Ok(Picture::new(&shared, ready!(state.driver.look(since))?)))
        })
    }

    /// Compares what the display shows now with the golden picture `name`.
    pub async fn assert_golden(&self, name: &str) -> Result<()> {
        self.picture().await?.assert_golden(name)
    }

    /// Compares what the display shows now with the golden picture `name`, less strictly.
    pub async fn compare(&self, name: impl Into<String>) -> Result<Compare> {
        Ok(self.picture().await?.compare(name))
    }

    /// Asks the firmware for its framebuffer over the console and checks that the display shows just that.
    ///
    /// This needs firmware that speaks the console protocol of `espalier-protocol`, and a board whose display can be read without
    /// that firmware: [`Capability::DisplayMemory`].
    pub async fn cross_check(&self, console: &Console) -> Result<Picture> {
        {
            let mut state = self.shared.lock();
            state.require(Capability::DisplayMemory)?;
        }
        console.send_line(Command::Screen.to_string()).await?;
        let frame = loop {
            let line = console.next_line().await?;
            match Answer::parse(&line.text) {
                Ok(Some(Answer::Screen(frame))) => break frame,
                Ok(Some(Answer::Rejected(reason))) => return Err(self.dump_error(reason)),
                Err(error) => return Err(self.dump_error(&error.to_string())),
                Ok(_) => {}
            }
        };
        let picture = self.picture().await?;
        let shown = picture.bitmap();
        let mut drawn = Bitmap::new(shown.width(), shown.height());
        for y in 0..shown.height() {
            (0..shown.width()).for_each(|x| drawn.set(x, y, frame.get(x, y)));
        }
        let comparison = Comparison::new(&drawn, shown, &Tolerance::default());
        if comparison.matches() {
            return Ok(picture);
        }
        let mut state = self.shared.lock();
        let diff = state.artefacts.write("cross-check.diff.png", &comparison.picture());
        let (differing, drawing) = (comparison.differing(), comparison.drawing());
        Err(match diff {
            Ok(diff) => state.fail(ScreenError::CrossCheck { differing, diff, drawing }),
            Err(error) => state.fail(error),
        })
    }

    fn dump_error(&self, reason: &str) -> crate::Error {
        self.shared.lock().fail(ScreenError::Dump { reason: reason.to_owned() })
    }
}

/// What a display showed at one moment.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let picture = board.screen().picture().await?;
/// println!("{picture}");
/// assert!(picture.is_on());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Picture {
    shared: Arc<Shared>,
    shown: DisplayState,
}

impl Picture {
    fn new(shared: &Arc<Shared>, shown: DisplayState) -> Picture {
        Picture { shared: shared.clone(), shown }
    }

    /// The visible pixels.
    pub fn bitmap(&self) -> &Bitmap {
        &self.shown.bitmap
    }

    /// The display's memory as it is, visible or not.
    pub fn memory(&self) -> &[u8] {
        &self.shown.memory
    }

    /// Whether the display was switched on.
    pub fn is_on(&self) -> bool {
        self.shown.on
    }

    /// When it was looked at.
    pub fn at(&self) -> Time {
        self.shown.at
    }

    /// When the display last changed.
    pub fn changed(&self) -> Time {
        self.shown.changed
    }

    /// As a PNG file, one bit per pixel.
    pub fn png(&self) -> Vec<u8> {
        encode(self.bitmap())
    }

    /// Compares with the golden picture `name`, pixel by pixel.
    pub fn assert_golden(&self, name: &str) -> Result<()> {
        self.compare(name).check()
    }

    /// Compares with the golden picture `name`, less strictly.
    pub fn compare(&self, name: impl Into<String>) -> Compare {
        Compare { picture: self.clone(), name: name.into(), tolerance: Tolerance::default() }
    }
}

/// The picture as half blocks, for terminals and logs.
impl std::fmt::Display for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&half_blocks(self.bitmap()))
    }
}

/// A comparison that forgives something. Ends with [`check`](Compare::check).
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let picture = board.screen().settled().await?;
/// picture.compare("clock").max_pixels(4).check()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is compared before `check`"]
pub struct Compare {
    picture: Picture,
    name: String,
    tolerance: Tolerance,
}

impl Compare {
    /// Ignores all pixels of `rect`. Can be said more than once.
    pub fn mask(mut self, rect: Rect) -> Compare {
        self.tolerance.masks.push(rect);
        self
    }

    /// Forgives up to `count` differing pixels.
    pub fn max_pixels(mut self, count: usize) -> Compare {
        self.tolerance.pixels = count;
        self
    }

    /// Forgives a lit pixel that is up to `pixels` beside its place.
    pub fn max_distance(mut self, pixels: u32) -> Compare {
        self.tolerance.distance = pixels;
        self
    }

    /// Compares.
    pub fn check(self) -> Result<()> {
        let mut state = self.picture.shared.lock();
        golden::judge(&state, &self.name, self.picture.bitmap(), &self.tolerance).map_err(|kind| state.fail(kind))
    }
}

#[cfg(test)]
mod tests;
