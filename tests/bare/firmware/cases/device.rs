//! Two devices. One is turned off from the ISR to the end of the work item: a UART, say. While it is off it goes on to receive,
//! and says nothing of it. The other has a level line: it asserts until its ISR has answered.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::{expect, pend_second, violation};

use crate::cases::ledger::Caller;

static ON: AtomicU32 = AtomicU32::new(0);
/// What it has received. Each that makes it receive writes a count of its own, because a vector may preempt another.
static RECEIVED: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
/// How much of that the driver has taken. Written with the object's lock held.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// The line asserts.
static LEVEL: AtomicU32 = AtomicU32::new(0);

/// So often a level line enters its vector before something ends that.
const LIVELOCK: u32 = 100;

/// The line is asserted, and enters its vector as long as it is, unless it is masked.
pub(super) fn hold_line(masked: impl Fn() -> bool, vector: impl Fn()) {
    LEVEL.store(1, Relaxed);
    for _ in 0..LIVELOCK {
        if LEVEL.load(Relaxed) == 0 || masked() {
            return;
        }
        vector();
    }
    LEVEL.store(0, Relaxed);
    violation("a level line enters its vector for ever");
}

/// What unmasks the line calls this: if it is asserted, it enters its vector.
#[allow(dead_code, reason = "not every object unmasks a line")]
pub fn line_is_unmasked() {
    if LEVEL.load(Relaxed) != 0 {
        pend_second();
    }
}

/// The ISR's part.
pub(super) fn release_line() {
    LEVEL.store(0, Relaxed);
}

/// At rest.
pub(super) fn check_line() {
    expect(LEVEL.load(Relaxed) == 0, "nobody has answered the level line");
}

pub(super) fn reset() {
    release_line();
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
