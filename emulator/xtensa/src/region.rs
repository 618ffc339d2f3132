//! The region protection option: eight regions of 512 MB, each with an access attribute, identity-mapped.
//!
//! The attributes are kept and can be read back. They are not enforced here: where the ESP32's start-up code forbids
//! access, nothing is mapped, so that the bus answers with a fault anyway.

use crate::state::State;

/// Instruction or data regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Instruction,
    Data,
}

/// Address bits that select the region.
const REGION_SHIFT: u32 = 29;
const REGION_MASK: u32 = 7 << REGION_SHIFT;
/// Attribute bits of a region.
const ATTRIBUTE_MASK: u32 = 0xf;
/// "Hit" in the result of a probe.
const PROBE_HIT: u32 = 1;

/// Result of `RITLB0` and `RDTLB0`.
pub(crate) fn virtual_page(address: u32) -> u32 {
    address & REGION_MASK
}

/// Result of `PITLB` and `PDTLB`: every address belongs to a region.
pub(crate) fn probe(address: u32) -> u32 {
    address & REGION_MASK | PROBE_HIT
}

/// Result of `RITLB1` and `RDTLB1`: physical page, which is the virtual one, and attribute.
pub(crate) fn entry(state: &State, side: Side, address: u32) -> u32 {
    let regions = match side {
        Side::Instruction => &state.instruction_regions,
        Side::Data => &state.data_regions,
    };
    address & REGION_MASK | u32::from(regions[(address >> REGION_SHIFT) as usize])
}

/// `WITLB` and `WDTLB`: sets the attribute of the region of `address`.
pub(crate) fn write(state: &mut State, side: Side, address: u32, value: u32) {
    let regions = match side {
        Side::Instruction => &mut state.instruction_regions,
        Side::Data => &mut state.data_regions,
    };
    regions[(address >> REGION_SHIFT) as usize] = (value & ATTRIBUTE_MASK) as u8;
}
