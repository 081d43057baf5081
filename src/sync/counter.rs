//! Statistics. They carry no synchronisation, so they stay out of the models.

use core::sync::atomic::{AtomicUsize, Ordering};

/// A count that anybody may read at any time, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Adds, where an exclusion that is not the counter's own makes the caller its only writer: no read-modify-write.
    #[inline]
    pub(crate) fn add_exclusive(&self, n: usize) {
        // Relaxed: nothing is published through a statistic.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Takes all of it, under the same condition.
    pub(crate) fn take_exclusive(&self) -> usize {
        let all = self.0.load(Ordering::Relaxed);
        self.0.store(0, Ordering::Relaxed);
        all
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // Relaxed: a statistic is a snapshot. (usize is no wider than u64 anywhere.)
        self.0.load(Ordering::Relaxed) as u64
    }
}

/// A moment for a statistic, as a number that is not 0; or none.
#[cfg(feature = "std")]
pub(crate) struct Stamp(AtomicUsize);

#[cfg(feature = "std")]
impl Stamp {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// 0 for none.
    pub(crate) fn set(&self, moment: usize) {
        // Relaxed: nothing is published through a statistic.
        self.0.store(moment, Ordering::Relaxed);
    }

    /// Keeps one that is there.
    pub(crate) fn set_first(&self, moment: usize) {
        // Relaxed: as above.
        let _ = self.0.compare_exchange(0, moment, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> Option<usize> {
        // Relaxed: as above.
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|&moment| moment != 0)
    }
}
