//! An eventfd as a source.

use std::{
    format,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
    task::Waker,
};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::{Info, Trigger};
use crate::linux::in_use::{Identity, Sole};
use crate::source::waitable::Counter;
use crate::source::{Ready, Source};
use crate::system;
use crate::system::{failed, opening, refused};

/// An eventfd as a source: another thread, another process or the kernel signals it.
///
/// Each signal is an edge. Signals that arrive before they are taken coalesce, and [`take`](Source::take) returns how
/// many there were. The counter can't be disarmed: what is signalled while the source is disconnected stays in the
/// counter, and is drained before the next connection.
///
/// An eventfd from [`new`](Self::new) is non-blocking, with one exception. If an interrupt has a dispatcher of its own, polls
/// nothing and is enabled, the dispatcher's thread sleeps in `read` of the eventfd, which is blocking then. To wake the thread,
/// the crate adds 2^40 to the counter, and leaves such additions out of every count. Other code that reads the eventfd may find
/// them.
///
/// No other code may close the source's descriptor, or put another file in its place (Rust's I/O safety). Most such mistakes
/// are a fault at the next look; another eventfd in its place is not noticed.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{linux::Eventfd, source::Source};
///
/// let mut source = Eventfd::new()?;
/// let signaller = source.signaller();
/// std::thread::spawn(move || { signaller.signal(); signaller.signal() }).join().unwrap();
/// assert_eq!(source.take()?, 2);
/// assert_eq!(source.take()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "eventfd")]
pub struct Eventfd {
    /// `None` if the kernel does not tell which eventfd it is. Given up before the eventfd is closed, whose number the kernel
    /// then gives to another.
    _sole: Option<Sole>,
    counter: Arc<Counter>,
}

impl Eventfd {
    /// Makes a new eventfd, with a count of 0.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the program has too many files open.
    ///
    /// # Examples
    ///
    /// ```
    /// let source = interrupt_lock::linux::Eventfd::new()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn new() -> Result<Self, Error> {
        let counter = create().map_err(opening("eventfd"))?;
        // It is new, so nobody else has it.
        let sole = Told::of(&counter).id.and_then(Sole::take);
        Ok(Self { _sole: sole, counter: Arc::new(Counter::own(counter)) })
    }

    /// Takes an eventfd that other code opened. What it counts already stays to be taken.
    ///
    /// The descriptor is made non-blocking, for all that have it open, and closed on exec. Other code that reads the eventfd
    /// takes signals away from the source, without an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if it is:
    ///
    /// - no eventfd;
    /// - one that is another source of this process already, perhaps by another descriptor: each signal would reach one of
    ///   the two. (Kernels before 5.2, and a system without proc, don't tell which eventfd it is.)
    /// - one in semaphore mode, which undoes coalescing. Kernels before 6.5 don't tell the mode. There such an eventfd is
    ///   accepted, and its signals are taken one by one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{AsFd, OwnedFd};
    /// use interrupt_lock::linux::Eventfd;
    ///
    /// let theirs: OwnedFd = Eventfd::new()?.as_fd().try_clone_to_owned()?;
    /// let source = Eventfd::from_fd(theirs)?;
    ///
    /// # if std::path::Path::new("/proc/self").exists() {
    /// let error = Eventfd::from_fd(std::fs::File::open("/dev/null")?.into()).unwrap_err();
    /// assert_eq!(format!("{error:#}"), "eventfd: could not be set up: the descriptor is not an eventfd but /dev/null");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_fd(counter: OwnedFd) -> Result<Self, Error> {
        let take = || {
            let told = check(&counter)?;
            let in_use = || refused("it is in use already: an eventfd is one source's at a time");
            let sole = told.id.map(|id| Sole::take(id).ok_or_else(in_use)).transpose()?;
            system::adopt(counter.as_fd()).map_err(failed("setting it up"))?;
            Ok((told.semaphore.is_some(), sole))
        };
        let (whole, sole) = take().map_err(opening("eventfd"))?;
        Ok(Self { _sole: sole, counter: Arc::new(Counter::non_blocking(counter, whole)) })
    }

    /// Returns a handle that signals this source.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{linux::Eventfd, source::Source};
    ///
    /// let mut source = Eventfd::new()?;
    /// source.signaller().signal();
    /// assert_eq!(source.take()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signaller(&self) -> EventfdSignaller {
        EventfdSignaller { counter: self.counter.clone() }
    }
}

/// Makes an eventfd: non-blocking, closed on exec, never in semaphore mode.
pub(crate) fn create() -> Result<OwnedFd, SourceError> {
    system::eventfd().map_err(failed("making an eventfd"))
}

/// What proc tells of an eventfd.
struct Told {
    semaphore: Option<bool>,
    id: Option<Identity>,
}

impl Told {
    fn of(counter: &OwnedFd) -> Self {
        let text = system::attribute(format!("/proc/self/fdinfo/{}", counter.as_raw_fd())).unwrap_or_default();
        let field = |name| Some(text.lines().find_map(|line| line.strip_prefix(name))?.trim());
        Self {
            semaphore: field("eventfd-semaphore:").map(|semaphore| semaphore == "1"),
            id: field("eventfd-id:").and_then(|id| id.parse().ok()).map(Identity::Eventfd),
        }
    }
}

/// Refuses a descriptor if proc says that it is no eventfd, or one in semaphore mode. Without proc, the first `take`
/// of no eventfd fails.
fn check(counter: &OwnedFd) -> Result<Told, SourceError> {
    match system::link(format!("/proc/self/fd/{}", counter.as_raw_fd())) {
        Ok(Some(target)) if target != Path::new("anon_inode:[eventfd]") => {
            return Err(refused(format!("the descriptor is not an eventfd but {}", target.display())));
        }
        _ => {}
    }
    let told = Told::of(counter);
    if told.semaphore == Some(true) {
        return Err(refused("the eventfd is in semaphore mode, which undoes coalescing"));
    }
    Ok(told)
}

impl AsFd for Eventfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.counter.as_fd()
    }
}

impl Source for Eventfd {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Edge)
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.counter.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.counter.take().map_err(failed("reading the eventfd"))
    }

    fn never_masks(&self) -> bool {
        true
    }

    fn counter(&mut self) -> Option<&Arc<Counter>> {
        Some(&self.counter)
    }
}

/// Signals an [`Eventfd`] from any thread. Give its descriptor to another process or to the kernel to have them signal.
///
/// It may outlive the source.
///
/// # Examples
///
/// ```
/// use interrupt_lock::linux::Eventfd;
///
/// let signaller = Eventfd::new()?.signaller();
/// signaller.signal(); // the source is gone: no harm
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventfdSignaller {
    counter: Arc<Counter>,
}

impl EventfdSignaller {
    /// Signals once. Never fails. A counter that is full stays so.
    ///
    /// It does not wait, with one exception: other code fills the counter at this moment, while a dispatcher's thread sleeps
    /// in a `read` of the eventfd (see [`Eventfd`]). Then it waits until that thread has read.
    ///
    /// # Examples
    ///
    /// ```
    /// let signaller = interrupt_lock::linux::Eventfd::new()?.signaller();
    /// signaller.signal();
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn signal(&self) {
        // A counter that is full is readable already. What a filter refuses can't be told to anybody: this is a device, and
        // not a driver.
        if system::is_writable(&*self.counter) == Ok(true) {
            let _ = system::signal(&*self.counter);
        }
    }
}

impl AsFd for EventfdSignaller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.counter.as_fd()
    }
}
