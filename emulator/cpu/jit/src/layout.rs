//! What translated code knows of the guest's memory when it is made, and what [`Engine::run`](crate::Engine::run) checks.

use espalier_core::{WindowLayout, Windows};

/// True if the memory that is lent is what code for `layout` may touch.
pub(crate) fn fits(layout: &WindowLayout, windows: &Windows<'_>) -> bool {
    windows.data.len() == layout.data.size as usize
        && windows.words.len() == layout.words.size as usize
        && windows.data_versions.len() >= versioned_pages(layout)
        && windows.word_versions.len() >= (layout.words.size as usize).div_ceil(PAGE)
}

const PAGE: usize = espalier_core::CODE_PAGE as usize;

/// Pages of the data window that have a version.
pub(crate) fn versioned_pages(layout: &WindowLayout) -> usize {
    (layout.data.size.saturating_sub(layout.versioned_from) as usize).div_ceil(PAGE)
}
