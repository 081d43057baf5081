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
    }
    harness::finish("single");
}

fn sweep<S: Lined>(setting: &'static Setting) {
    for cases in Cases::<S>::ALL.iter().chain([&Cases::<S>::LINE]) {
        sweep_all(setting, cases);
    }
}
