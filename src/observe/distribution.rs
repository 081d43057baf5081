//! How long things took (rule S2): a count for each power of two. One writer at a time adds to them.

use core::fmt;
use core::time::Duration;

use crate::sync::{Counter, Sum};

/// A time of up to 2^n nanoseconds is counted at n. The last count also has all longer times, from about 9 minutes on.
const POWERS: usize = 40;

/// Counts being taken. The caller keeps writers apart.
pub(crate) struct Histogram {
    counts: [Counter; POWERS],
    sum: Sum,
    longest: Counter,
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Self { counts: [const { Counter::new() }; POWERS], sum: Sum::new(), longest: Counter::new() }
    }

    pub(crate) fn add(&self, nanoseconds: usize) {
        self.counts[power(nanoseconds)].count_exclusive();
        self.sum.add_exclusive(nanoseconds);
        let longest = usize::try_from(self.longest.get()).unwrap_or(usize::MAX);
        self.longest.add_exclusive(nanoseconds.saturating_sub(longest));
    }

    pub(crate) fn snapshot(&self) -> Distribution {
        Distribution {
            counts: core::array::from_fn(|power| self.counts[power].get()),
            sum: Duration::from_nanos(self.sum.get()),
            longest: Duration::from_nanos(self.longest.get()),
        }
    }
}

fn power(nanoseconds: usize) -> usize {
    let bits = usize::BITS - nanoseconds.leading_zeros();
    (bits as usize).min(POWERS - 1)
}

/// How long something took, for an operator: a count of durations for each power of two nanoseconds.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
/// interrupt.enable()?;
/// interrupt.service();
/// let isr = interrupt.stats().distributions.unwrap().isr;
/// assert_eq!(isr.count(), 1);
/// println!("{isr}"); // p50 …, p99 …, max …
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; POWERS],
    sum: Duration,
    longest: Duration,
}

/// The longest duration that is counted at `power`; of the last there is none.
fn upper_bound(power: usize) -> Duration {
    if power < POWERS - 1 { Duration::from_nanos((1 << power) - 1) } else { Duration::MAX }
}

