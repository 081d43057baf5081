//! One level line for several interrupts (rule I7).
//!
//! A signal begins a round: all members are woken, each for an ISR run on its own dispatcher's thread and under its own
//! lock alone. The first claim unmasks the line. If nobody claims, the last answer does. If the line is still asserted
//! then, the next round begins. A member that is late misses nothing: one ISR run tells it of all the rounds since its
//! last.
//!
//! So a late member holds the line masked only while nobody claims. No line can do better: nobody else can tell whether
//! the device of that member asserts, and a line that is unmasked while its device asserts signals for ever.
//!
//! Order: a dispatcher serves its interrupts in the order of their slots, which need not be that of their connection. So a member that
//! comes before an earlier one steps back: it takes nothing and has itself woken again, behind the earlier one. It does so
//! a bounded number of times, and not for a member that is late.
//!
//! | file | holds |
//! |---|---|
//! | this one | the line as its driver sees it |
//! | `member` | a member: the source of one of the interrupts |
//! | `line` | what the members share: the lock, and the wake-ups after it |
//! | `chain` | the members in order: what each is still to be told, and to answer |
//! | `stats` | what became of the rounds |

mod chain;
mod line;
mod member;
mod stats;

use std::boxed::Box;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::source::Source;
use line::Line;
pub use member::LineMember;
pub use stats::LineStats;

/// A level line that several interrupts share. Each interrupt gets a [`member`](Self::member) as its source.
///
/// When the line signals, a round begins: all enabled interrupts are asked whether the device is theirs. The line is
/// unmasked when one of them claims, or when all have answered. If it is still asserted then, the next round begins.
///
/// - The interrupts are asked in the order in which they were enabled, if they share a dispatcher and it is not busy with
///   something else. No interrupt waits for one that is late.
/// - An interrupt that is late is told of all that it has missed in one ISR run, whose
///   [`assertions`](crate::IsrContext::assertions) says how many rounds that were. It holds the line masked only while no
///   other claims, since nobody else can tell whether its device asserts.
/// - An interrupt that is disabled, faulted, removed or dropped leaves the line.
/// - An interrupt that is inactive counts as one that has not claimed. Silence its device first
///   ([`report_inactive`](crate::InterruptObject::report_inactive)): what it asserts is a storm for the others.
/// - An interrupt that is asleep is late: it answers once its device is in D0.
/// - An interrupt that keeps the line masked keeps it masked for all, until it unmasks it.
/// - An unclaimed run of one interrupt is expected, and is counted as [benign](crate::Stats::benign).
/// - If no interrupt claims, the line's own [`stats`](Self::stats) count the round as spurious. A storm of spurious
///   rounds ([rule I10](crate::guide::contract#i10)) faults all the interrupts, since nothing tells whose device it is.
///
/// The interrupts may have dispatchers of their own or one in common. An interrupt without a dispatcher has to call
/// [`service`](crate::InterruptObject::service) whenever the line may have signalled: another interrupt may have taken the
/// signal from the line's descriptor. It is late until it does.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::{SharedLine, Software}};
///
/// let (source, line) = Software::level();
/// let shared = SharedLine::new(source)?;
/// let dispatcher = Dispatcher::new()?;
///
/// let first = Interrupt::builder(())
///     .isr(|_| Claim::Unclaimed) // its device has not asserted
///     .source(shared.member())
///     .dispatcher(&dispatcher)
///     .build()?;
/// struct Card {
///     frames: u32,
/// }
///
/// let acknowledge = line.clone();
/// let second = Interrupt::builder(Card { frames: 0 })
///     .isr(move |card| {
///         card.frames += 1;
///         acknowledge.deassert();
///         Claim::Claimed
///     })
///     .source(shared.member())
///     .dispatcher(&dispatcher)
///     .build()?;
/// first.enable()?;
/// second.enable()?;
///
/// line.assert();
/// while second.acquire_interrupt_lock().frames == 0 {}
/// assert_eq!(first.stats().benign, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "ShareVector")]
pub struct SharedLine(Arc<Line>);

impl SharedLine {
    /// Takes the source of a line that several interrupts share.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NotShareable`] if the source is known to be an edge or a message ([rule
    ///   I8](crate::guide::contract#i8)).
    /// - [`ErrorKind::Source`] if the system has no descriptor left.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{ErrorKind, source::{SharedLine, Software}};
    ///
    /// assert!(SharedLine::new(Software::level().0).is_ok());
    /// assert!(matches!(SharedLine::new(Software::edge().0).unwrap_err().kind(), ErrorKind::NotShareable));
    /// ```
    pub fn new(source: impl Source + 'static) -> Result<Self, Error> {
        Ok(Self(Arc::new(Line::new(Box::new(source))?)))
    }

    /// Returns a source for one more interrupt on this line.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::{SharedLine, Software}};
    ///
    /// let shared = SharedLine::new(Software::level().0)?;
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(shared.member()).build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn member(&self) -> LineMember {
        LineMember::new(self.0.clone())
    }

    /// Returns what became of the line's signals. Waits for no interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::source::{SharedLine, Software};
    ///
    /// let shared = SharedLine::new(Software::level().0)?;
    /// assert_eq!(shared.stats().claimed, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> LineStats {
        self.0.with(|chain| chain.stats)
    }
}

impl fmt::Debug for SharedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
