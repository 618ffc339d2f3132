//! A board's serial port: one of this computer, or one at the other end of a TCP connection.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, SerialPort};

use super::error::BenchError;
use super::rfc2217;
use crate::driver::SerialPort as OwnPort;
use crate::driver::live::Transmitter;

/// Time-out of one read of a silent port.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Time limit for the other side of a network to answer, or to take the written bytes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Interval of checking whether everything was written.
const DRAIN: Duration = Duration::from_millis(1);

const RFC2217: &str = "rfc2217://";
const SOCKET: &str = "socket://";

/// Where a board's console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// A serial port of this computer, by its path.
    Serial(String),
    /// A serial port of another computer, or of a served board, with its modem lines and its rate (RFC 2217).
    Rfc2217(String),
    /// A TCP connection that carries the console's bytes and nothing else.
    Socket(String),
}

/// The reader and the writer of a port.
pub(super) type Halves = (Box<dyn Read + Send>, Box<dyn Transmitter>);

/// Both halves of an open port.
pub(super) struct Opened {
    pub(super) receiver: Box<dyn Read + Send>,
    pub(super) transmitter: Box<dyn Transmitter>,
    /// Whether it has DTR and RTS.
    pub(super) has_lines: bool,
    /// The port itself, if it is one of this computer.
    pub(super) own: Option<OwnPort>,
}

impl Port {
    /// The port that `text` names, if it looks like one.
    pub(super) fn named(text: &str) -> Option<Port> {
        // pyserial's URLs may have options, which say nothing that is of use here.
        let address = |rest: &str| rest.split(['?', '/']).next().unwrap_or_default().to_owned();
        if let Some(rest) = text.strip_prefix(RFC2217) {
            return Some(Port::Rfc2217(address(rest)));
        }
        if let Some(rest) = text.strip_prefix(SOCKET) {
            return Some(Port::Socket(address(rest)));
        }
        let number = text.strip_prefix("COM").is_some_and(|number| number.parse::<u8>().is_ok());
        (number || Path::new(text).is_absolute()).then(|| Port::Serial(text.to_owned()))
    }

    /// Opens it at `baud` bits per second.
    pub(super) fn open(&self, baud: u32) -> Result<Opened, BenchError> {
        match self {
            Port::Serial(path) => self.open_serial(path, baud),
            Port::Rfc2217(address) => {
                let (receiver, transmitter) = rfc2217::open(&self.to_string(), self.connect(address)?, baud, PATIENCE)?;
                let (receiver, transmitter) = (Box::new(receiver), Box::new(transmitter));
                Ok(Opened { receiver, transmitter, has_lines: true, own: None })
            }
            Port::Socket(address) => {
                let stream = self.connect(address)?;
                let receiver = Box::new(stream.try_clone().map_err(|error| self.failed(&error))?);
                Ok(Opened { receiver, transmitter: Box::new(Plain(stream)), has_lines: false, own: None })
            }
        }
    }

    fn open_serial(&self, path: &str, baud: u32) -> Result<Opened, BenchError> {
        let failed = |error: serialport::Error| self.refused(path, &error);
        let mut own = serialport::new(path, baud).timeout(LOOK).open_native().map_err(failed)?;
        // A pseudo-terminal has no modem lines, and says so.
        let has_lines = own.read_clear_to_send().is_ok();
        let (receiver, transmitter) = halves(&own).map_err(failed)?;
        Ok(Opened { receiver, transmitter, has_lines, own: Some(own) })
    }

    fn connect(&self, address: &str) -> Result<TcpStream, BenchError> {
        let resolved = address.to_socket_addrs().map_err(|error| self.failed(&error))?;
        let mut last = io::Error::other("the name has no address");
        for address in resolved {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    let set_up = || {
                        stream.set_nodelay(true)?;
                        stream.set_read_timeout(Some(LOOK))?;
                        stream.set_write_timeout(Some(PATIENCE))
                    };
                    set_up().map_err(|error| self.failed(&error))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(self.failed(&last))
    }

    fn failed(&self, error: &io::Error) -> BenchError {
        BenchError::Open { port: self.to_string(), reason: error.to_string() }
    }

    /// Why a serial port does not open, and the remedy.
    fn refused(&self, path: &str, error: &serialport::Error) -> BenchError {
        let (port, reason) = (self.to_string(), error.to_string());
        match error.kind() {
            serialport::ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
                BenchError::Denied { port, group: group_of(Path::new(path)) }
            }
            serialport::ErrorKind::Io(io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock) => {
                BenchError::Busy { port, reason }
            }
            _ if !Path::new(path).exists() => BenchError::Absent { board: port },
            serialport::ErrorKind::NoDevice => BenchError::Busy { port, reason },
            _ => BenchError::Open { port, reason },
        }
    }
}

