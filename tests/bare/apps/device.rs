//! The sensor of the guide's pages on RTIC and embassy: SysTick stands for it. It keeps account of what it has measured, and
//! of what has come out at the other end.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

const SLOW: u32 = 15_000;
const TICKS: u32 = 20_000;
/// How often the program may look for what is still under way after the last tick.
const PATIENCE: u32 = 1_000;

static MEASUREMENTS: AtomicU32 = AtomicU32::new(0);
static MEASURED: AtomicU32 = AtomicU32::new(0);
static ARRIVED: AtomicU32 = AtomicU32::new(0);
static LOOKS: AtomicU32 = AtomicU32::new(0);

// One writer each.
fn add(count: &AtomicU32, more: u32) -> u32 {
    let sum = count.load(Relaxed).wrapping_add(more);
    count.store(sum, Relaxed);
    sum
}

/// Starts it.
pub fn start() {
    check::tick_after(100);
}

/// Returns what it measures: something else each time. After the last time it is quiet.
pub fn measure() -> u32 {
    let number = add(&MEASUREMENTS, 1);
    match number {
        TICKS => check::tick_never(),
        // From here on it leaves the program time to sleep.
        SLOW.. => check::tick_after(5_000),
        _ => check::tick_after(100 + number % 1_201),
    }
    let measured = number % 13 + 1;
    add(&MEASURED, measured);
    measured
}

/// Takes what has come out. Returns whether that is all there will be. Panics if something is missing for too long.
pub fn arrived(more: u32) -> bool {
    let arrived = add(&ARRIVED, more);
    if MEASUREMENTS.load(Relaxed) < TICKS {
        return false;
    }
    if arrived != measured() {
        assert!(add(&LOOKS, 1) < PATIENCE, "of {} that were measured {arrived} have arrived", measured());
    }
    arrived == measured()
}

/// Returns the sum of all that it has measured.
pub fn measured() -> u32 {
    MEASURED.load(Relaxed)
}

/// Ends the program, which has done well.
pub fn passed() -> ! {
    let (times, sum) = (MEASUREMENTS.load(Relaxed), measured());
    check::passed(format_args!("{times} measurements, and their sum {sum} has arrived"))
}
