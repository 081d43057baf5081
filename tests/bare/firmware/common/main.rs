//! The object of the common core, under all cases.
#![no_std]
#![no_main]

#[path = "../cases/mod.rs"]
mod cases;
mod known;
mod object;

use harness::machine::{NO_MASK, SETTINGS, Setting};
use harness::{firmware, sweep_all};

use cases::Cases;
use object::Object;

firmware!(main);

/// The crate knows of no machine: it masks nothing.
static UNINSTALLED: Setting = Setting { name: "uninstalled", ..NO_MASK };

fn main() {
    harness::expect_known(known::KNOWN);
    sweep(&UNINSTALLED);
    object::boot();
    for setting in SETTINGS {
        sweep(setting);
    }
    harness::finish("common");
}

fn sweep(setting: &'static Setting) {
    sweep_all(setting, Cases::<Object>::ALL);
    sweep_all(setting, Cases::<Object>::WHOLE);
}
