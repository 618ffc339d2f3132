//! The board's display, and what a test expects on it.

mod claim;
mod compare;
mod error;
mod golden;
mod pending;

use std::sync::Arc;
use std::task::{Poll, ready};

use espalier_core::{Bitmap, Picture as Pixels, Pixmap, Rgb, Span, Time};
use espalier_protocol::{Answer, Command};

pub(crate) use compare::Tolerance;
pub use compare::{Comparison, Rect};
pub use error::ScreenError;
pub use golden::{GOLDENS_FOLDER, GOLDENS_VARIABLE};
pub(crate) use golden::{bless_from_env, default_folder};
pub use pending::{BLESS_VARIABLE, PendingGolden, PendingGoldens, Refusal as GoldenRefusal};

use crate::console::Console;
use crate::driver::{Capability, DisplayState, LedState};
use crate::error::Failure;
use crate::png::encode_picture;
use crate::render::half_blocks;
use crate::session::{Ask, Result, SETTLED, Shared, State, Wait};

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
    source: Source,
}

/// The part that shows a picture.
#[derive(Clone)]
enum Source {
    /// A display, the first one of the board if it has no name here.
    Display(Option<Arc<str>>),
    /// Coloured LEDs, the first ones if they have no name here, as a picture of one row.
    Leds(Option<Arc<str>>),
}

impl Source {
    /// Looks at it, no earlier than at `since`.
    fn look(&self, state: &mut State, since: Time) -> Poll<std::result::Result<DisplayState, Failure>> {
        match self {
            Source::Display(Some(name)) => state.driver.look_at(name, since),
            Source::Display(None) => state.driver.look(since),
            Source::Leds(_) if state.driver.now() < since => Poll::Pending,
            Source::Leds(name) => {
                Poll::Ready(state.driver.leds(name.as_deref()).map(|lit| row(&lit, state.driver.now())))
            }
        }
    }

    fn is_first_display(&self) -> bool {
        matches!(self, Source::Display(None))
    }

    fn noun(&self) -> &'static str {
        match self {
            Source::Display(_) => "the screen",
            Source::Leds(_) => "the LEDs",
        }
    }
}

/// LEDs as a picture of one row.
fn row(lit: &LedState, at: Time) -> DisplayState {
    let mut colours = Pixmap::new(lit.colours.len() as u32, 1);
    for (place, colour) in lit.colours.iter().enumerate() {
        colours.set(place as u32, 0, *colour);
    }
    let bitmap = Pixels::Colours(colours.clone()).bright();
    DisplayState { bitmap, colours: Some(colours), memory: Vec::new(), changed: lit.changed, on: true, at }
}

impl Screen {
    pub(crate) fn new(shared: Arc<Shared>) -> Screen {
        Screen { shared, source: Source::Display(None) }
    }

    pub(crate) fn named(shared: Arc<Shared>, name: &str) -> Screen {
        Screen { shared, source: Source::Display(Some(name.into())) }
    }

    pub(crate) fn of_leds(shared: Arc<Shared>, name: Option<Arc<str>>) -> Screen {
        Screen { shared, source: Source::Leds(name) }
    }

    /// Waits until the display has not changed for [`SETTLED`], counted from now: what the firmware draws in answer to
    /// something that was just sent is waited for.
    pub fn settled(&self) -> Wait<Picture> {
        self.settled_for(SETTLED)
    }

