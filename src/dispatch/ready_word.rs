//! Which interrupts need a thread of the crate: a word, and behind it a list of those that were raised together.
//!
//! | part | set by | cleared by |
//! |---|---|---|
//! | `ASLEEP`, the highest bit | the thread, by a compare-exchange from nothing | the first raise, which wakes the thread; the thread, as it takes |
//! | `STOP`, the next | the thread that stops it | the thread, as it takes |
//! | the others: an entry | an interrupt that needs the thread | the thread, as it takes |
//!
//! The thread sets `ASLEEP` only if the word is zero. So a raise comes either before that or after it. If before, the
//! compare-exchange fails and the thread does not sleep. If after, the raising thread finds `ASLEEP` and wakes the
//! thread. The race is about one word, and the order of that word's changes decides it: no fence is needed. If the
//! thread is awake, raising needs no system call.
//!
//! # The list
//!
//! If nothing else is raised, the interrupt's number alone is the entry: one read-modify-write. Otherwise the interrupt
//! puts its [`Node`] before the entry that it finds: one more. Either takes as long with ten thousand interrupts as with
//! two.
//!
//! A node is in one list at most. The raise that sets its flag puts it there, and the thread clears the flag as it comes
//! to the node. In between, another raise of the same interrupt only touches the flag: the thread looks after it. (A
//! raise that has set the flag and not yet put the node into the list delays the others of that interrupt. It has one
//! compare-exchange to make.)
//!
//! An interrupt may be in what the thread takes twice, with its node and alone. An extra look is harmless, for a source
//! and for a work item.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};

const ASLEEP: usize = 1 << (usize::BITS - 1);
const STOP: usize = ASLEEP >> 1;
const ENTRY: usize = STOP - 1;

/// In an entry: the node of that interrupt tells the next entry. Otherwise there is none.
const LINKED: usize = 1;

/// The word of one thread.
pub(crate) struct ReadyWord(AtomicUsize);

/// An interrupt's place in the list. It has the same number as long as the thread lives.
pub(crate) struct Node {
    /// 1 from the raise that puts the node into the list until the thread comes to it.
    raised: AtomicUsize,
    /// The next entry. It belongs to the raise that has set the flag, and then to the thread.
    next: AtomicUsize,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { raised: AtomicUsize::new(0), next: AtomicUsize::new(0) }
    }
}

/// The entry of an interrupt that is raised alone.
fn alone(number: usize) -> usize {
    // Not zero, which is no entry.
    (number + 1) << 1
}

fn number(entry: usize) -> usize {
    (entry >> 1) - 1
}

impl ReadyWord {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Makes the thread look at the interrupt of that number, whose node is `node`. Returns whether the caller has to
    /// wake the thread.
    #[inline]
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn raise(&self, number: usize, node: &Node) -> bool {
        let alone = alone(number);
        // Relaxed: the compare-exchange comes next.
        let word = self.0.load(Relaxed);
        // An entry that is there already is written again, so that the thread sees what was done before this raise.
        if word & ENTRY == 0 || word & ENTRY == alone {
            // Release: pairs with the Acquire in `take`, so the thread sees what was done before the raise. Acquire:
            // pairs with the Release in `sleep`, so the caller that has to wake the thread sees what the thread has
            // prepared for that. Relaxed if it fails: `link` looks anew.
            if self.0.compare_exchange(word, word & STOP | alone, AcqRel, Relaxed).is_ok() {
                return word & ASLEEP != 0;
            }
        }
        self.link(number, node)
    }

    /// Raises an interrupt beside others.
    fn link(&self, number: usize, node: &Node) -> bool {
        // Release: pairs with the Acquire in `Raised::next`, so the thread sees what was done before a raise that only
        // touches the flag. Acquire: pairs with the Release there, so the thread has read `next` before this raise
        // writes it.
        if node.raised.swap(1, AcqRel) != 0 {
            return false;
        }
        // Relaxed, here and if the exchange fails: the value is only put behind the node and compared.
        let mut word = self.0.load(Relaxed);
        loop {
            // Relaxed: the compare-exchange publishes it.
            node.next.store(word & ENTRY, Relaxed);
            // AcqRel: as in `raise`. The Release also publishes `next`.
            match self.0.compare_exchange(word, word & STOP | alone(number) | LINKED, AcqRel, Relaxed) {
                // The raise that clears `ASLEEP` wakes the thread. The later raises need not.
                Ok(_) => return word & ASLEEP != 0,
                Err(now) => word = now,
            }
        }
    }

    /// Makes the thread end. Returns whether the caller has to wake the thread.
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn stop(&self) -> bool {
        // AcqRel: as in `raise`.
        self.0.fetch_or(STOP, AcqRel) & ASLEEP != 0
    }

