//! What happens if an account is wrong, and which panics are intended.

use std::fmt::Display;
use std::io::{self, Write};
use std::panic;

use crate::watch;

/// An intended panic says this.
const INTENDED: &str = "intended by the soak";

/// Ends the program: something is wrong.
pub fn wrong(what: impl Display) -> ! {
    let _ = writeln!(io::stderr(), "soak: {what}\n{}", watch::machine());
    std::process::exit(1);
}

/// Panics as a driver's callback may.
pub fn panic_as_intended() -> ! {
    panic::panic_any(INTENDED)
}

/// Keeps intended panics off standard error. Any other panic is wrong.
pub fn silence_intended_panics() {
    panic::set_hook(Box::new(|info| {
        let intended = info.payload_as_str() == Some(INTENDED);
        if !intended {
            wrong(format_args!("an unexpected panic: {info}"));
        }
    }));
}
