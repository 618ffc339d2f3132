//! Output of a UART: kept up to a bound, and told in pieces to clients that come back.

use serde_json::{Value, json};

/// Bytes of each UART that are kept.
const CAPACITY: usize = 1 << 18;
/// Bytes that are told at once; of more, the last ones.
const MOST_TOLD: usize = 64 << 10;

/// The last bytes of a UART.
#[derive(Debug, Default)]
pub struct UartLog {
    bytes: Vec<u8>,
    /// Number of bytes dropped before these.
    dropped: u64,
}

impl UartLog {
    /// Adds what the UART has sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        // Half of it is dropped at once, so that not every byte moves all others.
        if self.bytes.len() > 2 * CAPACITY {
            let excess = self.bytes.len() - CAPACITY;
            self.bytes.drain(..excess);
            self.dropped += excess as u64;
        }
    }

    /// The bytes that are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the output after the first `seen` bytes as JSON, each byte a character, with the number of bytes that are left out before
    /// it. None if there is none. `seen` counts all of it afterwards.
    pub fn told(&self, uart: usize, seen: &mut u64) -> Option<Value> {
        let all = self.dropped + self.bytes.len() as u64;
        let fresh = (all.saturating_sub(*seen) as usize).min(MOST_TOLD).min(self.bytes.len());
        let left_out = all.saturating_sub(*seen) - fresh as u64;
        *seen = all;
        let text: String = self.bytes[self.bytes.len() - fresh..].iter().copied().map(char::from).collect();
        (fresh > 0).then(|| json!({"uart": uart, "left-out": left_out, "text": text}))
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, MOST_TOLD, UartLog};

    #[test]
    fn output_is_told_once_and_the_last_of_it_is_kept() {
        let (mut log, mut seen) = (UartLog::default(), 0);
        log.push(b"one \xFF");
        assert_eq!(log.told(2, &mut seen).unwrap().to_string(), r#"{"left-out":0,"text":"one ÿ","uart":2}"#);
        assert!(log.told(2, &mut seen).is_none());
        for _ in 0..5 {
            log.push(&[b'x'; CAPACITY / 2]);
        }
        assert!(log.bytes().len() <= 2 * CAPACITY);
        let told = log.told(0, &mut seen).unwrap();
        assert_eq!(told["text"].as_str().unwrap().len(), MOST_TOLD);
        assert_eq!(told["left-out"], 5 * CAPACITY / 2 - MOST_TOLD);
    }
}
