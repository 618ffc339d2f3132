//! The parts of the board that a hand or the world acts on.

use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Span, Time};
use espalier_parts::{Part, Value};

use crate::driver::Control;
use crate::error::Cause;
use crate::session::{Ask, Result, Shared, Wait};

fn act(shared: &Shared, control: &Control) -> Result<()> {
    let mut state = shared.lock();
    state.driver.act_on_part(control).map_err(|kind| state.fail(kind))
}

/// A part of the board by its name, as a `T`. Handles are cheap and all lead to the same part.
///
/// Every call here fails if the board has no such part, with the names that there are, or if it is a kind of board whose parts are
/// not seen; see [`Capability::Parts`](crate::Capability::Parts).
///
/// ```no_run
/// use espalier::part::Ws2812;
///
/// # fn test(board: espalier::Board) -> espalier::Result<()> {
/// let lit = board.part::<Ws2812>("leds").with(|leds, now| leds.colours(now))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PartHandle<T> {
    shared: Arc<Shared>,
    name: String,
    part: PhantomData<fn() -> T>,
}

impl<T: Part> PartHandle<T> {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> PartHandle<T> {
        PartHandle { shared, name, part: PhantomData }
    }

    /// Looks at the part, or changes it, at the board's present time. The board follows what the part does about it.
    ///
    /// # Errors
    /// If the board has no part of this name, it is of another type, or the board is not emulated.
    pub fn with<R>(&self, act: impl FnOnce(&mut T, Time) -> R) -> Result<R> {
        let (mut act, mut done) = (Some(act), None);
        let mut state = self.shared.lock();
        let acted = state.driver.with_part(&self.name, &mut |part, now| {
            let part: &mut dyn Any = part;
            done = part.downcast_mut::<T>().zip(act.take()).map(|(part, act)| act(part, now));
        });
        match (acted, done) {
            (Ok(()), Some(done)) => Ok(done),
            (Ok(()), None) => Err(state.fail(WrongPart { name: self.name.clone(), wanted: type_name::<T>() })),
            (Err(kind), _) => Err(state.fail(kind)),
        }
    }
}

/// A part is of another type than the one that was asked for.
///
/// ```
/// let error = espalier::WrongPart { name: "display".to_owned(), wanted: "Ws2812" };
/// assert_eq!(error.to_string(), "part \"display\" is no Ws2812");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {name:?} is no {wanted}")]
pub struct WrongPart {
    /// The part.
    pub name: String,
    /// The type that was asked for.
    pub wanted: &'static str,
}

impl Cause for WrongPart {}

pub(crate) fn set_property(shared: &Shared, part: &str, property: &str, value: &Value) -> Result<()> {
    let mut state = shared.lock();
    state.driver.set_property(part, property, value).map_err(|kind| state.fail(kind))
}

pub(crate) fn property(shared: &Shared, part: &str, property: &str) -> Result<Option<Value>> {
    let mut state = shared.lock();
    state.driver.property(part, property).map_err(|kind| state.fail(kind))
}

/// A property of a part has another value than expected.
///
/// ```
/// let (property, value) = ("text of \"lcd\"".to_owned(), Some("booting".into()));
/// let error = espalier::WrongProperty { property, value, expected: "ready".into() };
/// assert_eq!(error.to_string(), "text of \"lcd\" is \"booting\", not \"ready\"");
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{property} is {}, not {expected}", value.as_ref().map_or_else(|| "unknown".to_owned(), Value::to_string))]
pub struct WrongProperty {
    /// The property and its part.
    pub property: String,
    /// The actual value; `None` for a property that can only be set.
    pub value: Option<Value>,
    /// The expected value.
    pub expected: Value,
}

impl Cause for WrongProperty {}

/// Whether two values are equal, where an integer is a number.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Integer(integer), Value::Number(number)) | (Value::Number(number), Value::Integer(integer)) => {
            *integer as f64 == *number
        }
        _ => a == b,
    }
}

