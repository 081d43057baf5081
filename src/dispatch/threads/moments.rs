//! A moment for each of some numbers, and which comes first: a heap that knows the place of each number.

use std::time::Instant;

use alloc::vec::Vec;

/// Moments by number. All but `make_room` allocate nothing.
#[derive(Default)]
pub(super) struct Moments {
    /// A binary heap: no moment is before that of its parent.
    heap: Vec<(Instant, usize)>,
    /// Where in the heap a number is, or `NOWHERE`.
    places: Vec<usize>,
}

const NOWHERE: usize = usize::MAX;

impl Moments {
    /// Lets `number`, and all below it, have moments.
    pub(super) fn make_room(&mut self, number: usize) {
        if number >= self.places.len() {
            self.places.resize(number + 1, NOWHERE);
        }
        self.heap.reserve(self.places.len() - self.heap.len());
    }

    /// Returns the earliest moment.
    #[inline]
    pub(super) fn first(&self) -> Option<Instant> {
        self.heap.first().map(|&(moment, _)| moment)
    }

    /// Returns the number of the earliest moment, unless that is after `now`.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        self.heap.first().filter(|&&(moment, _)| moment <= now).map(|&(_, number)| number)
    }

    pub(super) fn has(&self, number: usize) -> bool {
        self.place(number).is_some()
    }

    /// Sets the moment of `number`, for which there must be room.
    pub(super) fn set(&mut self, number: usize, moment: Instant) {
        let place = self.place(number).unwrap_or_else(|| {
            self.heap.push((moment, number));
            self.places[number] = self.heap.len() - 1;
            self.heap.len() - 1
        });
        self.heap[place].0 = moment;
        let place = self.sift_up(place);
        self.sift_down(place);
    }

    /// Takes the moment of `number` away. Returns whether it had one.
    pub(super) fn remove(&mut self, number: usize) -> bool {
        let Some(place) = self.place(number) else { return false };
        self.swap(place, self.heap.len() - 1);
        self.heap.pop();
        self.places[number] = NOWHERE;
        if place < self.heap.len() {
            let place = self.sift_up(place);
            self.sift_down(place);
        }
        true
    }

    fn place(&self, number: usize) -> Option<usize> {
        self.places.get(number).copied().filter(|&place| place != NOWHERE)
    }

    /// Swaps two places of the heap.
    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.places[self.heap[a].1] = a;
        self.places[self.heap[b].1] = b;
    }

    /// Moves what is at `place` before all that are later. Returns its place.
    fn sift_up(&mut self, mut place: usize) -> usize {
        while place != 0 && self.heap[place].0 < self.heap[(place - 1) / 2].0 {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        place
    }

    /// Moves what is at `place` behind all that are earlier.
    fn sift_down(&mut self, mut place: usize) {
        loop {
            let children = 2 * place + 1..self.heap.len().min(2 * place + 3);
            let Some(child) = children.min_by_key(|&child| self.heap[child].0) else { return };
            if self.heap[place].0 <= self.heap[child].0 {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use core::time::Duration;

    use super::*;

    // Caught: a place that is not kept up; a heap that is mended in one direction only: down as a moment is removed, or up
    // as one is set; a number that keeps its moment.
    #[test]
    fn the_earliest_comes_first_whatever_was_set_and_removed() {
        const NUMBERS: usize = 40;
        let (start, mut random) = (Instant::now(), 1u64);
        let (mut moments, mut plain) = (Moments::default(), BTreeMap::new());
        moments.make_room(NUMBERS - 1);
        for _ in 0..500 {
            for _ in 0..NUMBERS {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let (number, moment) = ((random >> 33) as usize % NUMBERS, start + Duration::from_secs(random >> 53));
                if (random >> 50) & 3 == 0 {
                    assert_eq!(moments.remove(number), plain.remove(&number).is_some());
                } else {
                    moments.set(number, moment);
                    plain.insert(number, moment);
                }
                assert_eq!(moments.has(number), plain.contains_key(&number));
            }
            // Now one after the other.
            for _ in 0..NUMBERS {
                let first = plain.values().min().copied();
                assert_eq!(moments.first(), first);
                let Some(first) = first else { break };
                assert_eq!(moments.due(first - Duration::from_nanos(1)), None);
                let due = moments.due(first).unwrap();
                assert!(moments.remove(due));
                assert_eq!(plain.remove(&due), Some(first));
            }
            assert!(moments.first().is_none() && plain.is_empty());
        }
    }

    // Caught: a heap that grows as a moment is set.
    #[test]
    fn with_room_nothing_is_allocated() {
        let mut moments = Moments::default();
        moments.make_room(9);
        let room = (moments.heap.capacity(), moments.places.capacity());
        (0..10).for_each(|number| moments.set(number, Instant::now()));
        assert_eq!((moments.heap.capacity(), moments.places.capacity()), room);
    }
}
