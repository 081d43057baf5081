//! What the firmwares of this folder have in common: how they print, and how they end.
#![no_std]

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_semihosting::{debug, nr, syscall1};

/// Prints a line.
pub fn say(line: fmt::Arguments<'_>) {
    // It never fails.
    let _ = Console.write_fmt(format_args!("{line}\n"));
}

/// Has SysTick interrupt after so many cycles, and again and again. An instruction takes some three cycles here, so a vector
/// that makes it another number each time comes at all instructions of what runs after it.
pub fn tick_after(cycles: u32) {
    write(SYSTICK + 4, cycles - 1);
    write(SYSTICK + 8, 0);
    write(SYSTICK, 0b111);
}

/// Stops it.
pub fn tick_never() {
    write(SYSTICK, 0);
    // What it has asserted is gone, too.
    write(0xe000_ed04, 1 << 25);
}

const SYSTICK: usize = 0xe000_e010;

fn write(register: usize, value: u32) {
    // SAFETY: it is a register of the processor, and has nothing to do with memory.
    unsafe { (register as *mut u32).write_volatile(value) }
}

/// Ends the emulator: the firmware has found nothing wrong, and says what it has seen.
pub fn passed(seen: fmt::Arguments<'_>) -> ! {
    end(format_args!("passed: {seen}"), debug::EXIT_SUCCESS)
}

/// A panic is a failed check.
#[panic_handler]
fn failed(panic: &PanicInfo<'_>) -> ! {
    end(format_args!("failed: {panic}"), debug::EXIT_FAILURE)
}

fn end(said: fmt::Arguments<'_>, status: debug::ExitStatus) -> ! {
    say(said);
    loop {
        debug::exit(status);
    }
}

/// The emulator's.
struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: this call reads one byte at the address.
            unsafe { syscall1(nr::WRITEC, (&raw const byte).addr()) };
        }
        Ok(())
    }
}
