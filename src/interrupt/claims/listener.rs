//! The interrupt's side of a listener (rules A2, A3, A4). The module `claims` explains the protocol.

use core::task::Waker;

use crate::error::{Error, ErrorKind};
use crate::fault::{Callback, Fault};
use crate::interrupt::InterruptObject;
use crate::interrupt::claims::{Claims, CountsClaims};
use crate::interrupt::state::LISTENED;
use crate::sync;

impl<T: Send, W: Send> InterruptObject<T, W> {
    /// Returns a listener for async code, which borrows the object: for a `static`, or an object that the driver keeps.
    ///
    /// Its [`claimed`](Claims::claimed) waits until the ISR has claimed ([rule A1](crate::guide::contract#a1)). It
    /// counts claims from this call on. The handle's [`Interrupt::claims`](crate::Interrupt::claims) returns a listener
    /// that does not borrow.
    ///
    /// Waits for the interrupt lock, once.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Listened`]: there is a listener already.
    /// - [`ErrorKind::Recursive`]: the calling thread holds the interrupt lock.
    /// - [`ErrorKind::WouldDeadlock`]: the owner of the interrupt lock waits for what the calling thread holds.
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

    /// Notes that there is a listener. Returns the count of claims that it begins with.
    #[track_caller]
    pub(crate) fn listen(&self) -> Result<u64, Error> {
        self.check_here()?;
        // Each delivery comes either before this section, and is in the count, or after it, and sees the bit.
        let section = self.lock().acquire_until(None)?;
        if self.state.has(LISTENED) {
            return Err(self.error(ErrorKind::Listened));
        }
        self.state.set(LISTENED);
        let count = self.claim_counts.claimed.get();
        drop(section);
        Ok(count)
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Wakes the listener, if there is one. Called after each section in which a claim, a fault, a removal or the end
    /// may have come.
    #[inline]
    pub(in crate::interrupt) fn tell_listener(&self) {
        if self.state.has(LISTENED) {
            self.wake_listener();
        }
    }

    #[cold]
    fn wake_listener(&self) {
        let waker = self.notes.lock().listener.take();
        if let Some(waker) = waker
            && let Err(message) = sync::catch(|| waker.wake())
        {
            self.leave_fault(Fault::Panicked { callback: Callback::Waker, message });
        }
    }
}

impl<T: Send, W: Send> CountsClaims for InterruptObject<T, W> {
    fn count(&self) -> u64 {
        self.claim_counts.claimed.get()
    }

    fn check(&self) -> Result<(), Error> {
        self.check()
    }

    fn set_waker(&self, waker: Waker) {
        // The old waker is freed after the lock of the notes has been released: it is the executor's.
        let before = self.notes.lock().listener.replace(waker);
        self.free(before);
    }

    fn remove_listener(&self) {
        if self.state.is_inherited() {
            // The waker is the parent's, and its lock may be held for ever.
            return;
        }
        // Take the waker first: once the bit is clear, a waker in the notes may be another listener's.
        let waker = self.notes.lock().listener.take();
        self.state.take(LISTENED);
        self.free(waker);
    }
}
