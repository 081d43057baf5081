//! Destructors that panic.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use interrupt_lock::ErrorKind;

use crate::ledger::Ledger;
use crate::totals;
use crate::verdict;

/// Panics as it is dropped, unless it has been defused: one fault of its interrupt.
pub struct Bomb {
    ledger: Arc<Ledger>,
    /// It is a capture of a closure, which drops it as it returns: as a panic of the closure.
    in_closure: bool,
    defused: AtomicBool,
}

impl Bomb {
    /// For a callback, which the crate drops.
    pub fn new(ledger: &Arc<Ledger>) -> Self {
        Self { ledger: ledger.clone(), in_closure: false, defused: AtomicBool::new(false) }
    }

    pub fn in_closure(ledger: &Arc<Ledger>) -> Self {
        let mut bomb = Self::new(ledger);
        bomb.in_closure = true;
        bomb
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        // What a panic frees must not panic again: that ends any process.
        if !*self.defused.get_mut() && !std::thread::panicking() {
            self.ledger.panics.one();
            if !self.in_closure {
                self.ledger.destructors.one();
            }
            totals::DESTRUCTORS.one();
            verdict::panic_as_intended();
        }
    }
}

/// What a callback returns: an error that panics as it is dropped, if the crate drops it.
pub struct BombError(Bomb);

impl BombError {
    pub fn new(ledger: &Arc<Ledger>) -> Self {
        Self(Bomb::new(ledger))
    }

    /// It is dropped without a panic.
    pub fn defuse(&self) {
        // Relaxed: only the thread that has the last clone of the error drops it, and the clones' counter orders that.
        self.0.defused.store(true, Relaxed);
    }
}

impl fmt::Debug for BombError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BombError")
    }
}

impl fmt::Display for BombError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("intended by the soak")
    }
}

impl Error for BombError {}

/// The soak has got this error, and drops it itself: that is no fault of the interrupt.
pub fn defuse(error: &interrupt_lock::Error) {
    if let ErrorKind::EnableCallback(error) | ErrorKind::DisableCallback(error) = error.kind()
        && let Some(error) = error.get().downcast_ref::<BombError>()
    {
        error.defuse();
    }
}
