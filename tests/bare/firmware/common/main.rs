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
        sweep(setting);
    }
    harness::finish("common");
}

fn sweep(setting: &'static Setting) {
    for cases in Cases::<Object>::ALL.iter().chain([&Cases::<Object>::LINE, &Cases::<Object>::WHOLE]) {
        sweep_all(setting, cases);
    }
}
