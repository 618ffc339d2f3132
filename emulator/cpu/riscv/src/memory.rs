//! Loads and stores. The core splits unaligned ones into bytes.

use espalier_core::{Bus, Fault, Stored};

use crate::trap::Trap;

#[inline(always)]
pub(crate) fn load8<B: Bus + ?Sized>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    bus.load8(address, cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
}

#[inline(always)]
pub(crate) fn load16<B: Bus + ?Sized>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    if address & 1 != 0 {
        return load_bytes(bus, address, 2, cycle);
    }
    bus.load16(address, cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
}

#[inline(always)]
pub(crate) fn load32<B: Bus + ?Sized>(bus: &mut B, address: u32, cycle: u32) -> Result<u32, Trap> {
    if address & 3 != 0 {
        return load_bytes(bus, address, 4, cycle);
    }
    bus.load32(address, cycle).map_err(|fault| Trap::Load(fault, address))
}

#[inline(always)]
pub(crate) fn store8<B: Bus + ?Sized>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<Stored, Trap> {
    bus.store8(address, value as u8, cycle).map_err(|fault| Trap::Store(fault, address))
}

#[inline(always)]
pub(crate) fn store16<B: Bus + ?Sized>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<Stored, Trap> {
    if address & 1 != 0 {
        return store_bytes(bus, address, value, 2, cycle);
    }
    bus.store16(address, value as u16, cycle).map_err(|fault| Trap::Store(fault, address))
}

#[inline(always)]
pub(crate) fn store32<B: Bus + ?Sized>(bus: &mut B, address: u32, value: u32, cycle: u32) -> Result<Stored, Trap> {
    if address & 3 != 0 {
        return store_bytes(bus, address, value, 4, cycle);
    }
    bus.store32(address, value, cycle).map_err(|fault| Trap::Store(fault, address))
}

#[cold]
#[inline(never)]
fn load_bytes<B: Bus + ?Sized>(bus: &mut B, address: u32, count: u32, cycle: u32) -> Result<u32, Trap> {
    let mut value = 0;
    for index in 0..count {
        let byte = bus.load8(address.wrapping_add(index), cycle).map_err(|fault| Trap::Load(fault, address))?;
        value |= u32::from(byte) << (8 * index);
    }
    Ok(value)
}

/// A store that cannot write all of its bytes writes none.
#[cold]
#[inline(never)]
fn store_bytes<B: Bus + ?Sized>(bus: &mut B, address: u32, value: u32, count: u32, cycle: u32) -> Result<Stored, Trap> {
    let trap = |fault: Fault| Trap::Store(fault, address);
    for index in 0..count {
        bus.check_store8(address.wrapping_add(index)).map_err(trap)?;
    }
    let mut stored = Stored::Data;
    for index in 0..count {
        let byte = (value >> (8 * index)) as u8;
        if bus.store8(address.wrapping_add(index), byte, cycle).map_err(trap)? == Stored::Code {
            stored = Stored::Code;
        }
    }
    Ok(stored)
}
