//! Operations of instructions on the memory, so that its content at each moment can be restored, whole or torn.

use std::ops::Range;

use espalier_core::{FlatMap, Span, Time};

use super::sectors::{FLASH_SECTOR_SIZE, FlashSectors};
use super::storage::{FLASH_CHUNK_SIZE, Storage};
use super::torn::{FlashOperationKind, Progress, UnderWay, Unstable};

/// Memory of an operation's record beside its data.
const RECORD_SIZE: usize = size_of::<FlashOperation>();

/// One instruction that changed the memory.
///
/// ```
/// use espalier_parts::{FlashChip, FlashOperation, FlashSize};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.record_history(1 << 20);
/// // ... the firmware runs ...
/// let operations: &[FlashOperation] = flash.history().expect("it is recorded").operations();
/// assert!(operations.iter().all(|operation| operation.range.end as usize <= flash.size().bytes()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashOperation {
    pub kind: FlashOperationKind,
    /// When it began.
    pub at: Time,
    /// Its duration.
    pub duration: Span,
    /// The bytes that it erased or programmed; of a program without the bytes at both ends that kept their values.
    pub range: Range<u32>,
    data: Box<[u8]>,
}

impl FlashOperation {
    pub(super) fn new(
        kind: FlashOperationKind,
        at: Time,
        duration: Span,
        range: &Range<usize>,
        data: Option<&[u8]>,
    ) -> FlashOperation {
        let data = data.unwrap_or_default();
        let first = data.iter().position(|byte| *byte != 0xFF).unwrap_or(0);
        let end = data.iter().rposition(|byte| *byte != 0xFF).map_or(first, |last| last + 1);
        let start = range.start as u32 + first as u32;
        let length = if kind == FlashOperationKind::Erase { range.len() } else { end - first };
        FlashOperation { kind, at, duration, range: start..start + length as u32, data: data[first..end].into() }
    }

    fn cells(&self) -> Range<usize> {
        self.range.start as usize..self.range.end as usize
    }
}

/// The memory of a chip at one moment. A clone shares it until one of them changes.
///
/// ```
/// use espalier_parts::{FlashChip, FlashMemory, FlashSize};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// let before: FlashMemory = flash.content();
/// flash.load(0, b"new")?;
/// flash.set_content(&before)?;
/// assert_eq!(flash.chunk(0)[0], 0xFF);
/// # Ok::<(), espalier_parts::FlashError>(())
/// ```
#[derive(Clone)]
pub struct FlashMemory {
    pub(super) storage: Storage,
    pub(super) unstable: Unstable,
}

impl FlashMemory {
    /// Bytes of the chip.
    pub fn size(&self) -> usize {
        self.storage.size()
    }

    /// The memory of the `page`-th 64 KiB.
    pub fn chunk(&self, page: usize) -> &[u8; FLASH_CHUNK_SIZE] {
        self.storage.chunk(page)
    }

    /// Bytes from `offset` on; past the end of the chip it continues at its start.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        self.storage.read(offset, into);
    }

    /// Whether these sectors have the content that they have in `other`, unstable bits included.
    pub fn is_same_in(&self, other: &FlashMemory, sectors: &FlashSectors) -> bool {
        sectors.iter().all(|sector| {
            let start = sector * FLASH_SECTOR_SIZE;
            let (page, at) = (start / FLASH_CHUNK_SIZE, start % FLASH_CHUNK_SIZE);
            let cells = at..at + FLASH_SECTOR_SIZE;
            let bits = start as u32..(start + FLASH_SECTOR_SIZE) as u32;
            let (one, two) = (self.chunk(page), other.chunk(page));
            (std::ptr::eq(one, two) || one[cells.clone()] == two[cells])
                && self.unstable.bits_in(bits.clone()).eq(other.unstable.bits_in(bits))
        })
    }

    /// Every byte of which bits may read either way the next time that power comes back, and which bits.
    pub fn unstable(&self) -> impl Iterator<Item = (u32, u8)> {
        self.unstable.bits()
    }
}

impl std::fmt::Debug for FlashMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FlashMemory({} bytes, {} of them unstable)", self.size(), self.unstable().count())
    }
}

