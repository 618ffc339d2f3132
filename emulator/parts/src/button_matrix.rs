//! A matrix of push buttons between row and column lines, as membrane keypads are (Parallax, "4x4 Matrix Membrane Keypad", 27899 v1.2,
//! section "How it Works").
//!
//! A pressed button connects its row with its column, whatever drives or pulls them, so several buttons connect more than two lines.

use crate::part::{PadUse, Part, PartError, Value, ValueError, Wiring};
use espalier_core::Time;

/// The buttons of a keypad of four columns, and of three.
const FOUR: &str = "123A456B789C*0#D";
const THREE: &str = "123456789*0#";
/// More lines than a matrix at the pads of a chip has.
const LINES: usize = 16;

/// A matrix.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{ButtonMatrix, Part, Value};
///
/// let mut keypad = ButtonMatrix::new(4, 4, "123A456B789C*0#D");
/// keypad.set("pressed", &Value::from("6"), Time::ZERO)?;
/// assert_eq!(keypad.closed(), [(1, 4 + 2)], "its row and its column");
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ButtonMatrix {
    rows: usize,
    columns: usize,
    /// The name of each button, row by row.
    keys: Vec<char>,
    /// The places of those that are pressed, in order.
    pressed: Vec<usize>,
}

espalier_core::persist! {
    state ButtonMatrix { pressed } fixed { rows, columns, keys } if ButtonMatrix::is_sound;
}

impl ButtonMatrix {
    /// A matrix whose buttons have these names, row by row.
    ///
    /// # Panics
    /// If there are not as many names as buttons.
    pub fn new(rows: usize, columns: usize, keys: &str) -> ButtonMatrix {
        let keys: Vec<char> = keys.chars().collect();
        assert_eq!(keys.len(), rows * columns, "each button has a name of one character");
        ButtonMatrix { rows, columns, keys, pressed: Vec::new() }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let rows = wiring.pads("rows", 0, LINES, PadUse::Joins)?.len();
        let columns = wiring.pads("columns", rows, LINES, PadUse::Joins)?.len();
        let named = wiring.read("keys", |value| {
            let mut names: Vec<char> = value.text()?.chars().collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            if count == rows * columns && names.len() == count {
                return Ok(value.text()?.to_owned());
            }
            Err(ValueError::new(value, format!("{} different characters, one for each button", rows * columns)))
        })?;
        let keys = match (named, rows, columns) {
            (Some(named), ..) => named,
            (None, 4, 4) => FOUR.to_owned(),
            (None, 4, 3) => THREE.to_owned(),
            (None, ..) => return Err(wiring.missing("keys")),
        };
        Ok(Box::new(ButtonMatrix::new(rows, columns, &keys)))
    }

    fn is_sound(&self) -> bool {
        self.pressed.iter().all(|place| *place < self.keys.len())
    }

    /// The names of the buttons that are pressed, in the order of the matrix.
    pub fn pressed(&self) -> String {
        self.pressed.iter().map(|place| self.keys[*place]).collect()
    }
}

impl Part for ButtonMatrix {
    /// The fingers stay.
    fn power_cycle(&mut self, _now: Time) {}

    fn closed(&self) -> Vec<(usize, usize)> {
        let lines = |place: &usize| (place / self.columns, self.rows + place % self.columns);
        self.pressed.iter().map(lines).collect()
    }

    fn properties(&self) -> &'static [&'static str] {
        &["pressed"]
    }

    /// The names of all buttons that are pressed from now on.
    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        let place = |name| self.keys.iter().position(|key| *key == name);
        let allowed = || {
            let keys: String = self.keys.iter().collect();
            ValueError::new(value, format!("a text with the names of the buttons that are pressed, of {keys:?}"))
        };
        // A number is the name of a button, too.
        let names = match value {
            Value::Integer(number) => number.to_string(),
            value => value.text().map_err(|_| allowed())?.to_owned(),
        };
        let mut pressed = names.chars().map(place).collect::<Option<Vec<usize>>>().ok_or_else(allowed)?;
        pressed.sort_unstable();
        pressed.dedup();
        self.pressed = pressed;
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.pressed().as_str().into())
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;

    use super::ButtonMatrix;
    use crate::part::{Part, PartEntry, Value};
    use crate::{Connection, PadUse, PartKinds};

    fn entry() -> PartEntry {
        PartEntry::new("button-matrix", "keypad").with("rows", [13.0, 12.0]).with("columns", [14.0, 27.0, 26.0])
    }

    #[test]
    fn buttons_connect_their_lines() {
        let mut keypad = ButtonMatrix::new(4, 3, "123456789*0#");
        keypad.set("pressed", &"#1".into(), Time::ZERO).unwrap();
        assert_eq!((keypad.closed(), keypad.pressed()), (vec![(0, 4), (3, 6)], "1#".to_owned()));
        keypad.set("pressed", &5.into(), Time::ZERO).unwrap();
        assert_eq!(keypad.get("pressed", Time::ZERO), Some(Value::from("5")));
        let error = keypad.set("pressed", &"A".into(), Time::ZERO).unwrap_err().to_string();
        assert!(error.ends_with("of the buttons that are pressed, of \"123456789*0#\""), "{error}");
        assert_eq!(keypad.pressed(), "5");
        keypad.set("pressed", &"".into(), Time::ZERO).unwrap();
        assert_eq!(keypad.closed(), []);
    }

    #[test]
    fn its_lines_and_names_are_checked() {
        let make = |entry: &PartEntry| PartKinds::default().make(entry);
        let (_, connections) = make(&entry().with("keys", "abcdef")).unwrap();
        let last = Connection::Pad { terminal: 4, key: "columns", gpio: 26, uses: PadUse::Joins };
        assert_eq!((connections.len(), connections[4]), (5, last));
        let error = |entry: &PartEntry| make(entry).unwrap_err().to_string();
        assert_eq!(error(&entry()), "button-matrix \"keypad\": keys is missing");
        let double = error(&entry().with("keys", "abcdea"));
        assert!(double.ends_with("keys is \"abcdea\", not 6 different characters, one for each button"), "{double}");
        let twice = PartEntry::new("button-matrix", "keypad").with("rows", [13.0, 13.0]).with("columns", [14.0]);
        let twice = error(&twice);
        assert!(twice.ends_with("rows is [13.0, 13.0], not a list of 1 to 16 different numbers of pads"), "{twice}");
    }
}
