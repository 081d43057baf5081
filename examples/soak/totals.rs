//! What all machines together have done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter that any thread may add to.
///
/// Relaxed, all of it: a count publishes nothing. A thread that compares counts has joined the threads that add to them,
/// or has disabled the interrupt whose callbacks do, and that orders them.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Sets it, and returns what it was.
    pub fn replace(&self, n: u64) -> u64 {
        self.0.swap(n, Relaxed)
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

pub static MACHINES: Count = Count::new();
pub static INTERRUPTS: Count = Count::new();
pub static ASSERTIONS: Count = Count::new();
pub static TOLD: Count = Count::new();
pub static ISR_RUNS: Count = Count::new();
pub static WORK_ITEMS: Count = Count::new();
pub static CLOSURES: Count = Count::new();
pub static TRANSITIONS: Count = Count::new();
pub static FAULTS: Count = Count::new();
pub static DROPS: Count = Count::new();
pub static REFUSALS: Count = Count::new();
pub static CIRCLES: Count = Count::new();
pub static REMOVALS: Count = Count::new();
pub static DESTRUCTORS: Count = Count::new();

pub fn text() -> String {
    format!(
        "{} machines, {} interrupts: {} assertions, {} of them told to {} ISR runs, {} work items, {} closures, \
         {} transitions, {} faults, {} drops in the middle, {} deadlock refusals, {} circles \
         told, {} removals, {} panicking destructors; every account was right",
        MACHINES.get(),
        INTERRUPTS.get(),
        ASSERTIONS.get(),
        TOLD.get(),
        ISR_RUNS.get(),
        WORK_ITEMS.get(),
        CLOSURES.get(),
        TRANSITIONS.get(),
        FAULTS.get(),
        DROPS.get(),
        REFUSALS.get(),
        CIRCLES.get(),
        REMOVALS.get(),
        DESTRUCTORS.get(),
    )
}
