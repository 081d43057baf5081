//! The object for one core, under the cases of all machines: one object type for each mask.
#![no_std]
#![no_main]

#[path = "../cases/mod.rs"]
mod cases;
mod object;

use harness::machine::{Mask, SETTINGS, Setting};
use harness::{firmware, sweep_all};

use cases::Cases;
use cases::subject::Lined;
use object::{All, Ceiling, Unmasked};

firmware!(main);

fn main() {
    for setting in SETTINGS {
        match setting.mask {
            Mask::Nothing => sweep::<Unmasked>(setting),
            Mask::All => sweep::<All>(setting),
            Mask::Ceiling => sweep::<Ceiling>(setting),
        }
        sweep_all(
            setting,
            match setting.mask {
                Mask::Nothing => Cases::<Unmasked>::PUT_OFF,
                Mask::All => Cases::<All>::PUT_OFF,
                Mask::Ceiling => Cases::<Ceiling>::PUT_OFF,
            },
        );
        match setting.mask {
            Mask::Nothing => sweep_all(setting, Cases::<Unmasked>::DISABLED),
            Mask::All => sweep_all(setting, Cases::<All>::DISABLED),
            // A vector above the ceiling would flush the work item with the mask of what it has interrupted.
            Mask::Ceiling => {}
        }
    }
    harness::finish("single");
}

fn sweep<S: Lined>(setting: &'static Setting) {
    for cases in Cases::<S>::ALL.iter().chain([&Cases::<S>::LINE]) {
        sweep_all(setting, cases);
    }
}
