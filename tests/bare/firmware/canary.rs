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
    let lost = LOST.load(Relaxed);
    let hit: u32 = SEEN.iter().map(|seen| (seen.load(Relaxed) & 0b1_1110).count_ones()).sum();
    print!("unprotected: {lost} updates lost; 32 places between two instructions: {hit} hit\n");
    expect(lost != 0, "the laboratory is blind: an unprotected counter has lost nothing");
    expect(hit == 32, "the timer passes over instructions");
    for setting in SETTINGS.iter().filter(|setting| setting.name != NO_MASK.name && setting.name != "basepri-above") {
        sweep_all(setting, MASKED);
    }
    harness::finish("canary");
}

static COUNT: AtomicU32 = AtomicU32::new(0);
static LOST: AtomicU32 = AtomicU32::new(0);
/// Each goes from 0 to 5, by instructions that follow one another.
static MARKS: [AtomicU32; 8] = [const { AtomicU32::new(0) }; 8];
/// What each was as the vector came, a bit for each value.
static SEEN: [AtomicU32; 8] = [const { AtomicU32::new(0) }; 8];

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
        every_pair: false,
    },
    Case {
        name: "resolution",
        prepare: || MARKS.iter().for_each(|mark| mark.store(0, Relaxed)),
        operation: || MARKS.iter().for_each(|mark| machine::count_in(mark.as_ptr())),
        check: || {},
        first: || {
            for (seen, mark) in SEEN.iter().zip(&MARKS) {
                seen.store(seen.load(Relaxed) | 1 << mark.load(Relaxed), Relaxed);
            }
        },
        seconds: &[],
        every_pair: false,
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
    every_pair: false,
}];
