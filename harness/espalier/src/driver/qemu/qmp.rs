//! QMP, QEMU's control protocol ("QEMU Machine Protocol Specification"): JSON objects over a stream in which nothing marks their
//! ends. QEMU greets, the client asks for the command mode, then every command is answered, with events in between.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value, json};

use super::error::QemuError;

/// Time limit for a command of QEMU. Each of those that are used here takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control channel of one QEMU.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: TcpStream,
    messages: Receiver<Value>,
    asked: u64,
}

impl Qmp {
    /// Begins a conversation with the QEMU at the other end.
    pub(super) fn open(stream: TcpStream) -> Result<Qmp, QemuError> {
        let failed = |error: std::io::Error| failure("qmp_capabilities", error);
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let messages = listen(stream.try_clone().map_err(failed)?);
        let mut qmp = Qmp { stream, messages, asked: 0 };
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Has a command carried out, and returns what it answers.
    pub(super) fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QemuError> {
        self.asked += 1;
        let id = json!(self.asked);
        let request = json!({"execute": command, "arguments": arguments, "id": id});
        self.stream.write_all(request.to_string().as_bytes()).map_err(|error| failure(command, error))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(failure(command, format!("there is no answer within {PATIENCE:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(failure(command, "its control channel is closed")),
            };
            // The greeting, events and answers that came too late have another one or none.
            if answer.get("id") != Some(&id) {
                continue;
            }
            if let Some(error) = answer.get("error") {
                let description = error.get("desc").and_then(Value::as_str).map(str::to_owned);
                return Err(failure(command, description.unwrap_or_else(|| error.to_string())));
            }
            return Ok(answer.get("return").cloned().unwrap_or_default());
        }
    }
}

fn failure(command: &str, reason: impl ToString) -> QemuError {
    QemuError::Command { command: command.to_owned(), reason: reason.to_string() }
}

/// Reads messages until the stream ends or is no JSON.
fn listen(stream: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, messages) = channel();
    // It ends with the stream, which ends with QEMU.
    thread::spawn(move || {
        for message in Deserializer::from_reader(stream).into_iter::<Value>() {
            let Ok(message) = message else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::{Qmp, listen};

    const GREETING: &[u8] = br#"{"QMP": {"version": {"qemu": {"major": 9}}, "capabilities": ["oob"]}}"#;

    /// A QEMU that sends `answers`, one for each request.
    fn pretend(greeting: &'static [u8], answers: Vec<&'static [u8]>) -> Result<Qmp, super::QemuError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(greeting).unwrap();
            for answer in answers {
                let _ = stream.read(&mut [0; 1024]).unwrap();
                // In two pieces, and nothing after the last brace.
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first).unwrap();
                thread::sleep(Duration::from_millis(10));
                stream.write_all(second).unwrap();
            }
        });
        Qmp::open(stream)
    }

    #[test]
    fn answers_are_found_among_events() {
        let answers: Vec<&[u8]> = vec![
            br#"{"return": {}, "id": 1}"#,
            br#"{"event": "RESET", "data": {"guest": false}}{"return": {"running": true}, "id": 2}{"event": "#,
            br#""STOP"}{"id": 3, "error": {"class": "GenericError", "desc": "no such port"}}"#,
        ];
        let mut qmp = pretend(GREETING, answers).unwrap();
        assert_eq!(qmp.execute("query-status", json!({})).unwrap(), json!({"running": true}));
        let error = qmp.execute("hostfwd_add", json!({})).unwrap_err();
        assert_eq!(error.to_string(), "QEMU does not do hostfwd_add: no such port");
    }

    #[test]
    fn a_channel_that_closes_or_talks_nonsense_is_an_error_at_once() {
        let begun = Instant::now();
        for greeting in [&b""[..], b"hello", b"{\"QMP\": "] {
            let error = pretend(greeting, vec![]).unwrap_err().to_string();
            let closed = error == "QEMU does not do qmp_capabilities: its control channel is closed";
            assert!(closed || error.contains("onnection reset") || error.contains("roken pipe"), "{error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn messages_need_nothing_between_them() {
        let messages: Vec<Value> = listen(&b"{\"a\":1}{\"b\":\"}\"} \r\n{\"c\":[]}"[..]).iter().collect();
        assert_eq!(messages, [json!({"a": 1}), json!({"b": "}"}), json!({"c": []})]);
    }
}
