//! What QEMU does for the firmware: print, tell the arguments, exit.

use core::fmt::{self, Write};

const WRITE0: usize = 0x04;
const GET_CMDLINE: usize = 0x15;
const EXIT_EXTENDED: usize = 0x20;
const APPLICATION_EXIT: usize = 0x20026;

/// One call of the host.
fn call(operation: usize, argument: *const ()) -> usize {
    let result;
    // SAFETY: QEMU takes the instruction for a call; each caller gives the argument that its operation asks for.
    #[cfg(target_arch = "arm")]
    unsafe {
        core::arch::asm!("bkpt 0xab", inout("r0") operation => result, in("r1") argument);
    }
    // SAFETY: as above. QEMU knows the call by the two instructions around it, which do nothing.
    #[cfg(not(target_arch = "arm"))]
    unsafe {
        core::arch::asm!(
            ".option push",
            ".option norvc",
            ".balign 16",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") argument,
        );
    }
    result
}

/// What is printed, a piece at a time: the host takes texts that end with a zero.
struct Out {
    text: [u8; 120],
    length: usize,
}

impl Out {
    fn flush(&mut self) {
        self.text[self.length] = 0;
        call(WRITE0, self.text.as_ptr().cast());
        self.length = 0;
    }
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.length == self.text.len() - 1 {
                self.flush();
            }
            self.text[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Prints.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = Out { text: [0; 120], length: 0 };
    // It never fails.
    let _ = out.write_fmt(text);
    out.flush();
}

/// Ends the emulator with this status.
pub fn exit(status: usize) -> ! {
    let arguments = [APPLICATION_EXIT, status];
    loop {
        call(EXIT_EXTENDED, arguments.as_ptr().cast());
    }
}

/// Gives `then` the words that `run` was called with.
pub(crate) fn with_arguments<R>(then: impl FnOnce(&str) -> R) -> R {
    let mut text = [0; 200];
    let mut block = [text.as_mut_ptr().addr(), text.len()];
    let failed = call(GET_CMDLINE, block.as_mut_ptr().cast()) != 0;
    // The host has written the text behind the compiler's back.
    core::hint::black_box((&mut text, &mut block));
    let length = if failed { 0 } else { block[1] };
    then(core::str::from_utf8(&text[..length]).unwrap_or(""))
}
