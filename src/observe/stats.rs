//! What an operator wants to know of an interrupt (rule S1).

use crate::sync::Counter;

/// How the ISR's runs have ended: every run writes one of these, with the interrupt lock held.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) claimed: Counter,
    pub(crate) spurious: Counter,
    /// It panicked, or found the device gone.
    pub(crate) broken: Counter,
}

impl Answers {
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
    // Written by the thread that looks after callbacks.
    pub(crate) overdue: Counter,
    /// Assertions that came while the interrupt was inactive, and wait for it to be active. (No statistic of its own: it
    /// moves on to the others.)
    pub(crate) withheld: Counter,
    // Written by the run. Who queues writes only the work item's word, which counts what no run has answered.
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

    /// `unanswered` queueings of the work item are waiting for a run: the first causes it, the others are merged.
    pub(crate) fn snapshot(&self, answers: &Answers, work_run: u64, unanswered: usize) -> Stats {
        let (claimed, spurious, unanswered) = (answers.claimed.get(), answers.spurious.get(), unanswered as u64);
        let benign = self.benign.get();
        Stats {
            delivered: claimed + spurious + benign + answers.broken.get(),
            coalesced: self.coalesced.get(),
            claimed,
            spurious,
            benign,
            recovered: self.recovered.get(),
            stale: self.stale.get(),
            faults: self.faults.get(),
            overdue: self.overdue.get(),
            work_queued: work_run + unanswered.min(1),
            work_merged: self.work_merged.get() + unanswered.saturating_sub(1),
            work_run,
            #[cfg(feature = "std")]
            distributions: None,
        }
    }
}

/// The counters of an interrupt, as they were at one moment. Reading them never takes the interrupt lock.
///
/// The counters are read one after the other, while the interrupt goes on. So the queueings of a run that is about to
/// begin may be counted twice or not at all, for that moment.
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
    /// ISR runs that have ended.
    pub delivered: u64,
    /// Assertions that had no ISR run of their own, because the source coalesced them into another's.
    pub coalesced: u64,
    /// ISR runs that claimed.
    pub claimed: u64,
    /// ISR runs that did not.
    pub spurious: u64,
    /// ISR runs that did not either, where that is nothing unusual: the empty runs of a message vector that no other
    /// device shares (rule I10), and those for another member of a shared line (rule I7), and
    /// those of a silent line (rule I14).
    pub benign: u64,
    /// ISR runs that claimed although their line was silent (rule I14); they are among the claimed.
    pub recovered: u64,
    /// Assertions from before an enable, from while nothing was enabled, or from while the interrupt was inactive until
    /// it was disabled: drained, never delivered.
    pub stale: u64,
    /// Faults that put it into quarantine.
    pub faults: u64,
    /// Callbacks that did not return in time (rule I17).
    pub overdue: u64,
    /// Queueings of the work item that were not merged.
    pub work_queued: u64,
    /// Queueings of the work item that were merged into one that had not begun.
    pub work_merged: u64,
    /// Runs of the work item.
    pub work_run: u64,
    /// How long the parts of a delivery took, where the interrupt is [timed](crate::Builder::timed).
    #[cfg(feature = "std")]
    pub distributions: Option<crate::Distributions>,
}
