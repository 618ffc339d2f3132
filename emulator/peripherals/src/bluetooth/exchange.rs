//! The exchange memory, as far as the Low Energy core reads and writes it.
//!
//! Sixteen entries of a table say what begins in the next sixteen slots, each by a control structure that the entry points to
//! (`reg_ble_em_et.h`, `reg_ble_em_cs.h`). The memory is a piece of SRAM.

use espalier_core::{DmaFault, Field, GuestMemory, Span};

use super::clock::SLOT;

/// Where the exchange memory begins.
const BASE: u32 = 0x3FFB_0000;
const ENTRIES: u32 = 16;
const ENTRY_BYTES: u32 = 4;
/// EXTAB0.
const MODE: Field = Field::new("MODE", 0, 3);
const MODE_BLE: u32 = 2;
const STATUS: Field = Field::new("STATUS", 4, 5);
const READY: u32 = 0;
const PROCESSED: u32 = 1;
/// EXTAB1, 2 bytes further.
const CSPTR_OFFSET: u32 = 2;
const CSPTR: Field = Field::new("CSPTR", 0, 14);
/// Fields of a control structure.
const CNTL: u32 = 0x00;
const FORMAT: Field = Field::new("FORMAT", 0, 4);
const RXWINCNTL: u32 = 0x14;
const MAXEVTIME: u32 = 0x1A;
/// RXWINCNTL: the window is in slots, not in microseconds.
const RXWIDE: Field = Field::new("RXWIDE", 15, 15);
const RXWINSZ: Field = Field::new("RXWINSZ", 0, 13);

/// The activity that a control structure asks of the core (its field FORMAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Connection,
    Advertising,
    Scanning,
    Test,
}

espalier_core::persist!(
    enum Activity {
        Connection,
        Advertising,
        Scanning,
        Test,
    }
);

impl Activity {
    fn from_format(format: u32) -> Option<Activity> {
        match format {
            0x2 | 0x3 => Some(Activity::Connection),
            0x4 | 0x5 => Some(Activity::Advertising),
            0x8 | 0x9 | 0xF => Some(Activity::Scanning),
            0x1C..=0x1E => Some(Activity::Test),
            _ => None,
        }
    }
}

/// The activity that begins in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Programmed {
    pub activity: Activity,
    /// Its longest duration; `None` for a test, which goes on until it is aborted.
    pub limit: Option<Span>,
}

/// Takes what the table has for `slot`, if it is there for the Low Energy core and was not processed yet. The entry comes round again
/// every 16 slots, so it is marked at once.
pub(super) fn take(slot: u32, memory: &mut dyn GuestMemory) -> Option<Programmed> {
    let entry = BASE + slot % ENTRIES * ENTRY_BYTES;
    let head = half_word(entry, memory).ok()?;
    if MODE.get(head) != MODE_BLE || STATUS.get(head) != READY {
        return None;
    }
    let structure = BASE + CSPTR.get(half_word(entry + CSPTR_OFFSET, memory).ok()?);
    let activity = Activity::from_format(FORMAT.get(half_word(structure + CNTL, memory).ok()?))?;
    let slots = |count: u32| SLOT * u64::from(count).max(1);
    let limit = match activity {
        Activity::Test => None,
        Activity::Advertising | Activity::Scanning => Some(slots(half_word(structure + MAXEVTIME, memory).ok()?)),
        Activity::Connection => {
            let window = half_word(structure + RXWINCNTL, memory).ok()?;
            let size = RXWINSZ.get(window);
            Some(if RXWIDE.is_set(window) { slots(size) } else { Span::from_micros(u64::from(size).max(1)) })
        }
    };
    memory.write(entry, &(STATUS.replace(head, PROCESSED) as u16).to_le_bytes()).ok()?;
    Some(Programmed { activity, limit })
}

/// The 16 bytes at `offset` of the exchange memory; zeros where it has none.
pub(super) fn block(offset: u32, memory: &mut dyn GuestMemory) -> [u8; 16] {
    let mut bytes = [0; 16];
    let _ = memory.read(BASE + offset, &mut bytes);
    bytes
}

pub(super) fn set_block(offset: u32, bytes: [u8; 16], memory: &mut dyn GuestMemory) {
    // Bytes that do not fit into memory are lost.
    let _ = memory.write(BASE + offset, &bytes);
}

fn half_word(address: u32, memory: &mut dyn GuestMemory) -> Result<u32, DmaFault> {
    let mut bytes = [0; 2];
    memory.read(address, &mut bytes)?;
    Ok(u16::from_le_bytes(bytes).into())
}
