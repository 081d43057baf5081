//! An event as a source.

use core::task::Waker;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::{Info, Trigger};
use crate::name::Name;
use crate::source::{Ready, Source, WaitableHandle};
use crate::win32;
use crate::windows::{opening, refused};

const NAME: Name = Name::new("event");

/// An event of Windows as a source: another thread, another process or a driver in the kernel signals it.
///
/// - An **auto-reset** event is an edge. The event holds one signal: signals that come before a thread has seen the first
///   coalesce. [`take`](Source::take) returns how many have been seen. It can't be disarmed. A signal that comes while the source is
///   disconnected stays, and is drained before the next connection.
/// - A **manual-reset** event is a level. The ISR, or the device, [resets](EventSignaller::reset) it. If it is still signalled when
///   the ISR has returned, the ISR runs again.
///
/// A thread of the dispatcher waits for it: its own, for the first 63. What the thread's wait has taken is noted before anything else is done, and a
/// disable waits for that note: so no signal is lost to a disable, and none comes late.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc::channel;
/// use interrupt_lock::{Claim, Interrupt, windows::Event};
///
/// struct Doorbell {
///     rings: u64,
/// }
///
/// let event = Event::auto_reset()?;
/// let button = event.signaller();
/// let (report, served) = channel();
/// let interrupt = Interrupt::builder(Doorbell { rings: 0 })
///     .isr(move |doorbell| {
///         doorbell.rings += 1;
///         let _ = report.send(doorbell.rings);
///         Claim::Claimed
///     })
///     .source(event)
///     .build()?;
/// interrupt.enable()?;
/// button.signal()?; // the dispatcher's thread runs the ISR
/// assert_eq!(served.recv(), Ok(1));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "CreateEvent")]
pub struct Event {
    event: WaitableHandle,
    trigger: Trigger,
}

impl Event {
    /// Makes an auto-reset event, which nobody has signalled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{source::Source, windows::Event};
    ///
    /// let mut source = Event::auto_reset()?;
    /// source.signaller().signal()?;
    /// source.signaller().signal()?; // merges with the first
    /// assert_eq!(source.take()?, 1);
    /// assert_eq!(source.take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn auto_reset() -> Result<Self, Error> {
        Self::new(win32::event(false), Trigger::Edge)
    }

    /// Makes a manual-reset event, which nobody has signalled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt, windows::Event};
    ///
    /// let event = Event::manual_reset()?;
    /// let line = event.signaller();
    /// let status = event.signaller();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| match status.reset() {
    ///         Ok(()) => Claim::Claimed,
    ///         Err(_) => Claim::Unclaimed,
    ///     })
    ///     .source(event)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// line.signal()?;
    /// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
    /// assert_eq!(interrupt.service(), Delivery::Nothing);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn manual_reset() -> Result<Self, Error> {
        Self::new(win32::event(true), Trigger::Level)
    }

    /// Takes an event that other code made: as an edge if it is an auto-reset event, as a level if it is a manual-reset
    /// event. Windows does not tell which of the two it is.
    ///
    /// Other code that waits for an auto-reset event takes signals away from the source, without an error. So does a second
    /// source on a duplicate of the handle.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if nobody can wait for the handle: it was opened without the right `SYNCHRONIZE`, or `trigger` is
    /// [`Trigger::Message`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::windows::io::AsHandle;
    /// use interrupt_lock::{Trigger, source::Source, windows::Event};
    ///
    /// let theirs = Event::auto_reset()?;
    /// let mut source = Event::from_handle(theirs.as_handle().try_clone_to_owned()?, Trigger::Edge)?;
    /// theirs.signaller().signal()?;
    /// assert_eq!(source.take()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_handle(event: OwnedHandle, trigger: Trigger) -> Result<Self, Error> {
        if trigger == Trigger::Message {
            let why = "an event is an edge (auto-reset) or a level (manual-reset), and no message";
            return Err(opening(NAME)(SourceError::Refused(why.into())));
        }
        Self::new(Ok(event), trigger)
    }

    fn new(event: Result<OwnedHandle, SourceError>, trigger: Trigger) -> Result<Self, Error> {
        let event = event.and_then(|event| WaitableHandle::new(event, trigger)).map_err(opening(NAME))?;
        Ok(Self { event, trigger })
    }

    /// Returns a handle that signals this source.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{source::Source, windows::Event};
    ///
    /// let mut source = Event::auto_reset()?;
    /// source.signaller().signal()?;
    /// assert_eq!(source.take()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signaller(&self) -> EventSignaller {
        EventSignaller { event: self.event.clone() }
    }

    /// Returns what a loop of your own waits for, and notes its waits in.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::windows::io::{AsHandle, AsRawHandle};
    /// use interrupt_lock::{Claim, Delivery, Interrupt, windows::Event};
    /// use windows_sys::Win32::System::Threading::{INFINITE, WaitForSingleObject};
    ///
    /// let event = Event::auto_reset()?;
    /// let (device, waitable) = (event.signaller(), event.waitable());
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(event).without_dispatcher().build()?;
    /// interrupt.enable()?;
    ///
    /// device.signal()?;
    /// // SAFETY: `waitable` keeps the handle open.
    /// unsafe { WaitForSingleObject(waitable.as_handle().as_raw_handle(), INFINITE) };
    /// waitable.note(); // the wait has taken the signal
    /// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn waitable(&self) -> WaitableHandle {
        self.event.clone()
    }
}

impl AsHandle for Event {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.event.as_handle()
    }
}

impl Source for Event {
    fn info(&self) -> Info {
        Info::new().with_trigger(self.trigger)
    }

    fn name(&self) -> Name {
        NAME
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Event(&self.event)
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        self.event.connect();
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.event.disconnect();
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.event.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.event.unmask();
        Ok(())
    }
}

/// Signals an [`Event`] from any thread, and resets it. Give its handle to another process to have that signal.
///
/// It may outlive the source.
///
/// # Examples
///
/// ```
/// use interrupt_lock::windows::Event;
///
/// let signaller = Event::auto_reset()?.signaller();
/// signaller.signal()?; // the source is gone: no harm
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventSignaller {
    event: WaitableHandle,
}

impl EventSignaller {
    /// Signals the event: an auto-reset event until a wait takes the signal, a manual-reset event until it is
    /// [reset](Self::reset). Never waits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the event was given without the right `EVENT_MODIFY_STATE`.
    ///
    /// # Examples
    ///
    /// ```
    /// let source = interrupt_lock::windows::Event::auto_reset()?;
    /// source.signaller().signal()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "SetEvent")]
    pub fn signal(&self) -> Result<(), Error> {
        win32::set(self.event.as_handle()).map_err(refused(NAME))
    }

    /// Takes the signal back. Of an auto-reset event this is only what no wait has taken yet. Never waits.
    ///
    /// # Errors
    ///
    /// As for [`signal`](Self::signal).
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{source::Source, windows::Event};
    ///
    /// let mut line = Event::manual_reset()?;
    /// line.connect(std::task::Waker::noop())?;
    /// line.signaller().signal()?;
    /// assert_eq!(line.take()?, 1); // masked from now on
    /// line.signaller().reset()?;
    /// line.unmask()?;
    /// assert_eq!(line.take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ResetEvent")]
    pub fn reset(&self) -> Result<(), Error> {
        win32::reset(self.event.as_handle()).map_err(refused(NAME))
    }
}

impl AsHandle for EventSignaller {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.event.as_handle()
    }
}
