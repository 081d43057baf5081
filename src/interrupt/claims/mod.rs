//! How async code and threads wait for claims (rules A1, A2, A3, A4).
//!
//! | file | holds |
//! |---|---|
//! | this one | the listener, and its async form |
//! | `waiting` | its form for threads; waiting for a condition on the interrupt data |
//! | `listener` | the interrupt's side of its listeners |
//! | `listeners` | their places |
//!
//! The ISR only counts. The thread that ends a section of the interrupt lock then looks at one bit of the state word,
//! which says whether there are listeners. If so, the thread takes each listener's waker from the notes and calls it,
//! with no lock of the interrupt held.
//!
//! No claim is slept through. A listener sets its waker first and looks at the count second. A delivery counts first
//! and takes the waker second. Both reach the waker under the lock of the notes, which orders them. The bit itself is
//! set under the interrupt lock, so a delivery either sees it, or was counted before the listener began.
//!
//! The waker is one of the notes, because their lock exists anyway and is held for a few instructions. (A cell of its
//! own, as in the crate atomic-waker, would be one more protocol for the models.)

mod listener;
mod listeners;
#[cfg(feature = "std")]
mod waiting;

pub(crate) use listener::Begun;
pub(super) use listeners::Listeners;

use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use crate::error::Error;
#[cfg(any(doc, feature = "std"))]
use crate::error::ErrorKind;

/// An interrupt, as its listeners see it.
pub(crate) trait CountsClaims: Send + Sync {
    /// Returns how many ISR runs have claimed.
    fn count(&self) -> u64;

    /// Returns the fault, the removal or the end because of which no more will claim.
    fn check(&self) -> Result<(), Error>;

    /// Keeps `waker` for the listener of that place, to be called after the next change, or none.
    fn set_waker(&self, place: usize, waker: Option<Waker>);

    /// Drops the waker, and frees the place.
    fn remove_listener(&self, place: usize);

    /// Returns an error if the calling thread must not sleep until the ISR claims.
    #[cfg(feature = "std")]
    fn may_wait(&self) -> Result<(), Error>;

    /// Returns the error of this interrupt.
    #[cfg(feature = "std")]
    fn error(&self, kind: ErrorKind) -> Error;
}

enum InterruptRef<'a> {
    Borrowed(&'a dyn CountsClaims),
    #[cfg(feature = "alloc")]
    Owned(Arc<dyn CountsClaims + 'a>),
}

/// A listener of an interrupt: with it an async task, or a thread, waits until the ISR has claimed (rules
/// [A1](crate::guide::contract#a1) to [A4](crate::guide::contract#a4)).
///
/// [`Interrupt::claims`](crate::Interrupt::claims) returns one, and on bare metal
/// [`InterruptObject::claims`](crate::InterruptObject::claims). Each listener of an interrupt sees every claim. It works
/// on any executor, and waiting does not allocate. For a thread there is `wait_for`.
///
/// A disable does not end the wait: it goes on after the next enable. A fault, a removal or the end of the interrupt
/// ends the wait with an error. Claims from before are yielded first.
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
/// #[derive(Default)]
/// struct Uart {
///     received: Vec<u8>,
/// }
///
/// let (source, line) = Software::edge();
/// let interrupt = Interrupt::builder(Uart::default())
///     .isr(|uart| {
///         uart.received.push(7);
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
///
/// let mut claims = interrupt.claims()?;
/// line.assert();
/// block_on(async {
///     // A driver does this in a loop, until the error comes.
///     assert_eq!(claims.claimed().await?, 1);
///     let received = interrupt.synchronize(|uart| std::mem::take(&mut uart.received)); // no guard across an await
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
    to: InterruptRef<'a>,
    /// The number of its place.
    place: usize,
    /// The count at the last look.
    seen: u64,
}

impl<'a> Claims<'a> {
    pub(crate) fn borrowing(object: &'a dyn CountsClaims, begun: Begun) -> Self {
        Self { to: InterruptRef::Borrowed(object), place: begun.place, seen: begun.count }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn owning(object: Arc<dyn CountsClaims + 'a>, begun: Begun) -> Self {
        Self { to: InterruptRef::Owned(object), place: begun.place, seen: begun.count }
    }

    /// Waits until the ISR has claimed, and yields how many of its runs have claimed since the last call.
    ///
    /// The future never blocks the thread. No claim is lost between two calls, and none if the future is dropped: the
    /// next future yields it. So the future may stand in a `select`. (Counts wrap as a `usize` does.)
    ///
    /// The thread that ran the ISR calls the waker, after it has released the interrupt lock: the dispatcher's thread,
    /// or on bare metal the interrupt vector, which the executor has to allow. If the waker panics, that is a fault of
    /// the interrupt ([`Callback::Waker`](crate::Callback::Waker)).
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Faulted`]: a fault has taken the interrupt out of service. After the driver has cleared it, the
    ///   listener can wait again.
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    /// - [`ErrorKind::Source`]: the last enable has found no message vector for the interrupt.
    ///
    /// Each ends the wait at once. So does each later call, while the state lasts.
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
        self.interrupt().set_waker(self.place, Some(cx.waker().clone()));
        // A claim that came before the waker was set has called no waker, so look again.
        self.look().map_or(Poll::Pending, Poll::Ready)
    }

    fn look(&mut self) -> Option<Result<u64, Error>> {
        // Look at the error first: claims that came before it have been counted by then.
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

    fn interrupt(&self) -> &dyn CountsClaims {
        match &self.to {
            InterruptRef::Borrowed(object) => *object,
            #[cfg(feature = "alloc")]
            InterruptRef::Owned(object) => &**object,
        }
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.interrupt().remove_listener(self.place);
    }
}

impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("seen", &self.seen).finish_non_exhaustive()
    }
}
