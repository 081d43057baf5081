//! When unclaimed deliveries are a storm (rule I10). This is only arithmetic: the caller says what time it is.
//!
//! The figures are Linux's. An unclaimed delivery counts only if the one before it is less than a tenth of a second old, so
//! a slow line never adds up to a storm, however long it runs. Without a clock a slow line could not be told from a storm,
//! so nothing is counted there.

use core::time::Duration;
use std::sync::OnceLock;
use std::time::Instant;

use crate::fault::Fault;
#[cfg(not(loom))]
use crate::sync::{GENERATIONS, OfEachProcess};

/// So many unclaimed deliveries are a storm, …
const UNCLAIMED: u32 = 99_900;
/// … of so many deliveries.
const OF: u32 = 100_000;
/// Unclaimed deliveries that are further apart are no storm.
const AGE: Duration = Duration::from_millis(100);

/// A run of unclaimed deliveries, with few others among them.
pub(crate) struct Storm {
    unclaimed: u32,
    /// How many deliveries had ended otherwise when the run began. The low bits are enough: within `AGE`, no interrupt is
    /// delivered as often as they can count.
    others: u32,
    /// The moment of the last unclaimed delivery, if there was one.
    last: u64,
}

impl Storm {
    pub(crate) const fn new() -> Self {
        Self { unclaimed: 0, others: 0, last: 0 }
    }

    /// Counts one more unclaimed delivery. `others` have ended otherwise so far. Returns the fault if this is a storm;
    /// the count then begins anew.
    pub(crate) fn unclaimed(&mut self, others: u64, now: Instant) -> Option<Fault> {
        let now = moment(now);
        let age = now.wrapping_sub(self.last).cast_signed();
        let fresh = self.unclaimed != 0 && age < AGE.as_nanos() as i64;
        // If there are more others than may be among 100,000, no 100,000 that begin where this run does are a storm.
        let others = others as u32;
        let few = others.wrapping_sub(self.others) <= OF - UNCLAIMED;
        if !(fresh && few) {
            (self.unclaimed, self.others) = (0, others);
        }
        self.unclaimed += 1;
        self.last = now;
        if self.unclaimed < UNCLAIMED {
            return None;
        }
        *self = Self::new();
        Some(Fault::Storm { unclaimed: UNCLAIMED, of: OF })
    }
}

/// Returns a moment in nanoseconds. Half the size of an `Instant`, of which each interrupt keeps one. The first that the
/// process asks for is 0, earlier ones wrap.
fn moment(now: Instant) -> u64 {
    // A thread of the parent may be in the middle of it at a fork, and the child would wait for that.
    #[cfg(not(loom))]
    static FIRST: OfEachProcess<OnceLock<Instant>> = OfEachProcess::new([const { OnceLock::new() }; GENERATIONS]);
    #[cfg(not(loom))]
    let first = *FIRST.this().get_or_init(|| now);
    #[cfg(loom)]
    let first = {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        *FIRST.get_or_init(|| now)
    };
    let nanoseconds = |from, to: Instant| to.saturating_duration_since(from).as_nanos() as u64;
    nanoseconds(first, now).wrapping_sub(nanoseconds(now, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_nanos(1);

    /// How many unclaimed deliveries it takes, at most `most`: each `apart` from the last, with one more other after
    /// each `per`.
    fn storms_after(most: u64, apart: Duration, per: u64) -> Option<u64> {
        let (mut storm, mut now) = (Storm::new(), Instant::now());
        (1..=most).find(|n| {
            now += apart;
            storm.unclaimed(n / per, now).is_some()
        })
    }

    // Caught: a limit that is one off either way; a count that is not begun anew after a storm.
    #[test]
    fn i10_a_storm_is_so_many_unclaimed() {
        assert_eq!(storms_after(200_000, TICK, u64::MAX), Some(99_900));
        let (mut storm, now) = (Storm::new(), Instant::now());
        for _ in 0..2 {
            assert!((1..99_900).all(|_| storm.unclaimed(7, now).is_none()));
            assert_eq!(storm.unclaimed(7, now), Some(Fault::Storm { unclaimed: 99_900, of: 100_000 }));
        }
    }

    // Caught: others that are not counted, or never forgotten.
    #[test]
    fn i10_more_than_a_hundred_others_among_them_are_none() {
        assert_eq!(storms_after(99_900, TICK, 999), Some(99_900), "100 others");
        assert_eq!(storms_after(1_000_000, TICK, 980), None, "101 others");
        // What was claimed before the run has no say in it.
        let (mut storm, now) = (Storm::new(), Instant::now());
        assert_eq!((1..200_000).find(|_| storm.unclaimed(1_000_000, now).is_some()), Some(99_900));
    }

    // Caught: a count that does not age.
    #[test]
    fn i10_a_slow_line_never_storms() {
        assert_eq!(storms_after(1_000_000, AGE, u64::MAX), None);
        assert_eq!(storms_after(1_000_000, AGE - TICK, u64::MAX), Some(99_900));
    }
}
