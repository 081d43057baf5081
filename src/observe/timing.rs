//! What a timed interrupt measures (rule S2). An interrupt that is not timed runs none of this: the measuring is wrapped
//! around the ISR as it is built, and begins where a delivery has to wait.

use core::fmt;
use std::time::Instant;

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
    /// That of the assertion which the next ISR run answers. Written with the interrupt lock held.
    taken: Stamp,
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
        }
    }

    /// Measures `isr`, an ISR run. The caller holds the interrupt lock.
    pub(crate) fn through_isr<R>(&self, isr: impl FnOnce() -> R) -> R {
        let begun = self.isr_begins();
        let claim = isr();
        self.isr.add(self.now().wrapping_sub(begun));
        claim
    }

    /// Measures `wait`, which ends with the lock held if it answers so.
    pub(crate) fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        let begun = self.now();
        if wait() {
            self.lock_wait.add(self.now().wrapping_sub(begun));
        }
    }

    /// What was measured in so many deliveries.
    pub(crate) fn snapshot(&self, delivered: u64) -> Distributions {
        Distributions {
            isr: self.isr.snapshot(),
            lock_wait: self.lock_wait.snapshot().of_all(delivered),
            latency: self.latency.snapshot(),
        }
    }

    fn isr_begins(&self) -> usize {
        let now = self.now();
        if let Some(asserted) = self.taken.take() {
            self.latency.add(now.wrapping_sub(asserted));
        }
        now
    }

    /// Never 0, which stands for no moment. Where it overflows (every 4 seconds, with 32 bits) differences stay right.
    fn now(&self) -> usize {
        self.since_start(Instant::now())
    }

    fn since_start(&self, moment: Instant) -> usize {
        let nanoseconds = moment.saturating_duration_since(self.start).as_nanos() as usize;
        nanoseconds | 1
    }
}

/// Where the source of a timed interrupt tells when it was asserted. See
/// [`time_assertions`](crate::source::Source::time_assertions).
#[derive(Clone)]
pub struct Assertions(Arc<Timing>);

impl Assertions {
    pub(crate) fn new(timing: Arc<Timing>) -> Self {
        Self(timing)
    }

    /// What [`take`](crate::source::Source::take) is about to answer was asserted at `moment`; of several, the first. To be
    /// called from there.
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

    /// Somebody is about to signal. The first since the last was taken counts.
    pub(crate) fn begin(&self) {
        self.0.asserted.set_first(self.0.now());
    }

    /// What was signalled is taken.
    pub(crate) fn take(&self) {
        self.0.taken.set(self.0.asserted.take().unwrap_or(0));
    }

    /// What was signalled is no more.
    pub(crate) fn withdraw(&self) {
        self.0.asserted.take();
    }
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertions").finish_non_exhaustive()
    }
}

/// How long the parts of a delivery took: of a [timed](crate::Builder::timed) interrupt.
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
    /// ISR runs, from the first to the last of their own instructions.
    pub isr: Distribution,
    /// What deliveries waited for the interrupt lock. One that found it free waited for no time.
    pub lock_wait: Distribution,
    /// From an assertion to the beginning of its ISR run. Empty where the source doesn't know when it was asserted, as
    /// only software sources and the simulated device do.
    pub latency: Distribution,
}
