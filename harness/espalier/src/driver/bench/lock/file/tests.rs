//! Tests with files that other users may have planted in the place of locks.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super::folder::Folder;
use super::{MARK, holder, lock_in, name_of};

const KEY: &str = "/dev/ttyUSB0";
/// Some other user.
const STRANGER: u32 = 54_321;

/// A folder that stands for `/tmp`, the folder of the locks in it, and something that belongs to a victim.
struct Scene {
    base: tempfile::TempDir,
    victim: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let base = tempfile::tempdir().unwrap();
        let victim = base.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        Scene { base, victim }
    }

    fn folder(&self) -> PathBuf {
        self.base.path().join("espalier-boards")
    }

    /// The path of the lock, in a folder that is there.
    fn lock_path(&self) -> PathBuf {
        Folder::within(self.base.path()).unwrap();
        self.folder().join(name_of(KEY))
    }

    /// Locks the board, and says why that cannot be.
    fn refusal(&self) -> String {
        let refused = Folder::within(self.base.path()).and_then(|folder| lock_in(&folder, KEY)).err().unwrap();
        assert_eq!(fs::read_to_string(&self.victim).unwrap(), "precious");
        assert_eq!(mode(&self.victim), 0o600);
        refused.to_string()
    }

    fn locks(&self) {
        let folder = Folder::within(self.base.path()).unwrap();
        let file = lock_in(&folder, KEY).unwrap().unwrap();
        assert!(lock_in(&folder, KEY).unwrap().unwrap_err().starts_with(MARK));
        assert!(holder(&folder, KEY).unwrap().starts_with(MARK));
        drop(file);
        assert_eq!(holder(&folder, KEY), None);
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_folder_that_is_a_link_is_refused_and_its_target_keeps_its_mode() {
    let scene = Scene::new();
    let target = scene.base.path().join("home");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&target, scene.folder()).unwrap();
    assert!(scene.refusal().starts_with("it is not a folder, or a link to one"));
    assert_eq!((mode(&target), fs::read_dir(&target).unwrap().count()), (0o700, 0));
}

#[test]
fn a_lock_that_is_a_link_is_refused() {
    let scene = Scene::new();
    symlink(&scene.victim, scene.lock_path()).unwrap();
    assert!(scene.refusal().starts_with("it is a symbolic link"));
    // Nor is anything made at the end of a link.
    let scene = Scene::new();
    let nowhere = scene.base.path().join("nowhere");
    symlink(&nowhere, scene.lock_path()).unwrap();
    scene.refusal();
    assert!(!nowhere.exists());
}

#[test]
fn a_lock_with_a_second_name_is_refused() {
    let scene = Scene::new();
    fs::hard_link(&scene.victim, scene.lock_path()).unwrap();
    assert!(scene.refusal().starts_with("it is one of several names of a file"));
}

#[test]
fn a_file_that_says_something_else_is_not_overwritten() {
    for content in ["precious".to_owned(), format!("{MARK}{}", "x".repeat(600))] {
        let scene = Scene::new();
        let path = scene.lock_path();
        fs::write(&path, &content).unwrap();
        assert!(scene.refusal().starts_with("it is not the lock of a board"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_fifo_is_refused_and_not_waited_for() {
    let scene = Scene::new();
    assert!(std::process::Command::new("mkfifo").arg(scene.lock_path()).status().unwrap().success());
    assert!(scene.refusal().starts_with("it is not a plain file"));
    assert_eq!(holder(&Folder::within(scene.base.path()).unwrap(), KEY), None);
}

#[test]
fn a_lock_shuts_others_out_and_says_who_has_the_board() {
    let scene = Scene::new();
    scene.locks();
    assert_eq!((mode(&scene.folder()), mode(&scene.lock_path())), (0o1777, 0o666));
    // As a process leaves them that is killed between two calls.
    fs::set_permissions(scene.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(scene.lock_path(), fs::Permissions::from_mode(0o600)).unwrap();
    scene.locks();
    assert_eq!((mode(&scene.folder()), mode(&scene.lock_path())), (0o1777, 0o666));
}

#[test]
fn a_lock_file_that_was_removed_excludes_no_process_and_is_not_taken_for_a_lock() {
    let scene = Scene::new();
    let folder = Folder::within(scene.base.path()).unwrap();
    let file = folder.open_or_create(&name_of(KEY)).unwrap();
    assert!(folder.still_has(&name_of(KEY), &file).unwrap());
    fs::remove_file(scene.lock_path()).unwrap();
    assert!(!folder.still_has(&name_of(KEY), &file).unwrap());
    scene.locks();
}

#[test]
fn control_characters_of_other_users_do_not_reach_the_terminal() {
    let scene = Scene::new();
    let path = scene.lock_path();
    fs::write(&path, format!("{MARK}1 (\u{1b}]0;title\u{7})")).unwrap();
    let taken = fs::File::open(&path).unwrap();
    taken.lock().unwrap();
    let folder = Folder::within(scene.base.path()).unwrap();
    assert_eq!(holder(&folder, KEY).unwrap(), format!("{MARK}1 ( ]0;title )"));
}

/// Only the administrator can give files away, as in CI.
#[test]
fn files_of_other_users_are_used_but_not_changed() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can make files that belong to another user");
        return;
    }
    let scene = Scene::new();
    chown(scene.lock_path().parent().unwrap(), Some(STRANGER), None).unwrap();
    scene.locks();
    chown(scene.lock_path(), Some(STRANGER), None).unwrap();
    scene.locks();
    assert_eq!(fs::metadata(scene.folder()).unwrap().uid(), STRANGER);
    // A folder that its owner alone may write to is no place for locks, and is left as it is.
    fs::set_permissions(scene.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let refused = scene.refusal();
    assert!(refused.starts_with("it belongs to user 54321 and has the mode 755"), "{refused}");
    assert_eq!(mode(&scene.folder()), 0o755);
}
