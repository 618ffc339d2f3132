//! `-daemonize` and `-pidfile`.
//!
//! A process cannot be copied once it has threads, so the program starts itself again. The first process waits until the second one
//! says that every port is open, which it does over its standard output, and then leaves it alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use espalier_files::HoldError;

/// The process cannot be left alone, or not be found again.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("cannot run in the background: {0}")]
    Start(#[source] io::Error),
    #[error("cannot create PID file '{path}': {source}")]
    PidFile { path: PathBuf, source: HoldError },
}

/// A file with the number of this process, which goes with it.
pub struct PidFile {
    path: PathBuf,
    /// Locked as long as it is open.
    _file: File,
}

impl PidFile {
    pub fn create(path: PathBuf) -> Result<PidFile, DaemonError> {
        let create = || -> Result<File, HoldError> {
            let mut file = espalier_files::create_locked(&path)?;
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
            file.sync_all()?;
            Ok(file)
        };
        match create() {
            Ok(file) => Ok(PidFile { path, _file: file }),
            Err(source) => Err(DaemonError::PidFile { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // If it is gone, that is what was wanted.
        let _ = fs::remove_file(&self.path);
    }
}

/// Set for the process that goes on in the background.
#[cfg(unix)]
const VARIABLE: &str = "ESPALIER_QEMU_IN_BACKGROUND";
/// Its message when every port is open.
#[cfg(unix)]
const READY: &[u8] = b"ready\n";

/// This process's part in running in the background.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no -daemonize elsewhere"))]
pub enum Part {
    /// It is the one that goes on there.
    Background,
    /// It has started that one, and ends with this.
    Done(u8),
}

/// Goes into the background.
#[cfg(unix)]
pub fn daemonize() -> Result<Part, DaemonError> {
    use std::io::Read;
    use std::process::{Command, Stdio};
    if std::env::var_os(VARIABLE).is_some() {
        // It was started by another one, so that it leads no group yet.
        rustix::process::setsid().map_err(|error| DaemonError::Start(error.into()))?;
        return Ok(Part::Background);
    }
    let start = || {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1)).env(VARIABLE, "1").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut said = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(READY.len() as u64).read_to_end(&mut said)?;
        }
        if said == READY {
            return Ok(0);
        }
        // Its message is there already.
        Ok(child.wait()?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::FAILURE))
    };
    start().map(Part::Done).map_err(DaemonError::Start)
}

/// Every port is open: lets the first process go, and nothing is said any more.
#[cfg(unix)]
pub fn release() -> Result<(), DaemonError> {
    let quiet = || {
        let mut output = io::stdout();
        output.write_all(READY)?;
        output.flush()?;
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&nothing)?;
        rustix::stdio::dup2_stderr(&nothing)?;
        Ok(())
    };
    quiet().map_err(DaemonError::Start)
}

#[cfg(not(unix))]
pub fn daemonize() -> Result<Part, DaemonError> {
    Err(DaemonError::Start(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has other ways; use them instead of -daemonize",
    )))
}

#[cfg(not(unix))]
pub fn release() -> Result<(), DaemonError> {
    Ok(())
}
