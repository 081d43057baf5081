//! What the crates `wdk-alloc` and `wdk-panic` give a driver of the kernel.

use core::alloc::{GlobalAlloc, Layout};

use wdk_sys::ntddk::{ExAllocatePool2, ExFreePool};

unsafe extern "C" {
    fn standin_panicked(message: *const u8, length: usize) -> !;
}

struct NonPagedPool;

// SAFETY: the stand-in's pool gives memory that is aligned to 16 bytes, and nothing of the driver wants more.
unsafe impl GlobalAlloc for NonPagedPool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.align() <= 16);
        // SAFETY: the stand-in checks the level.
        unsafe { ExAllocatePool2(0x40, layout.size(), u32::from_le_bytes(*b"tsuR")).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: as the caller promises.
        unsafe { ExFreePool(memory.cast()) }
    }
}

#[global_allocator]
static POOL: NonPagedPool = NonPagedPool;

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut line = Line { text: [0; 400], length: 0 };
    let _ = core::fmt::Write::write_fmt(&mut line, format_args!("{info}"));
    // SAFETY: so many bytes are there.
    unsafe { standin_panicked(line.text.as_ptr(), line.length) }
}

struct Line {
    text: [u8; 400],
    length: usize,
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, more: &str) -> core::fmt::Result {
        for byte in more.bytes().take(self.text.len() - self.length) {
            self.text[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// The precompiled `core` asks for it, since it was built to unwind. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
