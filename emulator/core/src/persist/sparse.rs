//! Memories: what a page of one value holds is not written.

use super::{Damaged, Load, Persist, Reader, Writer};

/// The elements that are left out as a whole.
const PAGE: usize = 4096;

/// Appends a memory. Of a page that has `empty` in each byte, only that is written.
pub fn save_sparse(memory: &[u8], empty: u8, to: &mut Writer) {
    to.length(memory.len());
    for page in memory.chunks(PAGE) {
        let has_content = page.iter().any(|byte| *byte != empty);
        has_content.save(to);
        if has_content {
            to.bytes(page);
        }
    }
}

/// Restores a memory of the same size.
///
/// # Errors
/// If the bytes are damaged, or of a memory of another size.
pub fn restore_sparse(memory: &mut [u8], empty: u8, from: &mut Reader<'_>) -> Result<(), Damaged> {
    from.fixed_length(memory.len())?;
    for page in memory.chunks_mut(PAGE) {
        match bool::load(from)? {
            true => u8::restore_all(page, from)?,
            false => page.fill(empty),
        }
    }
    Ok(())
}