    /// Whether there is something to take. Looking is cheap while the word stays zero: its cache line does not move.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) != 0
    }

    /// Announces that the thread is about to sleep. Returns `false` if there is something to take; then the thread must
    /// not sleep. Whatever ends its sleep, `take` comes next.
    #[must_use = "if it returns `false` the thread must not sleep"]
    pub(crate) fn sleep(&self) -> bool {
        // Release: pairs with the Acquire in `raise` and in `stop`. Relaxed if it fails: `take` comes next.
        self.0.compare_exchange(0, ASLEEP, Release, Relaxed).is_ok()
    }

    /// Takes all that is raised. The thread counts as awake from now on.
    #[inline]
    pub(crate) fn take(&self) -> Raised {
        // Acquire: pairs with the Release in `raise` and in `stop`.
        let word = self.0.swap(0, Acquire);
        Raised { stop: word & STOP != 0, first: word & ENTRY, rest: 0 }
    }
}

/// What the thread has taken: the numbers of the interrupts that were raised.
pub(crate) struct Raised {
    stop: bool,
    /// The entry that comes next, if it is not linked.
    first: usize,
    /// The list after it.
    rest: usize,
}

impl Raised {
    /// Whether the thread has to end.
    pub(crate) fn is_stop(&self) -> bool {
        self.stop
    }

    /// Whether they still have to be put in order.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.first & LINKED != 0
    }

    /// Puts them in the order in which they were raised. The list begins with the last.
    pub(crate) fn put_in_order<'a>(&mut self, node: impl Fn(usize) -> &'a Node) {
        while self.is_linked() {
            let node = node(number(self.first));
            // Relaxed: `take` has acquired what the raise wrote, and until `next` clears the flag only this thread
            // writes.
            let next = node.next.load(Relaxed);
            node.next.store(self.rest, Relaxed);
            self.rest = self.first;
            self.first = next;
        }
    }

    /// Returns the next number. A raise of that interrupt that comes later makes the thread look again.
    #[inline]
    pub(crate) fn next<'a>(&mut self, node: impl FnOnce(usize) -> &'a Node) -> Option<usize> {
        if self.first != 0 {
            return Some(number(core::mem::take(&mut self.first)));
        }
        let number = (self.rest != 0).then(|| number(self.rest))?;
        let node = node(number);
        // Relaxed: as in `put_in_order`.
        self.rest = node.next.load(Relaxed);
        // Acquire and Release: pair with `link`. It is an exchange, not a store, because it has to read the last raise
        // that found the flag set.
        node.raised.swap(0, AcqRel);
        Some(number)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn nodes() -> [Node; 100] {
        core::array::from_fn(|_| Node::new())
    }

    fn taken(word: &ReadyWord, nodes: &[Node]) -> Vec<usize> {
        let mut raised = word.take();
        raised.put_in_order(|number| &nodes[number]);
        core::iter::from_fn(|| raised.next(|number| &nodes[number])).collect()
    }

    #[test]
    fn an_awake_thread_needs_no_wake_up() {
        let (word, nodes) = (ReadyWord::new(), nodes());
        assert!(!word.raise(0, &nodes[0]) && !word.stop());
        assert!(word.is_raised() && !word.sleep());
    }

    // Caught: a raise that leaves `ASLEEP`; one that wakes a thread that is awake.
    #[test]
    fn a_sleeping_thread_is_woken_once() {
        let (word, nodes) = (ReadyWord::new(), nodes());
        for _ in 0..2 {
            assert!(word.sleep());
            assert!(word.raise(3, &nodes[3]));
            assert!(!word.raise(3, &nodes[3]) && !word.raise(99, &nodes[99]) && !word.raise(99, &nodes[99]));
            assert!(!word.stop());
            assert_eq!(taken(&word, &nodes), [3, 99]);
        }
        assert!(word.sleep() && word.stop());
    }

    // Caught: a list that is put in order in part; a flag that stays set; a node that is put there twice.
    #[test]
    fn a_take_gives_each_once_in_the_order_of_raising() {
        let (word, nodes) = (ReadyWord::new(), nodes());
        assert!(word.sleep());
        for _ in 0..2 {
            for number in [99, 0, 7, 62, 7, 64, 0] {
                let _ = word.raise(number, &nodes[number]);
            }
            assert_eq!(taken(&word, &nodes), [99, 0, 7, 62, 64]);
            assert!(!word.is_raised() && taken(&word, &nodes).is_empty());
        }
    }

    // Caught: a flag that stays set; a raise that wakes a thread that is awake.
    #[test]
    fn what_is_raised_again_meanwhile_waits_for_the_next_take() {
        let (word, nodes) = (ReadyWord::new(), nodes());
        let raise = |number: usize| assert!(!word.raise(number, &nodes[number]));
        (0..3).for_each(raise);
        let mut raised = word.take();
        raised.put_in_order(|number| &nodes[number]);
        let mut seen = Vec::new();
        while let Some(number) = raised.next(|number| &nodes[number]) {
            raise(number);
            seen.push(number);
        }
        assert_eq!(seen, [0, 1, 2]);
        assert_eq!(taken(&word, &nodes), seen);
    }

    #[test]
    fn a_stop_is_no_interrupt() {
        let (word, nodes) = (ReadyWord::new(), nodes());
        let _ = word.stop();
        let mut raised = word.take();
        assert!(raised.is_stop() && raised.next(|number| &nodes[number]).is_none());
        // Raises keep it, alone and linked.
        let _ = (word.stop(), word.raise(0, &nodes[0]), word.raise(1, &nodes[1]));
        assert!(word.take().is_stop());
    }
}
