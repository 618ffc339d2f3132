//! Ctrl-C, and the signal by which other programs ask this one to end.

use std::io;

/// A signal that ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    /// SIGINT, which Ctrl-C is.
    Interrupt,
    /// SIGTERM, which `kill` and `timeout` send.
    Terminate,
}

impl Caught {
    /// The exit status, as shells have it: 128 and the signal's number.
    pub fn status(self) -> u8 {
        match self {
            Caught::Interrupt => 130,
            Caught::Terminate => 143,
        }
    }
}

/// The signals from now on: they end nothing by themselves any more.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlClose,
}

impl Signals {
    #[cfg(unix)]
    pub fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// On Windows, closing the console asks a program to end.
    #[cfg(windows)]
    pub fn listen() -> io::Result<Signals> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Signals { interrupt: ctrl_c()?, terminate: ctrl_close()? })
    }

    /// Comes when there is one. Nothing is lost if this is dropped before.
    pub async fn caught(&mut self) -> Caught {
        tokio::select! {
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.terminate.recv() => Caught::Terminate,
        }
    }
}
