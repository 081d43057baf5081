//! What the members of a line share.
//!
//! Members reach the line with their interrupt lock held, so nothing in here may wait for one. The line's own lock is held
//! only to look and to note, and every member is woken after it has been released.
//!
//! The source may wake the line with that lock held, for example from its `unmask`. The wake-up then leaves a note for the
//! thread that holds the lock.

use std::boxed::Box;
use std::mem;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use lock_api::Mutex;

use crate::error::{Error, ErrorKind};
use crate::info::Trigger;
use crate::lock::RawInterruptLock;
#[cfg(any(unix, windows))]
use crate::source::Ready;
use crate::source::Source;
#[cfg(windows)]
use crate::source::WaitableHandle;
#[cfg(unix)]
use crate::source::duplicate;
use crate::source::shared_line::chain::Chain;
use crate::sync::Process;

/// A line, its source and its members.
pub(super) struct Line {
    chain: Mutex<RawInterruptLock, Chain>,
    /// The source has signalled, and the members are still to be called.
    signalled: Mutex<RawInterruptLock, bool>,
    /// A duplicate of the source's descriptor, if it has one.
    #[cfg(unix)]
    pub(super) signal: Option<OwnedFd>,
    /// A duplicate of the source's removal descriptor, if it has one.
    #[cfg(unix)]
    pub(super) removal: Option<OwnedFd>,
    /// The source's event, if it has one.
    #[cfg(windows)]
    pub(super) event: Option<WaitableHandle>,
    process: Process,
}

// The line is a list of members and some flags, which are changed one by one, each to a state that is valid by itself.
impl std::panic::RefUnwindSafe for Line {}

impl Line {
    pub(super) fn new(mut source: Box<dyn Source>) -> Result<Self, Error> {
        let info = source.info();
        if info.trigger.is_some_and(|trigger| trigger != Trigger::Level) || info.message_signaled == Some(true) {
            return Err(Error::new(source.name(), ErrorKind::NotShareable));
        }
        #[cfg(unix)]
        let (signal, removal) = descriptors(&mut *source)?;
        #[cfg(windows)]
        let event = match source.ready() {
            Ready::Event(event) => Some(event.clone()),
            Ready::Waker => None,
        };
        Ok(Self {
            chain: Mutex::from_raw(RawInterruptLock::new(), Chain::new(source)),
            signalled: Mutex::from_raw(RawInterruptLock::new(), false),
            #[cfg(unix)]
            signal,
            #[cfg(unix)]
            removal,
            #[cfg(windows)]
            event,
            process: Process::this(),
        })
    }

    /// Whether this is the process that made the line, and no forked child.
    pub(super) fn is_here(&self) -> bool {
        self.process.is_this()
    }

    /// Lets `f` use the line, and then wakes the members that are called.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Chain) -> R) -> R {
        let result = f(&mut self.chain.lock());
        self.wake_members();
        result
    }

    /// Wakes the members that are called, in order, each with the lock released. If another thread (or this one) holds
    /// the lock, `with` does it after the release.
    fn wake_members(&self) {
        while let Some(mut chain) = self.chain.try_lock() {
            if mem::take(&mut *self.signalled.lock()) {
                chain.call_all();
            }
            let next = chain.next_call();
            drop(chain);
            match next {
                Some(waker) => waker.wake(),
                // After the release: a wake-up that found the lock held has left its note to this thread.
                None if !*self.signalled.lock() => return,
                None => {}
            }
        }
    }
}

#[cfg(unix)]
fn descriptors(source: &mut dyn Source) -> Result<(Option<OwnedFd>, Option<OwnedFd>), Error> {
    let signal = match source.ready() {
        Ready::Descriptor(descriptor) => Some(duplicate(descriptor)),
        Ready::Waker => None,
    };
    let removal = source.removal_descriptor().map(duplicate);
    match (signal.transpose(), removal.transpose()) {
        (Ok(signal), Ok(removal)) => Ok((signal, removal)),
        (Err(error), _) | (_, Err(error)) => Err(Error::new(source.name(), ErrorKind::Source(error))),
    }
}

/// Wakes the line: the waker that its source is connected with.
pub(super) struct LineWaker(Weak<Line>);

impl LineWaker {
    pub(super) fn of(line: &Arc<Line>) -> Waker {
        Waker::from(Arc::new(Self(Arc::downgrade(line))))
    }
}

impl Wake for LineWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(line) = self.0.upgrade() {
            *line.signalled.lock() = true;
            line.wake_members();
        }
    }
}