/// The operations on a chip's memory since recording began.
///
/// ```
/// use espalier_parts::{FlashChip, FlashHistory, FlashSize};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.record_history(1 << 20);
/// // ... the firmware runs ...
/// let history: &FlashHistory = flash.history().expect("it is recorded");
/// assert_eq!((history.operations().len(), history.dropped()), (0, 0));
/// ```
#[derive(Clone, Debug)]
pub struct FlashHistory {
    start: FlashMemory,
    operations: Vec<FlashOperation>,
    left: usize,
    dropped: u64,
}

impl FlashHistory {
    pub(super) fn new(start: FlashMemory, limit: usize) -> FlashHistory {
        FlashHistory { start, operations: Vec::new(), left: limit, dropped: 0 }
    }

    /// Later operations are dropped once there is no room: each stands on those before.
    pub(super) fn push(&mut self, operation: FlashOperation) {
        let size = RECORD_SIZE + operation.data.len();
        if self.dropped > 0 || size > self.left {
            self.dropped += 1;
            return;
        }
        self.left -= size;
        self.operations.push(operation);
    }

    /// Every operation, in the order in which they began.
    pub fn operations(&self) -> &[FlashOperation] {
        &self.operations
    }

    /// Number of operations missing at the end, because there was no room for them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The 64 KiB in which anything was changed, in order.
    pub fn chunks(&self) -> Vec<usize> {
        let chunks = |operation: &FlashOperation| {
            let cells = operation.cells();
            cells.start / FLASH_CHUNK_SIZE..cells.end.div_ceil(FLASH_CHUNK_SIZE)
        };
        let all: FlatMap<usize, ()> = self.operations.iter().flat_map(chunks).map(|chunk| (chunk, ())).collect();
        all.keys().copied().collect()
    }

    /// The sectors in which anything was changed.
    pub fn sectors(&self) -> FlashSectors {
        let mut sectors = FlashSectors::default();
        self.operations.iter().for_each(|operation| sectors.insert(&operation.cells()));
        sectors
    }

    /// Goes through the operations once more.
    pub fn replay(&self) -> FlashReplay<'_> {
        FlashReplay { content: self.start.clone(), rest: &self.operations }
    }
}

/// The memory at one moment of its history, between two operations.
///
/// ```
/// use espalier_parts::{FlashChip, FlashSize, Progress};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.record_history(1 << 20);
/// // ... the firmware runs ...
/// let mut replay = flash.history().expect("it is recorded").replay();
/// while replay.next_operation().is_some() {
///     let torn = replay.torn(Progress::of(1, 2), 7); // power is lost in its middle
///     assert_eq!(torn.size(), flash.size().bytes());
///     replay.step();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct FlashReplay<'a> {
    content: FlashMemory,
    rest: &'a [FlashOperation],
}

impl<'a> FlashReplay<'a> {
    /// The memory now.
    pub fn content(&self) -> &FlashMemory {
        &self.content
    }

    /// The operation that comes next.
    pub fn next_operation(&self) -> Option<&'a FlashOperation> {
        self.rest.first()
    }

    /// The memory as it is if power is lost when so much of the next operation is done; as it is now if there is none.
    pub fn torn(&self, progress: Progress, seed: u64) -> FlashMemory {
        let mut content = self.content.clone();
        if let Some(operation) = self.next_operation() {
            let under_way = apply(&mut content, operation);
            let FlashMemory { storage, unstable } = &mut content;
            under_way.tear(progress, seed, storage, unstable);
            unstable.draw_again(storage);
        }
        content
    }

    /// Carries out the next operation. False if there is none.
    pub fn step(&mut self) -> bool {
        let Some((operation, rest)) = self.rest.split_first() else { return false };
        apply(&mut self.content, operation);
        self.rest = rest;
        true
    }
}

/// Carries out an operation. Returns what tears it.
fn apply(content: &mut FlashMemory, operation: &FlashOperation) -> UnderWay {
    let cells = operation.cells();
    let FlashMemory { storage, unstable } = content;
    let before = storage.copy(&cells);
    match operation.kind {
        FlashOperationKind::Program => {
            storage.program(cells.start, &operation.data);
            unstable.after(&cells, Some(&operation.data));
        }
        FlashOperationKind::Erase => {
            storage.erase(cells.start, cells.len());
            unstable.after(&cells, None);
        }
    }
    UnderWay::new(operation.kind, cells.start, before, operation.duration)
}
