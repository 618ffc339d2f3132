//! Blocks of decoded instructions.
//!
//! A block starts at an address that was jumped to and goes on through conditional branches up to a jump, a change of
//! state that decoding cannot see through, the end of a zero-overhead loop, or [`MAX_INSTRUCTIONS`]. It lies in at most
//! two code pages.

mod lower;
mod translate;

use std::collections::{BTreeSet, HashMap};

use crate::exception::Trap;
use crate::instruction::{self, Flow, Instruction, Opcode};
use espalier_core::{Bus, CODE_PAGE, CodeMemory, Damaged, Load, Persist, Reader, Translation, Writer};
pub(crate) use translate::Entered;
use translate::Translator;

/// Most instructions in a block.
const MAX_INSTRUCTIONS: usize = 32;
/// When this many instructions are stored, all blocks are dropped: most of them are stale by then.
const MAX_STORED: usize = 1 << 17;
/// When this many ends of loops are known, they are forgotten together with all blocks. Real programs have far fewer.
const MAX_LOOP_ENDS: usize = 1 << 16;
/// Entries of the direct-mapped table in front of the map of all blocks.
const QUICK_ENTRIES: usize = 1 << 12;
/// No block, and no translation.
pub(crate) const NONE: u32 = u32::MAX;
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
    /// Highest quarter of the register window that any instruction uses.
    pub window: u8,
    pub memory: CodeMemory,
    /// The block ends where code was not at hand; it goes on once that has come.
    cut: bool,
    /// Nothing but a change of address translation makes it stale.
    steady: bool,
    /// Versions of the first and last code page.
    pub versions: [u32; 2],
    /// How often it was executed before it was translated, and the cell of its translation.
    pub heat: u32,
    pub native: u32,
}

impl Block {
    /// Address of the first instruction.
    pub(crate) fn start(&self) -> u32 {
        self.address as u32
    }
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
    pub(crate) blocks: Vec<Block>,
    instructions: Vec<Instruction>,
    /// For every instruction, the block that came after it when it was the last one executed.
    links: Vec<u32>,
    by_address: HashMap<u32, u32>,
    quick: Vec<u32>,
    /// The blocks that a change of address translation makes stale, so that one costs nothing when there are none: the ROM makes
    /// hundreds of them after each reset.
    mapped: Vec<u32>,
    /// Addresses at which zero-overhead loops were seen to end. Blocks never run across them.
    loop_ends: BTreeSet<u32>,
    last_loop_end: u32,
    epoch: u32,
    pub(crate) translator: Translator,
}

/// A clone starts without blocks and decodes them again as it needs them, which costs less than copying them all. The blocks
/// come out the same: one depends on nothing but its address, memory, what of it is at hand, and the known ends of loops.
impl Clone for Blocks {
    fn clone(&self) -> Blocks {
        Blocks {
            loop_ends: self.loop_ends.clone(),
            last_loop_end: self.last_loop_end,
            epoch: self.epoch,
            translator: Translator::new(self.translator.setting()),
            ..Blocks::new()
        }
    }
}

