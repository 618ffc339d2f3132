//! Descriptors of the DMA (TRM, sections "Transmit Descriptors" and "Receive Descriptors"): four words with status, sizes and two addresses, and
//! four more that only count as distance.

use espalier_core::{DmaFault, Field, GuestMemory};

/// In the first word: the DMA may use it; cleared, it is the software's.
pub(super) const OWN: u32 = 1 << 31;

/// The first word of a transmit descriptor, TDES0.
pub(super) mod tx {
    use espalier_core::Field;

    pub(crate) const INTERRUPT: u32 = 1 << 30;
    pub(crate) const LAST: u32 = 1 << 29;
    pub(crate) const FIRST: u32 = 1 << 28;
    /// Software brings the check sequence.
    pub(crate) const NO_CRC: u32 = 1 << 27;
    pub(crate) const NO_PADDING: u32 = 1 << 26;
    pub(crate) const CHECKSUM: Field = Field::new("CIC", 22, 23);
    pub(crate) const END_OF_RING: u32 = 1 << 21;
    pub(crate) const CHAINED: u32 = 1 << 20;
    /// The bits that the DMA writes.
    pub(crate) const STATUS: u32 = 0x3_FFFF;
}

/// The first word of a receive descriptor, RDES0.
pub(super) mod rx {
    use espalier_core::Field;

    pub(crate) const FILTER_FAILED: u32 = 1 << 30;
    pub(crate) const LENGTH: Field = Field::new("FL", 16, 29);
    pub(crate) const ERRORS: u32 = 1 << 15;
    /// The frame did not fit into the buffers that there were.
    pub(crate) const CUT: u32 = 1 << 14;
    pub(crate) const FIRST: u32 = 1 << 9;
    pub(crate) const LAST: u32 = 1 << 8;
    /// It has a type, not a length.
    pub(crate) const TYPED: u32 = 1 << 5;
}

/// The second word of a receive descriptor, RDES1.
mod rdes1 {
    pub(super) const NO_INTERRUPT: u32 = 1 << 31;
    pub(super) const END_OF_RING: u32 = 1 << 15;
    pub(super) const CHAINED: u32 = 1 << 14;
}

/// The sizes of the two buffers, in the second word.
const SIZE_1: Field = Field::new("BS1", 0, 12);
const SIZE_2: Field = Field::new("BS2", 16, 28);

/// The place of a descriptor in its list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Follows {
    /// The next one lies at this address.
    Chained(u32),
    /// It is the last one of a ring.
    First,
    /// The next one lies behind it.
    Beside,
}

/// A descriptor as it lies in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub address: u32,
    pub status: u32,
    pub follows: Follows,
    /// Addresses and sizes of its buffers.
    pub buffers: [(u32, u32); 2],
    /// An end of a frame in it is told.
    pub interrupts: bool,
}

impl Descriptor {
    fn read(
        address: u32,
        memory: &mut dyn GuestMemory,
        follows: impl Fn(u32, u32) -> (bool, bool),
    ) -> Result<Descriptor, DmaFault> {
        let mut words = [0; 4];
        for (word, place) in words.iter_mut().zip([0, 4, 8, 12]) {
            *word = memory.read_u32(address.wrapping_add(place))?;
        }
        let [status, sizes, first, second] = words;
        let (chained, end) = follows(status, sizes);
        let second_size = if chained { 0 } else { SIZE_2.get(sizes) };
        Ok(Descriptor {
            address,
            status,
            follows: match (chained, end) {
                (_, true) => Follows::First,
                (true, _) => Follows::Chained(second),
                _ => Follows::Beside,
            },
            buffers: [(first, SIZE_1.get(sizes)), (second, second_size)],
            interrupts: sizes & rdes1::NO_INTERRUPT == 0,
        })
    }

    pub fn transmit(address: u32, memory: &mut dyn GuestMemory) -> Result<Descriptor, DmaFault> {
        Descriptor::read(address, memory, |status, _| (status & tx::CHAINED != 0, status & tx::END_OF_RING != 0))
    }

    pub fn receive(address: u32, memory: &mut dyn GuestMemory) -> Result<Descriptor, DmaFault> {
        Descriptor::read(address, memory, |_, sizes| (sizes & rdes1::CHAINED != 0, sizes & rdes1::END_OF_RING != 0))
    }

    pub fn is_ours(&self) -> bool {
        self.status & OWN != 0
    }
}
