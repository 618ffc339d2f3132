//! A process that never outlives the one that started it.
//!
//! The program runs in a process group of its own, so a Ctrl-C at the terminal is for the test, which then ends the program.
//! A shell in the same group reads from a pipe whose other end only this process holds: when this process ends, however it
//! does (a panic, an abort, SIGKILL), the kernel closes the pipe, the shell removes the program's files and kills the group,
//! itself included. No `unsafe` code between fork and exec is needed, and it works wherever there is a POSIX shell.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};

/// Its arguments: how many of the next ones are files and folders to remove, those, then the program and its arguments.
const GUARD: &str = r#"
count=$1; shift
program() { shift "$count"; exec "$@" 3<&- </dev/null; }
exec 3<&0
(
    read -r _ <&3
    while [ "$count" -gt 0 ]; do
        rm -f -- "$1" 2>/dev/null || rmdir -- "$1"
        shift; count=$((count - 1))
    done
    kill -KILL 0
) >/dev/null 2>&1 &
program "$@"
"#;
/// Number of bytes kept of a program's output.
const KEPT: usize = 1 << 16;

/// A running program.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Child,
    /// The shell's pipe.
    leash: Option<ChildStdin>,
    output: Output,
    errors: Output,
    ended: Option<ExitStatus>,
}

impl Guarded {
    /// Starts `command`, whose standard input is nothing and whose words are kept. If this process ends before the program
    /// does, `leftovers` are removed: files, and folders that are empty by then.
    pub(super) fn start(command: &Command, leftovers: &[PathBuf]) -> io::Result<Guarded> {
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "espalier-guard", &leftovers.len().to_string()]).args(leftovers);
        guard.arg(command.get_program()).args(command.get_args());
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = guard.spawn()?;
        let leash = child.stdin.take();
        let absent = || io::Error::other("the program has no pipe");
        let output = Output::keep(child.stdout.take().ok_or_else(absent)?)?;
        let errors = Output::keep(child.stderr.take().ok_or_else(absent)?)?;
        Ok(Guarded { child, leash, output, errors, ended: None })
    }

    /// The last bytes of the program's standard output.
    pub(super) fn output(&self) -> String {
        self.output.text()
    }

    /// Returns its exit status, once it has ended.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// The last bytes of the program's standard error.
    pub(super) fn last_words(&self) -> String {
        self.errors.text()
    }

    /// Kills it, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        if self.leash.is_none() {
            return;
        }
        // The shell that holds the other end of the pipe is in the group until it is killed, so the group's number cannot
        // have been reused. If the group is gone, another process has killed it.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.ended = self.ended.or_else(|| self.child.wait().ok());
        self.leash = None;
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Describes the end of a process in words.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Output of a program. A thread reads it while the program runs, so that the program never waits for a reader. A caller first reads
/// whatever the thread has not read yet, so that all earlier output is there.
#[derive(Debug)]
struct Output {
    said: Arc<Mutex<Said>>,
}

#[derive(Debug)]
struct Said {
    /// The end of the pipe to read from, which never blocks; `None` when all has been read.
    pipe: Option<File>,
    bytes: Vec<u8>,
}

fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Output {
    fn keep(pipe: impl Into<OwnedFd>) -> io::Result<Output> {
        let pipe = File::from(pipe.into());
        ioctl_fionbio(&pipe, true)?;
        let watched = pipe.try_clone()?;
        let output = Output { said: Arc::new(Mutex::new(Said { pipe: Some(pipe), bytes: Vec::new() })) };
        let said = output.said.clone();
        // It ends with the program, which does not outlive this process.
        thread::spawn(move || {
            while lock(&said).take() {
                let mut readable = [PollFd::new(&watched, PollFlags::IN)];
                // A signal only makes it look again.
                let _ = poll(&mut readable, None);
            }
        });
        Ok(output)
    }

    /// The output so far; of a program that has ended, all of it.
    fn text(&self) -> String {
        let mut said = lock(&self.said);
        said.take();
        String::from_utf8_lossy(&said.bytes).into_owned()
    }
}

impl Said {
    /// Takes what is in the pipe, and says whether more may come.
    fn take(&mut self) -> bool {
        let mut buffer = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(length @ 1..) => {
                    self.bytes.extend_from_slice(&buffer[..length]);
                    let excess = self.bytes.len().saturating_sub(KEPT);
                    self.bytes.drain(..excess);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
