//! The owning handle.

use core::fmt;
use core::ops::Deref;

use alloc::sync::Arc;

#[cfg(doc)]
use crate::ErrorKind;
use crate::interrupt::{InterruptObject, WithWorkItem};
use crate::{Claims, Error};

/// The owner of an interrupt: dropping it ends the interrupt.
///
/// It derefs to the [`InterruptObject`], where the operations are. It can be shared between threads as it is.
///
/// # The end
///
/// Dropping it disables the interrupt (with its disable callback), waits for an ISR and a work item that run, runs a
/// work item that is queued, and frees the callbacks, the source and the dispatcher of its own, in that order and
/// outside every lock (rule E6). Dropped inside a callback of its own, or by a thread that holds its lock, it does so
/// as soon as that section ends; dropped inside the ISR of another interrupt, its dispatcher's worker does so. (Without
/// a dispatcher there is nobody to leave it to: then it waits there and then, so a work item that needs the lock of that
/// other interrupt must not be running.) A panic of what the callbacks own, as it is freed, goes no further: it is a
/// fault ([`Callback::Destructor`](crate::Callback::Destructor)), for whoever still has the object. The interrupt data is
/// freed with the object, which a dispatcher's thread may be the last to have.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, source::Software};
///
/// let (source, assert) = Software::edge();
/// let interrupt = Interrupt::builder(0)                   // the interrupt data: lives inside the lock
///     .isr(|count| {                                      // runs with the lock held
///         **count += 1;
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
///
/// assert.assert();
/// interrupt.disable()?;
/// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[must_use = "dropping the handle ends the interrupt"]
#[doc(alias = "IWDFInterrupt")]
#[doc(alias = "WDFINTERRUPT")]
pub struct Interrupt<T, W = WithWorkItem> {
    object: Arc<InterruptObject<T, W>>,
}

impl<T, W> Interrupt<T, W> {
    /// The object itself, which outlives the handle for whoever keeps it, but ends with the handle: for a driver's own
    /// loop, or (as an [`alloc::sync::Weak`]) for a callback.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, State};
    /// use std::sync::Arc;
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// let object = Arc::clone(interrupt.object());
    /// drop(interrupt);
    /// assert_eq!(object.state(), State::Ended);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn object(&self) -> &Arc<InterruptObject<T, W>> {
        &self.object
    }

    /// A listener for async code: its [`claimed`](Claims::claimed) waits until the ISR has claimed (rule A1). It counts
    /// from here on, one at a time, and sees the end of the interrupt: it keeps the object (and so the data), not the
    /// handle.
    ///
    /// It waits for the interrupt lock, once.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Listened`]: there is a listener already.
    /// - [`ErrorKind::Recursive`]: the calling thread holds the interrupt lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// let claims = interrupt.claims()?;
    /// assert!(matches!(interrupt.claims().unwrap_err().kind(), ErrorKind::Listened));
    /// drop(claims);
    /// assert!(interrupt.claims().is_ok());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn claims(&self) -> Result<Claims<'static>, Error>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let seen = self.object.listen()?;
        Ok(Claims::owning(self.object.clone(), seen))
    }

    pub(crate) fn new(object: Arc<InterruptObject<T, W>>) -> Self {
        Self { object }
    }
}

impl<T, W> Deref for Interrupt<T, W> {
    type Target = InterruptObject<T, W>;

    fn deref(&self) -> &Self::Target {
        &self.object
    }
}

impl<T, W> Drop for Interrupt<T, W> {
    fn drop(&mut self) {
        // Where the end is still to come, it stops the threads, and the object's own drop waits for them.
        if self.object.end() {
            self.object.join_threads();
        }
    }
}

impl<T, W> fmt::Debug for Interrupt<T, W> {
    /// One snapshot; never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.object, f)
    }
}
