//! The object of the common core, under all cases.
#![no_std]
#![no_main]

#[path = "../cases/mod.rs"]
mod cases;
mod known;
mod object;

use harness::machine::{SETTINGS, Setting};
use harness::{firmware, sweep_all};

use cases::Cases;
use object::Object;

firmware!(main);

fn main() {
    harness::expect_known(known::KNOWN);
    for setting in SETTINGS {
        b6_sweep(setting);
    }
    harness::finish("common");
}

/// All cases, also on the machines without compare-exchange.
// Caught: the facade's own atomics on those machines (it does not compile).
fn b6_sweep(setting: &'static Setting) {
    for cases in Cases::<Object>::ALL.iter().chain([&Cases::<Object>::WHOLE]) {
        sweep_all(setting, cases);
    }
}
