//! The listeners of an interrupt: a place for each, with its waker. The lock of the notes guards them.
//!
//! With an allocator there are as many places as there have been listeners at a time. A place is allocated as a listener
//! begins, never on the way from an assertion to the ISR. Without an allocator there is one place.

use core::mem;
use core::task::Waker;

#[cfg(feature = "alloc")]
type Places = alloc::vec::Vec<Place>;
#[cfg(not(feature = "alloc"))]
type Places = [Place; 1];

pub(in crate::interrupt) struct Listeners(Places);

/// A place for a listener.
struct Place {
    taken: bool,
    waker: Option<Waker>,
}

impl Place {
    #[cfg_attr(feature = "alloc", expect(dead_code, reason = "with an allocator, places begin taken"))]
    const FREE: Self = Self { taken: false, waker: None };
    #[cfg(feature = "alloc")]
    const TAKEN: Self = Self { taken: true, waker: None };
}

impl Listeners {
    #[cfg(feature = "alloc")]
    pub(in crate::interrupt) const NONE: Self = Self(Places::new());
    #[cfg(not(feature = "alloc"))]
    pub(in crate::interrupt) const NONE: Self = Self([Place::FREE]);

    /// Takes a free place for another listener. Returns its number, or `None` if there is none.
    pub(super) fn begin(&mut self) -> Option<usize> {
        if let Some((number, place)) = self.0.iter_mut().enumerate().find(|(_, place)| !place.taken) {
            place.taken = true;
            return Some(number);
        }
        self.grow()
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Option<usize> {
        self.0.push(Place::TAKEN);
        Some(self.0.len() - 1)
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Option<usize> {
        None
    }

    /// Frees the place. Returns its waker.
    pub(super) fn end(&mut self, number: usize) -> Option<Waker> {
        let place = self.0.get_mut(number)?;
        place.taken = false;
        place.waker.take()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|place| !place.taken)
    }

    /// Keeps `waker` for the listener, or none. Returns the one from before.
    pub(super) fn set_waker(&mut self, number: usize, waker: Option<Waker>) -> Option<Waker> {
        mem::replace(&mut self.0.get_mut(number)?.waker, waker)
    }

    /// How many places there are, taken or free. None is ever taken away.
    pub(super) fn places(&self) -> usize {
        self.0.len()
    }

    /// Takes the waker of that place, if there is such a place.
    pub(super) fn take_waker(&mut self, number: usize) -> Option<Waker> {
        self.0.get_mut(number)?.waker.take()
    }
}

impl Default for Listeners {
    fn default() -> Self {
        Self::NONE
    }
}
