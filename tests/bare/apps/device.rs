//! The sensor of the guide's pages on RTIC and embassy: SysTick stands for it. It keeps account of what it has measured, and
//! of what has come out at the other end.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// So many measurements follow one another at once.
const FAST: u32 = 15_000;
/// Each of the others waits until the one before has arrived. If a wake-up is lost, the program stands still.
const ALL: u32 = 20_000;

static MEASUREMENTS: AtomicU32 = AtomicU32::new(0);
static MEASURED: AtomicU32 = AtomicU32::new(0);
static ARRIVED: AtomicU32 = AtomicU32::new(0);

// One writer each.
fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Another time for each measurement, so that they come at all instructions of the program.
fn arm() {
    check::tick_after(100 + MEASUREMENTS.load(Relaxed) % 1_201);
}

/// Starts it.
pub fn start() {
    arm();
}

/// Returns what it measures: something else each time.
pub fn measure() -> u32 {
    add(&MEASUREMENTS, 1);
    let number = MEASUREMENTS.load(Relaxed);
    if number < FAST {
        arm()
    } else {
        check::tick_never()
    }
    let sample = number % 13 + 1;
    add(&MEASURED, sample);
    sample
}

/// Returns the sum of all that it has measured.
pub fn measured() -> u32 {
    MEASURED.load(Relaxed)
}

/// Takes what has come out. Returns whether that is all that has been measured.
pub fn arrived(more: u32) -> bool {
    add(&ARRIVED, more);
    ARRIVED.load(Relaxed) == measured()
}

/// All that has been measured has arrived. Lets it measure again, or ends the program, which has done well.
pub fn next() {
    let number = MEASUREMENTS.load(Relaxed);
    if number == ALL {
        check::passed(format_args!("{ALL} measurements, and their sum {} has arrived", measured()));
    }
    if number >= FAST {
        arm();
    }
}
