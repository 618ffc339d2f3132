//! Where a stream of bytes leads, and how it gets there.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::{fmt, fs, io};

use super::local;
use super::source::{BoxedSource, Once, TcpSource, Then};
#[cfg(unix)]
use super::source::{UnixSocketFile, UnixSource};
use super::{BoxedStream, telnet};

/// Where a stream of bytes leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Clients of a TCP port.
    TcpServer(SocketAddr),
    /// A program that listens on a TCP port.
    TcpClient(SocketAddr),
    /// Clients of a Unix socket, which is made.
    UnixServer(PathBuf),
    /// A program that listens on a Unix socket.
    UnixClient(PathBuf),
    /// Standard input and output of this process.
    Stdio,
    /// A file that gets what is sent. Nothing comes from it.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its contents stay.
        append: bool,
    },
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::TcpServer(address) | Endpoint::TcpClient(address) => write!(f, "tcp:{address}"),
            Endpoint::UnixServer(path) | Endpoint::UnixClient(path) => write!(f, "unix:{}", path.display()),
            Endpoint::Stdio => f.write_str("stdio"),
            Endpoint::File { path, .. } => write!(f, "file:{}", path.display()),
        }
    }
}

/// An endpoint that has been opened, before there is a runtime to serve it.
pub(crate) enum Opened {
    Tcp(TcpListener, Option<TcpStream>),
    TcpTo(TcpStream),
    #[cfg(unix)]
    Unix(UnixSocketFile, Option<std::os::unix::net::UnixStream>),
    #[cfg(unix)]
    UnixTo(std::os::unix::net::UnixStream),
    Stdio,
    File(fs::File),
}

impl Endpoint {
    /// Listens, connects or creates. With `wait` a server has its first client before this returns.
    pub(crate) fn open(&self, wait: bool) -> io::Result<Opened> {
        match self {
            Endpoint::TcpServer(address) => {
                let listener = TcpListener::bind(address)?;
                let first = if wait { Some(listener.accept()?.0) } else { None };
                if let Some(first) = &first {
                    first.set_nonblocking(true)?;
                }
                listener.set_nonblocking(true)?;
                Ok(Opened::Tcp(listener, first))
            }
            Endpoint::TcpClient(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                Ok(Opened::TcpTo(stream))
            }
            #[cfg(unix)]
            Endpoint::UnixServer(path) => {
                remove_socket(path)?;
                let socket_file = UnixSocketFile::bind(path)?;
                let first = if wait { Some(socket_file.listener.accept()?.0) } else { None };
                if let Some(first) = &first {
                    first.set_nonblocking(true)?;
                }
                socket_file.listener.set_nonblocking(true)?;
                Ok(Opened::Unix(socket_file, first))
            }
            #[cfg(unix)]
            Endpoint::UnixClient(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Ok(Opened::UnixTo(stream))
            }
            #[cfg(not(unix))]
            Endpoint::UnixServer(_) | Endpoint::UnixClient(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets here; use TCP"))
            }
            Endpoint::Stdio => Ok(Opened::Stdio),
            Endpoint::File { path, append } => {
                let mut options = fs::File::options();
                if *append {
                    options.append(true)
                } else {
                    options.write(true).truncate(true)
                };
                Ok(Opened::File(options.create(true).open(path)?))
            }
        }
    }
}

/// Removes the socket that a program left behind which listened there. Anything else stays, and is in the way.
#[cfg(unix)]
fn remove_socket(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path),
        _ => Ok(()),
    }
}

impl Opened {
    /// Opens the endpoint as a source of clients on the present runtime. With `telnet`, TELNET is spoken to them.
    pub fn serve(self, telnet: bool) -> BoxedSource {
        let dress = move |stream: BoxedStream| if telnet { telnet::stream(stream) } else { stream };
        let expected = "a socket that was set up for this";
        let tcp = |stream: TcpStream| -> BoxedStream {
            // A console is made of single keys.
            let _ = stream.set_nodelay(true);
            Box::new(tokio::net::TcpStream::from_std(stream).expect(expected))
        };
        match self {
            Opened::Tcp(listener, first) => {
                let listener = tokio::net::TcpListener::from_std(listener).expect(expected);
                Box::new(Then::new(first.map(|first| dress(tcp(first))), TcpSource { listener, telnet }))
            }
            Opened::TcpTo(stream) => Box::new(Once::new(dress(tcp(stream)))),
            #[cfg(unix)]
            Opened::Unix(socket_file, first) => {
                let listener = socket_file.listener.try_clone().expect(expected);
                let listener = tokio::net::UnixListener::from_std(listener).expect(expected);
                let unix =
                    |stream| -> BoxedStream { Box::new(tokio::net::UnixStream::from_std(stream).expect(expected)) };
                Box::new(Then::new(
                    first.map(|first| dress(unix(first))),
                    UnixSource { listener, telnet, _socket_file: socket_file },
                ))
            }
            #[cfg(unix)]
            Opened::UnixTo(stream) => {
                Box::new(Once::new(dress(Box::new(tokio::net::UnixStream::from_std(stream).expect(expected)))))
            }
            Opened::Stdio => Box::new(Once::new(local::stdio())),
            Opened::File(file) => Box::new(Once::new(local::file(file))),
        }
    }
}
