//! A source that code asserts.
//!
//! | file | holds |
//! |---|---|
//! | this one | the source |
//! | `handle` | the handles that assert it |
//! | `shared` | what the source and its handles share |
//! | `informed` | whom an assertion informs: the waker of a connected source, and the timing |
//! | `signal_word` | the layout of the word that they change |

mod handle;
mod informed;
mod shared;
mod signal_word;

use std::sync::Arc;
use std::task::Waker;

pub use handle::{EdgeHandle, LevelHandle};
#[cfg(feature = "simulated")]
pub(crate) use shared::Wakeup;

use crate::cause::SourceError;
use crate::info::{Info, Trigger};
use crate::source::{Assertions, Ready, Removal, Source};
use crate::sync::Process;
use shared::Shared;
use signal_word::SignalWord;

/// A source that code asserts, on any operating system: for tests, for simulated devices, and for other threads of the same
/// program.
///
/// Each constructor returns the source, which the interrupt owns, and a handle to assert it. Any number of threads may
/// hold clones of the handle.
///
/// - Edges and messages are counted.
/// - A level line behaves as a real one: it masks itself as it signals, and signals again for as long as it is
///   asserted.
/// - An edge before [`connect`](Source::connect) or after [`disconnect`](Source::disconnect) is stale. It stays to be
///   taken before the next `connect`. The first [`take`](Source::take) after a `disconnect` returns what was signalled
///   before the `disconnect`, every later one what is stale.
///
/// No method blocks, and only [`connect`](Source::connect) may allocate (as it clones the waker). Dropping the source
/// disconnects it. Its handles then assert in vain.
///
/// # Examples
///
/// ```
/// use std::task::Waker;
/// use interrupt_lock::source::{Software, Source};
///
/// let (mut source, handle) = Software::edge();
/// handle.assert(); // stale: not connected yet
/// assert_eq!(source.take()?, 1);
///
/// source.connect(Waker::noop())?;
/// handle.assert();
/// handle.assert();
/// assert_eq!(source.take()?, 2);
/// # Ok::<(), interrupt_lock::SourceError>(())
/// ```
#[derive(Debug)]
pub struct Software {
    shared: Arc<Shared>,
    trigger: Trigger,
    message: Option<u32>,
    /// What had been signalled when the source was disconnected, until that is taken.
    left: Option<u64>,
    /// How many assertions must not be taken as signalled.
    stale: u64,
    process: Process,
}

impl Software {
    /// Makes a line that signals once for each assertion.
    ///
    /// ```
    /// use interrupt_lock::{Trigger, source::{Software, Source}};
    ///
    /// let (source, _handle) = Software::edge();
    /// assert_eq!(source.info().trigger, Some(Trigger::Edge));
    /// ```
    #[must_use]
    pub fn edge() -> (Self, EdgeHandle) {
        let source = Self::new(Trigger::Edge, None);
        let handle = EdgeHandle::new(Arc::clone(&source.shared));
        (source, handle)
    }

    /// Makes a message-signaled vector: an edge whose [`info`](Source::info) has the message number.
    ///
    /// ```
    /// use interrupt_lock::source::{Software, Source};
    ///
    /// let (source, _handle) = Software::message(3);
    /// assert_eq!(source.info().message_number, Some(3));
    /// ```
    #[must_use]
    pub fn message(number: u32) -> (Self, EdgeHandle) {
        let source = Self::new(Trigger::Message, Some(number));
        let handle = EdgeHandle::new(Arc::clone(&source.shared));
        (source, handle)
    }

    /// Makes a line that signals for as long as it is asserted.
    ///
    /// ```
    /// use std::task::Waker;
    /// use interrupt_lock::source::{Software, Source};
    ///
    /// let (mut line, handle) = Software::level();
    /// handle.assert();
    /// line.connect(Waker::noop())?;
    /// assert_eq!(line.take()?, 1); // asserted as it was connected; masked from now on
    /// assert_eq!(line.take()?, 0);
    /// line.unmask()?; // still asserted
    /// assert_eq!(line.take()?, 1);
    /// handle.deassert();
    /// line.unmask()?;
    /// assert_eq!(line.take()?, 0);
    /// # Ok::<(), interrupt_lock::SourceError>(())
    /// ```
    #[must_use]
    pub fn level() -> (Self, LevelHandle) {
        let source = Self::new(Trigger::Level, None);
        let handle = LevelHandle::new(Arc::clone(&source.shared));
        (source, handle)
    }

    fn new(trigger: Trigger, message: Option<u32>) -> Self {
        Self { shared: Arc::new(Shared::new()), trigger, message, left: None, stale: 0, process: Process::this() }
    }

    #[inline]
    fn tell_taken(&self, word: SignalWord) {
        if word.is_timed() {
            self.shared.tell_taken();
        }
    }
}

impl Source for Software {
    fn info(&self) -> Info {
        let mut info = Info::new().with_trigger(self.trigger).with_message_signaled(self.trigger == Trigger::Message);
        info.message_number = self.message;
        info
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        // The waker comes first. So a handle that finds the source connected, or that removes the device afterwards, finds
        // the waker too.
        self.shared.set_waker(Some(waker.clone()));
        let (before, after) = self.shared.step(SignalWord::connected);
        if after.is_removed() {
            self.shared.set_waker(None);
            return Err(SourceError::Removed);
        }
        if after.is_timed() {
            // An edge from before is stale.
            self.shared.withdraw();
        }
        if !before.is_connected() {
            self.stale = self.stale.saturating_add(self.left.take().unwrap_or(0)).saturating_add(before.count());
        }
        if after.signals() {
            self.shared.wakeup().wake();
        }
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        let (before, after) = self.shared.step(SignalWord::disconnected);
        self.shared.set_waker(None);
        if after.is_removed() {
            return Err(SourceError::Removed);
        }
        if before.is_connected() {
            self.left = Some(before.count());
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        if let Some(signalled) = self.left.take() {
            self.tell_taken(self.shared.word());
            return if self.shared.word().is_removed() { Err(SourceError::Removed) } else { Ok(signalled) };
        }
        let before = self.shared.take();
        self.tell_taken(before);
        if before.is_removed() {
            Err(SourceError::Removed)
        } else if before.is_connected() {
            Ok(before.count())
        } else {
            Ok(before.count().saturating_add(std::mem::take(&mut self.stale)))
        }
    }

    #[inline]
    fn unmask(&mut self) -> Result<(), SourceError> {
        if self.trigger != Trigger::Level {
            return if self.shared.word().is_removed() { Err(SourceError::Removed) } else { Ok(()) };
        }
        let (before, after) = self.shared.step(SignalWord::unmasked);
        if after.is_removed() {
            return Err(SourceError::Removed);
        }
        self.shared.wake_for(before, after).wake();
        Ok(())
    }

    fn never_masks(&self) -> bool {
        self.trigger != Trigger::Level
    }

    fn time_assertions(&mut self, assertions: Assertions) {
        self.shared.time(assertions);
    }

    fn removal(&mut self) -> Option<Removal> {
        let word = self.shared.word();
        if word.is_removed() {
            Some(Removal::Surprise)
        } else if word.is_removal_requested() {
            Some(Removal::Requested)
        } else {
            None
        }
    }
}

impl Drop for Software {
    fn drop(&mut self) {
        // In a forked child somebody may be inside the waker's lock for ever.
        if self.process.is_this() {
            self.shared.step(SignalWord::disconnected);
            self.shared.set_waker(None);
        }
    }
}
