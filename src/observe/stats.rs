//! The counters of an interrupt (rule S1).

use crate::sync::Counter;

/// How the ISR's runs have ended. Every run adds to one of these counters, with the interrupt lock held.
#[derive(Default)]
pub(crate) struct ClaimCounts {
    pub(crate) claimed: Counter,
    pub(crate) spurious: Counter,
    /// The ISR panicked, or found the device gone.
    pub(crate) broken: Counter,
}

impl ClaimCounts {
    pub(crate) const fn new() -> Self {
        Self { claimed: Counter::new(), spurious: Counter::new(), broken: Counter::new() }
    }
}

/// The rarer counters of one interrupt. Each has one writer at a time.
#[derive(Default)]
pub(crate) struct Counters {
    // Written with the interrupt lock held.
    pub(crate) coalesced: Counter,
    pub(crate) benign: Counter,
    pub(crate) recovered: Counter,
    pub(crate) stale: Counter,
    pub(crate) faults: Counter,
    // Written by the watchdog's thread.
    pub(crate) overdue: Counter,
    /// Assertions that came while the interrupt was inactive and are kept until it is active. They move on to the other
    /// counters then, so this is no statistic.
    pub(crate) withheld: Counter,
    // Written by the run of the work item. A queueing writes only the work item's word, which counts the queueings that no
    // run has answered.
    pub(crate) work_merged: Counter,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            coalesced: Counter::new(),
            benign: Counter::new(),
            recovered: Counter::new(),
            stale: Counter::new(),
            faults: Counter::new(),
            overdue: Counter::new(),
            withheld: Counter::new(),
            work_merged: Counter::new(),
        }
    }

    /// `unanswered` queueings of the work item wait for a run: the first causes it, the others are merged.
    pub(crate) fn snapshot(&self, claims: &ClaimCounts, work_run: u64, unanswered: usize) -> Stats {
        let (claimed, spurious, unanswered) = (claims.claimed.get(), claims.spurious.get(), unanswered as u64);
        let benign = self.benign.get();
        Stats {
            delivered: claimed + spurious + benign + claims.broken.get(),
            coalesced: self.coalesced.get(),
            claimed,
            spurious,
            benign,
            recovered: self.recovered.get(),
            stale: self.stale.get(),
            faults: self.faults.get(),
            overdue: self.overdue.get(),
            work_queued: work_run + unanswered.min(1),
            work_merged: self.work_merged.get().saturating_add(unanswered.saturating_sub(1)),
            work_run,
            #[cfg(feature = "std")]
            distributions: None,
        }
    }
}

/// The counters of an interrupt at one moment, for an operator: from [`stats`](crate::InterruptObject::stats).
///
/// Reading them never takes the interrupt lock. The counters are read one after the other, while the interrupt goes on.
/// So for a moment the queueings of a work item that is about to run may be counted twice or not at all.
///
/// A counter has as many bits as the processor's addresses. With 32 bits it begins again at 0 after 2³² − 1;
/// `coalesced`, `stale` and `work_merged` stay there instead.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// interrupt.enable()?;
/// interrupt.service();
/// assert_eq!(interrupt.stats().claimed, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// ISR runs that have ended: claimed, spurious, benign, and those that panicked or found the device gone.
    pub delivered: u64,
    /// Assertions without an ISR run of their own, because the source coalesced them with others.
    pub coalesced: u64,
    /// ISR runs that claimed the interrupt.
    pub claimed: u64,
    /// ISR runs that did not claim the interrupt, although a claim was expected. If none was, the run is
    /// [benign](Self::benign).
    pub spurious: u64,
    /// Unclaimed ISR runs that are expected:
    ///
    /// - empty runs of a message vector that no other device shares ([rule I10](crate::guide::contract#i10));
    /// - runs for another member of a shared line ([rule I7](crate::guide::contract#i7));
    /// - runs that poll a silent line ([rule I14](crate::guide::contract#i14)).
    pub benign: u64,
    /// ISR runs that claimed although their line was silent ([rule I14](crate::guide::contract#i14)). They are counted
    /// as claimed, too.
    pub recovered: u64,
    /// Assertions that were drained and never delivered. They came while the interrupt was disabled, or while it was
    /// inactive and was then disabled.
    pub stale: u64,
    /// Faults, each of which took the interrupt out of service.
    pub faults: u64,
    /// Callbacks that did not return in time ([rule I17](crate::guide::contract#i17)).
    pub overdue: u64,
    /// Queueings of the work item that were not merged.
    pub work_queued: u64,
    /// Queueings of the work item that were merged into one that had not begun.
    pub work_merged: u64,
    /// Runs of the work item.
    pub work_run: u64,
    /// How long the parts of a delivery took; `None` unless the interrupt is [timed](crate::Builder::timed).
    #[cfg(feature = "std")]
    pub distributions: Option<crate::observe::Distributions>,
}
