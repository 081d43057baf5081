//! What asserts an interrupt: the trait [`Source`] for authors of back-ends, and sources that need no system.
//!
//! The system's own sources are in [`linux`](crate::linux), the simulated device's in [`simulated`](crate::simulated).

#[cfg(feature = "alloc")]
mod forward;
pub(crate) mod registers;
#[cfg(feature = "std")]
mod shared_line;
#[cfg(feature = "std")]
mod software;
#[cfg(any(all(loom, test), all(any(windows, target_os = "linux"), feature = "std")))]
pub(crate) mod waitable;

use core::task::Waker;

use crate::cause::SourceError;
use crate::claim::Claim;
use crate::info::Info;
use crate::name::Name;

#[cfg(feature = "std")]
pub use crate::observe::timing::Assertions;
#[cfg(feature = "std")]
pub use shared_line::{LineMember, LineStats, SharedLine};
#[cfg(feature = "simulated")]
pub(crate) use software::Wakeup;
#[cfg(feature = "std")]
pub use software::{EdgeHandle, LevelHandle, Software};
#[cfg(all(windows, feature = "std"))]
pub use waitable::WaitableHandle;

/// The waker of an interrupt that no thread of the crate waits for. It does nothing. A source can compare with it, as it can't
/// with [`Waker::noop`]: the compiler may place that anew for each call.
pub(crate) static NOBODY: &Waker = Waker::noop();

