//! A handle, as a source and a thread that waits for it use it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::info::Trigger;
use crate::lock::RawInterruptLock;
use crate::source::waitable::bell::Bell;
use crate::source::waitable::word::SignalNotes;
use crate::sync;
use crate::win32;

/// A handle of Windows that a dispatcher waits for, for sources of your own: what [`Ready::Event`](super::Ready::Event)
/// holds.
///
/// A wait for an auto-reset event takes the signal away: a later look at the event finds it reset. So a source can't take
/// its signals from the event alone. This handle keeps those that a dispatcher's wait has taken. The methods are what a
/// [`Source`](super::Source) needs, and have the names of its own. Clones are the same handle.
///
/// # Examples
///
/// A source whose event another process signals:
///
/// ```
/// use std::os::windows::io::OwnedHandle;
/// use std::task::Waker;
/// use interrupt_lock::{Info, SourceError, Trigger, source::{Ready, Source, WaitableHandle}};
///
/// struct Doorbell(WaitableHandle);
///
/// impl Doorbell {
///     fn new(event: OwnedHandle) -> Result<Self, SourceError> {
///         Ok(Self(WaitableHandle::new(event, Trigger::Edge)?))
///     }
/// }
///
/// impl Source for Doorbell {
///     fn info(&self) -> Info { Info::new().with_trigger(Trigger::Edge) }
///     fn ready(&mut self) -> Ready<'_> { Ready::Event(&self.0) }
///     fn connect(&mut self, _: &Waker) -> Result<(), SourceError> { self.0.connect(); Ok(()) }
///     fn disconnect(&mut self) -> Result<(), SourceError> { self.0.disconnect(); Ok(()) }
///     fn take(&mut self) -> Result<u64, SourceError> { self.0.take() }
///     fn unmask(&mut self) -> Result<(), SourceError> { self.0.unmask(); Ok(()) }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct WaitableHandle {
    shared: Arc<Waitable>,
}

impl WaitableHandle {
    /// Takes a handle that holds one signal, which a wait takes, as an edge: an auto-reset event or timer. Or a handle that
    /// stays signalled, as a level: a manual-reset event, a thread, a process.
    ///
    /// Windows does not tell which of the two it is. A handle that stays signalled would be an edge that never ends. A
    /// semaphore holds more signals than one look takes, and a mutex would belong to the thread that looks: give neither.
    ///
    /// # Errors
    ///
    /// [`SourceError::Os`] if nobody can wait for the handle: it was opened without the right `SYNCHRONIZE`.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{SourceError, Trigger, source::WaitableHandle};
    ///
    /// // The handle of a thread is signalled once the thread has ended.
    /// let handle = WaitableHandle::new(std::thread::spawn(|| {}).into(), Trigger::Level)?;
    /// handle.connect();
    /// while handle.take()? == 0 {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), SourceError>(())
    /// ```
    pub fn new(handle: OwnedHandle, trigger: Trigger) -> Result<Self, SourceError> {
        let was_signalled = win32::is_signalled(handle.as_handle())?;
        let (is_level, notes) = (trigger.can_be_masked(), SignalNotes::new());
        if was_signalled && !is_level {
            // The look has taken the signal.
            notes.note_edges(1);
        }
        Ok(Self { shared: Arc::new(Waitable { handle, is_level, notes, watchers: Mutex::new(Vec::new()) }) })
    }

    /// For [`Source::connect`](super::Source::connect): a level that is signalled counts from now on. An edge counts always.
    ///
    /// If a thread waits, the call ends that wait first, as [`take`](Self::take) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::windows::Event;
    ///
    /// let line = Event::manual_reset()?;
    /// let handle = line.waitable();
    /// line.signaller().signal()?;
    /// assert_eq!(handle.take()?, 0); // not connected
    /// handle.connect();
    /// assert_eq!(handle.take()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(&self) {
        self.unmask();
    }

    /// For [`Source::disconnect`](super::Source::disconnect): a level counts no longer. What has been noted stays to be
    /// taken. Never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::windows::Event;
    ///
    /// let line = Event::manual_reset()?;
    /// let handle = line.waitable();
    /// handle.connect();
    /// handle.disconnect();
    /// line.signaller().signal()?;
    /// assert_eq!(handle.take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disconnect(&self) {
        self.shared.notes.mask();
    }

    /// For [`Source::take`](super::Source::take): takes what was signalled since the last call. A level is masked by it.
    ///
    /// It takes the signals that a dispatcher has noted, and looks at the event. If a thread waits for an edge, the call ends
    /// that wait, and waits until the thread has noted what it has taken. On that way the thread takes no interrupt lock and
    /// runs no callback.
    ///
    /// # Errors
    ///
    /// [`SourceError::Os`] if the system refuses to look: other code has closed the handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::windows::Event;
    ///
    /// let bell = Event::auto_reset()?;
    /// bell.signaller().signal()?;
    /// assert_eq!(bell.waitable().take()?, 1);
    /// assert_eq!(bell.waitable().take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take(&self) -> Result<u64, SourceError> {
        self.shared.take()
    }

    /// For [`Source::unmask`](super::Source::unmask): a level that is still signalled signals again.
    ///
    /// If another thread waits, the call ends that wait first, as [`take`](Self::take) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::windows::Event;
    ///
    /// let line = Event::manual_reset()?;
    /// let handle = line.waitable();
    /// handle.connect();
    /// line.signaller().signal()?;
    /// assert_eq!((handle.take()?, handle.take()?), (1, 0)); // taken, and masked
    /// handle.unmask();
    /// assert_eq!(handle.take()?, 1); // nobody has reset the event
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unmask(&self) {
        if self.shared.is_level {
            let shared = &self.shared;
            shared.notes.unmask(|| shared.each_bell(Bell::settle), || shared.each_bell(Bell::tell));
        }
    }

    /// Notes one signal: for a loop of your own, whose wait for this handle has just taken it. Then call
    /// [`service`](crate::InterruptObject::service). A level needs no note: waits leave it signalled. Never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::windows::Event;
    ///
    /// let handle = Event::auto_reset()?.waitable();
    /// handle.note(); // a wait of this thread has just taken a signal
    /// assert_eq!(handle.take()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn note(&self) {
        if !self.shared.is_level {
            self.shared.notes.note_edges(1);
        }
    }

    /// Forgets what was signalled. `stop` has to end the signals.
    pub(crate) fn forget(&self, stop: impl FnOnce() -> Result<(), SourceError>) -> Result<(), SourceError> {
        stop()?;
        self.shared.each_bell(Bell::settle);
        self.shared.notes.take();
        Ok(())
    }

    /// Returns what a thread that waits for the handle shares with the source.
    pub(crate) fn shared(&self) -> &Arc<Waitable> {
        &self.shared
    }
}

