//! Memory of a guest, of which clones share the pages that neither has written.
//!
//! Translated code and the interpreter want one piece of memory, so the host's kernel copies the pages, not they: what a memory holds is
//! frozen in a file without a name, and a clone maps that file privately (mmap(2), `MAP_PRIVATE`). Linux seals the file (fcntl(2),
//! `F_SEAL_WRITE`), so that it cannot change under the memories that map it. Elsewhere, and beyond the [`Limits`], a clone is a whole copy.
//!
//! A memory that has changed since it was frozen is compared with that image: a clone of it maps the image and copies the pages that
//! differ. So nothing is noted when a byte is written, and a chain of forks shares one image while it stays like it.
//!
//! The `unsafe` of the emulator is here, in the module that maps files, and in `espalier-jit`, which runs translated code.
#![deny(unsafe_code)]

mod family;
#[cfg_attr(not(target_os = "linux"), path = "whole.rs")]
mod mapped;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use family::Limits;
use family::{Family, Kind};
use mapped::{Image, Memory};

/// Bytes that are compared and copied together: a page of most hosts.
const PAGE: usize = 4096;
/// [`Pages::clones`] of a memory that holds what its image does.
const ALIKE: u8 = u8::MAX;
/// The clones for which pages that differ are copied. A memory that is cloned once more without a change gets an image of its own.
const FEW_CLONES: u8 = 3;
/// The part of the pages that may differ from an image, as a divisor. Beyond that a new image takes less time.
const CLOSE: usize = 4;

/// So many bytes, zero at first. A clone shares the pages that neither has written.
///
/// ```
/// use espalier_pages::Pages;
///
/// let mut memory = Pages::<0x5_2000>::default();
/// memory[7] = 1;
/// let mut fork = memory.clone();
/// fork[7] += 1;
/// assert_eq!((memory[7], fork[7]), (1, 2));
/// ```
pub struct Pages<const SIZE: usize> {
    memory: Memory<SIZE>,
    /// Clones since the last change, or [`ALIKE`].
    clones: AtomicU8,
    /// A former state, which the present one may be like.
    image: Mutex<Option<Arc<Image<SIZE>>>>,
    family: Family,
}

impl<const SIZE: usize> Pages<SIZE> {
    /// Memory whose clones, and the clones of those, take from the host what the limits allow.
    pub fn with_limits(limits: Limits) -> Pages<SIZE> {
        Pages::new(Memory::zeroed(), None, Family::new(limits), 0)
    }

    fn new(memory: Memory<SIZE>, image: Option<Arc<Image<SIZE>>>, family: Family, clones: u8) -> Pages<SIZE> {
        Pages { memory, clones: AtomicU8::new(clones), image: Mutex::new(image), family }
    }

    /// Returns whether its pages are those of an image until they are written.
    pub fn is_mapped(&self) -> bool {
        self.memory.is_mapped()
    }

    /// An image of what it holds now. None if there are as many as there may be, or the host refuses.
    fn frozen(&self) -> Option<Image<SIZE>> {
        Image::of(self, self.family.permit(Kind::Image)?, self.family.permit(Kind::Mapping)?)
    }

    /// The pages that an image has otherwise; None if those are many.
    fn few_changes(&self, image: &Image<SIZE>) -> Option<Vec<usize>> {
        let most = SIZE.div_ceil(PAGE) / CLOSE;
        let differing: Vec<usize> = self.changes(image).take(most + 1).collect();
        (differing.len() <= most).then_some(differing)
    }

    fn changes(&self, image: &Image<SIZE>) -> impl Iterator<Item = usize> {
        let pages = self.chunks(PAGE).zip(image.bytes().chunks(PAGE));
        pages.enumerate().filter(|(_, (own, frozen))| own != frozen).map(|(page, _)| page)
    }

    /// A memory that maps an image and differs from it in these pages.
    fn like(&self, image: Arc<Image<SIZE>>, changes: impl Iterator<Item = usize>) -> Option<Pages<SIZE>> {
        let mut memory = image.map(self.family.permit(Kind::Mapping)?)?;
        let mut clones = ALIKE;
        for page in changes {
            let bytes = page * PAGE..SIZE.min((page + 1) * PAGE);
            memory[bytes.clone()].copy_from_slice(&self[bytes]);
            clones = 0;
        }
        Some(Pages::new(memory, Some(image), self.family.clone(), clones))
    }
}

impl<const SIZE: usize> Default for Pages<SIZE> {
    fn default() -> Pages<SIZE> {
        Pages::with_limits(Limits::default())
    }
}

impl<const SIZE: usize> Clone for Pages<SIZE> {
    fn clone(&self) -> Pages<SIZE> {
        // A thread that panics with the lock leaves an image, or none.
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        let clones = self.clones.load(Ordering::Relaxed);
        let mut changes = Vec::new();
        let mut is_close = clones == ALIKE;
        if let Some(image) = image.as_deref().filter(|_| clones < FEW_CLONES)
            && let Some(few) = self.few_changes(image)
        {
            self.clones.store(if few.is_empty() { ALIKE } else { clones + 1 }, Ordering::Relaxed);
            (changes, is_close) = (few, true);
        }
        if !is_close {
            match self.frozen() {
                Some(frozen) => {
                    *image = Some(Arc::new(frozen));
                    self.clones.store(ALIKE, Ordering::Relaxed);
                }
                None => changes = image.as_deref().map(|image| self.changes(image).collect()).unwrap_or_default(),
            }
        }
        let clone = image.as_ref().and_then(|image| self.like(Arc::clone(image), changes.into_iter()));
        clone.unwrap_or_else(|| Pages::new(self.memory.copied(), image.clone(), self.family.clone(), 0))
    }
}

impl<const SIZE: usize> Deref for Pages<SIZE> {
    type Target = [u8; SIZE];

    #[inline(always)]
    fn deref(&self) -> &[u8; SIZE] {
        &self.memory
    }
}

impl<const SIZE: usize> DerefMut for Pages<SIZE> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8; SIZE] {
        *self.clones.get_mut() = 0;
        &mut self.memory
    }
}

impl<const SIZE: usize> fmt::Debug for Pages<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("size", &SIZE).field("is_mapped", &self.is_mapped()).finish_non_exhaustive()
    }
}
