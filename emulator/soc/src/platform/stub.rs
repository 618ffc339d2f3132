//! Blocks that are not modelled.

use espalier_core::{Device, Fidelity, FlatMap, Register, Time, Unmodelled};

/// A block that only stores what is written to it, so that a driver that sets bits and reads them back gets through. Every
/// access to it counts as unmodelled.
#[derive(Clone, Debug, Default)]
pub(super) struct Stub {
    values: FlatMap<u32, u32>,
}

espalier_core::persist!(value Stub { values });

impl Device for Stub {
    fn registers(&self) -> &'static [Register] {
        &[]
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Stub
    }

    fn read(&mut self, _offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        Err(Unmodelled)
    }

    fn stored(&self, offset: u32) -> u32 {
        self.values.get(&offset).copied().unwrap_or(0)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.values.insert(offset, value);
        Err(Unmodelled)
    }

    fn reset(&mut self) {
        self.values.clear();
    }
}
