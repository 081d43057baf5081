//! Violations, and the totals that `run` looks for.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::semihosting::exit;
use crate::{known, print, sweep};

/// How many violations of one sweep are printed. All are counted.
const PRINTED: u32 = 3;

static VIOLATIONS: AtomicU32 = AtomicU32::new(0);
static SWEEPS: AtomicU32 = AtomicU32::new(0);
static SHOTS: AtomicU32 = AtomicU32::new(0);
static PREEMPTIONS: AtomicU32 = AtomicU32::new(0);

/// Adds to a count. Two machines of the laboratory have no read-modify-write.
pub(crate) fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Counts a violation, and says what it was if it is one of the first of its sweep.
#[cold]
pub fn violation(what: &str) {
    if known::is_known(what) {
        return;
    }
    add(&VIOLATIONS, 1);
    if sweep::count_violation() <= PRINTED {
        let (name, delay) = sweep::now();
        print!("  violation, {name}, delay {delay}: {what}\n");
    }
}

/// Counts a violation unless `holds`.
pub fn expect(holds: bool, what: &str) {
    if !holds {
        violation(what);
    }
}

/// Adds a sweep to the totals.
pub fn add_sweep(shots: u32, preemptions: u32) {
    add(&SWEEPS, 1);
    add(&SHOTS, shots);
    add(&PREEMPTIONS, preemptions);
}

/// Prints the totals and ends the emulator. Fails if there was a violation, or if all sweeps together have preempted
/// nothing.
pub fn finish(firmware: &str) -> ! {
    known::finish();
    let [sweeps, shots, preemptions, violations] =
        [&SWEEPS, &SHOTS, &PREEMPTIONS, &VIOLATIONS].map(|count| count.load(Relaxed));
    print!(
        "total {firmware}: {sweeps} sweeps, {shots} shots, {preemptions} preemptions, {violations} violations, {} known\n",
        known::count(),
    );
    exit(usize::from(violations != 0 || (preemptions == 0 && !sweep::is_part())));
}

/// Ends the emulator for something after which the firmware can't go on.
#[cold]
pub(crate) fn fatal(what: &str) -> ! {
    let (name, delay) = sweep::now();
    print!("fatal, {name}, delay {delay}: {what}\n");
    exit(2)
}

#[panic_handler]
fn panicked(panic: &PanicInfo<'_>) -> ! {
    let (name, delay) = sweep::now();
    print!("{panic}\n  in {name}, delay {delay}\n");
    exit(2)
}
