//! Loads and stores, including the unaligned ones that this core's load/store unit supports.

use crate::bus::{Bus, Fault};
use crate::exception::Trap;

/// Bytes answer an unaligned access piece by piece; memory that takes whole words only cannot.
fn unaligned(fault: Fault) -> Fault {
    match fault {
        Fault::Width => Fault::Alignment,
        other => other,
    }
}

#[inline(always)]
pub(crate) fn load8<B: Bus>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    bus.load8(address, cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
}

#[inline(always)]
pub(crate) fn load16<B: Bus>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    if address & 1 == 0 {
        bus.load16(address, cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
    } else {
        load_bytes(bus, address, 2, cycle)
    }
}

#[inline(always)]
pub(crate) fn load32<B: Bus>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    if address & 3 == 0 {
        bus.load32(address, cycle).map_err(|fault| Trap::Load(fault, address))
    } else {
        load_bytes(bus, address, 4, cycle)
    }
}

#[inline(always)]
pub(crate) fn store8<B: Bus>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<(), Trap> {
    bus.store8(address, value as u8, cycle).map_err(|fault| Trap::Store(fault, address))
}

#[inline(always)]
pub(crate) fn store16<B: Bus>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<(), Trap> {
    if address & 1 == 0 {
        bus.store16(address, value as u16, cycle).map_err(|fault| Trap::Store(fault, address))
    } else {
        store_bytes(bus, address, value, 2, cycle)
    }
}

#[inline(always)]
pub(crate) fn store32<B: Bus>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<(), Trap> {
    if address & 3 == 0 {
        bus.store32(address, value, cycle).map_err(|fault| Trap::Store(fault, address))
    } else {
        store_bytes(bus, address, value, 4, cycle)
    }
}

#[cold]
#[inline(never)]
fn load_bytes<B: Bus>(bus: &mut B, address: u32, count: u32, cycle: u32) -> Result<u32, Trap> {
    let mut value = 0;
    for index in 0..count {
        let byte =
            bus.load8(address.wrapping_add(index), cycle).map_err(|fault| Trap::Load(unaligned(fault), address))?;
        value |= u32::from(byte) << (8 * index);
    }
    Ok(value)
}

#[cold]
#[inline(never)]
fn store_bytes<B: Bus>(bus: &mut B, address: u32, value: u32, count: u32, cycle: u32) -> Result<(), Trap> {
    for index in 0..count {
        bus.store8(address.wrapping_add(index), (value >> (8 * index)) as u8, cycle)
            .map_err(|fault| Trap::Store(unaligned(fault), address))?;
    }
    Ok(())
}
