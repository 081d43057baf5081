//! What asserts an interrupt: the trait that every back-end implements.

mod registers;
#[cfg(feature = "std")]
mod shared_line;
#[cfg(feature = "std")]
mod software;

use core::task::Waker;

use crate::{Claim, Info, Name, SourceError};

#[cfg(feature = "std")]
pub use crate::observe::timing::Assertions;
pub use registers::Registers;
#[cfg(feature = "std")]
pub use shared_line::{LineMember, LineStats, SharedLine};
#[cfg(feature = "std")]
pub(crate) use software::Wakeup;
#[cfg(feature = "std")]
pub use software::{EdgeHandle, LevelHandle, Software};

/// Something that asserts an interrupt: a UIO or VFIO device, an eventfd, a simulated line.
///
/// The interrupt object owns its source and calls every method with the interrupt lock held, so an implementation
/// needs no lock of its own against the object. No method may block, allocate on the way from [`take`](Self::take) to
/// [`unmask`](Self::unmask), or take the interrupt lock.
///
/// Between [`connect`](Self::connect) and [`disconnect`](Self::disconnect) a source makes itself known in one of two
/// ways, which [`ready`](Self::ready) tells: its descriptor becomes readable, or it wakes the waker given to `connect`.
/// It has to do so at least once after each assertion that `take` has not returned yet, also for one made between
/// `connect` and the first look at its descriptor; more often is harmless.
///
/// A [level](crate::Trigger::Level) source masks itself as it signals, and signals again from `unmask` if it is still
/// asserted then.
///
/// # Examples
///
/// A source of edges that somebody else counts:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::task::Waker;
/// use interrupt_lock::{Info, SourceError, source::{Ready, Source}};
///
/// #[derive(Default)]
/// struct Edges { count: u64, waker: Option<Waker> }
///
/// struct Counted(Arc<Mutex<Edges>>);
///
/// impl Source for Counted {
///     fn info(&self) -> Info { Info::default() }
///     fn ready(&mut self) -> Ready<'_> { Ready::Waker }
///     fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
///         self.0.lock().unwrap().waker = Some(waker.clone());
///         Ok(())
///     }
///     fn disconnect(&mut self) -> Result<(), SourceError> {
///         self.0.lock().unwrap().waker = None;
///         Ok(())
///     }
///     fn take(&mut self) -> Result<u64, SourceError> {
///         Ok(std::mem::take(&mut self.0.lock().unwrap().count))
///     }
/// }
/// ```
pub trait Source: Send {
    /// What the system says of this interrupt now. Called at each enable and when the interrupt is built.
    fn info(&self) -> Info;

    /// What the interrupt is called where the driver gives it no name: the device's path, say.
    fn name(&self) -> Name {
        Name::new("interrupt")
    }

    /// How a dispatcher learns that there is something to take.
    fn ready(&mut self) -> Ready<'_>;

    /// Arms the source: from now on its assertions count. `waker` is woken if [`ready`](Self::ready) says so.
    ///
    /// An assertion made before this call must have been drained already, by [`take`](Self::take); a level that is
    /// still asserted signals again now.
    ///
    /// # Errors
    ///
    /// If the system refuses; nothing is connected then.
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError>;

    /// Disarms the source. When it returns, no later assertion is counted; those made before stay to be
    /// [taken](Self::take).
    ///
    /// # Errors
    ///
    /// If the system refuses, or the device is gone.
    fn disconnect(&mut self) -> Result<(), SourceError>;

    /// Takes what was signalled since the last call: how many assertions, 0 if there was none. Never waits.
    ///
    /// A source that cannot count answers 1 for one or more.
    ///
    /// # Errors
    ///
    /// [`SourceError::Removed`] when the device is gone.
    fn take(&mut self) -> Result<u64, SourceError>;

    /// What the ISR has answered, where that is not plainly [`Claim::Claimed`] and the device is still there: told before
    /// [`unmask`](Self::unmask), and if the line is kept masked long before it. The answer is whether an unclaimed run is
    /// held against the interrupt: counted as spurious, and as part of a storm. A [`SharedLine`] goes
    /// on to its next member by this.
    fn answered(&mut self, claim: Claim) -> bool {
        let _ = claim;
        true
    }

    /// Lets a level source signal again, after the ISR has answered. Edges and messages have nothing to do here.
    ///
    /// What the ISR wrote to the device has to reach it before the line is opened again, so a source on a bus with
    /// posted writes reads something back first.
    ///
    /// # Errors
    ///
    /// If the system refuses, or the device is gone.
    fn unmask(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    /// A second descriptor, which becomes readable when the device is to be removed or has been; `None` if
    /// [`take`](Self::take) tells it, or nothing does.
    #[cfg(all(unix, feature = "std"))]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    /// The device's directory in sysfs, if it has one: which processors are close to it is read there
    /// (`local_cpulist`).
    #[cfg(all(target_os = "linux", feature = "std"))]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        None
    }

    /// Called once, when a [timed](crate::Builder::timed) interrupt is built: a source that knows when it is asserted keeps
    /// `assertions`, and tells it in each [`take`](Self::take) that answers more than 0 (rule S2).
    #[cfg(feature = "std")]
    fn time_assertions(&mut self, assertions: Assertions) {
        drop(assertions);
    }

    /// Whether the device is to be removed or has been, asked when the removal descriptor became readable.
    fn removal(&mut self) -> Option<Removal> {
        None
    }
}

/// How a source makes itself known to a dispatcher.
///
/// ```
/// use interrupt_lock::source::Ready;
/// assert!(matches!(Ready::Waker, Ready::Waker));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Ready<'a> {
    /// It wakes the waker that [`Source::connect`] was given.
    Waker,
    /// This descriptor is readable for as long as there is something to take, and each signal makes it so anew. A
    /// dispatcher waits for the latter (epoll's edges): it does not come back for what [`take`](Source::take) leaves
    /// there.
    #[cfg(all(unix, feature = "std"))]
    Descriptor(std::os::fd::BorrowedFd<'a>),
    #[doc(hidden)]
    #[cfg(not(all(unix, feature = "std")))]
    Never(core::convert::Infallible, core::marker::PhantomData<&'a ()>),
}

/// How a device goes (rule I13).
///
/// ```
/// assert_ne!(interrupt_lock::source::Removal::Requested, interrupt_lock::source::Removal::Surprise);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// The system asks the driver to let the device go; it still answers.
    Requested,
    /// The device is gone.
    Surprise,
}