/// As in a clone, the blocks themselves are decoded again.
impl Persist for Blocks {
    fn save(&self, to: &mut Writer) {
        let Blocks {
            blocks: _,
            instructions: _,
            links: _,
            by_address: _,
            quick: _,
            mapped: _,
            loop_ends,
            last_loop_end,
            epoch,
            translator: _,
        } = self;
        loop_ends.save(to);
        last_loop_end.save(to);
        epoch.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Blocks {
            loop_ends: Load::load(from)?,
            last_loop_end: Load::load(from)?,
            epoch: Load::load(from)?,
            translator: Translator::new(self.translator.setting()),
            ..Blocks::new()
        };
        Ok(())
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
            loop_ends: BTreeSet::new(),
            last_loop_end: 0,
            epoch: 0,
            translator: Translator::new(Translation::default()),
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

    /// Makes sure that no block runs across `address`, where a loop ends.
    #[inline(always)]
    pub(crate) fn note_loop_end(&mut self, address: u32) {
        if self.last_loop_end != address {
            self.add_loop_end(address);
        }
    }

    #[inline(never)]
    fn add_loop_end(&mut self, address: u32) {
        self.last_loop_end = address;
        if self.loop_ends.len() >= MAX_LOOP_ENDS {
            self.loop_ends.clear();
            self.clear();
        }
        if self.loop_ends.insert(address) {
            self.drop_where(|block| block.address < u64::from(address) && address < block.end);
        }
    }

    /// Drops what a change of address translation made stale.
    #[inline(always)]
    pub(crate) fn note_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.drop_mapped();
        }
    }

    fn drop_mapped(&mut self) {
        for index in self.mapped.drain(..) {
            let block = &mut self.blocks[index as usize];
            if block.address != DROPPED {
                self.by_address.remove(&(block.address as u32));
                block.address = DROPPED;
                self.translator.remove(block.native);
            }
        }
    }

    fn drop_where(&mut self, condition: impl Fn(&Block) -> bool) {
        for block in &mut self.blocks {
            if block.address != DROPPED && condition(block) {
                self.by_address.remove(&(block.address as u32));
                block.address = DROPPED;
                self.translator.remove(block.native);
            }
        }
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.instructions.clear();
        self.links.clear();
        self.by_address.clear();
        self.quick.fill(NONE);
        self.mapped.clear();
        self.translator.clear();
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
        let known = self.by_address.get(&pc).copied();
        let index = match known {
            Some(index) if self.is_current(index, pc, bus) => index,
            _ => self.decode(pc, known, bus)?,
        };
        self.quick[quick_slot(pc)] = index;
        Ok(index)
    }

    /// Decodes the block at `pc`, in place of `stale` if that is given.
    #[inline(never)]
    fn decode<B: Bus>(&mut self, pc: u32, stale: Option<u32>, bus: &mut B) -> Result<u32, Absent> {
        if !bus.bring_in(pc) {
            return Err(Absent::NotAtHand);
        }
        if self.instructions.len() > MAX_STORED {
            self.clear();
        }
        let mut decoded = [None; MAX_INSTRUCTIONS];
        let (mut count, mut end, mut window, mut loop_end) = (0, pc, 0, None);
        // After `ENTRY`, execution only stays in the block when the whole new window can be used.
        let mut entered = false;
        let mut cut = false;
        while count < MAX_INSTRUCTIONS && (count == 0 || !self.loop_ends.contains(&end)) {
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
            if entered {
                instruction.shape.forget_window();
            }
            window = instruction.window().max(window);
            entered |= instruction.opcode == Opcode::Entry;
            decoded[count] = Some(instruction);
            count += 1;
            end = end.wrapping_add(u32::from(instruction.length()));
            let description = instruction.opcode.description();
            if matches!(instruction.opcode, Opcode::Loop | Opcode::Loopnez | Opcode::Loopgtz) {
                loop_end = Some(instruction.immediate);
            }
            if description.flow == Flow::End || end < pc {
                break;
            }
        }
        if let Some(address) = loop_end {
            self.add_loop_end(address);
        }
        // Nothing is left to replace once all blocks have been dropped.
        let stale = stale.filter(|_| !self.blocks.is_empty());
        let memory = bus.code_memory(pc).max(bus.code_memory(end.wrapping_sub(1)));
        let block = Block {
            address: u64::from(pc),
            first: self.instructions.len() as u32,
            count: count as u32,
            end,
            window,
            memory,
            cut,
            steady: memory != CodeMemory::Writable && !cut,
            versions: [bus.note_decoded(pc), bus.note_decoded(end.wrapping_sub(1))],
            heat: 0,
            native: NONE,
        };
        let instructions = decoded.iter().flatten().copied();
        let index = match stale {
            Some(index) => {
                let old = &self.blocks[index as usize];
                self.translator.remove(old.native);
                if memory == CodeMemory::Mapped && old.memory != memory {
                    self.mapped.push(index);
                }
                // The same place is used again, unless the new block does not fit.
                let block = if count as u32 <= old.count { Block { first: old.first, ..block } } else { block };
                if block.first == old.first {
                    let place = &mut self.instructions[block.first as usize..];
                    place.iter_mut().zip(instructions).for_each(|(place, instruction)| *place = instruction);
                } else {
                    self.instructions.extend(instructions);
                    self.links.resize(self.instructions.len(), NONE);
                }
                self.blocks[index as usize] = block;
                index
            }
            None => {
                self.instructions.extend(instructions);
                self.links.resize(self.instructions.len(), NONE);
                self.blocks.push(block);
                let index = (self.blocks.len() - 1) as u32;
                if memory == CodeMemory::Mapped {
                    self.mapped.push(index);
                }
                index
            }
        };
        self.by_address.insert(pc, index);
        Ok(index)
    }
}

/// Place of the block at `pc` in the direct-mapped table.
#[inline(always)]
fn quick_slot(pc: u32) -> usize {
    (pc ^ pc >> 12) as usize % QUICK_ENTRIES
}

/// Fetches and decodes the instruction at `pc`. What is not defined decodes as `ILL`, which raises the same exception.
pub(crate) fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
    let mut word_at = |address| bus.fetch(address).map_err(|fault| Trap::Fetch(fault, address));
    let (address, byte) = (pc & !3, pc & 3);
    let mut word = word_at(address)? >> (8 * byte);
    if byte + u32::from(instruction::length(word)) > 4 {
        word |= word_at(address.wrapping_add(4))? << (32 - 8 * byte);
    }
    Ok(Instruction::decode(word, pc).unwrap_or_else(Instruction::illegal))
}
