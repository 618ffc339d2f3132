//! The 32-byte RAM behind each direction of the controller, as a FIFO and as plain memory.

/// Bytes in each RAM.
pub(super) const DEPTH: usize = 32;

/// One RAM with its read and write position.
#[derive(Clone, Debug, Default)]
pub(super) struct Fifo {
    ram: [u8; DEPTH],
    start: usize,
    len: usize,
}

espalier_core::persist!(value Fifo { ram, start, len } if Fifo::is_sound;);

impl Fifo {
    fn is_sound(&self) -> bool {
        self.start < DEPTH && self.len <= DEPTH
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Position of the next byte that comes out.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Position of the next byte that goes in.
    pub(super) fn end(&self) -> usize {
        (self.start + self.len) % DEPTH
    }

    /// Adds a byte; false if there is no room.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        if self.len == DEPTH {
            return false;
        }
        let end = self.end();
        self.ram[end] = byte;
        self.len += 1;
        true
    }

    pub(super) fn pop(&mut self) -> Option<u8> {
        let byte = self.ram[self.start];
        self.len = self.len.checked_sub(1)?;
        self.start = (self.start + 1) % DEPTH;
        Some(byte)
    }

    /// The byte at the read position, whether or not it was written since the last reset.
    pub(super) fn stale(&self) -> u8 {
        self.ram[self.start]
    }

    /// Moves past one byte of the RAM without regard to the FIFO's count, and returns it.
    pub(super) fn step_over(&mut self) -> u8 {
        let byte = self.ram[self.start];
        self.start = (self.start + 1) % DEPTH;
        byte
    }

    /// Stores a byte at the position that [`step_over`](Fifo::step_over) would read and moves past it.
    pub(super) fn step_into(&mut self, byte: u8) {
        self.ram[self.start] = byte;
        self.start = (self.start + 1) % DEPTH;
    }

    /// Moves to this place of the RAM.
    pub(super) fn seek(&mut self, place: u8) {
        self.start = usize::from(place) % DEPTH;
    }

    pub(super) fn ram(&self, index: usize) -> u8 {
        self.ram[index % DEPTH]
    }

    pub(super) fn set_ram(&mut self, index: usize, byte: u8) {
        self.ram[index % DEPTH] = byte;
    }

    /// Empties the FIFO; the RAM keeps its bytes.
    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.len = 0;
    }
}
