//! Waiting for the ISR from async code (section A of the rules).
//!
//! The ISR only counts. After a section of the interrupt lock has ended, whoever ended it looks for one bit of the state
//! word: is there a listener? If so its waker is taken from the notes and called, with no lock of the interrupt held.
//!
//! Nothing is slept through. A listener leaves its waker first and looks second; a delivery counts first and takes the
//! waker second; and both reach the waker under the lock of the notes, which orders them. The bit itself is set under
//! the interrupt lock, so every delivery either sees it, or was counted before the listener began.
//!
//! The waker is one of the notes, because that lock is there already and is held for a few instructions; on bare metal
//! it masks. (A cell of its own, as the crate atomic-waker has, would be one more protocol for the models.)

mod listener;

use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use crate::Error;
#[cfg(doc)]
use crate::ErrorKind;

/// What a listener asks of its interrupt.
pub(crate) trait Listenable: Send + Sync {
    /// How many ISR runs have claimed.
    fn count(&self) -> u64;

    /// Why there will be no more of them.
    fn check(&self) -> Result<(), Error>;

    /// Has `waker` called after the next change.
    fn leave_waker(&self, waker: Waker);

    /// The listener has gone.
    fn forget_listener(&self);
}

enum To<'a> {
    Borrowed(&'a dyn Listenable),
    #[cfg(feature = "alloc")]
    Owned(Arc<dyn Listenable + 'a>),
}

/// The one listener of an interrupt: an async task that waits until the ISR has claimed (rules A1 to A4).
///
/// From [`Interrupt::claims`](crate::Interrupt::claims), or [`InterruptObject::claims`](crate::InterruptObject::claims)
/// on bare metal. It works on any executor, and allocates nothing. Dropping it makes room for another.
///
/// Disabling the interrupt does not end the wait: it goes on after the next enable. A fault, a removal or the end of the
/// interrupt does, with that error; claims that came before it are told first.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, source::Software};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let (mut future, mut cx) = (std::pin::pin!(future), std::task::Context::from_waker(std::task::Waker::noop()));
/// #     loop {
/// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
/// #             return output;
/// #         }
/// #         std::thread::yield_now();
/// #     }
/// # }
///
/// let (source, line) = Software::edge();
/// let interrupt = Interrupt::builder(Vec::new())
///     .isr(|cx| {
///         cx.push(7);
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
///
/// let mut claims = interrupt.claims()?;
/// line.assert();
/// block_on(async {
///     // A driver's loop does this until the error comes.
///     assert_eq!(claims.claimed().await?, 1);
///     let received = interrupt.synchronize(std::mem::take); // no guard lives across an await
///     assert_eq!(received, [7]);
///
///     drop(interrupt);
///     assert!(matches!(claims.claimed().await.unwrap_err().kind(), ErrorKind::Ended));
///     Ok::<(), Error>(())
/// })?;
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a listener that is dropped waits for nothing"]
pub struct Claims<'a> {
    to: To<'a>,
    /// The count at the last look.
    seen: u64,
}

impl<'a> Claims<'a> {
    pub(crate) fn borrowing(object: &'a dyn Listenable, seen: u64) -> Self {
        Self { to: To::Borrowed(object), seen }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn owning(object: Arc<dyn Listenable + 'a>, seen: u64) -> Self {
        Self { to: To::Owned(object), seen }
    }

    /// Waits until the count of claimed interrupts differs from this listener's last look, and yields the difference:
    /// how many ISR runs have claimed since. It never blocks the thread.
    ///
    /// Nothing is lost between two calls, and nothing by dropping the future: what it has not yielded is yielded by the
    /// next. So it may stand in a `select`. (Counts wrap as a `usize` does.)
    ///
    /// The waker is called by whoever ran the ISR, after the interrupt lock has been released: by the dispatcher's
    /// thread, on bare metal by the interrupt vector, whose executor has to allow that. One that panics is a fault of
    /// the interrupt ([`Callback::Waker`](crate::Callback::Waker)).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faulted`], [`ErrorKind::Removed`] or [`ErrorKind::Ended`], as soon as it is so, and at each call while it is.
    /// After a fault has been cleared the listener can be used on.
    ///
    /// # Examples
    ///
    /// See [`Claims`].
    pub fn claimed(&mut self) -> impl Future<Output = Result<u64, Error>> + Send + Unpin + use<'_, 'a> {
        poll_fn(|cx| self.poll(cx))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        if let Some(answer) = self.look() {
            return Poll::Ready(answer);
        }
        self.interrupt().leave_waker(cx.waker().clone());
        // What came before the waker was there called none.
        self.look().map_or(Poll::Pending, Poll::Ready)
    }

    fn look(&mut self) -> Option<Result<u64, Error>> {
        // The error first: claims that came before it have been counted by then.
        let error = self.interrupt().check().err();
        let count = self.interrupt().count();
        // The counter is a `usize`, and wraps as one.
        let claimed = (count as usize).wrapping_sub(self.seen as usize) as u64;
        if claimed != 0 {
            self.seen = count;
            return Some(Ok(claimed));
        }
        error.map(Err)
    }

    fn interrupt(&self) -> &dyn Listenable {
        match &self.to {
            To::Borrowed(object) => *object,
            #[cfg(feature = "alloc")]
            To::Owned(object) => &**object,
        }
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.interrupt().forget_listener();
    }
}

impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("seen", &self.seen).finish_non_exhaustive()
    }
}
