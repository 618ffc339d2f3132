//! Replaces the window in a build without SDL.

use espalier::Bitmap;

use crate::error::CliError;

/// A window that cannot be opened.
pub enum Window {}

impl Window {
    /// Says how to build a command that has windows.
    pub fn open(_title: &str) -> Result<Window, CliError> {
        Err(CliError::NoWindows)
    }

    /// Never happens.
    pub fn show(&mut self, _bitmap: &Bitmap) {
        match *self {}
    }

    /// Never happens.
    pub fn is_closed(&self) -> bool {
        match *self {}
    }
}
