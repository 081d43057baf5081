//! The source of one of the interrupts on a line.

use std::fmt;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::Waker;

use crate::cause::SourceError;
use crate::claim::Claim;
use crate::info::{Info, Share};
use crate::name::Name;
use crate::source::shared_line::line::{Line, LineWaker};
use crate::source::{Ready, Removal, Source};

/// The source of one of the interrupts on a [`SharedLine`](super::SharedLine): give it to the interrupt's builder.
///
/// ```
/// use interrupt_lock::{Share, source::{SharedLine, Software, Source}};
///
/// let shared = SharedLine::new(Software::level().0)?;
/// assert_eq!(shared.member().info().share, Some(Share::Shared));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct LineMember {
    line: Arc<Line>,
    /// The number of its seat, while it is connected.
    seat: Option<u64>,
    /// The assertions that had been signalled when it was disconnected, until they are taken.
    left: Option<u64>,
}

impl LineMember {
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self { line, seat: None, left: None }
    }
}

impl Source for LineMember {
    fn info(&self) -> Info {
        self.line.with(|chain| chain.source.info()).with_share(Share::Shared)
    }

    fn name(&self) -> Name {
        self.line.with(|chain| chain.source.name())
    }

    fn ready(&mut self) -> Ready<'_> {
        #[cfg(unix)]
        if let Some(signal) = &self.line.signal {
            return Ready::Descriptor(signal.as_fd());
        }
        #[cfg(windows)]
        if let Some(event) = &self.line.event {
            return Ready::Event(event);
        }
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        if !self.line.is_here() {
            return Err(SourceError::Refused("its line belongs to the process from which this one was forked".into()));
        }
        self.line.with(|chain| {
            self.seat = Some(chain.join(waker, || LineWaker::of(&self.line))?);
            Ok(())
        })
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        let Some(number) = self.seat.take() else { return Ok(()) };
        let (left, disconnected) = self.line.with(|chain| chain.leave(number));
        self.left = Some(left);
        disconnected
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        if !self.line.is_here() {
            return Ok(0);
        }
        if let Some(left) = self.left.take() {
            return Ok(left);
        }
        self.line.with(|chain| match self.seat {
            Some(number) => chain.take(number),
            // What is left from before, unless another member is connected and it counts for that one.
            None if chain.is_empty() => chain.ask(|source| source.take()),
            None => Ok(0),
        })
    }

    fn answered(&mut self, claim: Claim) -> bool {
        if let Some(number) = self.seat {
            self.line.with(|chain| chain.answered(number, claim));
        }
        false
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        if let Some(number) = self.seat {
            self.line.with(|chain| chain.unmasked_by(number));
        }
        Ok(())
    }

    #[cfg(unix)]
    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        self.line.removal.as_ref().map(AsFd::as_fd)
    }

    fn removal(&mut self) -> Option<Removal> {
        self.line.with(|chain| chain.source.removal())
    }
}

impl Drop for LineMember {
    fn drop(&mut self) {
        // An error can't be reported any more. In a forked child the line is the parent's.
        if self.line.is_here() {
            let _ = self.disconnect();
        }
    }
}

impl fmt::Debug for LineMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineMember").field("connected", &self.seat.is_some()).finish_non_exhaustive()
    }
}
