//! Blocks that clones of a cache share, on an instruction set of single bytes.

use std::thread;

use espalier_core::{Absent, Block, BlockCache, Bus, CodeMemory, CodeState, Decoder, Fault, Stored};

/// The instruction that ends a block.
const END: u8 = 0;
const LINE: u32 = 32;

/// Instructions are bytes; addresses before which all blocks end can be told.
#[derive(Clone, Debug)]
struct Bytes {
    stop: Option<u32>,
}

impl Decoder for Bytes {
    type Instruction = u8;
    type Own = u32;
    type Trap = Fault;
    const ALIGNMENT: u32 = 0;

    fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<u8, Fault> {
        bus.fetch(pc & !3).map(|word| word.to_le_bytes()[(pc & 3) as usize])
    }

    fn length(_: &u8) -> u32 {
        1
    }

    /// A block's own data is the sum of its instructions.
    fn add(&mut self, instruction: &mut u8, _: u8, _: u8, own: &mut u32) -> bool {
        *own += u32::from(*instruction);
        *instruction == END
    }

    fn next_end(&self, address: u32, _: CodeMemory) -> Option<u32> {
        self.stop.filter(|stop| *stop >= address)
    }

    fn take(&mut self) -> Bytes {
        Bytes { stop: self.stop }
    }

    fn suits(&self, other: &Bytes) -> bool {
        self.stop == other.stop
    }
}

/// Memory that counts what is fetched. Code from `absent` on is not at hand.
#[derive(Clone)]
struct Memory {
    bytes: Vec<u8>,
    fetches: usize,
    absent: u32,
    kind: CodeMemory,
    decodings: u32,
}

impl Memory {
    fn new(bytes: Vec<u8>) -> Memory {
        Memory { bytes, fetches: 0, absent: u32::MAX, kind: CodeMemory::Writable, decodings: 0 }
    }
}

impl Bus for Memory {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.fetches += 1;
        let word = self.code(address, 4).ok_or(Fault::Unmapped)?;
        Ok(u32::from_le_bytes(word.try_into().map_err(|_| Fault::Unmapped)?))
    }

    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        self.bytes.get(address as usize..address as usize + length)
    }

    fn is_at_hand(&self, address: u32) -> bool {
        address / LINE < self.absent / LINE
    }

    fn load8(&mut self, _: u32, _: u32) -> Result<u8, Fault> {
        Err(Fault::Unmapped)
    }

    fn load16(&mut self, _: u32, _: u32) -> Result<u16, Fault> {
        Err(Fault::Unmapped)
    }

    fn load32(&mut self, _: u32, _: u32) -> Result<u32, Fault> {
        Err(Fault::Unmapped)
    }

    fn store8(&mut self, _: u32, _: u8, _: u32) -> Result<Stored, Fault> {
        Err(Fault::Unmapped)
    }

    fn store16(&mut self, _: u32, _: u16, _: u32) -> Result<Stored, Fault> {
        Err(Fault::Unmapped)
    }

    fn store32(&mut self, _: u32, _: u32, _: u32) -> Result<Stored, Fault> {
        Err(Fault::Unmapped)
    }

    fn check_store8(&self, _: u32) -> Result<(), Fault> {
        Err(Fault::Unmapped)
    }

    fn attention(&self) -> bool {
        false
    }

    fn code_version(&self, _: u32) -> u32 {
        0
    }

    fn code_state(&self) -> CodeState {
        CodeState { decodings: self.decodings, ..CodeState::default() }
    }

    fn note_decoded(&mut self, _: u32) -> u32 {
        0
    }

    fn code_memory(&self, _: u32) -> CodeMemory {
        self.kind
    }

    fn code_epoch(&self) -> u32 {
        0
    }
}

/// The block at an address and its instructions.
fn block(cache: &mut BlockCache<Bytes>, pc: u32, memory: &mut Memory) -> (Block<u32>, Vec<u8>) {
    let found: Result<u32, Absent<Fault>> = cache.follow(BlockCache::<Bytes>::NO_INSTRUCTION, pc, memory);
    let block = cache.block(found.expect("there is code")).clone();
    let instructions = cache.instructions(&block).to_vec();
    (block, instructions)
}

