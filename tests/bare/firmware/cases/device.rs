//! A device that its driver turns off from the ISR to the end of the work item: a UART, say. While it is off it goes on to
//! receive, and says nothing of it.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::expect;

use crate::cases::ledger::Caller;

static ON: AtomicU32 = AtomicU32::new(0);
/// What it has received. Each that makes it receive writes a count of its own, because a vector may preempt another.
static RECEIVED: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
/// How much of that the driver has taken. Written with the object's lock held.
static TAKEN: AtomicU32 = AtomicU32::new(0);

pub(super) fn reset() {
    for count in RECEIVED.iter().chain([&TAKEN]) {
        count.store(0, Relaxed);
    }
    ON.store(1, Relaxed);
}

/// Something comes in. Returns whether the device asserts.
pub(super) fn receive(caller: Caller) -> bool {
    let count = &RECEIVED[caller as usize];
    count.store(count.load(Relaxed) + 1, Relaxed);
    ON.load(Relaxed) != 0
}

fn received() -> u32 {
    RECEIVED.iter().map(|count| count.load(Relaxed)).sum()
}

/// The ISR's part.
pub(super) fn silence() {
    ON.store(0, Relaxed);
}

/// The work item's part.
pub(super) fn take() {
    TAKEN.store(received(), Relaxed);
}

/// The unmask callback's part. Returns whether something has come in since.
pub(super) fn look_again() -> bool {
    ON.store(1, Relaxed);
    let more = received() != TAKEN.load(Relaxed);
    if more {
        silence();
    }
    more
}

/// At rest.
pub(super) fn check() {
    expect(ON.load(Relaxed) != 0, "the device is left off");
    expect(received() == TAKEN.load(Relaxed), "something received is left in the device");
}
