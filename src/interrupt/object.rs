//! The interrupt object: the lock with its data, the callbacks, and the words that say what it is doing.

use core::fmt;
use core::task::Waker;

use lock_api::Mutex;

#[cfg(feature = "alloc")]
use crate::device::Membership;
use crate::interrupt::callbacks::Plain;
use crate::interrupt::callbacks::{Inside, Isr, WorkFn};
use crate::interrupt::context::{IsrContext, WorkItemContext};
use crate::interrupt::data_lock::Home;
#[cfg(feature = "alloc")]
use crate::interrupt::deferred::queue::Deferred;
#[cfg(feature = "alloc")]
use crate::interrupt::dispatch::Dispatch;
use crate::interrupt::state::{State, StateWord};
use crate::interrupt::work_item::word::WorkWord;
use crate::interrupt::work_item::{NoWorkItem, WithWorkItem, Work};
use crate::lock::{InterruptLockGuard, RawInterruptLock};
use crate::observe::stats::{ClaimCounts, Counters, Stats};
#[cfg(feature = "std")]
use crate::observe::timing::Timing;
use crate::sync::{AtomicUsize, Counter, Locked, const_outside_models};
use crate::{Claim, Error, Fault, Info, Name};

/// The interrupt object itself: `IWDFInterrupt`, `WDFINTERRUPT`.
///
/// With an operating system an [`Interrupt`](crate::Interrupt) owns it and derefs to it. On a microcontroller it is a
/// `static`, made by a `const fn` with plain functions, and its vector calls [`service`](Self::service).
///
/// `W` says whether it has a work item: [`WithWorkItem`] or [`NoWorkItem`].
///
/// # Examples
///
/// A timer that counts, with no allocation anywhere:
///
/// ```
/// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, NoWorkItem};
///
/// #[derive(Debug)]
/// struct Ticks(u32);
///
/// static TIMER: InterruptObject<Ticks, NoWorkItem> = InterruptObject::new(Name::new("timer"), Ticks(0), tick);
///
/// fn tick(ticks: &mut IsrContext<'_, Ticks, NoWorkItem>) -> Claim {
///     ticks.0 += 1;
///     Claim::Claimed
/// }
///
/// TIMER.enable()?;
/// TIMER.service(); // what the vector does
/// assert_eq!(TIMER.acquire_interrupt_lock().0, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[doc(alias = "IWDFInterrupt")]
#[doc(alias = "WDFINTERRUPT")]
// The order and the boundary are `layout`'s.
#[repr(C)]
#[cfg_attr(all(feature = "std", target_pointer_width = "64"), repr(align(64)))]
pub struct InterruptObject<T, W> {
    /// Whoever serves this interrupt; nobody means that the driver does.
    #[cfg(feature = "alloc")]
    pub(super) dispatch: Option<alloc::boxed::Box<dyn Dispatch>>,
    /// What is used with the lock held, beside the data.
    pub(super) inside: Locked<Inside<T, W>>,
    /// Without a source, each call of `service` is an assertion.
    pub(super) has_source: bool,
    /// Assertions of a source-less interrupt that wait for the owner of the lock to serve them.
    pub(super) owed: AtomicUsize,
    pub(super) state: StateWord,
    pub(super) answers: ClaimCounts,
    /// The interrupt data, its lock, and the name.
    pub(super) home: Home<T>,
    pub(super) counters: Counters,
    /// Held through each transition.
    pub(super) control: Mutex<RawInterruptLock, ()>,
    /// Small things that people ask for, behind a lock of their own: reading them never waits for an ISR.
    pub(super) notes: Mutex<RawInterruptLock, Notes>,
    /// Where it is timed.
    #[cfg(feature = "std")]
    pub(super) timing: Option<alloc::sync::Arc<Timing>>,
    /// The device that it belongs to.
    #[cfg(feature = "alloc")]
    pub(super) membership: Option<alloc::boxed::Box<Membership>>,
    pub(super) work: WorkWord,
    /// Runs of the work item.
    pub(super) work_run: Counter,
    /// What runs while the work word says so.
    pub(super) work_fn: Locked<Option<WorkFn<T, W>>>,
    /// Closures that wait for the lock.
    #[cfg(feature = "alloc")]
    pub(super) deferred: Deferred<T>,
    /// Used with the lock held.
    #[cfg(feature = "std")]
    pub(super) storm: Locked<crate::observe::storm::Storm>,
}

#[derive(Default)]
pub(super) struct Notes {
    pub(super) info: Info,
    pub(super) fault: Option<Fault>,
    /// The driver has asked for a shared line.
    #[cfg(feature = "alloc")]
    pub(super) shared: bool,
    /// Only reported as shared, and not a level line (rule I8).
    pub(super) warned: bool,
    /// Where a policy was given.
    #[cfg(feature = "std")]
    pub(super) policy: Option<alloc::boxed::Box<crate::interrupt::transition::policy::Given>>,
    /// Whom the next change wakes.
    pub(super) listener: Option<Waker>,
}

