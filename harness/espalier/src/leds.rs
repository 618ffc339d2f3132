//! The board's coloured LEDs, and what a test expects of them.

use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Rgb, Span};

use crate::driver::Colours;
use crate::error::Cause;
use crate::screen::{Compare, ExpectedGolden, Picture, Screen};
use crate::session::{Ask, Result, SETTLED, Shared, Wait};

/// The LEDs show other colours than expected.
///
/// ```
/// let error = espalier::WrongColours { expected: vec![(255, 0, 0).into()], shown: vec![(0, 0, 0).into()] };
/// assert_eq!(error.to_string(), "the LEDs show #000000, not #ff0000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the LEDs show {}, not {}", Colours(shown), Colours(expected))]
pub struct WrongColours {
    /// The expected colours.
    pub expected: Vec<Rgb>,
    /// The colours of the LEDs.
    pub shown: Vec<Rgb>,
}

impl Cause for WrongColours {}

/// The coloured LEDs of a board, in the order of their chain. Handles are cheap and all lead to the same LEDs.
///
/// The colours are decoded from the level of the data line, whatever drives it.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.micropython().start("import lights").await?;
/// board.leds().expect([(255, 0, 0), (0, 0, 0), (0, 0, 64)]).await?;
/// board.leds().golden("lights").max_channel(4).appears().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Leds {
    shared: Arc<Shared>,
    /// The name of the LEDs, if they are not the first ones of the board.
    name: Option<Arc<str>>,
}

impl Leds {
    pub(crate) fn new(shared: Arc<Shared>) -> Leds {
        Leds { shared, name: None }
    }

    pub(crate) fn named(shared: Arc<Shared>, name: &str) -> Leds {
        Leds { shared, name: Some(name.into()) }
    }

    /// The same as a picture of one row, a pixel for each LED.
    fn screen(&self) -> Screen {
        Screen::of_leds(self.shared.clone(), self.name.clone())
    }

    /// Returns the present colours as a picture of one row, a pixel for each LED.
    pub fn picture(&self) -> Wait<Picture> {
        self.screen().picture()
    }

    /// Compares the present colours with the golden picture `name`, which has one row.
    ///
    /// # Errors
    /// If the colours differ from the golden or there is none ([`ScreenError`](crate::ScreenError)), or the LEDs cannot be read.
    pub async fn assert_golden(&self, name: &str) -> Result<()> {
        self.screen().assert_golden(name).await
    }

    /// Compares the present colours with the golden picture `name`, less strictly.
    ///
    /// # Errors
    /// If the LEDs cannot be read.
    pub async fn compare(&self, name: impl Into<String>) -> Result<Compare> {
        self.screen().compare(name).await
    }

    /// A golden picture to wait for, which may forgive something. Ends with [`appears`](ExpectedGolden::appears).
    pub fn golden(&self, name: impl Into<String>) -> ExpectedGolden {
        self.screen().golden(name)
    }

    /// Returns the current colours, each channel from 0 to 255. A colour compares with `(red, green, blue)`.
    ///
    /// # Errors
    /// If the board has no coloured LEDs, or they cannot be read.
    pub fn colours(&self) -> Result<Vec<Rgb>> {
        let mut state = self.shared.lock();
        match state.driver.leds(self.name.as_deref()) {
            Ok(lit) => Ok(lit.colours),
            Err(kind) => Err(state.fail(kind)),
        }
    }

    /// Waits until they show these colours, all of them. The failure says what they show instead.
    pub fn expect<C: Into<Rgb>>(&self, colours: impl IntoIterator<Item = C>) -> Wait<()> {
        let expected: Vec<Rgb> = colours.into_iter().map(Into::into).collect();
        let name = self.name.clone();
        Wait::new(&self.shared, format!("the LEDs to show {}", Colours(&expected)), move |state, ask| {
            let shown = state.driver.leds(name.as_deref())?.colours;
            match ask {
                _ if shown == expected => Poll::Ready(Ok(())),
                Ask::Again => Poll::Pending,
                Ask::LastTime => Poll::Ready(Err(WrongColours { expected: expected.clone(), shown }.into())),
            }
        })
    }

    /// Waits until they have shown the same for [`SETTLED`], counted from now, and says what.
    pub fn settled(&self) -> Wait<Vec<Rgb>> {
        self.settled_for(SETTLED)
    }

    /// Waits until they have shown the same for `quiet`, counted from now, and says what.
    pub fn settled_for(&self, quiet: Span) -> Wait<Vec<Rgb>> {
        let (name, mut begun) = (self.name.clone(), None);
        Wait::new(&self.shared, format!("the LEDs to stay unchanged for {quiet}"), move |state, _| {
            let now = state.driver.now();
            let lit = state.driver.leds(name.as_deref())?;
            let since = lit.changed.max(*begun.get_or_insert(now));
            if now.since(since) < quiet { Poll::Pending } else { Poll::Ready(Ok(lit.colours)) }
        })
    }
}
