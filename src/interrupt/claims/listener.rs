//! The interrupt's side of a listener (section A); the protocol is told in `claims`.

use core::task::Waker;

use crate::interrupt::InterruptObject;
use crate::interrupt::claims::{Claims, Listenable};
use crate::interrupt::state::LISTENED;
use crate::sync;
use crate::{Callback, Error, ErrorKind};

impl<T: Send, W: Send> InterruptObject<T, W> {
    /// A listener for async code: its [`claimed`](Claims::claimed) waits until the ISR has claimed (rule A1). It counts
    /// from here on.
    ///
    /// This one borrows, for a `static` or an object that the driver keeps; the handle's
    /// [`Interrupt::claims`](crate::Interrupt::claims) does not. It waits for the interrupt lock, once.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Listened`]: there is a listener already.
    /// - [`ErrorKind::Recursive`]: the calling thread holds the interrupt lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
    ///
    /// static TIMER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| Claim::Claimed);
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

    /// Says that there is a listener. The answer is the count that it begins with.
    #[track_caller]
    pub(crate) fn listen(&self) -> Result<u64, Error> {
        // Every delivery comes before this section, and is in the count, or after it, and sees the bit.
        let section = self.lock().acquire_until(None)?;
        if self.state.has(LISTENED) {
            return Err(self.error(ErrorKind::Listened));
        }
        self.state.set(LISTENED);
        let count = self.answers.claimed.get();
        drop(section);
        Ok(count)
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Wakes the listener, if there is one: after each section in which something may have changed for it.
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
            self.quarantine_from_outside(Callback::Waker, message);
        }
    }
}

impl<T: Send, W: Send> Listenable for InterruptObject<T, W> {
    fn count(&self) -> u64 {
        self.answers.claimed.get()
    }

    fn check(&self) -> Result<(), Error> {
        self.check()
    }

    fn leave_waker(&self, waker: Waker) {
        // Whatever was there is dropped after the lock has been released: it is the executor's code.
        let _before = self.notes.lock().listener.replace(waker);
    }

    fn forget_listener(&self) {
        // The waker first: once the bit is clear it may be another listener's.
        let _waker = self.notes.lock().listener.take();
        self.state.take(LISTENED);
    }
}
