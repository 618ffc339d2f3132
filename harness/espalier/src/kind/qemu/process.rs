//! A process that never outlives the one that started it.
//!
//! The program runs in a process group of its own, so a Ctrl-C at the terminal is for the test, which then ends the program.
//! A shell in the same group reads from a pipe whose other end only this process holds: when this process ends, however it
//! does (a panic, an abort, SIGKILL), the kernel closes the pipe, the shell removes the program's files and kills the group,
//! itself included. No `unsafe` code between fork and exec is needed, and it works wherever there is a POSIX shell.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

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
/// How much of what a program says is kept.
const KEPT: usize = 1 << 16;
/// How long the rest of what a program has said may take to arrive after its end.
const REST: Duration = Duration::from_millis(200);

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
        let (leash, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (output, errors) = (Output::keep(output), Output::keep(errors));
        Ok(Guarded { child, leash, output, errors, ended: None })
    }

    /// What the program wrote to its standard output last.
    pub(super) fn output(&self) -> String {
        self.output.text()
    }

    /// How it ended, once it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// What the program wrote to its standard error last.
    pub(super) fn last_words(&self) -> String {
        self.errors.text()
    }

    /// Kills it, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        if self.leash.is_none() {
            return;
        }
        // The shell that holds the other end of the pipe is in the group until it is killed, so the group's number cannot
        // have been given to anybody else. If the group is gone, somebody else has killed it.
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

/// How a process ended, in words.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What a program says, read by a thread of its own.
#[derive(Debug)]
struct Output {
    shared: Arc<(Mutex<Said>, Condvar)>,
}

#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    over: bool,
}

fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Output {
    fn keep(from: Option<impl Read + Send + 'static>) -> Output {
        let output = Output { shared: Arc::default() };
        let (shared, mut from) = (output.shared.clone(), from);
        // It ends with the program, which does not outlive this process.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Some(Ok(length @ 1..)) = from.as_mut().map(|from| from.read(&mut buffer)) {
                let mut said = lock(&shared.0);
                said.bytes.extend_from_slice(&buffer[..length]);
                let excess = said.bytes.len().saturating_sub(KEPT);
                said.bytes.drain(..excess);
            }
            lock(&shared.0).over = true;
            shared.1.notify_all();
        });
        output
    }

    /// What was said so far; of a program that has ended, all of it.
    fn text(&self) -> String {
        let said = lock(&self.shared.0);
        let waited = self.shared.1.wait_timeout_while(said, REST, |said| !said.over);
        let (said, _) = waited.unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests;
