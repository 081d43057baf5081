//! `Interrupt`, the handle that owns an interrupt.

use core::fmt;
use core::ops::Deref;

use alloc::sync::Arc;

use crate::answer::WithWorkItem;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::interrupt::{Claims, InterruptObject};

/// An interrupt with its ISR and its data: the handle that a driver owns.
///
/// Build one with [`Interrupt::builder`]. It derefs to the [`InterruptObject`], which has the operations. Threads may
/// share it by reference. Dropping it ends the interrupt. It stands for *IWDFInterrupt* and *WDFINTERRUPT*.
///
/// # The end
///
/// Dropping the handle, in this order and outside every lock ([rule E6](crate::guide::contract#e6)):
///
/// 1. disables the interrupt: runs deferred closures, the ISR for what has been signalled, and the disable callback;
/// 2. runs a queued work item or waits for one that runs, and runs the closures that were deferred meanwhile;
/// 3. frees the callbacks, then the source, and stops the threads that served no other interrupt.
///
/// In two cases the drop returns at once, and the end comes later:
///
/// - A callback of the interrupt drops the handle, or a thread that holds its lock. The end comes as soon as that
///   section has ended.
/// - The ISR of another interrupt drops the handle, or a thread that holds the callback lock that its work item needs.
///   Or waiting would be a deadlock with another thread ([rule L13](crate::guide::contract#l13)), or a dispatcher's thread
///   would have to run the work item. Then a thread that is started for it ends the interrupt.
///
/// If the handle of its device's power ([`Powered`](crate::Powered)) was dropped in a callback before, the end comes
/// after the device has left D0.
///
/// Each callback, and the source, is freed by itself. If something that it owns panics then, that is a fault
/// ([`Callback::Destructor`](crate::Callback::Destructor)). The panic does not reach the thread that drops the handle.
/// The interrupt data is freed with the object, perhaps by a dispatcher's thread.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, source::Software};
///
/// struct Button {
///     presses: u32,
/// }
///
/// let (source, line) = Software::edge();
/// let interrupt = Interrupt::builder(Button { presses: 0 }) // the interrupt data lives in the lock
///     .isr(|button| {                                       // the ISR runs with the lock held
///         button.presses += 1;
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
///
/// line.assert();
/// interrupt.disable()?; // the ISR has run for what was asserted before
/// assert_eq!(interrupt.acquire_interrupt_lock().presses, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[must_use = "dropping the handle ends the interrupt"]
pub struct Interrupt<T, W = WithWorkItem> {
    object: Arc<InterruptObject<T, W>>,
}

impl<T, W> Interrupt<T, W> {
    /// Returns the interrupt object, for a driver's own loop to keep, or (as an [`alloc::sync::Weak`]) for a callback.
    ///
    /// A clone of this [`Arc`] keeps the object in memory after the handle has been dropped. The interrupt ends with
    /// the handle all the same.
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
    #[doc(alias("AddRef", "WdfObjectReference"))]
    pub fn object(&self) -> &Arc<InterruptObject<T, W>> {
        &self.object
    }

    /// Returns a listener: its [`claimed`](Claims::claimed) waits in async code until the ISR has claimed, and its
    /// `wait_for` on a thread ([rule A1](crate::guide::contract#a1)).
    ///
    /// The listener counts claims from this call on. It keeps the object and its data in memory, but not the handle: so
    /// it sees the end of the interrupt. An interrupt has any number of listeners.
    ///
    /// Waits for the interrupt lock, once.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Recursive`]: the calling thread holds the interrupt lock.
    /// - [`ErrorKind::WouldDeadlock`]: the owner of the interrupt lock waits for what the calling thread holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, Interrupt};
    /// use std::time::Duration;
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// let (mut requests, mut statistics) = (interrupt.claims()?, interrupt.claims()?);
    /// interrupt.service();
    /// assert_eq!(requests.wait_for(Duration::from_secs(1))?, 1);
    /// assert_eq!(statistics.wait_for(Duration::from_secs(1))?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn claims(&self) -> Result<Claims<'static>, Error>
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        let begun = self.object.listen()?;
        Ok(Claims::owning(self.object.clone(), begun))
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
        // If the end is still to come, it stops the threads, and the drop of the object waits for them.
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
