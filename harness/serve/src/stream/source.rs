//! The clients of an endpoint: one after the other for a server, only one for any other kind.

use std::future::Future;
use std::pin::Pin;

use tokio::net::TcpListener;

use super::{BoxedStream, telnet};

/// The result of [`Source::next`].
pub(crate) type Next<'a> = Pin<Box<dyn Future<Output = Option<BoxedStream>> + Send + 'a>>;

/// Where connected streams come from.
pub(crate) trait Source: Send {
    /// The next one; None if no more come.
    fn next(&mut self) -> Next<'_>;
}

pub(crate) type BoxedSource = Box<dyn Source>;

/// One stream that is there already.
pub(crate) struct Once(Option<BoxedStream>);

impl Once {
    pub fn new(stream: BoxedStream) -> Once {
        Once(Some(stream))
    }
}

impl Source for Once {
    fn next(&mut self) -> Next<'_> {
        let stream = self.0.take();
        Box::pin(async move { stream })
    }
}

/// One that is there already, if it is, then others.
pub(crate) struct Then<S> {
    first: Option<BoxedStream>,
    others: S,
}

impl<S: Source> Then<S> {
    pub fn new(first: Option<BoxedStream>, others: S) -> Then<S> {
        Then { first, others }
    }
}

impl<S: Source> Source for Then<S> {
    fn next(&mut self) -> Next<'_> {
        match self.first.take() {
            Some(first) => Box::pin(async move { Some(first) }),
            None => self.others.next(),
        }
    }
}

/// Clients of a TCP port.
pub(crate) struct TcpSource {
    pub listener: TcpListener,
    pub telnet: bool,
}

impl Source for TcpSource {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async {
            loop {
                if let Ok((stream, _)) = self.listener.accept().await {
                    // A console is made of single keys.
                    let _ = stream.set_nodelay(true);
                    return Some(dressed(Box::new(stream), self.telnet));
                }
            }
        })
    }
}

/// A Unix socket whose name is removed with its listener.
#[cfg(unix)]
pub(crate) struct UnixSocketFile {
    pub listener: std::os::unix::net::UnixListener,
    path: std::path::PathBuf,
}

#[cfg(unix)]
impl UnixSocketFile {
    pub fn bind(path: &std::path::Path) -> std::io::Result<UnixSocketFile> {
        Ok(UnixSocketFile { listener: std::os::unix::net::UnixListener::bind(path)?, path: path.to_owned() })
    }
}

#[cfg(unix)]
impl Drop for UnixSocketFile {
    fn drop(&mut self) {
        // If it is gone, that is what was wanted.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Clients of a Unix socket.
#[cfg(unix)]
pub(crate) struct UnixSource {
    pub listener: tokio::net::UnixListener,
    pub telnet: bool,
    /// Takes the socket's name with it.
    pub _socket_file: UnixSocketFile,
}

#[cfg(unix)]
impl Source for UnixSource {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async {
            loop {
                if let Ok((stream, _)) = self.listener.accept().await {
                    return Some(dressed(Box::new(stream), self.telnet));
                }
            }
        })
    }
}

fn dressed(stream: BoxedStream, telnet: bool) -> BoxedStream {
    if telnet { telnet::stream(stream) } else { stream }
}
