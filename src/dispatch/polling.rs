//! The policy that says how long a dispatcher polls before it sleeps.

use core::time::Duration;

/// How long a dispatcher polls after it has served an interrupt, for drivers that need a short latency.
///
/// Without polling the dispatcher's thread sleeps at once. To wake it takes tens of microseconds, which is most of the
/// time from an assertion to its ISR. With polling the thread stays awake for a while, the window, and looks at its
/// sources again and again. It finds interrupts within the window without a wake-up, and spends processor time for it.
/// When the window closes without another interrupt, the thread sleeps, so a quiet line costs nothing. Linux's NAPI and
/// halt polling work in the same way.
///
/// Set the policy for one interrupt with [`Builder::polling`](crate::Builder::polling). If a dispatcher serves several
/// interrupts, it polls until the last open window closes, and looks at all of its interrupts meanwhile. Polling
/// changes only how the thread waits, not what it delivers. Disabling an interrupt closes its window.
///
/// While it polls, the thread yields its processor now and then, so that the asserting thread can run even on a machine
/// with one processor. It still uses up the time of one processor.
///
/// With a real-time [priority](crate::Priority) the thread yields to no ordinary thread. While a window is open, the
/// ordinary threads on its processor stand still: on a machine with one processor all of them, the driver's own included.
/// (Linux leaves them a twentieth of each second, unless `sched_rt_runtime_us` says otherwise.) So give such an interrupt
/// short windows, or a processor of its own.
///
/// # Windows
///
/// A window of zero is the same as [`None`](Self::None). A window may be as long as you like: with [`Duration::MAX`]
/// the dispatcher does not sleep from the first interrupt to the disable. Use that on a processor that has nothing else
/// to do.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use interrupt_lock::{Claim, Interrupt, Polling, source::Software};
///
/// let (source, _line) = Software::edge();
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
    /// The dispatcher sleeps at once.
    #[default]
    None,
    /// The dispatcher polls for this long after each interrupt.
    Fixed(Duration),
    /// The dispatcher adapts the window to the line, up to this length. The window begins at a sixty-fourth of it. An
    /// interrupt that comes within the longest window doubles it; an interrupt that comes later halves it. So a slow
    /// line soon costs little.
    Adaptive(Duration),
}

impl Polling {
    /// Returns whether there is a time in which the dispatcher polls.
    pub(crate) fn has_window(self) -> bool {
        match self {
            Self::None => false,
            Self::Fixed(window) | Self::Adaptive(window) => !window.is_zero(),
        }
    }
}
