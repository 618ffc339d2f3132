//! The folder of the locks: one for all users of this computer.
//!
//! A user who may write there may lock boards, and the first user of a computer owns the folder for all later ones. So the folder is
//! opened once, without following a link, and checked; files are opened relative to it, without following links, and are used only
//! if they are plain files with one name. Nothing gets another mode that this user does not own.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fchmod, fstat, mkdirat, open, openat, stat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Where programs of all users put locks (Filesystem Hierarchy Standard, "/run"), and where else they all may write.
const SHARED: [&str; 2] = ["/run/lock", "/tmp"];
/// In one of these.
const FOLDER: &str = "espalier-boards";
/// Every user may add files, and remove their own.
const SHARED_FOLDER: Mode = Mode::from_bits_retain(0o1777);
/// Every user may lock it, and write the holder into it.
const SHARED_FILE: Mode = Mode::from_bits_retain(0o666);
/// Another user may be making the folder at this moment.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    folder: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The one that all users share.
    ///
    /// # Errors
    /// If the folder cannot be made, or is not safe to use.
    pub fn shared() -> io::Result<Folder> {
        Folder::within(&base())
    }

    /// Where that is.
    pub fn shared_path() -> PathBuf {
        base().join(FOLDER)
    }

    /// The folder for locks in the folder `base`.
    ///
    /// # Errors
    /// If the folder cannot be made, or is not safe to use.
    pub fn within(base: &Path) -> io::Result<Folder> {
        let parent = open(base, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        match mkdirat(&parent, FOLDER, SHARED_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let mut opened = open_shared(&parent);
        for _ in 0..ATTEMPTS {
            if opened.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
            opened = open_shared(&parent);
        }
        Ok(Folder { folder: opened?, path: base.join(FOLDER) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file that is there.
    ///
    /// # Errors
    /// If there is no such file, or it is not a plain one.
    pub fn open(&self, name: &str) -> io::Result<File> {
        self.open_with(name, OFlags::RDONLY, Mode::empty())
    }

    /// A file that is there or is made now.
    ///
    /// # Errors
    /// If the file cannot be made, or is not a plain one.
    pub fn open_or_create(&self, name: &str) -> io::Result<File> {
        loop {
            match self.open_with(name, OFlags::RDWR, Mode::empty()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
            match self.open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, SHARED_FILE) {
                // Another process was quicker.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
    }

    fn open_with(&self, name: &str, how: OFlags, mode: Mode) -> io::Result<File> {
        // A FIFO would be waited for, a terminal would become that of this process.
        let safely = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.folder, name, how | safely, mode) {
            Err(Errno::LOOP | Errno::MLINK) => return Err(planted("a symbolic link")),
            opened => opened?,
        };
        let found = fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(planted("not a plain file"));
        }
        if found.st_nlink > 1 {
            return Err(planted("one of several names of a file"));
        }
        if how.contains(OFlags::RDWR) {
            share(&file, &found, SHARED_FILE)?;
        }
        Ok(file.into())
    }

    /// True if `file` is the one that has this name now.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn still_has(&self, name: &str, file: &File) -> io::Result<bool> {
        let ours = fstat(file)?;
        match statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok((found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens the folder, which is there, and checks that all users may use it.
fn open_shared(parent: &OwnedFd) -> io::Result<OwnedFd> {
    let how = OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = match openat(parent, FOLDER, how, Mode::empty()) {
        // The error for a link depends on the system.
        Err(Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => return Err(planted("not a folder, or a link to one")),
        opened => opened?,
    };
    let found = fstat(&folder)?;
    share(&folder, &found, SHARED_FOLDER)?;
    let permissions = Mode::from_raw_mode(fstat(&folder)?.st_mode);
    if !permissions.contains(SHARED_FOLDER) {
        let (owner, permissions, wanted) = (found.st_uid, permissions.bits(), SHARED_FOLDER.bits());
        let reason = format!(
            "it belongs to user {owner} and has the mode {permissions:o}, so that users cannot share boards; remove it, or have its \
             owner give it the mode {wanted:o}"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(folder)
}

/// Lets other users in, if it is this user's to do so.
fn share(file: &OwnedFd, found: &Stat, mode: Mode) -> io::Result<()> {
    if found.st_uid == geteuid().as_raw() && Mode::from_raw_mode(found.st_mode) != mode {
        fchmod(file, mode)?;
    }
    Ok(())
}

fn planted(what: &str) -> io::Error {
    io::Error::other(format!("it is {what}, and nothing that was made for locks; remove it"))
}

/// The folder in which all users may write: one that only the administrator can exchange.
fn base() -> PathBuf {
    let is_shared = |path: &&Path| {
        stat(*path).is_ok_and(|found| {
            FileType::from_raw_mode(found.st_mode) == FileType::Directory
                && found.st_uid == 0
                && Mode::from_raw_mode(found.st_mode).contains(SHARED_FOLDER)
        })
    };
    SHARED.iter().map(Path::new).find(is_shared).map_or_else(std::env::temp_dir, Path::to_path_buf)
}
