//! Blocks of decoded instructions.
//!
//! A block starts at an address that was jumped to and goes on through conditional branches up to a jump, a change of
//! state that decoding cannot see through, or [`MAX_INSTRUCTIONS`]. It lies in at most two code pages.

use std::collections::HashMap;

use espalier_core::{Bus, CODE_PAGE, CodeMemory, Damaged, Persist, Reader, Writer};

use crate::instruction::{self, Flow, Instruction};
use crate::trap::Trap;

/// Most instructions in a block.
const MAX_INSTRUCTIONS: usize = 32;
/// When this many instructions are stored, all blocks are dropped: most of them are stale by then.
const MAX_STORED: usize = 1 << 17;
/// Entries of the direct-mapped table that is asked before the map.
const QUICK_ENTRIES: usize = 1 << 12;
/// Index of no instruction: nothing came before.
pub(crate) const NO_INSTRUCTION: u32 = u32::MAX;
/// No block.
const NONE: u32 = u32::MAX;
/// Address that no block has.
const DROPPED: u64 = u64::MAX;

/// A block's place and what it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Address of the first instruction; no 32-bit address at all once the block is dropped.
    address: u64,
    /// Index of the first instruction in the store.
    pub first: u32,
    /// Number of instructions.
    pub count: u32,
    /// Address after the last instruction.
    pub end: u32,
    /// The block ends where code was not at hand; it goes on once that has come.
    cut: bool,
    /// Nothing but a change of address translation makes it stale.
    steady: bool,
    /// Versions of the first and last code page.
    versions: [u32; 2],
}

/// Why there is no block at an address.
#[derive(Debug)]
pub(crate) enum Absent {
    /// The first instruction cannot be fetched at all.
    Trap(Trap),
    /// It can be once it has come.
    NotAtHand,
}

/// All decoded blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    instructions: Vec<Instruction>,
    /// For every instruction, the block that came after it when it was the last one executed.
    links: Vec<u32>,
    by_address: HashMap<u32, u32>,
    quick: Vec<u32>,
    /// Blocks that a change of address translation makes stale.
    mapped: Vec<u32>,
    epoch: u32,
}

/// A clone starts without blocks and decodes them again as it needs them, which costs less than copying them all. The blocks
/// come out the same: one depends on nothing but its address, memory, and what of it is at hand.
impl Clone for Blocks {
    fn clone(&self) -> Blocks {
        Blocks { epoch: self.epoch, ..Blocks::new() }
    }
}

/// A snapshot has no blocks either, for the same reason.
impl Persist for Blocks {
    fn save(&self, to: &mut Writer) {
        self.epoch.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.clear();
        self.epoch.restore(from)
    }
}

