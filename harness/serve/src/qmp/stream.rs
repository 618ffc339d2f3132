//! JSON values out of a stream of bytes in which nothing marks their ends.

use serde_json::{Deserializer, Value};

/// The longest value that is read.
const LONGEST: usize = 1 << 16;

/// Something that cannot become JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// Bytes that came in and are no whole value yet.
#[derive(Debug, Default)]
pub(super) struct JsonStream {
    buffer: Vec<u8>,
}

impl JsonStream {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// The next whole value, or a word about bytes that are none and were dropped. None if more has to come.
    pub fn next(&mut self) -> Option<Result<Value, Invalid>> {
        let start = self.buffer.iter().position(|byte| !byte.is_ascii_whitespace());
        self.buffer.drain(..start.unwrap_or(self.buffer.len()));
        let mut values = Deserializer::from_slice(&self.buffer).into_iter::<Value>();
        match values.next()? {
            Ok(value) => {
                let length = values.byte_offset();
                self.buffer.drain(..length);
                Some(Ok(value))
            }
            Err(error) if error.is_eof() && self.buffer.len() <= LONGEST => None,
            Err(_) => {
                // A line is the only thing that a client can have meant as an end.
                let line = self.buffer.iter().position(|byte| *byte == b'\n');
                self.buffer.drain(..line.map_or(self.buffer.len(), |end| end + 1));
                Some(Err(Invalid))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Invalid, JsonStream, LONGEST};
    use proptest::prelude::*;
    use serde_json::json;

    fn all(stream: &mut JsonStream) -> Vec<Result<serde_json::Value, Invalid>> {
        std::iter::from_fn(|| stream.next()).collect()
    }

    #[test]
    fn values_need_no_newline() {
        let mut stream = JsonStream::default();
        stream.push(br#" {"execute":"a"}{"execute":"b"} {"exec"#);
        assert_eq!(all(&mut stream), [Ok(json!({"execute": "a"})), Ok(json!({"execute": "b"}))]);
        stream.push(br#"ute":"c"}"#);
        assert_eq!(all(&mut stream), [Ok(json!({"execute": "c"}))]);
    }

    #[test]
    fn after_a_broken_line_comes_the_next() {
        let mut stream = JsonStream::default();
        stream.push(b"{\"execute\" nonsense\n{\"execute\":\"b\"}");
        assert_eq!(all(&mut stream), [Err(Invalid), Ok(json!({"execute": "b"}))]);
    }

    #[test]
    fn a_value_without_end_is_given_up() {
        let mut stream = JsonStream::default();
        stream.push(b"[\"");
        stream.push(&vec![b'x'; LONGEST]);
        assert_eq!(all(&mut stream), [Err(Invalid)]);
    }

    proptest! {
        #[test]
        fn hostile_bytes_end_and_leave_the_stream_usable(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut stream = JsonStream::default();
            for piece in &pieces {
                stream.push(piece);
                let length: usize = pieces.iter().map(Vec::len).sum();
                prop_assert!(all(&mut stream).len() <= length);
            }
            stream.push(b"\"]}\n]\n");
            all(&mut stream);
            stream.push(b"\n\n");
            all(&mut stream);
            stream.push(b"{\"execute\":\"a\"}\n{\"execute\":\"b\"}\n");
            prop_assert_eq!(all(&mut stream).pop(), Some(Ok(json!({"execute": "b"}))));
        }

        #[test]
        fn it_does_not_matter_how_the_stream_is_cut(cuts in prop::collection::vec(1_usize..9, 0..40)) {
            let text = br#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"x{}"}{"execute":"stop"}"#;
            let mut stream = JsonStream::default();
            let (mut values, mut rest) = (Vec::new(), &text[..]);
            for cut in cuts.into_iter().chain([text.len()]) {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                stream.push(piece);
                values.extend(all(&mut stream));
                rest = after;
            }
            prop_assert_eq!(values.len(), 2);
            prop_assert_eq!(&values[1], &Ok(json!({"execute": "stop"})));
        }
    }
}
