//! Whether a dispatcher polls for a while before it sleeps.

use core::time::Duration;

/// What a dispatcher does after it has served an interrupt: sleep at once, or look again and again for a while.
///
/// A thread that sleeps has to be woken, which takes tens of microseconds and is most of the way from an assertion to
/// its ISR. Polling spends processor time to save it, in the manner of Linux's NAPI and of halt polling: the first
/// interrupt wakes the thread as ever; those that follow within the window are found by a thread that is awake. Once the
/// window is over without another, the thread sleeps: a quiet line costs nothing.
///
/// It is a policy of one interrupt, given by [`Builder::polling`](crate::Builder::polling). On a dispatcher that serves
/// several the longest window that is open counts, and while it is open all of them are looked at. What is delivered,
/// and how, stays as it is; only the wait differs. A disable closes the interrupt's window.
///
/// While it polls the thread gives its processor away now and then, so that whoever asserts can run even where there is
/// only one. It takes the time of one processor nevertheless.
///
/// # Windows
///
/// Zero is as [`None`](Self::None). There is no longest one: with [`Duration::MAX`] the dispatcher never sleeps again
/// from the first interrupt to the disable, which is for a processor that has nothing else to do.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use interrupt_lock::{Claim, Interrupt, Polling, source::Software};
///
/// let (source, assert) = Software::edge();
/// let interrupt = Interrupt::builder(())
///     .isr(|_| Claim::Claimed)
///     .source(source)
///     .polling(Polling::Adaptive(Duration::from_micros(100)))
///     .build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "NAPI")]
#[doc(alias = "busy_poll")]
#[doc(alias = "halt_poll_ns")]
pub enum Polling {
    /// It sleeps at once.
    #[default]
    None,
    /// It polls for this long after each interrupt.
    Fixed(Duration),
    /// It polls for no longer than this. The window begins at a sixty-fourth of it, doubles with each interrupt that
    /// comes so soon that the longest window would have caught it, and is halved by one that does not: a line that is
    /// slow, or falls silent, soon costs little.
    Adaptive(Duration),
}
