//! Files that are written as a whole or not at all, and files that one process at a time writes.
//!
//! [`write()`] puts new content in place of the old. A reader finds one or the other, after a crash of the host as
//! well: the content goes into a new file of the same directory, which is synced and renamed. Its name cannot be foreseen, it is
//! opened only if it does not exist, and it is removed if the content cannot be written.
//!
//! A symbolic link is followed: its target is written, and the link stays. Renaming would tear a file with several hard links
//! from its other names, take it from its owner, and it cannot be done with a device, a pipe, a file that is mounted by itself, or
//! in a directory that does not admit new files. Such a file is overwritten in place and synced.

mod held;
mod replace;

pub use held::{Held, HoldError, create_locked};
pub use replace::{replace, write};
