//! Hosts where memory is copied as a whole: there are no images.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};

use crate::family::Permit;

/// Bytes on the heap.
#[derive(Debug)]
pub(crate) struct Memory<const SIZE: usize>(Box<[u8; SIZE]>);

impl<const SIZE: usize> Memory<SIZE> {
    pub(crate) fn zeroed() -> Memory<SIZE> {
        Memory::on_heap(vec![0; SIZE])
    }

    /// A whole copy.
    pub(crate) fn copied(&self) -> Memory<SIZE> {
        Memory::on_heap(self.0.to_vec())
    }

    fn on_heap(bytes: Vec<u8>) -> Memory<SIZE> {
        match bytes.into_boxed_slice().try_into() {
            Ok(bytes) => Memory(bytes),
            Err(_) => unreachable!("the vector has {SIZE} bytes"),
        }
    }

    pub(crate) fn is_mapped(&self) -> bool {
        false
    }
}

impl<const SIZE: usize> Deref for Memory<SIZE> {
    type Target = [u8; SIZE];

    #[inline(always)]
    fn deref(&self) -> &[u8; SIZE] {
        &self.0
    }
}

impl<const SIZE: usize> DerefMut for Memory<SIZE> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8; SIZE] {
        &mut self.0
    }
}

/// A former state of a memory: never made here.
#[derive(Debug)]
pub(crate) struct Image<const SIZE: usize>(Infallible);

impl<const SIZE: usize> Image<SIZE> {
    pub(crate) fn of(_: &[u8; SIZE], _: Permit, _: Permit) -> Option<Image<SIZE>> {
        None
    }

    pub(crate) fn bytes(&self) -> &[u8; SIZE] {
        match self.0 {}
    }

    pub(crate) fn map(&self, _: Permit) -> Option<Memory<SIZE>> {
        match self.0 {}
    }
}
