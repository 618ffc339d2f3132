//! The region protection option: eight regions of 512 MB, each with an access attribute, identity-mapped.
//!
//! An access to memory costs no look at the attributes: where the ESP32's start-up code forbids access, nothing is mapped.
//! So the attributes only decide, once the bus has answered with a fault, which exception that is.

use crate::state::State;
use espalier_core::Fault;

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

/// The kind of access that an attribute permits or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Fetch,
    Load,
    Store,
}

/// Whether a region with `attribute` allows `access` (ISA manual, "Region Protection Option", table of the access modes).
fn allows(attribute: u8, access: Access) -> bool {
    match attribute {
        // Data that is no code: cached, and isolated.
        0 | 14 => access != Access::Fetch,
        // Cached, bypassed, written back.
        1 | 2 | 4 | 5 => true,
        // Code that is no data.
        3 => access == Access::Fetch,
        _ => false,
    }
}

/// Refines the bus's fault at `address`: protection is checked before memory is.
pub(crate) fn refine(state: &State, access: Access, fault: Fault, address: u32) -> Fault {
    let side = if access == Access::Fetch { Side::Instruction } else { Side::Data };
    let attribute = attributes(state, side)[(address >> REGION_SHIFT) as usize];
    if allows(attribute, access) { fault } else { Fault::Prohibited }
}

fn attributes(state: &State, side: Side) -> &[u8; 8] {
    match side {
        Side::Instruction => &state.instruction_regions,
        Side::Data => &state.data_regions,
    }
}

/// Result of `RITLB1` and `RDTLB1`: physical page, which is the virtual one, and attribute.
pub(crate) fn entry(state: &State, side: Side, address: u32) -> u32 {
    address & REGION_MASK | u32::from(attributes(state, side)[(address >> REGION_SHIFT) as usize])
}

/// `WITLB` and `WDTLB`: sets the attribute of the region of `address`.
pub(crate) fn write(state: &mut State, side: Side, address: u32, value: u32) {
    let regions = match side {
        Side::Instruction => &mut state.instruction_regions,
        Side::Data => &mut state.data_regions,
    };
    regions[(address >> REGION_SHIFT) as usize] = (value & ATTRIBUTE_MASK) as u8;
}
