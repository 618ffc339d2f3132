//! Memory of the guest that a core may touch without asking its bus: for code that is translated to the host's.

use crate::cache_lines::CacheLines;

/// A range of guest addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first address.
    pub base: u32,
    /// Bytes.
    pub size: u32,
}

impl Window {
    /// Where an access of `width` bytes at `address` lies in the window, if it does.
    pub fn offset(&self, address: u32, width: u32) -> Option<u32> {
        let offset = address.wrapping_sub(self.base);
        (u64::from(offset) + u64::from(width) <= u64::from(self.size)).then_some(offset)
    }
}

/// Bytes of one page of [`WindowLayout::paged`].
pub type Page = [u8; 0x1_0000];

/// Where the windows lie. Constant for a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowLayout {
    /// Memory that loads and stores of any width and alignment reach.
    pub data: Window,
    /// Offset in `data` from which on its pages have versions, because code can lie there. A multiple of
    /// [`CODE_PAGE`](crate::CODE_PAGE).
    pub versioned_from: u32,
    /// Where instructions are fetched from the start of `data`, if that is at other addresses.
    pub code: Window,
    /// Memory on an instruction bus: only whole words. Its pages have versions.
    pub words: Window,
    /// Memory that is read through a table of pages; at most 64 of them. Its size is a multiple of a page.
    pub paged: Window,
    /// Reads there need their line in the cache: in [`Windows::lines`].
    pub cached: bool,
    /// Registers of devices, of which translated code asks the [`Bus`](crate::Bus) for whole words. No code lies there.
    pub registers: Window,
}

/// The memory behind a [`WindowLayout`], but for its pages. A version that is odd belongs to a page that code was decoded from.
#[derive(Debug)]
pub struct Windows<'a> {
    /// The bytes of the data window.
    pub data: &'a mut [u8],
    /// The versions of its pages, from [`WindowLayout::versioned_from`] on.
    pub data_versions: &'a [u32],
    /// The bytes of the window of words.
    pub words: &'a [u8],
    /// The versions of its pages.
    pub word_versions: &'a [u32],
    /// Registers of peripherals that read as they did.
    pub steady: &'a SteadyWords,
    /// The lines that the core's cache holds.
    pub lines: &'a CacheLines,
}

/// A word of a register and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct SteadyWord {
    address: u32,
    value: u32,
}

/// Cached values of registers that stay the same until an event; reading one of these has no effect. There is one entry for each sixteen
/// neighbouring words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct SteadyWords([SteadyWord; SteadyWords::COUNT]);

impl SteadyWords {
    /// Number of entries, a power of two.
    pub const COUNT: usize = 16;
    /// None.
    pub const NONE: SteadyWords = {
        // Each place has the address of a word that does not belong there.
        let mut words = [SteadyWord { address: 0, value: 0 }; SteadyWords::COUNT];
        let mut index = 0;
        while index < SteadyWords::COUNT {
            words[index].address = 4 * (index as u32 + 1);
            index += 1;
        }
        SteadyWords(words)
    };

    fn place(address: u32) -> usize {
        (address / 4) as usize % SteadyWords::COUNT
    }

    /// The word at `address`, which is aligned, reads as `value` now.
    pub fn put(&mut self, address: u32, value: u32) {
        self.0[SteadyWords::place(address)] = SteadyWord { address, value };
    }

    /// Returns the cached value of the word at `address`.
    pub fn get(&self, address: u32) -> Option<u32> {
        let word = self.0[SteadyWords::place(address)];
        (word.address == address).then_some(word.value)
    }

    /// The first word: pairs of an address and a value.
    pub fn as_ptr(&self) -> *const u32 {
        self.0.as_ptr().cast()
    }
}
