//! Blocks that are not modelled.

use std::collections::BTreeMap;

/// A block that only stores what is written to it, so that a driver that sets bits and reads them back gets through. Every
/// access to it counts as unmodelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stub {
    values: BTreeMap<u32, u32>,
}

impl Stub {
    pub fn read(&self, offset: u32) -> u32 {
        self.values.get(&offset).copied().unwrap_or(0)
    }

    pub fn write(&mut self, offset: u32, value: u32) {
        self.values.insert(offset, value);
    }
}