impl Distribution {
    /// Returns how many durations were counted.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// assert_eq!(interrupt.stats().distributions.unwrap().isr.count(), 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the duration that this part of all did not exceed; 0.5 gives the median. `None` if none were counted.
    ///
    /// The result may be up to twice the true value, and is never less. `part` is cut to 0.0 to 1.0.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # use std::time::Duration;
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| { std::thread::sleep(Duration::from_millis(1)); Claim::Claimed })
    ///     .timed()
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// let isr = interrupt.stats().distributions.unwrap().isr;
    /// assert!(isr.quantile(0.99) >= Some(Duration::from_millis(1)));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let last = self.count().checked_sub(1)?;
        let rank = (last as f64 * part.clamp(0.0, 1.0) + 0.5) as u64;
        let mut seen = 0;
        let power = self.counts.iter().position(|count| {
            seen += count;
            seen > rank
        });
        // Durations beyond the last power are known by the longest alone.
        Some(power.map_or(self.longest, |power| upper_bound(power).min(self.longest)))
    }

    /// Returns the buckets: the longest duration that each counts, and how many it has counted. The shortest comes first.
    ///
    /// A bucket counts the durations that no bucket before it counts. There are always the same: up to 0 ns, 1 ns, 3 ns,
    /// 7 ns and so on, each about twice the one before. The last counts all longer ones, from about 9 minutes on, and its
    /// bound is [`Duration::MAX`].
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// # interrupt.enable()?;
    /// # interrupt.service();
    /// let isr = interrupt.stats().distributions.unwrap().isr;
    /// for (up_to, count) in isr.buckets().filter(|&(_, count)| count != 0) {
    ///     println!("{count} ISR runs took up to {up_to:?}");
    /// }
    /// assert_eq!(isr.buckets().map(|(_, count)| count).sum::<u64>(), isr.count());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = (Duration, u64)> + ExactSizeIterator + '_ {
        self.counts.iter().enumerate().map(|(power, &count)| (upper_bound(power), count))
    }

    /// Returns the sum of all durations, exactly, to the nanosecond. The mean is this, divided by [`count`](Self::count).
    ///
    /// It stays at 2⁶⁴ − 1 ns, which are 584 years; at 4.3 seconds on the few processors that can't store 64 bits at once.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// # interrupt.enable()?;
    /// interrupt.service();
    /// let isr = interrupt.stats().distributions.unwrap().isr;
    /// assert_eq!(Some(isr.sum()), isr.longest()); // of one run
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns what was counted since an earlier look at the same interrupt: the difference of the two.
    ///
    /// Counts and sum are exact. The longest duration of a difference isn't recorded: [`longest`](Self::longest) returns
    /// the upper bound of the last bucket that has counted, or the longest of all if that is less. So it may be up to twice
    /// the true value. A difference that would be below zero is zero, such as that of another interrupt, or after a counter
    /// of 32 bits has begun again.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// # interrupt.enable()?;
    /// let isr = || interrupt.stats().distributions.unwrap().isr;
    /// interrupt.service();
    /// let a_minute_ago = isr();
    /// interrupt.service();
    /// assert_eq!(isr().since(&a_minute_ago).count(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts: [u64; POWERS] = core::array::from_fn(|n| self.counts[n].saturating_sub(earlier.counts[n]));
        let last = counts.iter().rposition(|&count| count != 0);
        Self {
            counts,
            sum: self.sum.saturating_sub(earlier.sum),
            longest: last.map_or(Duration::ZERO, |power| upper_bound(power).min(self.longest)),
        }
    }

    /// Returns the longest duration, exactly. `None` if none were counted. On a processor of 32 bits, 4.3 seconds stand
    /// for all that is longer.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// assert_eq!(interrupt.stats().distributions.unwrap().isr.longest(), None);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        (self.count() != 0).then_some(self.longest)
    }

    /// Adds durations of zero, so that there are `count` in all.
    pub(crate) fn of_all(mut self, count: u64) -> Self {
        self.counts[0] += count.saturating_sub(self.count());
        self
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.quantile(0.5), self.quantile(0.99), self.longest()) {
            (Some(median), Some(p99), Some(longest)) => write!(f, "p50 {median:.1?}, p99 {p99:.1?}, max {longest:.1?}"),
            _ => f.write_str("none"),
        }
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times, {self}", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[usize]) -> Distribution {
        let histogram = Histogram::new();
        times.iter().for_each(|&time| histogram.add(time));
        histogram.snapshot()
    }

    /// A quantile is never less than what it stands for, and less than twice as much.
    // Caught: a power too few; the bound of the next power; a rank from the other end; a longest that is the last.
    #[test]
    fn s2_quantiles_are_right_to_a_power_of_two() {
        let nanos = Duration::from_nanos;
        for time in [0, 1, 2, 3, 4, 1000, 1023, 1024, 1 << 30] {
            let one = of(&[time]);
            for part in [0.0, 0.5, 1.0] {
                assert_eq!(one.quantile(part), Some(nanos(time as u64)), "the longest is known exactly");
            }
        }
        let many = of(&[10, 10, 10, 100, 5]);
        assert_eq!(many.count(), 5);
        assert_eq!(many.quantile(0.0), Some(nanos(7)));
        assert_eq!(many.quantile(0.5), Some(nanos(15)));
        assert_eq!(many.quantile(1.0), Some(nanos(100)));
        assert_eq!(many.longest(), Some(nanos(100)));
        assert_eq!(of(&[]).quantile(0.5), None);
        assert_eq!(of(&[usize::MAX, 1]).quantile(1.0), Some(nanos(usize::MAX as u64)));
    }

    /// What was not measured because it took no time.
    // Caught: as many added as there are, not as there are missing.
    #[test]
    fn s2_those_without_a_wait_count_as_none() {
        let waits = of(&[100]).of_all(4);
        assert_eq!(waits.count(), 4);
        assert_eq!(waits.quantile(0.5), Some(Duration::ZERO));
        assert_eq!(waits.longest(), Some(Duration::from_nanos(100)));
        assert_eq!(of(&[1, 1]).of_all(1).count(), 2);
    }
}