pub(crate) fn expect_property(shared: &Arc<Shared>, part: String, property: String, expected: Value) -> Wait<()> {
    let what = format!("{property} of {part:?}");
    Wait::new(shared, format!("{what} to be {expected}"), move |state, ask| {
        let value = state.driver.property(&part, &property)?;
        match ask {
            _ if value.as_ref().is_some_and(|value| equal(value, &expected)) => Poll::Ready(Ok(())),
            Ask::Again => Poll::Pending,
            Ask::LastTime => {
                Poll::Ready(Err(WrongProperty { property: what.clone(), value, expected: expected.clone() }.into()))
            }
        }
    })
}

/// A push button of the board. Handles are cheap and all lead to the same button; it stays as it was left.
///
/// ```no_run
/// use espalier::{Board, Units};
///
/// # async fn test(board: Board) -> espalier::Result<()> {
/// board.button("a").click(50.ms()).await?;
/// board.console().expect("button a").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Button {
    shared: Arc<Shared>,
    name: String,
}

impl Button {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> Button {
        Button { shared, name }
    }

    /// Presses it. Every call here fails if the board has no such button, with the names that there are, or if it is a kind
    /// of board that has no hands; see [`Capability::Controls`](crate::Capability::Controls).
    ///
    /// # Errors
    /// If the board has no such button, or no controls.
    pub fn press(&self) -> Result<()> {
        self.set(true)
    }

    /// Releases it.
    ///
    /// # Errors
    /// As [`press`](Button::press).
    pub fn release(&self) -> Result<()> {
        self.set(false)
    }

    /// Presses it, lets the board run for `span` of its time, and releases it. No contact bounces.
    ///
    /// # Errors
    /// As [`press`](Button::press), and if the board is lost.
    pub async fn click(&self, span: Span) -> Result<()> {
        self.press()?;
        pass(&self.shared, span).await?;
        self.release()
    }

    fn set(&self, pressed: bool) -> Result<()> {
        act(&self.shared, &Control::Button { name: self.name.clone(), pressed })
    }
}

/// A touch pad of the board. Handles are cheap and all lead to the same pad; the finger stays until it is taken off.
///
/// ```no_run
/// # fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.touch("P").press()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TouchPad {
    shared: Arc<Shared>,
    name: String,
}

impl TouchPad {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> TouchPad {
        TouchPad { shared, name }
    }

    /// Puts a finger on it. Every call here fails as those of [`Button`] do.
    ///
    /// # Errors
    /// If the board has no such pad, or no controls.
    pub fn press(&self) -> Result<()> {
        self.set(true)
    }

    /// Takes the finger off.
    ///
    /// # Errors
    /// As [`press`](TouchPad::press).
    pub fn release(&self) -> Result<()> {
        self.set(false)
    }

    /// Puts a finger on it, lets the board run for `span` of its time, and takes the finger off.
    ///
    /// # Errors
    /// As [`press`](TouchPad::press), and if the board is lost.
    pub async fn tap(&self, span: Span) -> Result<()> {
        self.press()?;
        pass(&self.shared, span).await?;
        self.release()
    }

    fn set(&self, touched: bool) -> Result<()> {
        act(&self.shared, &Control::Touch { name: self.name.clone(), touched })
    }
}

/// A sensor of the board. Handles are cheap and all lead to the same sensor; it goes on measuring what it was set to.
///
/// Every call here fails if the board has no such sensor, or one that measures something else, with the names that there are;
/// or if it is a kind of board whose world cannot be set, see [`Capability::Controls`](crate::Capability::Controls).
///
/// ```no_run
/// # fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.sensor("light").set(0.3)?;
/// board.sensor("accelerometer").tilt(30.0, 0.0)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sensor {
    shared: Arc<Shared>,
    name: String,
}

