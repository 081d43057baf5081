//! Rings of an eventfd: what ends a thread's sleep in its `read`, and is no signal.
//!
//! A ring counts the eventfd up by 2^40. So a count says how many signals there are and how many rings, as long as there are
//! fewer than 2^40 signals and 2^23 rings. A word counts the rings that are on their way, so a greater count of signals is
//! taken for rings only while there are some, and the sum is right again once these have arrived. (Not if other code takes a
//! ring: then a count of 2^40 signals or more may be 2^40 short for each such ring.)

use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;

/// What a ring counts in the eventfd.
pub(crate) const RING: u64 = 1 << 40;

/// How many rings are in an eventfd, or on their way to it.
pub(crate) struct Rings(AtomicUsize);

impl Rings {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Notes a ring. Call it before the ring.
    pub(crate) fn announce(&self) {
        // Relaxed, as everywhere in this word: the system's lock orders it with the ring, and that with the look.
        self.0.fetch_add(1, Relaxed);
    }

    /// Forgets a ring that has been announced, and could not be made.
    pub(crate) fn revoke(&self) {
        self.take(1);
    }

    /// Whether there may be a ring.
    pub(crate) fn may_be(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    /// Returns how many signals are in a count that has been taken from the eventfd.
    #[inline]
    pub(crate) fn signals(&self, count: u64) -> u64 {
        if count < RING { count } else { count - self.take(count / RING) * RING }
    }

    /// Takes as many rings, or as many as there are. Returns how many.
    fn take(&self, rings: u64) -> u64 {
        let left = |before: usize| Some(before - (before as u64).min(rings) as usize);
        let (Ok(before) | Err(before)) = self.0.fetch_update(Relaxed, Relaxed, left);
        (before as u64).min(rings)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    // Caught: a ring that is taken for 2^40 signals.
    #[test]
    fn i3_rings_are_no_signals() {
        let rings = Rings::new();
        rings.announce();
        rings.announce();
        assert_eq!(rings.signals(7), 7);
        assert_eq!(rings.signals(RING + 3), 3);
        assert!(rings.may_be());
        assert_eq!(rings.signals(RING), 0);
        assert!(!rings.may_be());
    }

    // Caught: a count that is always taken for rings.
    #[test]
    fn i3_a_count_beyond_a_ring_is_one_of_signals_where_nobody_rings() {
        let rings = Rings::new();
        assert_eq!(rings.signals(u64::MAX - 1), u64::MAX - 1);
        rings.announce();
        // The ring is yet to arrive: the sum is right once it has.
        assert_eq!(rings.signals(RING + 1) + rings.signals(RING), RING + 1);
        rings.announce();
        rings.revoke();
        assert_eq!(rings.signals(RING), RING);
    }
}
