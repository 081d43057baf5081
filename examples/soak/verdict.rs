//! What happens if an account is wrong, and which panics are intended.

use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use crate::watch;

/// An intended panic says this.
const INTENDED: &str = "intended by the soak";

/// A panic that tells of a circle of waits contains this.
pub const CIRCLE: &str = "the interrupt lock";

thread_local! {
    /// A circle of waits may be told to this thread now.
    static NESTS: Cell<bool> = const { Cell::new(false) };
}

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
        let text = info.payload_as_str().unwrap_or_default();
        let circle = NESTS.get() && text.contains("would wait for itself") && text.contains(CIRCLE);
        if text != INTENDED && !circle {
            wrong(format_args!("an unexpected panic: {info}"));
        }
    }));
}

/// Runs what may panic for a circle of waits. Returns that panic's message.
pub fn catch_circle(acquire: impl FnOnce()) -> Result<(), String> {
    NESTS.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(acquire));
    NESTS.set(false);
    done.map_err(|payload: Box<dyn Any + Send>| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(_) => wrong("a nested acquisition panicked without a message"),
    })
}
