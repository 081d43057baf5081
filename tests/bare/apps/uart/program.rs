//! The vector table of the guide's UART, and what looks at it from outside.

#[path = "../../../../src/guide/bare_metal/uart.rs"]
mod uart;

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cortex_m::asm::delay;
use cortex_m::peripheral::{NVIC, Peripherals};
use cortex_m::register::basepri;
use cortex_m_rt::{entry, exception};
use lm3s6965::{Interrupt, interrupt};

use interrupt_lock::State;

const UART0: usize = 0x4000_c000;

/// The priority of UART0. SysTick is more urgent.
const PRIORITY: u8 = 0x80;
/// How often the ring has to be full, first of all.
const FULL: u32 = 8;
/// How often after that the vector of UART0 preempts the work item, at another instruction each time.
const SHOTS: u32 = 256;
const LAST: u32 = FULL + SHOTS;

static ENTRIES: AtomicU32 = AtomicU32::new(0);
static RUNS: AtomicU32 = AtomicU32::new(0);
static HITS: AtomicU32 = AtomicU32::new(0);

fn add(count: &AtomicU32) -> u32 {
    let before = count.load(Relaxed);
    count.store(before + 1, Relaxed);
    before
}

#[interrupt]
fn UART0() {
    add(&ENTRIES);
    uart::uart0();
}

#[exception]
fn PendSV() {
    match add(&RUNS) {
        // Until the vector has filled the ring.
        ..FULL => while NVIC::is_enabled(Interrupt::UART0) {},
        // Until there is something to receive, and then a little longer.
        run @ ..LAST => {
            hold_back(PRIORITY);
            while read(UART0 + 0x18) & 1 << 4 != 0 {}
            check::tick_after(20 + 3 * (run - FULL));
        }
        // `run` feeds it until it reads this.
        LAST => check::say(format_args!("swept")),
        _ => {}
    }
    uart::pend_sv();
    check::tick_never();
    hold_back(0);
}

#[exception]
fn SysTick() {
    check::tick_never();
    add(&HITS);
    // The vector of UART0 comes as this one returns.
    hold_back(0);
}

/// Holds back the vectors of this priority and below it; 0: none.
fn hold_back(priority: u8) {
    // SAFETY: the UART's machine does not use BASEPRI.
    unsafe { basepri::write(priority) };
}

#[entry]
fn main() -> ! {
    // The board: eight bits, with FIFOs. (An emulated UART has no baud rate.)
    write(UART0 + 0x2c, 0x70);
    let mut core = Peripherals::take().expect("main runs once");
    // SAFETY: no section is open.
    unsafe { core.NVIC.set_priority(Interrupt::UART0, PRIORITY) };
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

    let (runs, hits) = (RUNS.load(Relaxed), HITS.load(Relaxed));
    assert!(runs > LAST, "the work item has run {runs} times");
    check::passed(format_args!("{entries} interrupts, {hits} at chosen instructions, {runs} runs, {overruns} overruns"))
}

fn read(register: usize) -> u32 {
    // SAFETY: it is a register of the board's.
    unsafe { (register as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: it is a register of the board's, and has nothing to do with memory.
    unsafe { (register as *mut u32).write_volatile(value) }
}
