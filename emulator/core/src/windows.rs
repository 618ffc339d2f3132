//! Memory of the guest that a core may touch without asking its bus: for code that is translated to the host's.

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
    /// Memory on an instruction bus: only whole words. Its pages have versions.
    pub words: Window,
    /// Memory that is read through a table of pages; at most 64 of them. Its size is a multiple of a page.
    pub paged: Window,
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
}
