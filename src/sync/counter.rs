//! Counters and moments for statistics. They synchronise nothing, so they stay out of the models.

use core::sync::atomic::{AtomicUsize, Ordering};

/// A count that any thread may read at any time, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Adds 1, without a read-modify-write. The caller must be the only writer, for example because it holds a lock.
    #[inline]
    pub(crate) fn count_exclusive(&self) {
        // Relaxed: nothing is published through a statistic.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// As [`count_exclusive`](Self::count_exclusive), but adds an amount. It may come from outside and be huge, such as
    /// the count of an eventfd, so the sum stays at the maximum instead of wrapping ([rule
    /// I18](crate::guide::contract#i18)).
    pub(crate) fn add_exclusive(&self, n: usize) {
        // Relaxed: as above.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(n), Ordering::Relaxed);
    }

    /// Returns the count, and sets it to 0. The caller must be the only writer.
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

/// A sum that is wider than an address where the processor can store such a word at once: of nanoseconds, which 32 bits can
/// hold for 4.3 seconds only.
#[cfg(feature = "std")]
pub(crate) struct Sum(SumWord);

#[cfg(all(feature = "std", target_has_atomic = "64"))]
type SumWord = core::sync::atomic::AtomicU64;
#[cfg(all(feature = "std", not(target_has_atomic = "64")))]
type SumWord = AtomicUsize;

#[cfg(feature = "std")]
impl Sum {
    pub(crate) const fn new() -> Self {
        Self(SumWord::new(0))
    }

    /// Adds an amount. The caller must be the only writer. The sum stays at its maximum.
    pub(crate) fn add_exclusive(&self, n: usize) {
        // Relaxed: nothing is published through a statistic.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(n as _), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // Relaxed: as above.
        #[cfg(target_has_atomic = "64")]
        return self.0.load(Ordering::Relaxed);
        #[cfg(not(target_has_atomic = "64"))]
        return self.0.load(Ordering::Relaxed) as u64;
    }
}

/// A moment for a statistic, or none. It is a number, and 0 is none.
#[cfg(feature = "std")]
pub(crate) struct Stamp(AtomicUsize);

#[cfg(feature = "std")]
impl Stamp {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Sets the moment; 0 is none.
    pub(crate) fn set(&self, moment: usize) {
        // Relaxed: nothing is published through a statistic.
        self.0.store(moment, Ordering::Relaxed);
    }

    /// Sets the moment, unless there is one already.
    pub(crate) fn set_first(&self, moment: usize) {
        // Relaxed: as above.
        let _ = self.0.compare_exchange(0, moment, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns the moment.
    pub(crate) fn get(&self) -> Option<usize> {
        // Relaxed: as above.
        Some(self.0.load(Ordering::Relaxed)).filter(|&moment| moment != 0)
    }

    /// Returns the moment, and leaves none.
    pub(crate) fn take(&self) -> Option<usize> {
        // Relaxed: as above.
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|&moment| moment != 0)
    }
}