impl AsHandle for WaitableHandle {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.shared.handle.as_handle()
    }
}

/// What a source shares with the threads that wait for its handle.
pub(crate) struct Waitable {
    handle: OwnedHandle,
    is_level: bool,
    notes: SignalNotes<1>,
    /// The threads that wait for it now. On a shared line there may be several.
    watchers: Mutex<RawInterruptLock, Vec<Watcher>>,
}

/// A thread that waits for a handle.
struct Watcher {
    bell: Arc<Bell>,
    /// Has the interrupt served for which it waits.
    waker: Waker,
}

impl Waitable {
    /// The thread of that bell waits for the handle from now on, for the interrupt that `waker` has served.
    pub(crate) fn add(&self, bell: &Arc<Bell>, waker: &Waker) {
        self.watchers.lock().push(Watcher { bell: bell.clone(), waker: waker.clone() });
    }

    /// The thread of that bell waits for the handle no longer, for that interrupt.
    pub(crate) fn remove(&self, bell: &Arc<Bell>, waker: &Waker) {
        let mut watchers = self.watchers.lock();
        let is_it = |other: &Watcher| Arc::ptr_eq(&other.bell, bell) && other.waker.will_wake(waker);
        let removed = watchers.iter().position(is_it).map(|place| watchers.swap_remove(place));
        drop(watchers);
        // It may be the last reference to the interrupt's slot.
        drop(removed);
    }

    /// Has the interrupts served that wait for this level on other threads: it is masked now, and those no longer wait for it.
    /// The caller is the thread of that bell, outside its rounds: a thread that settles them has the list locked.
    pub(crate) fn wake_others(&self, bell: &Arc<Bell>) {
        for other in self.watchers.lock().iter().filter(|other| !Arc::ptr_eq(&other.bell, bell)) {
            other.waker.wake_by_ref();
        }
    }

    pub(crate) fn is_level(&self) -> bool {
        self.is_level
    }

    /// Whether a thread has to wait for it: a masked level is signalled until the device has been served.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.is_level || self.notes.is_unmasked()
    }

    /// Notes that a wait has ended by it. Returns whether the interrupt has to be served.
    pub(crate) fn note(&self) -> bool {
        if self.is_level {
            return self.notes.note_level();
        }
        self.notes.note_edges(1);
        true
    }

    fn take(&self) -> Result<u64, SourceError> {
        if self.is_level { self.take_level() } else { self.take_edges() }
    }

    fn take_edges(&self) -> Result<u64, SourceError> {
        if self.notes.has_notes() && sync::is_watcher() {
            // The thread that serves it comes back for what it notes later.
            return Ok(self.notes.take() as u64);
        }
        let look = || win32::is_signalled(self.handle.as_handle()).map(u64::from);
        self.notes.take_edges(look, || self.each_bell(Bell::settle))
    }

    fn take_level(&self) -> Result<u64, SourceError> {
        if !self.notes.has_notes() && self.notes.is_unmasked() && win32::is_signalled(self.handle.as_handle())? {
            self.notes.note_level();
        }
        Ok(self.notes.take() as u64)
    }

    fn each_bell(&self, each: impl Fn(&Bell)) {
        for watcher in &*self.watchers.lock() {
            each(&watcher.bell);
        }
    }
}

impl AsHandle for Waitable {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }
}

impl fmt::Debug for Waitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waitable")
            .field("handle", &self.handle)
            .field("is_level", &self.is_level)
            .finish_non_exhaustive()
    }
}
