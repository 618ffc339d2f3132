//! Pictures and other things that a scenario is to expect as they are now.

use espalier::{Board, Picture, SETTLED, Span};
use espalier_serve::{Action, ActionError, Expected};

use super::{Mark, Recorder, table};

/// Longest time for which a picture may go on changing after it was to be kept.
const PATIENCE: Span = Span::from_secs(2);

impl Recorder {
    /// The user wants the scenario to expect what is there now.
    pub async fn expect(&mut self, board: &Board, action: &Action) -> Result<(), ActionError> {
        let Action::Expect { what, name, display, gpio } = action else { return Ok(()) };
        let failed = |reason: String| ActionError::Failed { reason };
        let now = board.now();
        match what {
            Expected::Screen => {
                let shown = picture(board, display.as_deref()).await;
                let shown = shown.ok_or_else(|| failed("the board has no such display".to_owned()))?;
                if !shown.is_on() {
                    return Err(failed("the display is off, so there is no picture to keep".to_owned()));
                }
                self.keep_at_once(board).await;
                self.before(now);
                let golden = self.golden(name.as_deref());
                self.mark = Some(Mark { golden, display: display.clone(), since: now });
                self.look(board).await;
            }
            Expected::Leds => {
                let colours = board.machine(|machine| machine.leds(None)).ok().flatten();
                let (colours, _) = colours.ok_or_else(|| failed("the board has no LEDs".to_owned()))?;
                let hex = |led: &espalier::Rgb| format!("#{:02x}{:02x}{:02x}", led.red, led.green, led.blue);
                self.before(now);
                self.push("leds", colours.iter().map(hex).collect::<Vec<_>>());
            }
            Expected::Tone => {
                let tone = board.buzzer().tone().map_err(|error| failed(error.cause().to_string()))?;
                self.before(now);
                match tone {
                    Some(tone) => self.push("tone", (10.0 * tone.frequency).round() / 10.0),
                    None => self.push("silence", true),
                }
            }
            Expected::Pin => {
                let pin = gpio.ok_or_else(|| failed("which pin? `gpio` is its number".to_owned()))?;
                let high = board.pin(pin.into()).is_high().map_err(|error| failed(error.cause().to_string()))?;
                self.before(now);
                let level = if high { "high" } else { "low" };
                self.push("expect-pin", table([("pin", i64::from(pin).into()), ("level", level.into())]));
            }
        }
        Ok(())
    }

    /// Keeps the picture that is to be kept, if it stays.
    pub async fn look(&mut self, board: &Board) {
        let Some(mark) = &self.mark else { return };
        let Some(shown) = picture(board, mark.display.as_deref()).await else { return };
        if is_settled(&shown) || shown.at().since(mark.since) > PATIENCE {
            self.keep_marked(&shown);
        }
    }

    /// Keeps the picture that is to be kept, before something else is done.
    pub async fn keep_at_once(&mut self, board: &Board) {
        let Some(mark) = &self.mark else { return };
        if let Some(shown) = picture(board, mark.display.as_deref()).await {
            self.keep_marked(&shown);
        }
    }

    /// Keeps the picture that is to be kept. If it goes on changing, the scenario waits until the display shows it.
    fn keep_marked(&mut self, shown: &Picture) {
        let Some(mark) = self.mark.take() else { return };
        let golden = self.keep(Some(mark.golden), shown);
        match mark.display {
            Some(display) => {
                let form = table([("golden", golden.into()), ("display", display.into())]);
                self.push_awaited("screen", form, shown.at());
            }
            None if is_settled(shown) => self.push_awaited("screen", golden, shown.at()),
            None => self.push_awaited("wait-for-screen", golden, shown.at()),
        }
    }

    /// Expects the picture with which the recording ends. One that came long after the last step is waited for: a display that is
    /// looked at once it stays may still have another one then.
    pub(super) fn show_last(&mut self, shown: &Picture) {
        let golden = self.keep(None, shown);
        let action = if shown.changed() < self.reached + SETTLED { "screen" } else { "wait-for-screen" };
        self.push_awaited(action, golden, shown.changed());
    }

    /// Whether this picture is the one that was kept last.
    pub(super) fn is_last(&self, shown: &Picture) -> bool {
        self.pictures.last().is_some_and(|(_, png)| *png == shown.png())
    }

    /// A new name for a picture.
    fn golden(&self, wanted: Option<&str>) -> String {
        let base: String = wanted.unwrap_or(&self.stem).chars().filter(|one| !r#"/\:*?"<>|$"#.contains(*one)).collect();
        let base = if base.is_empty() { "screen".to_owned() } else { base };
        let taken = |name: &str| self.pictures.iter().any(|(known, _)| known == name);
        if wanted.is_some() && !taken(&base) {
            return base;
        }
        let numbered = (1_usize..).map(|number| format!("{base}-{number}"));
        // There are more numbers than pictures.
        numbered.into_iter().find(|name| !taken(name)).unwrap_or(base)
    }

    /// Keeps a picture, under the name of an equal one if there is one.
    pub(super) fn keep(&mut self, name: Option<String>, shown: &Picture) -> String {
        let png = shown.png();
        if let Some((known, _)) = self.pictures.iter().find(|(_, other)| *other == png) {
            return known.clone();
        }
        let name = name.unwrap_or_else(|| self.golden(None));
        self.pictures.push((name.clone(), png));
        name
    }
}

/// An emulated board answers at once.
pub(super) async fn picture(board: &Board, display: Option<&str>) -> Option<Picture> {
    let screen = display.map_or_else(|| board.screen(), |name| board.display(name));
    screen.picture().await.ok()
}

pub(super) fn is_settled(shown: &Picture) -> bool {
    shown.at().since(shown.changed()) >= SETTLED
}