    /// Waits until the display has not changed for `quiet`, counted from now.
    pub fn settled_for(&self, quiet: Span) -> Wait<Picture> {
        let (shared, source) = (self.shared.clone(), self.source.clone());
        let mut begun = None;
        let mut settled_at = None;
        Wait::new(&self.shared, format!("the screen to stay unchanged for {quiet}"), move |state, _| {
            let begun = *begun.get_or_insert(state.driver.now());
            let shown = ready!(source.look(state, settled_at.unwrap_or(begun)))?;
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
        self.golden(name).appears()
    }

    /// A golden picture to wait for that forgives something, or is of a region. Ends with [`appears`](ExpectedGolden::appears).
    pub fn golden(&self, name: impl Into<String>) -> ExpectedGolden {
        ExpectedGolden { screen: self.clone(), name: name.into(), tolerance: Tolerance::default(), region: None }
    }

    fn await_golden(&self, name: String, tolerance: Tolerance, region: Option<Rect>) -> Wait<Picture> {
        let (shared, source) = (self.shared.clone(), self.source.clone());
        let mut looked = None;
        let mut since = None;
        Wait::new(&self.shared, format!("{} to show {name:?}", self.source.noun()), move |state, ask| {
            let since = since.get_or_insert(state.driver.now());
            let shown = match (source.look(state, *since), ask) {
                (Poll::Ready(shown), _) => shown?,
                (Poll::Pending, Ask::Again) => return Poll::Pending,
                // The last state seen has to do.
                (Poll::Pending, Ask::LastTime) => match state.driver.shown().filter(|_| source.is_first_display()) {
                    Some(shown) => shown,
                    None => return Poll::Pending,
                },
            };
            *since = shown.at + Span::from_ticks(1);
            let fresh = looked.replace(shown.changed) != Some(shown.changed);
            let picture = Picture::new(&shared, shown);
            let picture = region.map_or_else(|| picture.clone(), |region| picture.region(region));
            if ask == Ask::LastTime {
                golden::judge(state, &name, &picture.pixels(), &tolerance)?;
            } else if !fresh || !golden::matches(state, &name, &picture.pixels(), &tolerance)? {
                return Poll::Pending;
            }
            Poll::Ready(Ok(picture))
        })
    }

    /// Returns the picture of the display. An emulated board answers at once; the firmware of another one is asked over its console,
    /// which takes a moment.
    pub fn picture(&self) -> Wait<Picture> {
        let (shared, source) = (self.shared.clone(), self.source.clone());
        let mut since = None;
        Wait::new(&self.shared, "a picture of the screen", move |state, _| {
            let since = *since.get_or_insert(state.driver.now());
            Poll::Ready(Ok(Picture::new(&shared, ready!(source.look(state, since))?)))
        })
    }

    /// Compares what the display shows now with the golden picture `name`.
    ///
    /// # Errors
    /// If the picture differs from the golden or there is none ([`ScreenError`]), or the display cannot be read.
    pub async fn assert_golden(&self, name: &str) -> Result<()> {
        self.picture().await?.assert_golden(name)
    }

    /// Compares what the display shows now with the golden picture `name`, less strictly.
    ///
    /// # Errors
    /// If the display cannot be read.
    pub async fn compare(&self, name: impl Into<String>) -> Result<Compare> {
        Ok(self.picture().await?.compare(name))
    }

    /// Asks the firmware for its framebuffer over the console and checks that the display shows just that.
    ///
    /// This needs firmware that speaks the console protocol of `espalier-protocol`, and a board whose display can be read without
    /// that firmware: [`Capability::DisplayMemory`].
    ///
    /// # Errors
    /// If the two pictures differ, or one of them cannot be had.
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
        let comparison = Comparison::of(&drawn, shown);
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

/// The picture of a display at one moment.
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

    /// Returns the pixels of a display with colours.
    pub fn colours(&self) -> Option<&Pixmap> {
        self.shown.colours.as_ref()
    }

    /// The colour of a pixel; a dot that is lit is white.
    pub fn colour(&self, x: u32, y: u32) -> Rgb {
        self.pixels().get(x, y)
    }

    fn pixels(&self) -> Pixels {
        self.shown.picture()
    }

    /// A part of the picture, to be compared with a golden picture of its own. What `rect` has beyond the picture is left out.
    pub fn region(&self, rect: Rect) -> Picture {
        let rect = rect.on(self.shown.bitmap.width(), self.shown.bitmap.height());
        let places = move || (0..rect.height).flat_map(move |y| (0..rect.width).map(move |x| (x, y)));
        let mut bitmap = Bitmap::new(rect.width, rect.height);
        places().for_each(|(x, y)| bitmap.set(x, y, self.shown.bitmap.get(rect.x + x, rect.y + y)));
        let colours = self.shown.colours.as_ref().map(|colours| {
            let mut part = Pixmap::new(rect.width, rect.height);
            places().for_each(|(x, y)| part.set(x, y, colours.get(rect.x + x, rect.y + y)));
            part
        });
        Picture { shared: self.shared.clone(), shown: DisplayState { bitmap, colours, ..self.shown.clone() } }
    }

    /// The visible pixels; of a display with colours, those that are at least half as bright as white.
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

    /// As a PNG file: one bit per pixel, or in colours.
    pub fn png(&self) -> Vec<u8> {
        encode_picture(&self.pixels())
    }

    /// Compares with the golden picture `name`, pixel by pixel.
    ///
    /// # Errors
    /// If the picture differs from the golden, or there is none ([`ScreenError`]).
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

    /// Forgives every channel of a colour that is off by up to `limit` of 255.
    pub fn max_channel(mut self, limit: u8) -> Compare {
        self.tolerance.channel = limit;
        self
    }

    /// Compares.
    ///
    /// # Errors
    /// If the pictures differ by more than was allowed, or there is no golden ([`ScreenError`]).
    pub fn check(self) -> Result<()> {
        let mut state = self.picture.shared.lock();
        golden::judge(&state, &self.name, &self.picture.pixels(), &self.tolerance).map_err(|kind| state.fail(kind))
    }
}

/// A golden picture that is waited for. Ends with [`appears`](ExpectedGolden::appears).
///
/// ```
/// use espalier::Rect;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.screen().golden("menu").mask(Rect::new(100, 0, 28, 8)).appears().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is waited for before `appears`"]
pub struct ExpectedGolden {
    screen: Screen,
    name: String,
    tolerance: Tolerance,
    region: Option<Rect>,
}

impl ExpectedGolden {
    /// Ignores all pixels of `rect`. Can be said more than once.
    pub fn mask(mut self, rect: Rect) -> ExpectedGolden {
        self.tolerance.masks.push(rect);
        self
    }

    /// Looks at `rect` only; masks count from its upper left pixel.
    pub fn region(mut self, rect: Rect) -> ExpectedGolden {
        self.region = Some(rect);
        self
    }

    /// Forgives up to `count` differing pixels.
    pub fn max_pixels(mut self, count: usize) -> ExpectedGolden {
        self.tolerance.pixels = count;
        self
    }

    /// Forgives every channel of a colour that is off by up to `limit` of 255.
    pub fn max_channel(mut self, limit: u8) -> ExpectedGolden {
        self.tolerance.channel = limit;
        self
    }

    /// Waits until the display shows it, as [`Screen::wait_for_golden`] does.
    pub fn appears(self) -> Wait<Picture> {
        self.screen.await_golden(self.name, self.tolerance, self.region)
    }
}

#[cfg(test)]
mod tests;
