//! The announce word of the raw lock: what an owner has to know before it runs its section, or as it releases.
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | high half | deliveries served | each delivery that takes the lock adds one | with the low half, when both are equal |
//! | low half | deliveries arrived | each delivery that waits adds one | as above |
//! | 1 | `LEFT` | a delivery (or the end) that must not wait, while there is an owner | an owner, before it serves it |
//! | 0 | `PARKED` | a thread, before it sleeps | the last thread to leave the queue, with the queue locked |
//!
//! The two counts are tickets: a delivery's turn has come when as many have been served as had arrived before it.

pub(super) const PARKED: usize = 1;
pub(super) const LEFT: usize = 1 << 1;

const ARRIVED_SHIFT: u32 = 2;
const COUNT_BITS: u32 = (usize::BITS - ARRIVED_SHIFT) / 2;
const SERVED_SHIFT: u32 = ARRIVED_SHIFT + COUNT_BITS;
const COUNT: usize = (1 << COUNT_BITS) - 1;
const DELIVERIES: usize = COUNT << ARRIVED_SHIFT | COUNT << SERVED_SHIFT;

/// A snapshot of the word.
#[derive(Clone, Copy)]
pub(super) struct Announced(pub(super) usize);

/// A delivery's place in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(super) usize);

impl Announced {
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether something comes before a thread's section.
    #[inline(always)]
    pub(super) fn precedes_threads(self) -> bool {
        self.0 & (DELIVERIES | LEFT) != 0
    }

    /// Whether something comes before a delivery that has just come. (What is pending is served by its release.)
    #[inline(always)]
    pub(super) fn precedes_deliveries(self) -> bool {
        self.deliveries_wait()
    }

    pub(super) fn deliveries_wait(self) -> bool {
        self.0 & DELIVERIES != 0
    }

    pub(super) fn has_left(self) -> bool {
        self.0 & LEFT != 0
    }

    pub(super) fn is_parked(self) -> bool {
        self.0 & PARKED != 0
    }

    /// Whose turn it is, if any delivery waits.
    pub(super) fn turn(self) -> Ticket {
        Ticket(self.served())
    }

    /// So many deliveries have followed one upon the other that the threads should have a turn.
    pub(super) fn never_ceases(self) -> bool {
        self.served() >= 64
    }

    /// One more delivery waits: its ticket, and the word with it. `None` if no more can be told apart.
    pub(super) fn with_arrival(self) -> Option<(Ticket, usize)> {
        let arrived = self.arrived();
        let next = (arrived + 1) & COUNT;
        let with = self.0 & !(COUNT << ARRIVED_SHIFT) | next << ARRIVED_SHIFT;
        (next != self.served()).then_some((Ticket(arrived), with))
    }

    /// The delivery whose turn it was has the lock. With nobody left to wait, the counts begin anew.
    pub(super) fn without_first(self) -> usize {
        let served = (self.served() + 1) & COUNT;
        let rest = self.0 & !DELIVERIES;
        if served == self.arrived() { rest } else { rest | self.arrived() << ARRIVED_SHIFT | served << SERVED_SHIFT }
    }

    fn arrived(self) -> usize {
        self.0 >> ARRIVED_SHIFT & COUNT
    }

    fn served(self) -> usize {
        self.0 >> SERVED_SHIFT & COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tickets are told apart for as long as anybody waits, also where the counts begin again.
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

        let last = Announced(COUNT << ARRIVED_SHIFT | COUNT << SERVED_SHIFT);
        let (ticket, word) =
            Announced(last.0 & !(COUNT << SERVED_SHIFT) | (COUNT - 1) << SERVED_SHIFT).with_arrival().unwrap();
        assert_eq!(ticket, Ticket(COUNT));
        let word = Announced(Announced(word).without_first());
        assert_eq!(word.turn(), ticket);
        assert_eq!(word.without_first(), 0);
    }

    /// More than can be told apart are not taken.
    #[test]
    fn too_many_wait_elsewhere() {
        let full = Announced((COUNT - 1) << ARRIVED_SHIFT | COUNT << SERVED_SHIFT);
        assert!(full.with_arrival().is_none());
    }
}