impl Sensor {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> Sensor {
        Sensor { shared, name }
    }

    /// Sets an analog sensor, from 0 for nothing to 1 for its full range: what the board's definition says, 3.3 V at the pin
    /// otherwise. Before it is set, it measures nothing.
    ///
    /// # Errors
    /// If the board has no such sensor, or no controls.
    pub fn set(&self, level: f64) -> Result<()> {
        act(&self.shared, &Control::Level { name: self.name.clone(), level })
    }

    /// Sets an analog sensor by what it gives to its pin, limited to 0 to 3.3 V.
    ///
    /// # Errors
    /// If the board has no such sensor, or no controls.
    pub fn set_volts(&self, volts: f64) -> Result<()> {
        act(&self.shared, &Control::Volts { name: self.name.clone(), volts })
    }

    /// Sets the accelerometer, called `accelerometer`: the acceleration along its own axes, in g. For a board that lies on a
    /// table it is `[0.0, 0.0, 1.0]`, which is also the value after power-on.
    ///
    /// # Errors
    /// If the board has no such sensor, or no controls, or a value is not a number.
    pub fn set_acceleration(&self, g: [f64; 3]) -> Result<()> {
        act(&self.shared, &Control::Acceleration { name: self.name.clone(), g })
    }

    /// Holds the board still, turned by `pitch` degrees around the accelerometer's y axis, which lifts its x axis, and then by
    /// `roll` degrees around its x axis, which lifts its y axis.
    ///
    /// # Errors
    /// If the board has no such sensor, or no controls, or an angle is not a number.
    pub fn tilt(&self, pitch: f64, roll: f64) -> Result<()> {
        let (pitch, roll) = (pitch.to_radians(), roll.to_radians());
        self.set_acceleration([pitch.sin(), pitch.cos() * roll.sin(), pitch.cos() * roll.cos()])
    }

    /// Sets the magnetometer, called `magnetometer`: the field along its own axes, in gauss. That of the earth has about half
    /// a gauss. Before it is set, there is none.
    ///
    /// # Errors
    /// If the board has no such sensor, or no controls, or a value is not a number.
    pub fn set_field(&self, gauss: [f64; 3]) -> Result<()> {
        act(&self.shared, &Control::Field { name: self.name.clone(), gauss })
    }
}

fn pass(shared: &Arc<Shared>, span: Span) -> Wait<()> {
    let passing = Wait::new(shared, "time to pass", |_, ask| match ask {
        Ask::Again => Poll::Pending,
        Ask::LastTime => Poll::Ready(Ok(())),
    });
    passing.within(span)
}

#[cfg(test)]
mod tests {
    use crate::driver::fake::Fake;
    use crate::{Board, Capability, Model, Units, Unsupported};

    #[tokio::test]
    async fn a_board_without_hands_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let board = Fake::new([]).board(folder.path());
        let error = board.button("a").press().unwrap_err();
        assert!(matches!(error.find(), Some(Unsupported { capability: Capability::Controls, .. })), "{error}");
    }

    #[tokio::test]
    async fn a_missing_button_is_reported_with_the_existing_ones() {
        let board = Board::builder().model(Model::MPython).name("buttons").start().await.unwrap();
        board.button("a").click(1.ms()).await.unwrap();
        assert!(board.now() >= espalier_core::Time::ZERO + 1.ms());
        let error = board.button("c").press().unwrap_err().to_string();
        board.touch("P").tap(1.ms()).await.unwrap();
        board.sensor("accelerometer").tilt(90.0, 0.0).unwrap();
        let unknown = board.sensor("light").set_field([0.0; 3]).unwrap_err().to_string();
        let expected = "the board has no sensor of magnetic fields \"light\"; it has magnetometer\n";
        assert!(unknown.starts_with(expected), "{unknown}");
        assert!(error.starts_with("the board has no button \"c\"; it has a, b\n"), "{error}");
    }
}
