//! The interrupt's side of its listeners (rules A2, A3, A4). The module `claims` explains the protocol.

use core::task::Waker;

use crate::error::{Error, ErrorKind};
use crate::fault::{Callback, Fault};
use crate::interrupt::claims::{Claims, CountsClaims};
use crate::interrupt::state::LISTENED;
use crate::interrupt::{InterruptObject, Notes};
use crate::sync;

/// A listener that begins: the number of its place, and the count of claims that it begins with.
pub(crate) struct Begun {
    pub(super) place: usize,
    pub(super) count: u64,
}

impl<T: Send, W: Send> InterruptObject<T, W> {
    /// Returns a listener, which borrows the object: for a `static`, or an object that the driver keeps.
    ///
    /// Its [`claimed`](Claims::claimed) waits in async code until the ISR has claimed, and its `wait_for` on a thread
    /// ([rule A1](crate::guide::contract#a1)). It counts claims from this call on. The handle's
    /// [`Interrupt::claims`](crate::Interrupt::claims) returns a listener that does not borrow.
    ///
    /// An interrupt has any number of listeners. (Without the feature `alloc`, one at a time.) The call waits for the
    /// interrupt lock, once.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Recursive`]: the calling thread holds the interrupt lock.
    /// - [`ErrorKind::WouldDeadlock`]: the owner of the interrupt lock waits for what the calling thread holds.
    /// - [`ErrorKind::Listened`]: there is a listener already, and no allocator.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
    ///
    /// static TIMER: InterruptObject<(), NoWorkItem> =
    ///     InterruptObject::new(Name::new("timer"), (), |_| Claim::Claimed);
    ///
    /// async fn three_ticks() -> Result<(), interrupt_lock::Error> {
    ///     let mut ticks = TIMER.claims()?;
    ///     let mut left = 3;
    ///     while left > 0 {
    ///         left -= ticks.claimed().await?.min(left);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn claims(&self) -> Result<Claims<'_>, Error> {
        Ok(Claims::borrowing(self, self.listen()?))
    }

    /// Makes room for another listener.
    #[track_caller]
    pub(crate) fn listen(&self) -> Result<Begun, Error> {
        self.check_here()?;
        // Before the section, because it may allocate. From here on the bit stays set, if it is set.
        let place = self.with_notes(|notes| notes.listeners().begin());
        let place = place.ok_or_else(|| self.error(ErrorKind::Listened))?;
        // Each delivery comes either before this section, and is in the count, or after it, and sees the bit.
        match self.lock().acquire_until(None) {
            Ok(_section) => {
                self.state.set(LISTENED);
                Ok(Begun { place, count: self.claim_counts.claimed.get() })
            }
            Err(error) => {
                self.remove_listener(place);
                Err(error)
            }
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Wakes the listeners, if there are any. Called after each section in which a claim, a fault, a removal or the end
    /// may have come.
    #[inline]
    pub(in crate::interrupt) fn tell_listeners(&self) {
        if self.state.has(LISTENED) {
            self.wake_listeners();
        }
    }

    #[cold]
    fn wake_listeners(&self) {
        let (mut place, mut places) = (0, None);
        while places.is_none_or(|places| place < places) {
            // Each waker is called with no lock held, and at most once: a listener that sets it anew has looked again.
            let taken = self.with_notes_now(|notes| (notes.listeners().take_waker(place), notes.listeners().places()));
            let Some((waker, count)) = taken else { return };
            // A place that is added meanwhile, perhaps by one of the wakers, is that of a listener that looks by itself.
            places.get_or_insert(count);
            place += 1;
            if let Some(waker) = waker
                && let Err(message) = sync::catch(|| waker.wake())
            {
                self.leave_fault(Fault::Panicked { callback: Callback::Waker, message });
            }
        }
    }

    fn change_listeners(&self, change: impl FnOnce(&mut Notes) -> Option<Waker>) {
        if self.state.is_inherited() {
            // The wakers are the parent's, and their lock may be held for ever.
            return;
        }
        // The old waker is freed after the lock of the notes has been released: it is the executor's.
        let before = self.with_notes(change);
        self.free(before);
    }
}

impl<T: Send, W: Send> CountsClaims for InterruptObject<T, W> {
    fn count(&self) -> u64 {
        self.claim_counts.claimed.get()
    }

    fn check(&self) -> Result<(), Error> {
        self.check()
    }

    fn set_waker(&self, place: usize, waker: Option<Waker>) {
        self.change_listeners(|notes| notes.listeners().set_waker(place, waker));
    }

    fn remove_listener(&self, place: usize) {
        self.change_listeners(|notes| {
            let waker = notes.listeners().end(place);
            // With the lock of the notes held: another listener may begin.
            if notes.listeners().is_empty() {
                self.state.take(LISTENED);
            }
            waker
        });
    }

    #[cfg(feature = "std")]
    fn may_wait(&self) -> Result<(), Error> {
        self.may_wait_for_claims()
    }

    #[cfg(feature = "std")]
    fn error(&self, kind: ErrorKind) -> Error {
        self.error(kind)
    }
}
