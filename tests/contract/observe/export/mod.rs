//! Statistics for those outside of the process: rule S4.

// The socket is a Unix socket of Linux.
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod socket;
mod text;

use interrupt_lock::{Claim, Export, Interrupt, NoWorkItem};

/// An enabled interrupt that claims, and is in the export.
fn exported(export: &Export, name: &'static str) -> Interrupt<(), NoWorkItem> {
    let interrupt = Interrupt::builder(()).name(name).isr(|_| Claim::Claimed).timed().build().unwrap();
    interrupt.enable().unwrap();
    export.add(interrupt.object()).unwrap();
    interrupt
}
