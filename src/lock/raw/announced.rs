//! The announce word of the raw lock: what an owner has to know before its section, and at its release.
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | high half | admitted | each delivery that waited and takes the lock adds one | with `arrived`, once both are equal |
//! | low half | arrived | each delivery that has to wait adds one | with `admitted`, once both are equal |
//! | 1 | `LEFT` | a caller that leaves something to the owner | the owner, before it serves |
//! | 0 | `PARKED` | a thread, before it sleeps | with the queue locked: the step that empties the queue |
//!
//! The counts make tickets. A delivery's ticket is the number of deliveries that had arrived before it. Its turn has
//! come when as many have been admitted.

use crate::sync;

/// Threads sleep, or are about to.
pub(super) const PARKED: usize = 1;
/// Something is left to the owner: a delivery that must not wait, a deferred closure, an end.
pub(super) const LEFT: usize = 1 << 1;

const ARRIVED_SHIFT: u32 = 2;
const COUNT_BITS: u32 = (usize::BITS - ARRIVED_SHIFT) / 2;
const ADMITTED_SHIFT: u32 = ARRIVED_SHIFT + COUNT_BITS;
const COUNT: usize = (1 << COUNT_BITS) - 1;
const DELIVERIES: usize = COUNT << ARRIVED_SHIFT | COUNT << ADMITTED_SHIFT;

/// A snapshot of the announce word.
#[derive(Clone, Copy)]
pub(in crate::lock) struct Announced(pub(super) usize);

/// A delivery's place in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(super) usize);

impl Announced {
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether something comes before a thread's section: a delivery that waits, or what is left to the owner.
    #[inline(always)]
    pub(super) fn precedes_threads(self) -> bool {
        self.0 & (DELIVERIES | LEFT) != 0
    }

    /// Returns whether something comes before a delivery that has just arrived: a delivery that waits.
    ///
    /// What is left to the owner does not: the delivery serves it at its release.
    #[inline(always)]
    pub(super) fn precedes_deliveries(self) -> bool {
        self.deliveries_wait()
    }

    pub(super) fn deliveries_wait(self) -> bool {
        // Where none ever waits, the code for tickets compiles to nothing.
        sync::DELIVERY_MAY_WAIT && self.0 & DELIVERIES != 0
    }

    /// Returns how many deliveries wait.
    pub(super) fn waiting(self) -> usize {
        self.arrived().wrapping_sub(self.admitted()) & COUNT
    }

    pub(super) fn has_left(self) -> bool {
        self.0 & LEFT != 0
    }

    pub(super) fn is_parked(self) -> bool {
        sync::THREADS_SLEEP && self.0 & PARKED != 0
    }

    /// Returns the ticket of the delivery whose turn it is, if any waits.
    pub(super) fn turn(self) -> Ticket {
        Ticket(self.admitted())
    }

    /// Returns whether so many deliveries have followed without a pause that a thread should get the lock in between.
    pub(super) fn never_ceases(self) -> bool {
        self.admitted() >= 64
    }

    /// Returns the ticket of one more delivery that waits, and the word with it. `None` if all tickets are in use.
    pub(super) fn with_arrival(self) -> Option<(Ticket, usize)> {
        let arrived = self.arrived();
        let next = (arrived + 1) & COUNT;
        let with = self.0 & !(COUNT << ARRIVED_SHIFT) | next << ARRIVED_SHIFT;
        (next != self.admitted()).then_some((Ticket(arrived), with))
    }

    /// Returns the word without the delivery whose turn it was: it has the lock. If no other waits, the counts start
    /// again from zero.
    pub(super) fn without_first(self) -> usize {
        let admitted = (self.admitted() + 1) & COUNT;
        let rest = self.0 & !DELIVERIES;
        if admitted == self.arrived() {
            rest
        } else {
            rest | self.arrived() << ARRIVED_SHIFT | admitted << ADMITTED_SHIFT
        }
    }

    fn arrived(self) -> usize {
        self.0 >> ARRIVED_SHIFT & COUNT
    }

    fn admitted(self) -> usize {
        self.0 >> ADMITTED_SHIFT & COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waiting deliveries have different tickets, also where the counts overflow.
    #[test]
    fn tickets_come_round() {
        let (first, mut word) = Announced(PARKED).with_arrival().unwrap();
        assert_eq!(first, Announced(word).turn());
        for _ in 0..10 {
            let (ticket, with) = Announced(word).with_arrival().unwrap();
            assert_ne!(ticket, Announced(with).turn());
            word = Announced(with).without_first();
            assert_eq!(ticket, Announced(word).turn());
        }
        assert_eq!(Announced(word).without_first(), PARKED);

        let last = Announced(COUNT << ARRIVED_SHIFT | COUNT << ADMITTED_SHIFT);
        let (ticket, word) =
            Announced(last.0 & !(COUNT << ADMITTED_SHIFT) | (COUNT - 1) << ADMITTED_SHIFT).with_arrival().unwrap();
        assert_eq!(ticket, Ticket(COUNT));
        let word = Announced(Announced(word).without_first());
        assert_eq!(word.turn(), ticket);
        assert_eq!(word.without_first(), 0);
    }

    /// A delivery gets no ticket while all are in use.
    #[test]
    fn too_many_wait_elsewhere() {
        let full = Announced((COUNT - 1) << ARRIVED_SHIFT | COUNT << ADMITTED_SHIFT);
        assert!(full.with_arrival().is_none());
    }
}
