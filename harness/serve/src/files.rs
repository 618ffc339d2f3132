//! Files that clients have written on the host.
//!
//! A disk may take any time, and a file may be none: the reader of a FIFO may never come. So files are written by threads of their
//! own, a few at a time, each is waited for so long, and only plain files are written to.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Files that are written at the same time, for all clients together.
const AT_ONCE: usize = 4;
/// Time limit of a client for its file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes files. Clones share the threads.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    threads: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Files {
    fn default() -> Files {
        Files { threads: Arc::new(Semaphore::new(AT_ONCE)), patience: PATIENCE }
    }
}

impl Files {
    /// Writes a file, as a whole or not at all.
    pub async fn write(&self, path: &Path, content: Vec<u8>) -> io::Result<()> {
        let path = path.to_owned();
        self.run(move || replace(&path, &content)).await
    }

    async fn run(&self, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let Ok(thread) = Arc::clone(&self.threads).try_acquire_owned() else {
            return Err(io::Error::other(format!(
                "{AT_ONCE} files that were asked for before are still being written"
            )));
        };
        let work = tokio::task::spawn_blocking(move || {
            let written = work();
            drop(thread);
            written
        });
        match tokio::time::timeout(self.patience, work).await {
            Ok(written) => written.map_err(io::Error::other)?,
            Err(_) => {
                let reason = format!("the disk has not taken it within {} seconds", self.patience.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, reason))
            }
        }
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(existing) if !existing.is_file() => Err(io::Error::other("it is not a plain file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => espalier_files::write(path, content),
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Files};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[tokio::test]
    async fn a_disk_that_does_not_answer_holds_up_only_its_client_and_only_for_a_time() {
        let files = Files { patience: Duration::from_millis(1), ..Files::default() };
        let (release, wait) = channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..AT_ONCE {
            let wait = std::sync::Arc::clone(&wait);
            let stuck = files.run(move || {
                // Ends when the sender is dropped.
                let _ = wait.lock().unwrap().recv();
                Ok(())
            });
            assert!(stuck.await.unwrap_err().to_string().starts_with("the disk has not taken it"));
        }
        let refused = files.run(|| Ok(())).await.unwrap_err().to_string();
        assert_eq!(refused, "4 files that were asked for before are still being written");
        drop(release);
        while files.threads.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
        let files = Files { patience: Duration::from_secs(60), ..files };
        files.run(|| Ok(())).await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_plain_files_are_written_and_links_lead_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files = Files::default();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        std::os::unix::fs::symlink("fifo", at("link to fifo")).unwrap();
        std::os::unix::fs::symlink("picture", at("link")).unwrap();
        std::fs::write(at("picture"), b"a longer picture").unwrap();
        for path in [at("fifo"), at("link to fifo"), "/dev/null".into(), folder.path().into()] {
            let refused = files.write(&path, vec![1]).await.unwrap_err().to_string();
            assert_eq!(refused, "it is not a plain file", "{}", path.display());
        }
        files.write(&at("link"), b"new".to_vec()).await.unwrap();
        assert_eq!(std::fs::read(at("picture")).unwrap(), b"new");
        assert!(std::fs::symlink_metadata(at("link")).unwrap().is_symlink());
    }
}
