//! UART0 as a pseudo-terminal.
//!
//! A PTY has no modem lines, so a client cannot reset the board through it; the rate that a client sets is the line's.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(target_os = "linux")]
use rustix::fs::inotify;
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::SerialPort;
use crate::handle::Gone;
use crate::serial_input::SerialInput;

/// The rate of the line until a client sets one: that of the ROM's messages.
const INITIAL_BAUD: u32 = 115_200;
/// Interval of checking whether a program has opened the terminal, where the system does not notify.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes that are read or written at once.
const PIECE: usize = 1024;

/// A program that is started meanwhile must not keep the terminal open. Where the system cannot open it like that, it is told
/// afterwards.
#[cfg(target_os = "linux")]
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY).union(OpenptFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY);

/// A pseudo-terminal that no program has opened yet.
#[derive(Debug)]
pub(crate) struct Pty {
    controller: Arc<OwnedFd>,
    path: PathBuf,
    open_watch: OpenWatch,
}

/// Notifies when the terminal is opened: a board whose terminal is unused sleeps until its own next event.
#[derive(Debug)]
struct OpenWatch {
    /// inotify(7) of the terminal's file. None if the system gives none, as when too many files are watched.
    #[cfg(target_os = "linux")]
    opened: Option<Arc<OwnedFd>>,
}

#[cfg(target_os = "linux")]
impl OpenWatch {
    fn of(path: &Path) -> OpenWatch {
        let watch = || {
            let opened = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
            inotify::add_watch(&opened, path, inotify::WatchFlags::OPEN)?;
            rustix::io::Result::Ok(opened)
        };
        OpenWatch { opened: watch().ok().map(Arc::new) }
    }

    /// Returns once the terminal may have been opened since this was last called.
    async fn opened(&self) {
        let opened = self.opened.as_ref().and_then(|opened| registered(opened, Interest::READABLE));
        let Some(opened) = opened else { return tokio::time::sleep(LOOK).await };
        // Several events count as one. Their contents say nothing more.
        let mut events = [0; PIECE];
        let read = |fd: &Arc<OwnedFd>| rustix::io::read(fd, &mut events).map_err(io::Error::from);
        if opened.async_io(Interest::READABLE, read).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl OpenWatch {
    fn of(_path: &Path) -> OpenWatch {
        OpenWatch {}
    }

    async fn opened(&self) {
        tokio::time::sleep(LOOK).await;
    }
}

impl Pty {
    /// Takes one from the kernel and makes it a raw line.
    pub fn open() -> io::Result<Pty> {
        let controller = openpt(FLAGS)?;
        fcntl_setfd(&controller, FdFlags::CLOEXEC)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        rustix::io::ioctl_fionbio(&controller, true)?;
        let path = ptsname(&controller, Vec::new())?.into_string().map_err(io::Error::other)?;
        let mut settings = tcgetattr(&controller)?;
        settings.make_raw();
        settings.set_speed(INITIAL_BAUD)?;
        tcsetattr(&controller, OptionalActions::Now, &settings)?;
        // Only a terminal that was opened once is known to be closed.
        drop(File::options().read(true).write(true).open(&path)?);
        let open_watch = OpenWatch::of(Path::new(&path));
        Ok(Pty { controller: Arc::new(controller), path: path.into(), open_watch })
    }

    /// The file that clients open.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is_closed(&self) -> bool {
        let mut fds = [PollFd::new(&self.controller, PollFlags::IN)];
        let polled = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        polled.is_err() || fds[0].revents().contains(PollFlags::HUP)
    }
}

/// Has the runtime tell when a descriptor is ready.
fn registered(fd: &Arc<OwnedFd>, interest: Interest) -> Option<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: tokio has no safe constructor left; it asks that the descriptor stays open and the same while it is registered. The
    // `Arc` keeps its `OwnedFd` that long, and nothing takes the descriptor out of it.
    unsafe { AsyncFd::register_with_interest(Arc::clone(fd), interest) }.ok()
}

/// Serves one client after the other.
pub(crate) async fn serve(pty: Pty, port: SerialPort) {
    loop {
        while pty.is_closed() {
            pty.open_watch.opened().await;
        }
        let Some(lease) = port.enter() else { return };
        // Registered anew for each client: the end of the one before would be reported for ever.
        let both = Interest::READABLE | Interest::WRITABLE;
        let Some(terminal) = registered(&pty.controller, both) else { return };
        let gone = tokio::select! {
            gone = input(&terminal, &port) => gone,
            gone = output(&terminal, &port) => gone,
        };
        drop(lease);
        if gone.is_err() {
            return;
        }
    }
}

/// Carries what the client writes until it closes the terminal.
async fn input(terminal: &AsyncFd<Arc<OwnedFd>>, port: &SerialPort) -> Result<(), Gone> {
    let mut baud = None;
    let mut buffer = [0; PIECE];
    loop {
        let read = terminal
            .async_io(Interest::READABLE, |fd| rustix::io::read(fd, &mut buffer).map_err(io::Error::from))
            .await;
        let Ok(length @ 1..) = read else { return Ok(()) };
        let speed = tcgetattr(terminal.get_ref()).map(|settings| settings.output_speed()).ok();
        if speed != baud {
            baud = speed;
            port.sender.send(SerialInput::Baud(baud)).await?;
        }
        port.sender.send_bytes(&buffer[..length]).await?;
    }
}

/// Carries what the board sends.
async fn output(terminal: &AsyncFd<Arc<OwnedFd>>, port: &SerialPort) -> Result<(), Gone> {
    loop {
        let bytes = port.outlet.take(PIECE).await.ok_or(Gone)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written =
                terminal.async_io(Interest::WRITABLE, |fd| rustix::io::write(fd, rest).map_err(io::Error::from)).await;
            match written {
                Ok(length) => rest = &rest[length..],
                // The other half notices that the client has gone.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => break,
                Err(_) => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use rustix::fs::{Mode, OFlags};

    use super::Pty;
    use crate::outlet::Outlet;

    #[test]
    fn bytes_in_a_terminal_are_unread_until_its_client_reads_them() {
        let pty = Pty::open().unwrap();
        let outlet = Outlet::of_terminal(pty.path().to_owned());
        let flags = OFlags::RDONLY | OFlags::NOCTTY;
        let mut client = File::from(rustix::fs::open(pty.path(), flags, Mode::empty()).unwrap());
        assert!(outlet.connect() && !outlet.is_unread());
        rustix::io::write(&pty.controller, b"prompt").unwrap();
        let mut bytes = [0; 6];
        client.read_exact(&mut bytes[..1]).unwrap();
        assert!(outlet.is_unread(), "not all of it");
        client.read_exact(&mut bytes[1..]).unwrap();
        assert!(!outlet.is_unread() && &bytes == b"prompt");
        drop(client);
        assert!(pty.is_closed(), "a look at it does not keep it open");
    }
}
