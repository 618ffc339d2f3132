//! Lines on the console.

use espalier_protocol::{Answer, Command, LineReader};

/// The longest line of the console, beyond what either side sends.
const LONGEST_LINE: usize = 4096;

/// Lines on the console of the tutorial's firmware, read by either side.
pub(crate) fn lines(input: &[u8]) {
    let mut lines = LineReader::<LONGEST_LINE>::new();
    for byte in input {
        if let Some(Ok(line)) = lines.push(*byte) {
            if let Ok(Some(answer)) = Answer::parse(line) {
                assert_eq!(Answer::parse(&answer.to_string()), Ok(Some(answer)), "it is written as it is read");
            }
            if let Ok(command) = Command::parse(line) {
                assert_eq!(Command::parse(&command.to_string()), Ok(command), "it is written as it is read");
            }
        }
    }
}