/// Something that asserts an interrupt, such as a UIO device, a vector or an eventfd: the trait for authors of
/// back-ends.
///
/// The interrupt object owns its source. It calls the methods one at a time: with the interrupt lock held, or while the
/// interrupt is being built. So an implementation needs no lock of its own against the object. No method may:
///
/// - block;
/// - take the interrupt lock;
/// - allocate on the way from [`take`](Self::take) to [`unmask`](Self::unmask).
///
/// Between [`connect`](Self::connect) and [`disconnect`](Self::disconnect) a source signals in one way, as
/// [`ready`](Self::ready) says: its descriptor becomes readable, its event is signalled (Windows), or it wakes the waker
/// given to `connect`. It has to signal at least once after each assertion that `take` has not returned yet, also after
/// one made between `connect` and the first look at its descriptor or event. To signal more often does no harm.
///
/// A [level](crate::Trigger::Level) source masks itself as it signals. If it is still asserted when `unmask` is called,
/// it signals again.
///
/// [Writing a source](crate::guide::writing_a_source) tells it step by step. [`test_kit`](crate::test_kit) tests a source
/// against all this.
///
/// # Examples
///
/// A source of edges that another thread counts:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::task::Waker;
/// use interrupt_lock::{Info, SourceError, Trigger, source::{Ready, Source}};
///
/// #[derive(Default)]
/// struct Edges { count: u64, waker: Option<Waker> }
///
/// struct Counted(Arc<Mutex<Edges>>);
///
/// /// What the other thread calls.
/// fn assert(edges: &Mutex<Edges>) {
///     let mut edges = edges.lock().unwrap();
///     edges.count += 1;
///     let waker = edges.waker.clone();
///     drop(edges);
///     if let Some(waker) = waker {
///         waker.wake(); // now the dispatcher calls `take`
///     }
/// }
///
/// impl Source for Counted {
///     fn info(&self) -> Info { Info::new().with_trigger(Trigger::Edge) }
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
///
/// A boxed source is a source, too, for a program that chooses at run time:
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, source::{Software, Source}};
///
/// let (source, edge) = Software::edge();
/// let chosen: Box<dyn Source> = Box::new(source);
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(chosen).without_dispatcher().build()?;
/// interrupt.enable()?;
/// edge.assert();
/// interrupt.service();
/// assert_eq!(interrupt.stats().claimed, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub trait Source: Send {
    /// Returns what the system says of this interrupt now. Called when the interrupt is built and at each enable.
    fn info(&self) -> Info;

    /// Returns the interrupt's name if the driver gives it none: for example the device's path.
    fn name(&self) -> Name {
        Name::new("interrupt")
    }

    /// Returns how the source signals to a dispatcher that there is something to take.
    fn ready(&mut self) -> Ready<'_>;

    /// Arms the source: from now on its assertions count.
    ///
    /// The source wakes `waker` if [`ready`](Self::ready) says so. The caller has drained earlier assertions by
    /// [`take`](Self::take). A level that is still asserted signals again now.
    ///
    /// # Errors
    ///
    /// If the system refuses. Nothing is connected then.
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError>;

    /// Disarms the source: no later assertion counts. Earlier ones stay to be [taken](Self::take).
    ///
    /// # Errors
    ///
    /// If the system refuses, or the device is gone.
    fn disconnect(&mut self) -> Result<(), SourceError>;

    /// Takes what was signalled since the last call, and returns how many assertions that were. Returns 0 if there was
    /// none. Never waits.
    ///
    /// A source that cannot count returns 1 for one or more.
    ///
    /// # Errors
    ///
    /// [`SourceError::Removed`] if the device is gone. Any other error faults the interrupt.
    fn take(&mut self) -> Result<u64, SourceError>;

    /// Tells the source what the ISR has returned. Returns whether an unclaimed run counts against the interrupt: as
    /// spurious, and as part of a storm. Most sources keep the default, which returns `true`.
    ///
    /// It is not called if the device is gone, and for a plain [`Claim::Claimed`] only if an earlier run keeps the line
    /// masked: then no [`unmask`](Self::unmask) follows. It is called before
    /// [`unmask`](Self::unmask); long before, if the line is kept masked. Without an `unmask` after it, it is called with
    /// [`Claim::Unclaimed`] if the interrupt is inactive and withholds what [`take`](Self::take) has returned
    /// ([rule E8](crate::guide::contract#e8)): no ISR has run, and a level stays masked. A [`SharedLine`] goes on with its
    /// other members by this.
    fn answered(&mut self, claim: Claim) -> bool {
        let _ = claim;
        true
    }

    /// Lets a level source signal again, after the ISR has returned. Edges and messages have nothing to do here.
    ///
    /// What the ISR wrote to the device has to arrive before the line is unmasked. So a source on a bus with posted
    /// writes reads something from the device first.
    ///
    /// # Errors
    ///
    /// If the system refuses, or the device is gone.
    fn unmask(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Returns a second descriptor, which becomes readable when the device is to be removed or has been removed.
    ///
    /// Returns `None` if the source wakes its waker for a removal, if [`take`](Self::take) reports it, or if nothing
    /// does.
    #[cfg(all(unix, feature = "std"))]
    fn removal_descriptor(&mut self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    /// Returns whether [`unmask`](Self::unmask) has nothing to do. Asked at each connection. For the crate's own sources: a
    /// delivery is spared the call.
    #[doc(hidden)]
    fn never_masks(&self) -> bool {
        false
    }

    /// Returns the eventfd behind [`Ready::Descriptor`], if the source is nothing else: a thread that serves it may take counts from
    /// the eventfd before [`take`](Self::take) does.
    #[doc(hidden)]
    #[cfg(all(target_os = "linux", feature = "std"))]
    fn counter(&mut self) -> Option<&alloc::sync::Arc<waitable::Counter>> {
        None
    }

    /// Returns the device's directory in sysfs, if it has one. Its file `local_cpulist` says which processors are close
    /// to the device.
    #[cfg(all(target_os = "linux", feature = "std"))]
    fn sysfs(&self) -> Option<std::path::PathBuf> {
        None
    }

    /// Gives the source of a [timed](crate::Builder::timed) interrupt what it reports assertions to ([rule
    /// S2](crate::guide::contract#s2)). Called once, when the interrupt is built.
    ///
    /// A source that knows when it is asserted keeps `assertions`, and reports to it in each [`take`](Self::take) that
    /// returns more than 0.
    #[cfg(feature = "std")]
    fn time_assertions(&mut self, assertions: Assertions) {
        drop(assertions);
    }

    /// Returns whether the device is to be removed or has been removed. Called when the removal descriptor became
    /// readable, and each time the source has woken its waker.
    fn removal(&mut self) -> Option<Removal> {
        None
    }
}

/// How a source signals to a dispatcher: what [`Source::ready`] returns.
///
/// ```
/// use interrupt_lock::source::{Ready, Software, Source};
///
/// let (mut source, _handle) = Software::edge();
/// assert!(matches!(source.ready(), Ready::Waker));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Ready<'a> {
    /// The source wakes the waker that was given to [`Source::connect`].
    Waker,
    /// This descriptor is readable as long as there is something to take, and each signal makes it readable anew.
    ///
    /// A dispatcher waits for new signals only (epoll's edges). It does not come back for what [`take`](Source::take)
    /// leaves in the descriptor.
    #[cfg(all(unix, feature = "std"))]
    Descriptor(std::os::fd::BorrowedFd<'a>),
    /// A dispatcher waits for this event or timer of Windows, and notes in it the signals that its waits take.
    #[cfg(all(windows, feature = "std"))]
    Event(&'a WaitableHandle),
    #[doc(hidden)]
    #[cfg(not(all(any(unix, windows), feature = "std")))]
    Never(core::convert::Infallible, core::marker::PhantomData<&'a ()>),
}

/// How a device is removed ([rule I13](crate::guide::contract#i13)): what [`Source::removal`] returns.
///
/// ```
/// assert_ne!(interrupt_lock::source::Removal::Requested, interrupt_lock::source::Removal::Surprise);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// The system asks the driver to let the device go. The device still answers.
    Requested,
    /// The device is gone.
    Surprise,
}

/// Duplicates a source's descriptor. The duplicate is closed on exec.
#[cfg(all(unix, feature = "std"))]
pub(crate) fn duplicate(descriptor: std::os::fd::BorrowedFd<'_>) -> Result<std::os::fd::OwnedFd, SourceError> {
    const DOING: &str = "duplicating the source's descriptor";
    #[cfg(target_os = "linux")]
    return crate::system::duplicate(descriptor).map_err(crate::system::failed(DOING));
    #[cfg(not(target_os = "linux"))]
    return descriptor.try_clone_to_owned().map_err(|error| SourceError::os(DOING, &error));
}