/// The end of the block at an address in a clone of `family`, whether it is cut, and the fetches that it took. It is what a cache without
/// clones decodes.
fn in_clone(family: &BlockCache<Bytes>, pc: u32, memory: &Memory) -> (u32, bool, usize) {
    let (mut clone, mut own, mut other) = (family.clone(), memory.clone(), memory.clone());
    own.fetches = 0;
    let (shared, instructions) = block(&mut clone, pc, &mut own);
    let (alone, expected) = block(&mut BlockCache::new(family.decoder.clone()), pc, &mut other);
    let data = |block: &Block<u32>| (block.start(), block.count, block.end, block.memory, block.cut, block.own);
    assert_eq!((data(&shared), instructions), (data(&alone), expected));
    (shared.end, shared.cut, own.fetches)
}

/// Code without an end for 10 bytes, and again from 16 on for 20.
fn code() -> Vec<u8> {
    let mut code: Vec<u8> = (1..=64).collect();
    (code[9], code[35]) = (END, END);
    code
}

#[test]
fn a_clone_takes_a_block_that_another_one_has_decoded() {
    let (family, memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 10));
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 0));
    assert_eq!(in_clone(&family.clone(), 0, &memory), (10, false, 0), "clones of clones are of the family");
    assert_eq!(in_clone(&family, 1, &memory), (10, false, 9), "within it another one begins");
}

#[test]
fn other_code_and_other_memory_are_decoded() {
    let (family, mut memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    in_clone(&family, 0, &memory);
    memory.bytes[8] = END;
    assert_eq!(in_clone(&family, 0, &memory), (9, false, 9));
    assert_eq!(in_clone(&family, 0, &memory), (9, false, 0));
    memory.kind = CodeMemory::Mapped;
    assert_eq!(in_clone(&family, 0, &memory), (9, false, 9));
    memory.bytes[8] = 9;
    memory.kind = CodeMemory::Writable;
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 0), "the first one is still there");
}

#[test]
fn a_block_ends_where_code_is_not_at_hand() {
    let (family, mut memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    assert_eq!(in_clone(&family, 16, &memory), (36, false, 20));
    memory.absent = LINE;
    assert_eq!(in_clone(&family, 16, &memory), (32, true, 16), "not the whole one");
    assert_eq!(in_clone(&family, 16, &memory), (32, true, 0));
    memory.absent = u32::MAX;
    assert_eq!(in_clone(&family, 16, &memory), (36, false, 0), "not the cut one");
}

#[test]
fn a_block_ends_where_the_decoder_says() {
    let (mut family, memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 10));
    family.decoder.stop = Some(4);
    assert_eq!(in_clone(&family, 0, &memory), (4, false, 4));
    assert_eq!(in_clone(&family, 0, &memory), (4, false, 0));
    for (stop, end, fetches) in [(Some(5), 5, 5), (Some(10), 10, 0), (Some(60), 10, 0), (None, 10, 0)] {
        family.decoder.stop = stop;
        assert_eq!(in_clone(&family, 0, &memory), (end, false, fetches), "{stop:?}");
    }
}

/// Sixteen are kept for an address; which code there is makes no difference.
#[test]
fn code_that_changes_without_end_is_not_kept_without_end() {
    let (family, mut memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    for value in 1..100 {
        memory.bytes[0] = value;
        assert_eq!(in_clone(&family, 0, &memory), (10, false, 10));
    }
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 10), "there was no room for it");
    memory.bytes[0] = 16;
    assert_eq!(in_clone(&family, 0, &memory), (10, false, 0));
}

/// More instructions than the pool keeps.
#[test]
fn the_pool_drops_what_it_has_once_it_is_full() {
    const LENGTH: usize = 150_000;
    let family = BlockCache::new(Bytes { stop: None });
    let mut memory = Memory::new((0..LENGTH).map(|index| (index % 15) as u8).collect());
    let mut clone = family.clone();
    for pc in (1..LENGTH - 16).step_by(15) {
        block(&mut clone, pc as u32, &mut memory);
    }
    assert_eq!(in_clone(&family, 1, &memory), (16, false, 15), "dropped");
    let last = (1..LENGTH - 16).step_by(15).next_back().unwrap_or_default() as u32;
    assert_eq!(in_clone(&family, last, &memory), (last + 15, false, 0));
}

