//! Arithmetic on where the guest's memory lies.

use espalier_core::{CODE_PAGE, WindowLayout};

/// Pages of the data window that have a version.
pub(crate) fn versioned_pages(layout: &WindowLayout) -> u32 {
    layout.data.size.saturating_sub(layout.versioned_from).div_ceil(CODE_PAGE)
}

/// Pages of the window of words.
pub(crate) fn word_pages(layout: &WindowLayout) -> u32 {
    layout.words.size.div_ceil(CODE_PAGE)
}
