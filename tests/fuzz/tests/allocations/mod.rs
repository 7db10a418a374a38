//! An allocator that knows how much each thread holds, so that a test can see what a decoder took.

// The trait of allocators is unsafe to implement; every call is handed on to the system's as it came.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    /// Bytes that this thread holds more than when measuring began, and the most it held.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// Runs `work`, and says the most bytes that it held at once on this thread.
pub fn peak_bytes_during<T>(work: impl FnOnce() -> T) -> (T, usize) {
    HELD.set((0, 0));
    let result = work();
    let (_, peak) = HELD.get();
    (result, peak.unsigned_abs())
}

fn count(bytes: isize) {
    let (held, peak) = HELD.get();
    let held = held + bytes;
    HELD.set((held, peak.max(held)));
}

// SAFETY: layouts and pointers are passed to `System` unchanged, and counting neither allocates nor
// panics: the thread-local is constant-initialised and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}