/// The blocks that a clone has after it was given what there is at an address, and the fetches that it took.
fn then(clone: &mut BlockCache<Bytes>, pc: u32, memory: &Memory) -> (u32, usize, usize) {
    let mut own = Memory { fetches: 0, ..memory.clone() };
    clone.begin(&own);
    let (block, _) = block(clone, pc, &mut own);
    (block.end, clone.blocks_mut().count(), own.fetches)
}

fn clone_of(original: &BlockCache<Bytes>) -> BlockCache<Bytes> {
    let mut clone = original.clone();
    clone.cloned_with(CodeState::default());
    clone
}

#[test]
fn a_clone_goes_on_with_what_another_one_has_left() {
    let (mut original, memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    let mut first = clone_of(&original);
    assert_eq!(then(&mut first, 0, &memory), (10, 1, 10));
    assert_eq!(then(&mut first, 16, &memory), (36, 2, 20));
    first.leave(CodeState::default());
    let mut second = clone_of(&original);
    assert_eq!(then(&mut second, 16, &memory), (36, 2, 0), "both are there");
    assert_eq!(
        then(&mut clone_of(&original), 16, &memory),
        (36, 1, 0),
        "a third one at the same time has none of them"
    );
    second.leave(CodeState { writes: 1, ..CodeState::default() });
    assert_eq!(then(&mut clone_of(&original), 16, &memory), (36, 1, 0), "code has changed meanwhile");
    let mut other = original.clone();
    other.cloned_with(CodeState { epoch: 1, ..CodeState::default() });
    assert_eq!(then(&mut other, 16, &memory), (36, 1, 0), "the bus is not as it was");
    let mut last = clone_of(&original);
    then(&mut last, 0, &memory);
    last.leave(CodeState::default());
    original.begin(&memory);
    assert_eq!(then(&mut clone_of(&original), 16, &memory), (36, 1, 0), "the original has run");
}

/// The first of two cores has written other code where none had been decoded, and decoded that, before the second one begins.
#[test]
fn a_second_core_takes_over_no_code_that_may_have_been_written_first() {
    let (original, mut memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    let mut clone = clone_of(&original);
    assert_eq!(then(&mut clone, 0, &memory), (10, 1, 10));
    clone.leave(CodeState::default());
    memory.bytes[4] = END;
    memory.decodings = 1;
    assert_eq!(then(&mut clone_of(&original), 0, &memory).0, 5);
}

/// Code that the first clone has brought in is not at hand in the second one, though it takes over the blocks.
#[test]
fn blocks_that_are_taken_over_wait_for_their_code() {
    let (original, mut memory) = (BlockCache::new(Bytes { stop: None }), Memory::new(code()));
    memory.kind = CodeMemory::Mapped;
    let mut clone = clone_of(&original);
    then(&mut clone, 0, &memory);
    assert_eq!(then(&mut clone, 16, &memory), (36, 2, 20));
    clone.leave(CodeState::default());
    memory.absent = LINE;
    let mut clone = clone_of(&original);
    assert_eq!(then(&mut clone, 0, &memory), (10, 2, 0));
    assert_eq!(then(&mut clone, 16, &memory), (32, 2, 16), "the code behind it is missing");
    clone.leave(CodeState::default());
    let mut clone = clone_of(&original);
    assert_eq!(then(&mut clone, 0, &memory), (10, 2, 0));
    memory.absent = u32::MAX;
    assert_eq!(then(&mut clone, 16, &memory).0, 36);
    clone.leave(CodeState::default());
    memory.absent = LINE;
    let mut clone = clone_of(&original);
    then(&mut clone, 0, &memory);
    memory.absent = u32::MAX;
    assert_eq!(then(&mut clone, 16, &memory).2, 0, "it wakes once it is there");
}

#[test]
fn threads_share_a_pool() {
    let (family, memory) = (BlockCache::new(Bytes { stop: None }), Memory::new((0..4096).map(|at| at as u8).collect()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..4000).for_each(|pc| _ = in_clone(&family, pc, &memory)));
        }
    });
    // Where all of them found the pool busy, it is decoded once more.
    in_clone(&family, 7, &memory);
    assert_eq!(in_clone(&family, 7, &memory).2, 0);
}