impl<T> InterruptObject<T, NoWorkItem> {
    const_outside_models! {
        /// An interrupt with a plain function for its ISR, and no work item.
        ///
        /// It has no source: each call of [`service`](InterruptObject::service) is an assertion.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<(), NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), (), |_| Claim::Claimed);
        /// ```
        #[must_use]
        #[doc(alias = "WdfInterruptCreate")]
        pub fn new(
            name: Name,
            data: T,
            isr: fn(&mut IsrContext<'_, T, NoWorkItem>) -> Claim,
        ) -> Self {
            Self::assemble(Home::own(name, data), Inside::new(Isr::Plain(isr)), None)
        }
    }
}

impl<T> InterruptObject<T, WithWorkItem> {
    const_outside_models! {
        /// An interrupt with plain functions for its ISR and its work item.
        ///
        /// Whoever is to run the work item calls [`run_work_item`](InterruptObject::run_work_item).
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};
        ///
        /// type Uart = InterruptObject<u32, WithWorkItem>;
        /// static UART: Uart = InterruptObject::with_work_item(Name::new("uart0"), 0, isr, work);
        ///
        /// fn isr(received: &mut IsrContext<'_, u32, WithWorkItem>) -> Claim {
        ///     **received += 1;
        ///     received.queue_work_item();
        ///     Claim::Claimed
        /// }
        ///
        /// fn work(uart: &WorkItemContext<'_, u32>) -> Work {
        ///     uart.synchronize(|received| *received = 0);
        ///     Work::Done
        /// }
        ///
        /// UART.enable()?;
        /// UART.service();
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// while UART.run_work_item() {}
        /// assert_eq!(*UART.acquire_interrupt_lock(), 0);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "WdfInterruptCreate")]
        pub fn with_work_item(
            name: Name,
            data: T,
            isr: fn(&mut IsrContext<'_, T, WithWorkItem>) -> Claim,
            work: fn(&WorkItemContext<'_, T>) -> Work,
        ) -> Self {
            Self::assemble(Home::own(name, data), Inside::new(Isr::Plain(isr)), Some(WorkFn::Plain(work)))
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        pub(crate) fn assemble(home: Home<T>, inside: Inside<T, W>, work: Option<WorkFn<T, W>>) -> Self {
            let has_source = inside.has_source();
            Self {
                home,
                inside: Locked::new(inside),
                state: StateWord::new(),
                has_source,
                owed: AtomicUsize::new(0),
                control: Mutex::from_raw(RawInterruptLock::new(), ()),
                work: WorkWord::new(),
                work_fn: Locked::new(work),
                notes: Mutex::from_raw(RawInterruptLock::new(), Notes {
                    info: Info::new(),
                    fault: None,
                    #[cfg(feature = "alloc")]
                    shared: false,
                    warned: false,
                    #[cfg(feature = "std")]
                    policy: None,
                    listener: None,
                }),
                #[cfg(feature = "alloc")]
                deferred: Deferred::new(),
                #[cfg(feature = "std")]
                timing: None,
                counters: Counters::new(),
                #[cfg(feature = "std")]
                storm: Locked::new(crate::observe::storm::Storm::new()),
                answers: ClaimCounts::new(),
                work_run: Counter::new(),
                #[cfg(feature = "alloc")]
                membership: None,
                #[cfg(feature = "alloc")]
                dispatch: None,
            }
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn with_timing(mut self, timing: Option<alloc::sync::Arc<Timing>>) -> Self {
        self.timing = timing;
        self
    }

    #[cfg(feature = "std")]
    pub(crate) fn has_work_item(&mut self) -> bool {
        self.work_fn.get_mut().is_some()
    }

    #[cfg(feature = "std")]
    pub(crate) fn set_dispatch(&mut self, dispatch: alloc::boxed::Box<dyn Dispatch>) {
        self.dispatch = Some(dispatch);
    }
}

/// Callbacks of a `static` interrupt. Each may be given once; the last one counts.
impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        /// Has `callback` run, under the lock, at each enable: *OnInterruptEnable*. If it fails, the enable is undone.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<u32, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), 0, |_| Claim::Claimed)
        ///         .on_enable(|enables| { *enables += 1; Ok(()) });
        /// UART.enable()?;
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptEnable")]
        #[doc(alias = "EvtInterruptEnable")]
        pub fn on_enable(mut self, callback: Plain<T>) -> Self {
            self.inside.get_mut().set_enable(callback);
            self
        }

        /// Has `callback` run, under the lock, at each disable: *OnInterruptDisable*.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<u32, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), 0, |_| Claim::Claimed)
        ///         .on_disable(|disables| { *disables += 1; Ok(()) });
        /// UART.enable()?;
        /// UART.disable()?;
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptDisable")]
        #[doc(alias = "EvtInterruptDisable")]
        pub fn on_disable(mut self, callback: Plain<T>) -> Self {
            self.inside.get_mut().set_disable(callback);
            self
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Waits until the caller holds the lock, and gives access to the interrupt data (rule L1): *AcquireInterruptLock*.
    ///
    /// See [`InterruptLock::acquire_interrupt_lock`](crate::InterruptLock::acquire_interrupt_lock). It may be called at any
    /// time, also before the first enable.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the lock already: in this interrupt's ISR and callbacks the data is at hand.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build()?;
    /// *interrupt.acquire_interrupt_lock() += 1;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "AcquireInterruptLock")]
    #[doc(alias = "WdfInterruptAcquireLock")]
    pub fn acquire_interrupt_lock(&self) -> InterruptLockGuard<'_, T> {
        self.lock().acquire()
    }

    /// Takes the lock if that needs no wait (rule L2): *TryToAcquireInterruptLock*. `None` if anybody holds it, the caller
    /// included. What was left for its next owner, a delivery or closures, is served first, on this thread.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build()?;
    /// if let Some(mut data) = interrupt.try_acquire_interrupt_lock() {
    ///     *data += 1;
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "TryToAcquireInterruptLock")]
    #[doc(alias = "WdfInterruptTryToAcquireLock")]
    pub fn try_acquire_interrupt_lock(&self) -> Option<InterruptLockGuard<'_, T>> {
        self.lock().try_acquire()
    }

