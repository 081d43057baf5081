//! Whether the laboratory sees: an unprotected counter must lose updates, a masked one none, and no instruction may be
//! passed over.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::machine::{self, NO_MASK, SETTINGS};
use harness::{Case, entries, expect, firmware, print, sweep_all};

firmware!(main);

fn main() {
    sweep_all(&NO_MASK, CANARIES);
    let (lost, seen) = (LOST.load(Relaxed), SEEN.load(Relaxed));
    print!("unprotected: {lost} updates lost; five instructions in a row: seen {seen:#b}\n");
    expect(lost != 0, "the laboratory is blind: an unprotected counter has lost nothing");
    expect(seen == 0b11_1111, "the timer passes over instructions");
    for setting in SETTINGS.iter().filter(|setting| setting.name != NO_MASK.name && setting.name != "basepri-above") {
        sweep_all(setting, MASKED);
    }
    harness::finish("canary");
}

static COUNT: AtomicU32 = AtomicU32::new(0);
static LOST: AtomicU32 = AtomicU32::new(0);
/// What `MARK` was as the vector came, a bit for each value.
static SEEN: AtomicU32 = AtomicU32::new(0);
static MARK: AtomicU32 = AtomicU32::new(0);

fn count() {
    COUNT.store(COUNT.load(Relaxed) + 1, Relaxed);
}

fn lost() -> u32 {
    1 + entries() - COUNT.load(Relaxed)
}

static CANARIES: &[Case] = &[
    Case {
        name: "unprotected",
        prepare: || COUNT.store(0, Relaxed),
        operation: count,
        check: || LOST.store(LOST.load(Relaxed) + lost(), Relaxed),
        first: count,
        seconds: &[],
    },
    Case {
        name: "resolution",
        prepare: || MARK.store(0, Relaxed),
        operation: || machine::count_in(MARK.as_ptr()),
        check: || {},
        first: || SEEN.store(SEEN.load(Relaxed) | 1 << MARK.load(Relaxed), Relaxed),
        seconds: &[],
    },
];

static MASKED: &[Case] = &[Case {
    name: "masked",
    prepare: || COUNT.store(0, Relaxed),
    operation: || {
        let was_open = machine::mask();
        count();
        if was_open {
            machine::unmask();
        }
    },
    check: || expect(lost() == 0, "a masked counter has lost an update"),
    first: count,
    seconds: &[],
}];
