//! `S32C1I`, and where memory has conditional stores at all.
//!
//! Follows the ISA manual, "Conditional Store Option": data RAM carries the store out itself; instruction memory, data ROM and the
//! XLMI port refuse it; anything else is reached through the processor interface, and there `ATOMCTL` decides. The address ranges
//! of the local memories are those of the ESP32's `core-isa.h`.

use crate::instruction::Instruction;
use crate::memory::Port;
use crate::register::SpecialRegister;
use crate::state::State;
use crate::step::Step;
use crate::trap::Trap;
use crate::watch::{ON_LOAD, ON_STORE};
use espalier_core::{Bus, Fault, Stored};

/// The field of `ATOMCTL` for memory that bypasses the cache. A core without a data cache, such as this one, uses no other.
const BYPASS: u32 = 3;
/// The value of that field for an exception; any other value sends the access to the memory.
const EXCEPTION: u32 = 0;

/// Local memories: first address, size, and whether they carry conditional stores out.
const LOCAL_MEMORIES: [(u32, u32, bool); 7] = [
    // DataROM0, DataRAM1 (external RAM on the ESP32), XLMI0, DataRAM0.
    (0x3f40_0000, 0x40_0000, false),
    (0x3f80_0000, 0x40_0000, true),
    (0x3ff0_0000, 0x8_0000, false),
    (0x3ff8_0000, 0x8_0000, true),
    // InstRAM0, InstRAM1, InstROM0.
    (0x4000_0000, 0x40_0000, false),
    (0x4040_0000, 0x40_0000, false),
    (0x4080_0000, 0x40_0000, false),
];

impl State {
    fn has_conditional_stores(&self, address: u32) -> bool {
        match LOCAL_MEMORIES.iter().find(|(start, size, _)| address.wrapping_sub(*start) < *size) {
            Some((_, _, able)) => *able,
            None => self.plain(SpecialRegister::Atomctl) & BYPASS != EXCEPTION,
        }
    }
}

/// `S32C1I`: it counts as a load and as a store, and what it raises concerns a store.
#[inline(never)]
pub(crate) fn store_conditionally<const WATCHED: bool, B: Bus + ?Sized>(
    state: &mut State,
    bus: &mut B,
    op: &Instruction,
    cycle: u32,
) -> Step {
    let address = state.get(op.s).wrapping_add(op.immediate);
    match exchange::<WATCHED, B>(state, bus, address, state.get(op.t), cycle) {
        Ok((value, stored)) => {
            state.set(op.t, value);
            if stored == Stored::Code { Step::LEAVE } else { Step::NEXT }
        }
        Err(Trap::Load(fault, address)) => state.trap_step(Trap::Store(fault, address)),
        Err(trap) => state.trap_step(trap),
    }
}

/// Stores `new` where `SCOMPARE1` stands. Returns what stood there.
fn exchange<const WATCHED: bool, B: Bus + ?Sized>(
    state: &State,
    bus: &mut B,
    address: u32,
    new: u32,
    cycle: u32,
) -> Result<(u32, Stored), Trap> {
    if address & 3 != 0 {
        return Err(Trap::Store(Fault::Alignment, address));
    }
    if WATCHED {
        state.watch(address, 4, ON_LOAD | ON_STORE)?;
    }
    if !state.has_conditional_stores(address) {
        return Err(Trap::Store(Fault::Conditional, address));
    }
    let mut port = Port::<false, B> { state, bus, cycle };
    let value = port.load32(address)?;
    let equal = value == state.plain(SpecialRegister::Scompare1);
    let stored = if equal { port.store32(address, new)? } else { Stored::Data };
    Ok((value, stored))
}
