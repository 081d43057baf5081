//! A waitable timer as a source.

use alloc::sync::Arc;
use core::fmt;
use core::task::Waker;
use core::time::Duration;
use std::os::windows::io::{AsHandle, BorrowedHandle};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::info::{Info, Trigger};
use crate::lock::RawInterruptLock;
use crate::name::Name;
use crate::source::{Ready, Source, WaitableHandle};
use crate::win32;
use crate::windows::{opening, refused};

const NAME: Name = Name::new("timer");

/// A waitable timer of Windows as a source: for a device that has to be looked at from time to time, and for time-outs.
///
/// Each expiration is an edge. Windows holds one: expirations that come before a thread has seen the first coalesce.
///
/// The timer is set by its [`TimerHandle`], also while the interrupt is enabled. It goes on while the interrupt is
/// disabled. What expires then is drained before the next connection, and counted as stale. To avoid that, start the
/// timer in the enable callback and stop it in the disable callback, as in the example.
///
/// # Examples
///
/// A device without an interrupt, whose status is read every millisecond:
///
/// ```
/// use std::{sync::mpsc::channel, time::Duration};
/// use interrupt_lock::{Claim, Interrupt, Registers, simulated::Edu, windows::{Timer, TimerHandle}};
///
/// const STATUS: usize = 0x20;
///
/// struct Polled<R> { registers: R, timer: TimerHandle }
///
/// let device = Edu::new();
/// let (source, timer) = Timer::new()?;
/// let (report, looked) = channel();
/// let interrupt = Interrupt::builder(Polled { registers: device.registers(), timer })
///     .isr(move |polled| {
///         let _ = report.send(polled.registers.read32(STATUS));
///         Claim::Claimed
///     })
///     .on_enable(|polled| polled.timer.every(Duration::from_millis(1)))
///     .on_disable(|polled| polled.timer.stop())
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
/// assert_eq!(looked.recv(), Ok(0));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "CreateWaitableTimer")]
pub struct Timer {
    timer: WaitableHandle,
}

impl Timer {
    /// Makes a timer that is stopped, and the handle that sets it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// let (source, timer) = interrupt_lock::windows::Timer::new()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn new() -> Result<(Self, TimerHandle), Error> {
        let timer =
            win32::timer().and_then(|timer| WaitableHandle::new(timer, Trigger::Edge)).map_err(opening(NAME))?;
        let handle = TimerHandle { timer: timer.clone(), setting: Arc::new(Mutex::new(())) };
        Ok((Self { timer }, handle))
    }
}

impl AsHandle for Timer {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.timer.as_handle()
    }
}

impl Source for Timer {
    fn info(&self) -> Info {
        Info::new().with_trigger(Trigger::Edge)
    }

    fn name(&self) -> Name {
        NAME
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Event(&self.timer)
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        self.timer.connect();
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.timer.disconnect();
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.timer.take()
    }
}

/// Sets a [`Timer`], from any thread, callback or ISR. It may outlive the source.
///
/// Setting the timer forgets what has expired and has not been taken. So a time-out that is set anew, or stopped, in
/// time does not run the ISR. For that the call ends the dispatcher's wait, and waits until the thread has noted what the
/// wait has taken. (On the thread that waits for this timer there is nothing to wait for: in its ISR, most of the time.) An
/// ISR that has begun already still runs to its end: hold the interrupt lock to keep it out.
///
/// # Examples
///
/// An ISR that is run again 5 ms after each interrupt, until the device is ready:
///
/// ```
/// use std::{sync::mpsc::channel, time::Duration};
/// use interrupt_lock::{Claim, Interrupt, Registers, simulated::Edu, windows::Timer};
///
/// const STATUS: usize = 0x20;
/// const BUSY: u32 = 1;
/// const SOON: Duration = Duration::from_millis(5);
///
/// let device = Edu::new();
/// let (source, timer) = Timer::new()?;
/// let first = timer.clone();
/// let (report, ready) = channel();
/// let interrupt = Interrupt::builder(device.registers())
///     .isr(move |registers| {
///         if registers.read32(STATUS) & BUSY == 0 {
///             let _ = report.send(());
///         } else if timer.once(SOON).is_err() {
///             return Claim::Unclaimed; // no more looks
///         }
///         Claim::Claimed
///     })
///     .on_enable(move |_| first.once(SOON))
///     .source(source)
///     .build()?;
/// interrupt.enable()?;
/// assert_eq!(ready.recv(), Ok(()));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct TimerHandle {
    timer: WaitableHandle,
    /// One thread sets it at a time: what one has set, another must not forget.
    setting: Arc<Mutex<RawInterruptLock, ()>>,
}

impl TimerHandle {
    /// Has the timer expire once, `after` this time. Windows rounds it up to its next clock tick.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NoTime`] for a time of zero: use [`stop`](Self::stop).
    /// - [`ErrorKind::Source`] if the system refuses. A time of more than 29,000 years is refused, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::mpsc::channel, time::Duration};
    /// use interrupt_lock::{Claim, Interrupt, windows::Timer};
    ///
    /// let (source, timer) = Timer::new()?;
    /// let (report, timed_out) = channel();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| { let _ = report.send(()); Claim::Claimed })
    ///     .source(source)
    ///     .build()?;
    /// interrupt.enable()?;
    /// timer.once(Duration::from_millis(1))?;
    /// assert_eq!(timed_out.recv(), Ok(()));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "SetWaitableTimer")]
    pub fn once(&self, after: Duration) -> Result<(), Error> {
        self.set_to("once", after, Duration::ZERO)
    }

    /// Has the timer expire each `period` from now on, the first time after one period.
    ///
    /// # Errors
    ///
    /// As for [`once`](Self::once). A period that is not of whole milliseconds, or of more than 24 days, is refused: Windows
    /// knows no other.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use interrupt_lock::windows::Timer;
    ///
    /// let (source, timer) = Timer::new()?;
    /// timer.every(Duration::from_millis(10))?;
    /// timer.every(Duration::from_millis(20))?; // from now on; what had expired is forgotten
    /// assert_eq!(timer.every(Duration::ZERO).unwrap_err().to_string(), "timer: `every` must not be zero");
    /// assert!(timer.every(Duration::from_micros(1_500)).is_err());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn every(&self, period: Duration) -> Result<(), Error> {
        if !period.as_nanos().is_multiple_of(1_000_000) {
            let why = "setting the timer: the period must be whole milliseconds";
            return Err(refused(NAME)(SourceError::Refused(why.into())));
        }
        self.set_to("every", period, period)
    }

    /// Stops the timer. It may be stopped already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use interrupt_lock::{source::Source, windows::Timer};
    ///
    /// let (mut source, timer) = Timer::new()?;
    /// timer.once(Duration::from_nanos(1))?;
    /// timer.stop()?; // whether it has expired or not
    /// assert_eq!(source.take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "CancelWaitableTimer")]
    pub fn stop(&self) -> Result<(), Error> {
        let _setting = self.setting.lock();
        self.forget().map_err(refused(NAME))
    }

    fn set_to(&self, option: &'static str, first: Duration, period: Duration) -> Result<(), Error> {
        if first.is_zero() {
            return Err(Error::new(NAME, ErrorKind::NoTime { option }));
        }
        let _setting = self.setting.lock();
        self.forget().and_then(|()| win32::set_timer(self.timer.as_handle(), first, period)).map_err(refused(NAME))
    }

    fn forget(&self) -> Result<(), SourceError> {
        self.timer.forget(|| win32::stop_timer(self.timer.as_handle()))
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle").field("timer", &self.timer).finish_non_exhaustive()
    }
}