impl Blocks {
    pub(crate) fn new() -> Blocks {
        Blocks {
            blocks: Vec::new(),
            instructions: Vec::new(),
            links: Vec::new(),
            by_address: HashMap::new(),
            quick: vec![NONE; QUICK_ENTRIES],
            mapped: Vec::new(),
            epoch: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn block(&self, index: u32) -> &Block {
        &self.blocks[index as usize]
    }

    #[inline(always)]
    pub(crate) fn instructions(&self, block: &Block) -> &[Instruction] {
        &self.instructions[block.first as usize..(block.first + block.count) as usize]
    }

    /// Drops what a change of address translation made stale.
    #[inline(always)]
    pub(crate) fn note_epoch(&mut self, epoch: u32) {
        if self.epoch == epoch {
            return;
        }
        self.epoch = epoch;
        for index in self.mapped.drain(..) {
            let block = &mut self.blocks[index as usize];
            self.by_address.remove(&(block.address as u32));
            block.address = DROPPED;
        }
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.instructions.clear();
        self.links.clear();
        self.by_address.clear();
        self.quick.fill(NONE);
        self.mapped.clear();
    }

    /// True when `index` is a block at `pc` whose code has not changed.
    #[inline(always)]
    fn is_current<B: Bus>(&self, index: u32, pc: u32, bus: &B) -> bool {
        let Some(block) = self.blocks.get(index as usize) else { return false };
        block.address == u64::from(pc)
            && (block.steady || {
                let last = block.end.wrapping_sub(1);
                bus.code_version(pc) == block.versions[0]
                    && ((pc ^ last) < CODE_PAGE || bus.code_version(last) == block.versions[1])
                    && !(block.cut && bus.is_at_hand(block.end))
            })
    }

    /// The block at `pc`, which comes after the instruction with index `previous`.
    #[inline(always)]
    pub(crate) fn follow<B: Bus>(&mut self, previous: u32, pc: u32, bus: &mut B) -> Result<u32, Absent> {
        let linked = self.links.get(previous as usize).copied().unwrap_or(NONE);
        if self.is_current(linked, pc, bus) {
            return Ok(linked);
        }
        let quick = self.quick[quick_slot(pc)];
        let index = if self.is_current(quick, pc, bus) { quick } else { self.find(pc, bus)? };
        if let Some(link) = self.links.get_mut(previous as usize) {
            *link = index;
        }
        Ok(index)
    }

    /// The block at `pc`, decoded anew if need be.
    #[inline(never)]
    fn find<B: Bus>(&mut self, pc: u32, bus: &mut B) -> Result<u32, Absent> {
        let index = match self.by_address.get(&pc).copied() {
            Some(index) if self.is_current(index, pc, bus) => index,
            stale => {
                let index = self.decode(pc, bus)?;
                if let Some(stale) = stale.and_then(|stale| self.blocks.get_mut(stale as usize))
                    && stale.address == u64::from(pc)
                    && self.by_address.get(&pc) != Some(&index)
                {
                    stale.address = DROPPED;
                }
                self.by_address.insert(pc, index);
                index
            }
        };
        self.quick[quick_slot(pc)] = index;
        Ok(index)
    }

    /// Decodes the block at `pc`.
    #[inline(never)]
    fn decode<B: Bus>(&mut self, pc: u32, bus: &mut B) -> Result<u32, Absent> {
        if !bus.bring_in(pc) {
            return Err(Absent::NotAtHand);
        }
        if self.instructions.len() > MAX_STORED {
            self.clear();
        }
        let first = self.instructions.len();
        let (mut count, mut end, mut cut) = (0, pc, false);
        while count < MAX_INSTRUCTIONS {
            cut = count > 0 && !bus.is_at_hand(end);
            if cut {
                break;
            }
            let mut instruction = match fetch(bus, end) {
                Ok(instruction) => instruction,
                // Raised only when execution gets there, as the start of a block of its own.
                Err(_) if count > 0 => break,
                Err(trap) => return Err(Absent::Trap(trap)),
            };
            instruction.index = count as u8;
            instruction.offset = end.wrapping_sub(pc) as u8;
            self.instructions.push(instruction);
            count += 1;
            end = end.wrapping_add(u32::from(instruction.length()));
            if instruction.opcode.flow() == Flow::End || end < pc {
                break;
            }
        }
        self.links.resize(self.instructions.len(), NONE);
        let memory = bus.code_memory(pc).max(bus.code_memory(end.wrapping_sub(1)));
        let index = self.blocks.len() as u32;
        self.blocks.push(Block {
            address: u64::from(pc),
            first: first as u32,
            count: count as u32,
            end,
            cut,
            steady: memory != CodeMemory::Writable && !cut,
            versions: [bus.note_decoded(pc), bus.note_decoded(end.wrapping_sub(1))],
        });
        if memory == CodeMemory::Mapped {
            self.mapped.push(index);
        }
        Ok(index)
    }
}

/// Place of the block at `pc` in the direct-mapped table.
#[inline(always)]
fn quick_slot(pc: u32) -> usize {
    (pc >> 1 ^ pc >> 12) as usize % QUICK_ENTRIES
}

/// Fetches and decodes the instruction at `pc`. What is not defined decodes as `UNIMP`, which raises the same exception.
pub(crate) fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
    let mut word_at = |address| bus.fetch(address).map_err(|_| Trap::Fetch(address));
    let (address, byte) = (pc & !3, pc & 2);
    let mut word = word_at(address)? >> (8 * byte);
    if byte + u32::from(instruction::length(word)) > 4 {
        word |= word_at(address.wrapping_add(4))? << (32 - 8 * byte);
    }
    Ok(Instruction::decode(word).unwrap_or_else(|| Instruction::illegal(word)))
}
