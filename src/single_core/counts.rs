//! Counters (rule S1, feature `statistics`). Without the feature they take no memory, and nothing is counted.

#[cfg(feature = "statistics")]
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::answer::Delivery;
use crate::claim::Claim;
#[cfg(feature = "statistics")]
use crate::single_core::{Driver, InterruptObject};

/// A counter, which wraps.
struct Count {
    #[cfg(feature = "statistics")]
    count: AtomicU32,
}

impl Count {
    const fn new() -> Self {
        Self {
            #[cfg(feature = "statistics")]
            count: AtomicU32::new(0),
        }
    }

    // Relaxed, all of it: there is one core, and nothing depends on a count.
    #[inline(always)]
    fn add(&self) {
        #[cfg(all(feature = "statistics", target_has_atomic = "32"))]
        self.count.fetch_add(1, Relaxed);
        // A vector that comes between the two, and counts the same, is missed.
        #[cfg(all(feature = "statistics", not(target_has_atomic = "32")))]
        self.count.store(self.count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    #[cfg(feature = "statistics")]
    fn get(&self) -> u32 {
        self.count.load(Relaxed)
    }
}

/// The counters of an object.
pub(super) struct Counts {
    claimed: Count,
    unclaimed: Count,
    not_served: Count,
    pending: Count,
    work_queued: Count,
    work_merged: Count,
    work_run: Count,
}

impl Counts {
    pub(super) const fn new() -> Self {
        Self {
            claimed: Count::new(),
            unclaimed: Count::new(),
            not_served: Count::new(),
            pending: Count::new(),
            work_queued: Count::new(),
            work_merged: Count::new(),
            work_run: Count::new(),
        }
    }

    #[inline(always)]
    pub(super) fn delivery(&self, delivery: Delivery) {
        match delivery {
            Delivery::Pending => self.pending.add(),
            Delivery::Answered(Claim::Unclaimed) => self.unclaimed.add(),
            Delivery::Answered(_) => self.claimed.add(),
            _ => self.not_served.add(),
        }
    }

    #[inline(always)]
    pub(super) fn queueing(&self, new: bool) {
        if new { self.work_queued.add() } else { self.work_merged.add() }
    }

    #[inline(always)]
    pub(super) fn run(&self) {
        self.work_run.add();
    }
}

/// What has happened to an interrupt so far (feature `statistics`): see [`InterruptObject::stats`].
#[cfg(feature = "statistics")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// ISR runs that have claimed. (A device that has gone is claimed, too.)
    pub claimed: u32,
    /// ISR runs that have not claimed.
    pub unclaimed: u32,
    /// Deliveries that found the interrupt disabled.
    pub not_served: u32,
    /// Deliveries that found the lock held. A release has served them, several by one ISR run.
    pub pending: u32,
    /// Queueings of the work item that were not merged.
    pub work_queued: u32,
    /// Queueings that were merged into one that had not begun.
    pub work_merged: u32,
    /// Runs of the work item.
    pub work_run: u32,
}

#[cfg(feature = "statistics")]
impl<D: Driver> InterruptObject<D> {
    /// Returns the counters, without the lock (feature `statistics`).
    ///
    /// They take 28 bytes. They wrap. On a processor without compare-exchange, a vector that the mask does not stop may be
    /// missed by a count.
    ///
    /// ```
    /// use interrupt_lock::Claim;
    /// use interrupt_lock::single_core::{Functions, InterruptObject, Plain};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    ///
    /// static CALLBACKS: Functions<(), Board> = Functions::new(|_| Claim::Unclaimed);
    /// static UART: InterruptObject<Plain<(), Board>> = InterruptObject::new((), &CALLBACKS);
    ///
    /// UART.enable()?;
    /// UART.service();
    /// assert_eq!(UART.stats().unclaimed, 1); // a vector that nobody has claimed: is the right one enabled?
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            claimed: self.counts.claimed.get(),
            unclaimed: self.counts.unclaimed.get(),
            not_served: self.counts.not_served.get(),
            pending: self.counts.pending.get(),
            work_queued: self.counts.work_queued.get(),
            work_merged: self.counts.work_merged.get(),
            work_run: self.counts.work_run.get(),
        }
    }
}
