//! Loads and stores, including the unaligned ones that this core's load/store unit supports.
//!
//! `WATCHED` is set where data breakpoints have to be looked at. The block interpreter leaves it out while the program has none.

use crate::state::State;
use crate::step::Step;
use crate::trap::Trap;
use crate::watch::{ON_LOAD, ON_STORE};
use espalier_core::{Bus, Fault, Stored};

/// Bytes answer an unaligned access piece by piece; memory that takes whole words only cannot.
fn unaligned(fault: Fault) -> Fault {
    match fault {
        Fault::Width => Fault::Alignment,
        other => other,
    }
}

/// Returns the step after a store.
#[inline(always)]
pub(crate) fn stored(state: &mut State, result: Result<Stored, Trap>) -> Step {
    match result {
        Ok(Stored::Data) => Step::NEXT,
        Ok(Stored::Code) => Step::LEAVE,
        Err(trap) => state.trap_step(trap),
    }
}

/// A memory access that an instruction makes: where from, in which cycle, and whether data breakpoints matter.
pub(crate) struct Port<'a, const WATCHED: bool, B: ?Sized> {
    pub state: &'a State,
    pub bus: &'a mut B,
    pub cycle: u32,
}

impl<const WATCHED: bool, B: Bus + ?Sized> Port<'_, WATCHED, B> {
    #[inline(always)]
    fn watch(&self, address: u32, size: u32, kind: u32) -> Result<(), Trap> {
        if WATCHED { self.state.watch(address, size, kind) } else { Ok(()) }
    }

    #[inline(always)]
    pub(crate) fn load8(&mut self, address: u32) -> Result<u32, Trap> {
        self.watch(address, 1, ON_LOAD)?;
        self.bus.load8(address, self.cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
    }

    #[inline(always)]
    pub(crate) fn load16(&mut self, address: u32) -> Result<u32, Trap> {
        self.watch(address, 2, ON_LOAD)?;
        if address & 1 == 0 {
            self.bus.load16(address, self.cycle).map(u32::from).map_err(|fault| Trap::Load(fault, address))
        } else {
            load_bytes(self.bus, address, 2, self.cycle)
        }
    }

    #[inline(always)]
    pub(crate) fn load32(&mut self, address: u32) -> Result<u32, Trap> {
        self.watch(address, 4, ON_LOAD)?;
        if address & 3 == 0 {
            self.bus.load32(address, self.cycle).map_err(|fault| Trap::Load(fault, address))
        } else {
            load_bytes(self.bus, address, 4, self.cycle)
        }
    }

    #[inline(always)]
    pub(crate) fn store8(&mut self, address: u32, value: u32) -> Result<Stored, Trap> {
        self.watch(address, 1, ON_STORE)?;
        self.bus.store8(address, value as u8, self.cycle).map_err(|fault| Trap::Store(fault, address))
    }

    #[inline(always)]
    pub(crate) fn store16(&mut self, address: u32, value: u32) -> Result<Stored, Trap> {
        self.watch(address, 2, ON_STORE)?;
        if address & 1 == 0 {
            self.bus.store16(address, value as u16, self.cycle).map_err(|fault| Trap::Store(fault, address))
        } else {
            store_bytes(self.bus, address, value, 2, self.cycle)
        }
    }

    #[inline(always)]
    pub(crate) fn store32(&mut self, address: u32, value: u32) -> Result<Stored, Trap> {
        self.watch(address, 4, ON_STORE)?;
        if address & 3 == 0 {
            self.bus.store32(address, value, self.cycle).map_err(|fault| Trap::Store(fault, address))
        } else {
            store_bytes(self.bus, address, value, 4, self.cycle)
        }
    }
}

#[cold]
#[inline(never)]
fn load_bytes<B: Bus + ?Sized>(bus: &mut B, address: u32, count: u32, cycle: u32) -> Result<u32, Trap> {
    let mut value = 0;
    for index in 0..count {
        let byte =
            bus.load8(address.wrapping_add(index), cycle).map_err(|fault| Trap::Load(unaligned(fault), address))?;
        value |= u32::from(byte) << (8 * index);
    }
    Ok(value)
}

/// A store that cannot write all of its bytes writes none.
#[cold]
#[inline(never)]
fn store_bytes<B: Bus + ?Sized>(bus: &mut B, address: u32, value: u32, count: u32, cycle: u32) -> Result<Stored, Trap> {
    let trap = |fault| Trap::Store(unaligned(fault), address);
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