    /// Waits for the lock for as long as `timeout` (rule L8).
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # use std::time::Duration;
    /// # let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build()?;
    /// *interrupt.try_acquire_interrupt_lock_for(Duration::from_millis(5))? += 1;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[inline]
    #[track_caller]
    pub fn try_acquire_interrupt_lock_for(
        &self,
        timeout: core::time::Duration,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        // A time-out beyond what the clock can say is no time-out.
        self.lock().acquire_until(std::time::Instant::now().checked_add(timeout))
    }

    /// Waits for the lock until `deadline` (rule L8).
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # use std::time::{Duration, Instant};
    /// # let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build()?;
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// *interrupt.try_acquire_interrupt_lock_until(deadline)? += 1;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[inline]
    #[track_caller]
    pub fn try_acquire_interrupt_lock_until(
        &self,
        deadline: std::time::Instant,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        self.lock().acquire_until(Some(deadline))
    }

    /// Runs `section` with the lock held and gives its value (rule L11): *WdfInterruptSynchronize*.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(vec![7]).isr(|_| Claim::Claimed).build()?;
    /// let last = interrupt.synchronize(|data| data.pop());
    /// assert_eq!(last, Some(7));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "WdfInterruptSynchronize")]
    pub fn synchronize<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.acquire_interrupt_lock())
    }

    /// The interrupt's name, as in errors.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.name().as_str(), "edu0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn name(&self) -> &Name {
        self.home.name()
    }

    /// What the interrupt is doing. A snapshot; never waits.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt, State};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn state(&self) -> State {
        self.state.snapshot()
    }

    /// Whether the interrupt can be served: what a driver that waits for its device asks now and then.
    ///
    /// # Errors
    ///
    /// The fault, the removal or the end that keeps it from being served.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.check()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        let interrupt = || self.name().clone();
        match self.state() {
            State::Disabled | State::Enabled | State::Inactive | State::Asleep => Ok(()),
            State::Ended => Err(Error::Ended { interrupt: interrupt() }),
            State::Removed => Err(Error::Removed { interrupt: interrupt() }),
            State::Faulted => match self.fault() {
                Some(fault) => Err(Error::Faulted { interrupt: interrupt(), fault }),
                // Cleared since.
                None => Ok(()),
            },
        }
    }

    /// What the system says of the assigned interrupt (rule P3): *GetInfo*. Read anew at each enable (rule E7); never
    /// waits for the interrupt lock.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.info().vector, None); // nothing assigned
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "GetInfo")]
    #[doc(alias = "WdfInterruptGetInfo")]
    pub fn info(&self) -> Info {
        self.notes.lock().info.clone()
    }

    /// Whether the system reports the source as shared although it isn't a level line; it is served nevertheless
    /// (rule I8). On such a source another device's driver may take the edge.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert!(!interrupt.is_doubtfully_shared());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn is_doubtfully_shared(&self) -> bool {
        self.notes.lock().warned
    }

    /// The counters. Never waits for the interrupt lock.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.stats().delivered, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "nothing is timed"))]
        let mut stats = self.counters.snapshot(&self.answers, self.work_run.get(), self.work.unanswered());
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            stats.distributions = Some(timing.snapshot(stats.delivered));
        }
        stats
    }
}

impl<T, W> fmt::Debug for InterruptObject<T, W> {
    /// One snapshot; never waits, and leaves the data alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptObject")
            .field("name", self.name())
            .field("state", &self.state())
            .field("lock", self.lock().raw())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
