//! What a timed interrupt measures (rule S2).
//!
//! The builder wraps the measuring around the ISR of a timed interrupt. An interrupt that is not timed runs none of this.

use core::fmt;
use std::time::{Duration, Instant};

use alloc::sync::Arc;

use crate::observe::distribution::{Distribution, Histogram};
use crate::sync::Stamp;

/// Every histogram is written with the interrupt lock held.
pub(crate) struct Timing {
    isr: Histogram,
    lock_wait: Histogram,
    latency: Histogram,
    /// The moment that the stamps count from.
    start: Instant,
    /// The first assertion that has not been taken.
    asserted: Stamp,
    /// The first assertion of those that the next ISR run serves. Written with the interrupt lock held.
    taken: Stamp,
    /// When the ISR that runs has begun: in milliseconds since the start, and one more.
    isr_begun: Stamp,
}

/// Notes as it is dropped that the ISR has returned, or panicked.
struct EndOfIsr<'a>(&'a Stamp);

impl Drop for EndOfIsr<'_> {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

impl Timing {
    pub(crate) fn new() -> Self {
        Self {
            isr: Histogram::new(),
            lock_wait: Histogram::new(),
            latency: Histogram::new(),
            start: Instant::now(),
            asserted: Stamp::new(),
            taken: Stamp::new(),
            isr_begun: Stamp::new(),
        }
    }

    /// Returns what the source of the interrupt reports its assertions to.
    pub(crate) fn assertions(self: &Arc<Self>) -> Assertions {
        Assertions(self.clone())
    }

    /// Runs the ISR and measures it. The interrupt lock is held.
    pub(crate) fn through_isr<R>(&self, isr: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        self.isr_begins(begun);
        self.isr_begun.set(self.milliseconds(begun).saturating_add(1));
        let _end = EndOfIsr(&self.isr_begun);
        let claim = isr();
        self.isr.add(nanoseconds(begun.elapsed()));
        claim
    }

    /// Runs `wait`, which returns whether it ended with the lock held. Measures it if so.
    pub(crate) fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        let begun = Instant::now();
        if wait() {
            self.lock_wait.add(nanoseconds(begun.elapsed()));
        }
    }

    /// Returns what was measured in `delivered` deliveries.
    pub(crate) fn snapshot(&self, delivered: u64) -> Distributions {
        Distributions {
            isr: self.isr.snapshot(),
            lock_wait: self.lock_wait.snapshot().of_all(delivered),
            latency: self.latency.snapshot(),
        }
    }

    /// Returns for how long the ISR has been running, to a millisecond; `None` if it does not run.
    pub(crate) fn isr_runs_for(&self) -> Option<Duration> {
        let begun = self.isr_begun.get()?;
        Some(Duration::from_millis(self.milliseconds(Instant::now()).saturating_sub(begun - 1) as u64))
    }

    fn milliseconds(&self, moment: Instant) -> usize {
        usize::try_from(moment.saturating_duration_since(self.start).as_millis()).unwrap_or(usize::MAX)
    }

    fn isr_begins(&self, now: Instant) {
        if let Some(asserted) = self.taken.take() {
            self.latency.add(self.since_start(now).wrapping_sub(asserted));
        }
    }

    /// Never 0, which stands for no moment. This overflows (every 4.3 seconds with 32 bits). A difference stays right if
    /// it is shorter than that.
    fn since_start(&self, moment: Instant) -> usize {
        let nanoseconds = moment.saturating_duration_since(self.start).as_nanos() as usize;
        nanoseconds | 1
    }
}

/// The longest that a `usize` can hold stands for all that is longer: 4.3 seconds with 32 bits.
fn nanoseconds(time: Duration) -> usize {
    usize::try_from(time.as_nanos()).unwrap_or(usize::MAX)
}

/// Receives the times of assertions, from a [`Source`](crate::source::Source) that knows when it was asserted. The
/// source gets it by [`time_assertions`](crate::source::Source::time_assertions).
#[derive(Clone)]
pub struct Assertions(Arc<Timing>);

impl Assertions {
    /// Reports when the assertions were made that [`take`](crate::source::Source::take) is about to return. Call this
    /// from `take`, with the time of the first of them.
    ///
    /// ```
    /// use std::time::Instant;
    /// use interrupt_lock::source::Assertions;
    ///
    /// fn tell(assertions: &Assertions, asserted_at: Instant) {
    ///     assertions.taken(asserted_at);
    /// }
    /// ```
    pub fn taken(&self, moment: Instant) {
        self.0.taken.set(self.0.since_start(moment));
    }

    /// Notes that an assertion is about to be signalled. Only the first since the last take counts.
    pub(crate) fn begin(&self) {
        self.0.asserted.set_first(self.0.since_start(Instant::now()));
    }

    /// Notes that what was signalled is taken.
    pub(crate) fn take(&self) {
        self.0.taken.set(self.0.asserted.take().unwrap_or(0));
    }

    /// Forgets what was signalled.
    pub(crate) fn withdraw(&self) {
        self.0.asserted.take();
    }
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertions").finish_non_exhaustive()
    }
}

/// How long the parts of a delivery took, for a [timed](crate::Builder::timed) interrupt: part of its
/// [`Stats`](crate::Stats).
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, source::Software};
///
/// let (source, assert) = Software::edge();
/// let interrupt = Interrupt::builder(())
///     .isr(|_| Claim::Claimed)
///     .source(source)
///     .without_dispatcher()
///     .timed()
///     .build()?;
/// interrupt.enable()?;
/// assert.assert();
/// interrupt.service();
/// let distributions = interrupt.stats().distributions.unwrap();
/// assert_eq!(distributions.latency.count(), 1);
/// assert_eq!(distributions.lock_wait.longest(), Some(std::time::Duration::ZERO));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distributions {
    /// Durations of ISR runs, from the first to the last instruction of the ISR.
    pub isr: Distribution,
    /// How long deliveries waited for the interrupt lock. A delivery that found it free counts as zero.
    pub lock_wait: Distribution,
    /// From an assertion to the beginning of its ISR run. Empty if the source doesn't know when it was asserted: only
    /// software sources, the simulated device and GPIO lines know. On a processor of 32 bits, a latency of 4.3 seconds or
    /// more is counted as shorter than it was.
    pub latency: Distribution,
}

impl Distributions {
    /// Returns what was counted since an earlier look at the same interrupt: the [difference](Distribution::since) of each.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// # interrupt.enable()?;
    /// let before = interrupt.stats().distributions.unwrap();
    /// interrupt.service();
    /// let after = interrupt.stats().distributions.unwrap();
    /// assert_eq!(after.since(&before).isr.count(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            isr: self.isr.since(&earlier.isr),
            lock_wait: self.lock_wait.since(&earlier.lock_wait),
            latency: self.latency.since(&earlier.latency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Caught: a conversion that leaves out the upper bits, which with 32 bits takes 5 seconds for 0.7.
    #[test]
    fn s2_a_time_that_does_not_fit_is_the_longest_that_does() {
        assert_eq!(nanoseconds(Duration::from_secs(u64::MAX)), usize::MAX);
        assert_eq!(nanoseconds(Duration::from_micros(5)), 5000);
    }
}
