//! The vector table of the guide's UART, and what looks at it from outside.

#[path = "../../../../src/guide/bare_metal/uart.rs"]
mod uart;

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::asm::delay;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::{entry, exception};
use lm3s6965::{Interrupt, interrupt};

use interrupt_lock::State;

const UART0: usize = 0x4000_c000;

static ENTRIES: AtomicU32 = AtomicU32::new(0);
static FOUND_MASKED: AtomicU32 = AtomicU32::new(0);

#[interrupt]
fn UART0() {
    ENTRIES.store(ENTRIES.load(Relaxed) + 1, Relaxed);
    uart::uart0();
}

#[exception]
fn PendSV() {
    // A slow work item: until the ring is full a few times, and later for a while every now and then.
    let found = FOUND_MASKED.load(Relaxed);
    if found < 8 {
        while NVIC::is_enabled(Interrupt::UART0) {}
    } else if ENTRIES.load(Relaxed) % 64 > 48 {
        delay(3_000);
    }
    FOUND_MASKED.store(found + u32::from(!NVIC::is_enabled(Interrupt::UART0)), Relaxed);
    uart::pend_sv();
}

#[entry]
fn main() -> ! {
    // The board: eight bits, with FIFOs. (An emulated UART has no baud rate.)
    write(UART0 + 0x2c, 0x70);
    uart::main_loop().expect("the UART works");

    assert_eq!(uart::UART.state(), State::Disabled);
    assert!(!NVIC::is_enabled(Interrupt::UART0), "the line is open");
    assert_eq!(read(UART0 + 0x30), 0, "the receiver is on");
    assert_eq!(read(0x400f_e104) & 1, 0, "the clock runs");
    let overruns = uart::UART.synchronize(|received| received.overruns);
    assert_eq!(overruns, 0, "overruns");

    let entries = ENTRIES.load(Relaxed);
    // `run` feeds more as it reads this. The emulated device takes it, on or off.
    check::say(format_args!("disabled"));
    while read(UART0 + 0x18) & 1 << 4 != 0 {}
    delay(100_000);
    assert_eq!(ENTRIES.load(Relaxed), entries, "the receiver still interrupts");

    let found = FOUND_MASKED.load(Relaxed);
    check::passed(format_args!("{entries} interrupts, {overruns} overruns, the line found masked {found} times"))
}

fn read(register: usize) -> u32 {
    // SAFETY: it is a register of the board's.
    unsafe { (register as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: it is a register of the board's, and has nothing to do with memory.
    unsafe { (register as *mut u32).write_volatile(value) }
}
