//! A timer of the kernel's as a source.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::info::{Info, Trigger};
use crate::name::Name;
use crate::source::{Ready, Source};
use crate::sync::Process;
use crate::system;
use crate::system::{failed, opening};

/// A timer as a source (a timerfd of `CLOCK_MONOTONIC`): for a device that has to be looked at from time to time, and for
/// time-outs.
///
/// Each expiration is an edge. Those that come before they are taken coalesce, and [`take`](Source::take) returns how
/// many there were: a period is never lost, however late the ISR is.
///
/// The timer is set by its [`TimerHandle`], also while the interrupt is enabled. It goes on while the interrupt is
/// disabled. What expires then is drained before the next connection, and counted as stale. To avoid that, start the
/// timer in the enable callback and stop it in the disable callback, as in the example.
///
/// The clock stands still while the system sleeps.
///
/// # Examples
///
/// A device without an interrupt, whose status is read every millisecond:
///
/// ```
/// use std::{sync::mpsc::channel, time::Duration};
/// use interrupt_lock::{Claim, Interrupt, Registers, linux::{Timer, TimerHandle}, simulated::Edu};
///
/// const STATUS: usize = 0x20;
///
/// struct Polled<R> { registers: R, timer: TimerHandle, looks: u64 }
///
/// let device = Edu::new();
/// let (source, timer) = Timer::new()?;
/// let (report, looked) = channel();
/// let interrupt = Interrupt::builder(Polled { registers: device.registers(), timer, looks: 0 })
///     .isr(move |polled| {
///         polled.looks += polled.assertions(); // how many periods have passed
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
#[doc(alias = "timerfd")]
pub struct Timer {
    timer: Arc<OwnedFd>,
}

impl Timer {
    /// Makes a timer that is stopped, and the handle that sets it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the program has too many files open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (source, timer) = interrupt_lock::linux::Timer::new()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn new() -> Result<(Self, TimerHandle), Error> {
        let timer = system::timer().map_err(failed("making a timer")).map_err(opening(NAME))?;
        let timer = Arc::new(timer);
        let handle = TimerHandle { timer: timer.clone(), process: Process::this() };
        Ok((Self { timer }, handle))
    }
}

const NAME: Name = Name::new("timer");

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
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
        Ready::Descriptor(self.timer.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        system::take_count(&*self.timer, true).map_err(failed("reading the timer"))
    }
}

/// Sets a [`Timer`], from any thread, callback or ISR. It never waits, and may outlive the source.
///
/// Setting the timer forgets what has expired and has not been taken. So a time-out that is set anew, or stopped, in
/// time does not run the ISR.
///
/// # Examples
///
/// An ISR that is run again 5 ms after each interrupt, until the device is ready:
///
/// ```no_run
/// use std::time::Duration;
/// use interrupt_lock::{Claim, Interrupt, linux::Timer};
///
/// let (source, timer) = Timer::new()?;
/// let interrupt = Interrupt::builder(3)
///     .isr(move |looks_left| {
///         **looks_left -= 1;
///         if **looks_left > 0 && timer.once(Duration::from_millis(5)).is_err() {
///             return Claim::Unclaimed; // no more looks
///         }
///         Claim::Claimed
///     })
///     .source(source)
///     .build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimerHandle {
    timer: Arc<OwnedFd>,
    process: Process,
}

impl TimerHandle {
    /// Has the timer expire once, `after` this time.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NoTime`] for a time of zero: use [`stop`](Self::stop).
    /// - [`ErrorKind::Source`] if the system refuses. A time of more than some centuries is refused, too.
    /// - [`ErrorKind::Forked`] in a forked child: the timer is the parent's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::mpsc::channel, time::Duration};
    /// use interrupt_lock::{Claim, Interrupt, linux::Timer};
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
    pub fn once(&self, after: Duration) -> Result<(), Error> {
        self.set_to("once", after, Duration::ZERO)
    }

    /// Has the timer expire each `period` from now on, the first time after one period.
    ///
    /// The kernel counts the periods, so they don't drift.
    ///
    /// # Errors
    ///
    /// As for [`once`](Self::once).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use interrupt_lock::linux::Timer;
    ///
    /// let (source, timer) = Timer::new()?;
    /// timer.every(Duration::from_millis(10))?;
    /// timer.every(Duration::from_millis(20))?; // from now on; what had expired is forgotten
    /// assert_eq!(timer.every(Duration::ZERO).unwrap_err().to_string(), "timer: `every` must not be zero");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn every(&self, period: Duration) -> Result<(), Error> {
        self.set_to("every", period, period)
    }

    /// Stops the timer. It may be stopped already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system refuses, [`ErrorKind::Forked`] in a forked child.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use interrupt_lock::{linux::Timer, source::Source};
    ///
    /// let (mut source, timer) = Timer::new()?;
    /// timer.once(Duration::from_nanos(1))?;
    /// timer.stop()?; // whether it has expired or not
    /// assert_eq!(source.take()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) -> Result<(), Error> {
        self.set(Duration::ZERO, Duration::ZERO)
    }

    fn set_to(&self, option: &'static str, first: Duration, period: Duration) -> Result<(), Error> {
        if first.is_zero() {
            return Err(Error::new(NAME, ErrorKind::NoTime { option }));
        }
        self.set(first, period)
    }

    fn set(&self, first: Duration, period: Duration) -> Result<(), Error> {
        if !self.process.is_this() {
            return Err(Error::new(NAME, ErrorKind::Forked));
        }
        let set = system::set_timer(&*self.timer, first, period).map_err(failed("setting the timer"));
        set.map_err(|error| Error::new(NAME, ErrorKind::Source(error)))
    }
}
