//! Lines on their way to the console.

use alloc::collections::VecDeque;
use core::fmt::{self, Display, Write};

use espalier_protocol::{Answer, Event};

use crate::io::Console;

/// Room for unsent lines: the longest answer and a good number of events. A console that is slower than what is to be said
/// loses whole lines, and a line says how many.
const CAPACITY: usize = 8 * 1024;

/// A queue of lines that never splits a line and never blocks.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: VecDeque<u8>,
    lost: u32,
}

impl Outbox {
    /// Queues an event for the harness.
    pub fn event(&mut self, event: Event<'_>) {
        self.line(&Answer::Event(event));
    }

    /// Queues a line, which must not contain line ends. If earlier ones were lost, a line before it says so.
    pub fn line(&mut self, content: &dyn Display) {
        let before = self.bytes.len();
        let mut line = Line(&mut self.bytes);
        let noted = match self.lost {
            0 => Ok(()),
            lost => writeln!(line, "{}", Answer::Event(Event::LinesLost(lost))),
        };
        if noted.and_then(|()| writeln!(line, "{content}")).is_ok() {
            self.lost = 0;
        } else {
            self.bytes.truncate(before);
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Gives the console what it takes.
    pub fn send(&mut self, console: &mut impl Console) {
        loop {
            let sent = console.write(self.bytes.as_slices().0);
            self.bytes.drain(..sent.min(self.bytes.len()));
            if sent == 0 || self.bytes.is_empty() {
                return;
            }
        }
    }

    /// Whether everything was sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

struct Line<'a>(&'a mut VecDeque<u8>);

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > CAPACITY {
            return Err(fmt::Error);
        }
        self.0.extend(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Outbox};
    use crate::io::Console;

    struct Slow(Vec<u8>);

    impl Console for Slow {
        fn read(&mut self, _: &mut [u8]) -> usize {
            0
        }

        fn write(&mut self, bytes: &[u8]) -> usize {
            let taken = bytes.len().min(7);
            self.0.extend(&bytes[..taken]);
            taken
        }
    }

    #[test]
    fn a_full_queue_loses_whole_lines_and_says_so() {
        let mut outbox = Outbox::default();
        let long = "x".repeat(CAPACITY / 2);
        for _ in 0..3 {
            outbox.line(&long);
        }
        let mut console = Slow(Vec::new());
        outbox.send(&mut console);
        outbox.line(&"after");
        outbox.send(&mut console);
        assert!(outbox.is_empty());
        let text = String::from_utf8(console.0).unwrap();
        assert!(text.lines().eq([long.as_str(), "@event lines-lost 2", "after"]));
    }
}