/// Both halves of a port that is open.
pub(super) fn halves(port: &OwnPort) -> serialport::Result<Halves> {
    let mut receiver = port.try_clone_native()?;
    // On some systems all clones share one time-out, and the program before may have set another.
    receiver.set_timeout(LOOK)?;
    Ok((Box::new(receiver), Box::new(Serial(port.try_clone_native()?))))
}

/// The name of the group that may open `path`, if it has members besides the administrator.
#[cfg(unix)]
fn group_of(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    const ROOT: u32 = 0;
    const GROUP_READS_AND_WRITES: u32 = 0o060;
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.gid() == ROOT || metadata.mode() & GROUP_READS_AND_WRITES != GROUP_READS_AND_WRITES {
        return None;
    }
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let id = metadata.gid().to_string();
    // name:password:id:members (group(5)).
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}

#[cfg(not(unix))]
fn group_of(_: &Path) -> Option<String> {
    None
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Serial(path) => f.write_str(path),
            Port::Rfc2217(address) => write!(f, "{RFC2217}{address}"),
            Port::Socket(address) => write!(f, "{SOCKET}{address}"),
        }
    }
}

struct Serial(OwnPort);

impl Transmitter for Serial {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        // Bytes written earlier still go out at the old rate. Draining has no time-out of its own.
        let deadline = Instant::now() + PATIENCE;
        while self.0.bytes_to_write()? > 0 && Instant::now() < deadline {
            thread::sleep(DRAIN);
        }
        Ok(self.0.set_baud_rate(baud)?)
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> io::Result<()> {
        self.0.write_data_terminal_ready(dtr)?;
        Ok(self.0.write_request_to_send(rts)?)
    }

    fn discard(&mut self) -> io::Result<()> {
        Ok(self.0.clear(ClearBuffer::Input)?)
    }
}

struct Plain(TcpStream);

impl Transmitter for Plain {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{Ipv4Addr, TcpListener};

    use super::{BenchError, Port};

    #[test]
    fn ports_are_known_by_their_looks() {
        for (text, port) in [
            ("/dev/ttyUSB0", Some(Port::Serial("/dev/ttyUSB0".to_owned()))),
            ("COM3", Some(Port::Serial("COM3".to_owned()))),
            ("rfc2217://bench:4000?ign_set_control", Some(Port::Rfc2217("bench:4000".to_owned()))),
            ("socket://[::1]:5000", Some(Port::Socket("[::1]:5000".to_owned()))),
            ("left", None),
            ("COMET", None),
        ] {
            assert_eq!(Port::named(text), port, "{text}");
        }
    }

    #[test]
    fn a_port_that_cannot_be_opened_says_what_to_do() {
        let message = |port: &Port| port.open(115_200).err().unwrap().to_string();
        let port = Port::Serial("/dev/ttyUSB199".to_owned());
        assert!(message(&port).starts_with("/dev/ttyUSB199 is not plugged in; "), "{}", message(&port));
        let kind = serialport::ErrorKind::Io(io::ErrorKind::PermissionDenied);
        let denied = port.refused("/etc/group", &serialport::Error::new(kind, "Permission denied")).to_string();
        assert!(denied.starts_with("no permission to open /dev/ttyUSB199: only its owner may open it; "), "{denied}");
        let denied =
            BenchError::Denied { port: "/dev/ttyUSB0".to_owned(), group: Some("dialout".to_owned()) }.to_string();
        assert!(denied.contains("sudo usermod -aG dialout $USER"), "{denied}");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let port = Port::named(&format!("rfc2217://{free}")).unwrap();
        assert!(message(&port).starts_with(&format!("cannot open rfc2217://{free}: Connection refused")));
    }

    #[cfg(unix)]
    #[test]
    fn a_port_that_another_program_has_open_is_busy() {
        use serialport::{SerialPort, TTYPort};
        let (_controller, terminal) = TTYPort::pair().unwrap();
        let path = terminal.name().unwrap();
        let other = serialport::new(&path, 115_200).open().unwrap();
        let error = Port::Serial(path.clone()).open(115_200).err().unwrap();
        assert!(matches!(error, BenchError::Busy { .. }), "{error}");
        drop(other);
        assert!(!Port::Serial(path).open(115_200).unwrap().has_lines);
    }
}
