//! The edges that a source has taken, until the ISR asks for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use lock_api::Mutex;

use crate::lock::RawInterruptLock;
use crate::system::gpio::Edge;

/// Edges between the source and the ISR. Both have the interrupt lock, mostly; a work item may ask, too.
pub(super) struct Queue {
    inner: Mutex<RawInterruptLock, Inner>,
    /// The same moment on both clocks.
    start: (Instant, u64),
}

struct Inner {
    /// With room for all that are kept: it never grows.
    edges: VecDeque<Edge>,
    room: usize,
    /// The number of the next edge, once one has been seen.
    next: Option<u32>,
    lost: u64,
    missed: u64,
}

// Each change is whole before anything could panic.
impl std::panic::RefUnwindSafe for Queue {}

impl Queue {
    /// `now` is a moment, in nanoseconds of the kernel's clock. `first` is the number that the first edge will have, if
    /// that is known.
    pub(super) fn new(room: usize, now: (Instant, u64), first: Option<u32>) -> Self {
        let inner = Inner { edges: VecDeque::with_capacity(room), room, next: first, lost: 0, missed: 0 };
        Self { inner: Mutex::from_raw(RawInterruptLock::new(), inner), start: now }
    }

    /// Notes an edge that the kernel has told of, and keeps it for the ISR if it is to.
    pub(super) fn push(&self, edge: Edge, keep: bool) {
        let mut inner = self.inner.lock();
        inner.count(edge.number);
        if keep {
            if inner.edges.len() == inner.room {
                inner.edges.pop_front();
                inner.missed = inner.missed.saturating_add(1);
            }
            inner.edges.push_back(edge);
        }
    }

    pub(super) fn pop(&self) -> Option<Edge> {
        self.inner.lock().edges.pop_front()
    }

    /// Forgets the edges that nobody has asked for.
    pub(super) fn clear(&self) {
        self.inner.lock().edges.clear();
    }

    /// How many edges the kernel had no room for.
    pub(super) fn lost(&self) -> u64 {
        self.inner.lock().lost
    }

    /// How many edges this queue had no room for.
    pub(super) fn missed(&self) -> u64 {
        self.inner.lock().missed
    }

    /// When an edge was.
    pub(super) fn moment(&self, edge: Edge) -> Instant {
        let (instant, time) = self.start;
        let at = match edge.time.checked_sub(time) {
            Some(after) => instant.checked_add(Duration::from_nanos(after)),
            None => instant.checked_sub(Duration::from_nanos(time - edge.time)),
        };
        at.unwrap_or(instant)
    }
}

impl Inner {
    /// The kernel numbers all edges, and drops the oldest where its buffer is full. Edges of two lines may come in another
    /// order than that of their numbers.
    fn count(&mut self, number: u32) {
        let expected = *self.next.get_or_insert(number);
        match number.wrapping_sub(expected) {
            gap if gap <= u32::MAX / 2 => {
                self.lost = self.lost.saturating_add(gap.into());
                self.next = Some(number.wrapping_add(1));
            }
            // It was counted as lost, and has only been overtaken.
            _ => self.lost = self.lost.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(number: u32) -> Edge {
        Edge { time: 0, rising: true, offset: 0, number }
    }

    fn lost_of(numbers: &[u32], first: Option<u32>) -> u64 {
        let queue = Queue::new(4, (Instant::now(), 0), first);
        numbers.iter().for_each(|&number| queue.push(edge(number), false));
        queue.lost()
    }

    // Caught: a number that is taken for a gap of four thousand millions; a gap that is off by one; a count that does not wrap.
    #[test]
    fn i3_a_gap_in_the_numbers_is_counted_as_lost() {
        assert_eq!(lost_of(&[1, 2, 3], Some(1)), 0);
        assert_eq!(lost_of(&[3], Some(1)), 2);
        assert_eq!(lost_of(&[3, 5], None), 1);
        assert_eq!(lost_of(&[u32::MAX, 1], None), 1);
        assert_eq!(lost_of(&[2, 1, 3], Some(1)), 0, "overtaken");
    }

    // Caught: a queue that grows; one that drops the newest; one that counts nothing.
    #[test]
    fn i3_an_edge_that_nobody_asks_for_in_time_is_counted_as_missed() {
        let queue = Queue::new(4, (Instant::now(), 0), Some(1));
        (1..=6).for_each(|number| queue.push(edge(number), true));
        assert_eq!((queue.missed(), queue.lost()), (2, 0));
        assert_eq!(
            std::iter::from_fn(|| queue.pop()).map(|edge| edge.number).collect::<std::vec::Vec<_>>(),
            [3, 4, 5, 6]
        );
    }

    // Caught: a moment before the start that is taken for one after it.
    #[test]
    fn s2_the_kernels_time_becomes_a_moment() {
        let now = Instant::now();
        let queue = Queue::new(1, (now, 1_000_000), None);
        let at = |time| queue.moment(Edge { time, ..edge(1) });
        assert_eq!(at(1_500_000), now + Duration::from_micros(500));
        assert_eq!(at(400_000), now - Duration::from_micros(600));
    }
}
