//! The heap: what `.data`, `.bss` and stack leave of the data RAM.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;

struct Allocator(UnsafeCell<Heap>);

// SAFETY: only the PRO CPU runs, and its interrupt handler does not run Rust, so there is one thread.
unsafe impl Sync for Allocator {}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator(UnsafeCell::new(Heap::empty()));

unsafe extern "C" {
    /// From the linker script: the end addresses of the heap.
    static mut _heap_start: u8;
    static _heap_end: u8;
}

/// Gives the allocator its memory. To be called once, before anything is allocated.
pub fn start() {
    let bottom = &raw mut _heap_start;
    let size = (&raw const _heap_end).addr() - bottom.addr();
    // SAFETY: the linker script keeps this memory free of everything else, and nothing was allocated yet.
    unsafe { (*ALLOCATOR.0.get()).init(bottom, size) }
}

// SAFETY: the heap hands out disjoint blocks of the memory that it was given; there is one thread (above).
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference to the heap exists, as nothing here calls back.
        let heap = unsafe { &mut *self.0.get() };
        heap.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the caller gives back a block that `alloc` returned, which is not null.
        unsafe { (*self.0.get()).deallocate(NonNull::new_unchecked(block), layout) }
    }
}
