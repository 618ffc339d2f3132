//! A line that is being typed. The terminal behind it is raw, so the monitor echoes.

/// The longest line. What is typed beyond it is not taken.
const LONGEST: usize = 4096;

/// The action of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// This is shown.
    Echo(String),
    /// The line is complete.
    Line(String),
}

#[derive(Debug, Default)]
pub(super) struct Editor {
    line: String,
    /// The last key was a carriage return, so that a line feed after it is the same key.
    returned: bool,
}

impl Editor {
    pub fn take(&mut self, byte: u8) -> Key {
        const BACKSPACE: u8 = 8;
        const DELETE: u8 = 0x7F;
        const CANCEL: u8 = 0x15;
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        match byte {
            b'\n' if returned => Key::Echo(String::new()),
            b'\r' | b'\n' => Key::Line(std::mem::take(&mut self.line)),
            BACKSPACE | DELETE if self.line.pop().is_some() => Key::Echo("\x08 \x08".to_owned()),
            CANCEL => {
                let length = std::mem::take(&mut self.line).len();
                Key::Echo("\x08 \x08".repeat(length))
            }
            b' '..=b'~' if self.line.len() < LONGEST => {
                self.line.push(char::from(byte));
                Key::Echo(char::from(byte).to_string())
            }
            _ => Key::Echo(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Editor, Key};

    #[test]
    fn lines_end_with_any_usual_key_and_mistakes_can_be_mended() {
        let mut editor = Editor::default();
        let mut lines = Vec::new();
        for byte in *b"inx\x08fo\r\nhelp\nnonsense\x15\x7f\x07quit\r" {
            if let Key::Line(line) = editor.take(byte) {
                lines.push(line);
            }
        }
        assert_eq!(lines, ["info", "help", "quit"]);
        assert_eq!(editor.take(b'q'), Key::Echo("q".to_owned()));
        assert_eq!(editor.take(8), Key::Echo("\x08 \x08".to_owned()));
        assert_eq!(editor.take(8), Key::Echo(String::new()));
    }
}
