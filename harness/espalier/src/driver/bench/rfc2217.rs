//! A serial port at the other end of a TCP connection: RFC 2217, "Telnet Com Port Control Option".

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rfc2217::{Client, PortSettings, Purge};

use super::error::BenchError;
use crate::driver::live::{Transmitter, is_temporary};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 12;
/// Text that our own server sends to a second client before it hangs up; ser2net's text contains it too.
const BUSY: &[u8] = b"busy";

/// The Telnet state and the socket's writing end, which both directions need.
struct Session {
    client: Client,
    socket: TcpStream,
}

impl Session {
    /// Writes what the state machine has to say.
    fn flush(&mut self) -> io::Result<()> {
        let output = self.client.take_output();
        self.socket.write_all(&output).map_err(|error| match error.kind() {
            // It is unknown how much was written, so nothing can be written again.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                io::Error::other("the other side has stopped reading")
            }
            _ => error,
        })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let payload = self.client.receive(bytes);
        while self.client.poll_event().is_some() {}
        self.flush()?;
        Ok(payload)
    }
}

type Shared = Arc<Mutex<Session>>;

fn with<T>(session: &Shared, act: impl FnOnce(&mut Session) -> T) -> T {
    act(&mut session.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Negotiates with the other side of `socket` until the port has its settings, for at most `patience`. Returns the reader and the writer
/// of the port, which errors call `port`.
pub(super) fn open(
    port: &str,
    mut socket: TcpStream,
    baud: u32,
    patience: Duration,
) -> Result<(impl Read + Send + use<>, impl Transmitter + use<>), BenchError> {
    let failed = |error: io::Error| BenchError::Open { port: port.to_owned(), reason: error.to_string() };
    let client = Client::new(PortSettings { baud_rate: baud, ..PortSettings::default() });
    let mut session = Session { client, socket: socket.try_clone().map_err(failed)? };
    session.flush().map_err(failed)?;
    let deadline = Instant::now() + patience;
    let mut early = Vec::new();
    let mut buffer = [0; BUFFER];
    while let Err(reason) = session.client.readiness() {
        let length = match socket.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if is_temporary(&error) && Instant::now() < deadline => continue,
            Err(error) if is_temporary(&error) => {
                return Err(BenchError::Open { port: port.to_owned(), reason: reason.to_string() });
            }
            Err(error) => return Err(failed(error)),
        };
        if length == 0 {
            let said = String::from_utf8_lossy(&early).trim().to_owned();
            let port = port.to_owned();
            return Err(if early.windows(BUSY.len()).any(|window| window == BUSY) {
                BenchError::Busy { port, reason: said }
            } else {
                BenchError::Open { port, reason: format!("the other side hung up: {said:?}") }
            });
        }
        early.extend(session.take(&buffer[..length]).map_err(failed)?);
    }
    let session = Arc::new(Mutex::new(session));
    let receiver = Receiver { socket, session: session.clone(), early };
    Ok((receiver, Sender(session)))
}

struct Receiver {
    socket: TcpStream,
    session: Shared,
    /// The board's answers during the negotiation.
    early: Vec<u8>,
}

impl Read for Receiver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.early.is_empty() {
            let length = self.socket.read(buffer)?;
            if length == 0 {
                return Ok(0);
            }
            self.early = with(&self.session, |session| session.take(&buffer[..length]))?;
            if self.early.is_empty() {
                // It was Telnet's own.
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let length = self.early.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.early[..length]);
        self.early.drain(..length);
        Ok(length)
    }
}

struct Sender(Shared);

impl Sender {
    fn command(&self, act: impl FnOnce(&mut Client)) -> io::Result<()> {
        with(&self.0, |session| {
            act(&mut session.client);
            session.flush()
        })
    }
}

impl Transmitter for Sender {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.command(|client| client.write_data(bytes))?;
        Ok(bytes.len())
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.command(|client| client.set_port_settings(PortSettings { baud_rate: baud, ..PortSettings::default() }))
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> io::Result<()> {
        self.command(|client| {
            client.set_dtr(dtr);
            client.set_rts(rts);
        })
    }

    fn discard(&mut self) -> io::Result<()> {
        self.command(|client| client.purge(Purge::Receive))
    }
}
