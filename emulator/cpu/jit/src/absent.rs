//! Hosts for which no code is generated: nothing of this can exist.

use std::sync::Arc;

use espalier_core::{Page, WindowLayout};

use crate::block::{Block, Outcome};
use crate::ir::{Ring, Slot};
use crate::outside::Outside;

/// Code of a host for which there is none.
#[derive(Debug)]
pub(crate) enum Native {}

/// There is no code to be shared.
#[derive(Debug, Default)]
pub struct CodePool;

impl CodePool {
    /// Whether a block at an address was translated.
    pub fn knows(&self, _: u32) -> bool {
        false
    }
}

/// Whether the host multiplies and adds with one rounding.
pub fn fuses() -> bool {
    false
}

impl Native {
    pub(crate) fn new(_: WindowLayout, _: Slot, _: Option<Ring>, _: Option<Arc<CodePool>>) -> Option<Native> {
        None
    }

    pub(crate) fn layout(&self) -> &WindowLayout {
        match *self {}
    }

    pub(crate) fn install(&mut self, _: &Block<'_>, _: impl FnOnce() -> usize) -> Option<(u32, usize)> {
        match *self {}
    }

    pub(crate) fn remove(&mut self, _: u32) {
        match *self {}
    }

    pub(crate) fn suspend(&mut self, _: u32) {
        match *self {}
    }

    pub(crate) fn resume(&mut self, _: u32) {
        match *self {}
    }

    pub(crate) fn clear(&mut self) {
        match *self {}
    }

    pub(crate) fn refresh_pages(&mut self, _: u64, _: impl FnMut(usize) -> Option<Arc<Page>>) {
        match *self {}
    }

    pub(crate) fn forget_pages(&mut self) {
        match *self {}
    }

    pub(crate) fn run(&mut self, _: u32, _: &mut [u32], _: &mut dyn Outside, _: &mut [u64], _: u32) -> Option<Outcome> {
        match *self {}
    }

    pub(crate) fn pc(&self) -> Slot {
        match *self {}
    }
}
