//! The options that say which thread serves the interrupt and on which processors, and what is measured and watched.

use core::time::Duration;

use alloc::sync::{Arc, Weak};

use crate::builder::Builder;
use crate::builder::instruments::Instruments;
use crate::dispatch::{Dispatcher, Polling, Service, SharedWorker};
use crate::error::{Error, ErrorKind};
use crate::interrupt::{Interrupt, InterruptObject, OnUnmask, Registered, WorkFn};
use crate::name::Name;
use crate::policy::{Policy, placement};
use crate::sync;

/// What serves the interrupt.
#[derive(Default)]
enum ServedBy {
    /// A dispatcher of its own. Without a source there is nothing to wait on, and so no dispatcher.
    #[default]
    OwnDispatcher,
    /// A dispatcher that the driver gave. It may serve other interrupts too.
    GivenDispatcher(Dispatcher),
    /// The driver's own loop.
    Driver,
}

/// How the interrupt is served, measured and watched.
#[derive(Default)]
pub(super) struct ServiceOptions {
    served_by: ServedBy,
    polling: Polling,
    policy: Policy,
    /// The worker of the process runs the work item.
    shared_worker: bool,
    timed: bool,
    overdue_after: Option<Duration>,
    poll_when_silent: Option<Duration>,
}

impl ServiceOptions {
    pub(super) fn without_dispatcher(&mut self) {
        self.served_by = ServedBy::Driver;
    }

    pub(super) fn check(&self, name: &Name, has_source: bool) -> Result<(), Error> {
        let can_wait = has_source && Dispatcher::EXISTS;
        let is_dispatched = can_wait && !matches!(self.served_by, ServedBy::Driver);
        if !is_dispatched && (self.polling.has_window() || self.poll_when_silent.is_some()) {
            return Err(Error::new(name.clone(), ErrorKind::NothingToPoll));
        }
        if self.shared_worker && !is_dispatched && !matches!(self.served_by, ServedBy::GivenDispatcher(_)) {
            return Err(Error::new(name.clone(), ErrorKind::NoDispatcher));
        }
        if matches!(&self.served_by, ServedBy::GivenDispatcher(dispatcher) if !dispatcher.is_here()) {
            return Err(Error::new(name.clone(), ErrorKind::Forked));
        }
        sync::notice_forks().map_err(|source| Error::new(name.clone(), ErrorKind::Open(source)))?;
        placement::check(&self.policy, name)?;
        for (option, time) in [("poll_when_silent", self.poll_when_silent), ("overdue_after", self.overdue_after)] {
            if time == Some(Duration::ZERO) {
                return Err(Error::new(name.clone(), ErrorKind::NoTime { option }));
            }
        }
        Ok(())
    }

    /// Wraps the callbacks, to measure and to watch them.
    pub(super) fn instrument<T: 'static, W: 'static>(
        &self,
        registered: &mut Registered<T, W>,
        work: &mut Option<WorkFn<T, W>>,
        unmask: &mut Option<OnUnmask<T>>,
    ) -> Instruments {
        Instruments::around(registered, work, unmask, self.timed, self.overdue_after)
    }

    /// Attaches the object to its instruments and to its dispatcher, if it has one. `works`: it has a work item.
    pub(super) fn attach<T: Send + 'static, W: Send + 'static>(
        self,
        object: InterruptObject<T, W>,
        instruments: Instruments,
        works: bool,
    ) -> Result<Interrupt<T, W>, Error> {
        object.note_policy(self.policy);
        // A handle from here on: if the watchdog can't be started, the interrupt ends as its handle is dropped.
        let interrupt = Interrupt::new(self.dispatch(object.with_timing(instruments.timing()), works)?);
        interrupt.object().note_self();
        instruments.watch(interrupt.object())?;
        Ok(interrupt)
    }

    fn dispatch<T: Send + 'static, W: Send + 'static>(
        self,
        mut object: InterruptObject<T, W>,
        works: bool,
    ) -> Result<Arc<InterruptObject<T, W>>, Error> {
        let dispatcher = match self.served_by {
            ServedBy::OwnDispatcher if object.has_source() && Dispatcher::EXISTS => Dispatcher::own(object.name())?,
            ServedBy::GivenDispatcher(dispatcher) => dispatcher,
            _ => return Ok(Arc::new(object)),
        };
        let shared_worker = if self.shared_worker { Some(SharedWorker::join(object.name())?) } else { None };
        if works && shared_worker.is_none() {
            dispatcher.need_worker(object.name())?;
        }
        let (polling, poll_when_silent) = (self.polling, self.poll_when_silent);
        let service = Service { polling, poll_when_silent, works, shared_worker };
        Ok(Arc::new_cyclic(|weak: &Weak<InterruptObject<T, W>>| {
            object.set_dispatch(dispatcher.register(weak.clone(), service));
            object
        }))
    }
}

impl<T, W, I, S> Builder<T, W, I, S> {
    /// Sets the dispatcher that serves this interrupt, for drivers whose interrupts share one thread.
    ///
    /// By default each interrupt gets a dispatcher of its own.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::Software};
    ///
    /// let dispatcher = Dispatcher::new()?;
    /// let mut queues = Vec::new();
    /// for number in 0..3 {
    ///     let (source, _line) = Software::edge();
    ///     let interrupt = Interrupt::builder(())
    ///         .name(format!("queue {number}"))
    ///         .isr(|_| Claim::Claimed)
    ///         .source(source)
    ///         .dispatcher(&dispatcher)
    ///         .build()?;
    ///     interrupt.enable()?;
    ///     queues.push(interrupt);
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "PassiveHandling")]
    pub fn dispatcher(mut self, dispatcher: &Dispatcher) -> Self {
        self.options.service.served_by = ServedBy::GivenDispatcher(dispatcher.clone());
        self
    }

    /// Runs the work item on a worker that all interrupts of the process share, if they ask for this. Each then needs one
    /// thread instead of two.
    ///
    /// By default a dispatcher has a worker of its own. Work items on a shared worker run one after the other, in no
    /// particular order: a slow work item delays the others, but no ISR. So no work item may wait for another that runs
    /// there. (Disabling an interrupt in a work item is no such wait: the queued work item of that interrupt then runs
    /// inside the call, [rule W7](crate::guide::contract#w7).) [`overdue_after`](Self::overdue_after) tells of one that does
    /// not return.
    ///
    /// - The deferred closures that a release has left, and wake-ups of the device, run there, too.
    /// - The thread is named "work shared". It is started while the first of these interrupts is built, inherits the
    ///   processors and the scheduling of the thread that builds it, and ends with the last. A [policy](Self::policy)
    ///   concerns only the thread that runs the ISR, so it can be combined with this.
    /// - With a [dispatcher that was given](Self::dispatcher), this interrupt uses the shared worker, and other interrupts of
    ///   that dispatcher still use the dispatcher's.
    ///
    /// It needs a dispatcher: without one [`build`](Self::build) returns [`ErrorKind::NoDispatcher`]. If the system refuses
    /// the thread, it returns [`ErrorKind::Dispatcher`].
    ///
    /// WDF shares threads so: work items of all drivers (*WdfInterruptQueueWorkItemForIsr*) run on threads of the system.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, source::Software};
    ///
    /// let mut queues = Vec::new();
    /// for number in 0..3 {
    ///     let (source, _line) = Software::edge();
    ///     let interrupt = Interrupt::builder(())
    ///         .name(format!("queue {number}"))
    ///         .isr(|queue| {
    ///             queue.queue_work_item();
    ///             Claim::Claimed
    ///         })
    ///         .work_item(|_| ()) // a driver completes requests here
    ///         .source(source)
    ///         .shared_worker()
    ///         .build()?;
    ///     interrupt.enable()?;
    ///     queues.push(interrupt); // four threads in all
    /// }
    ///
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).shared_worker().build();
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NoDispatcher));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn shared_worker(mut self) -> Self {
        self.options.service.shared_worker = true;
        self
    }

    /// Makes the dispatcher poll for a while after each interrupt, instead of sleeping at once. See [`Polling`].
    ///
    /// Only a dispatcher can follow this policy, and only if there is a source to wait on. Otherwise
    /// [`build`](Self::build) refuses it. (A driver's own loop polls by calling
    /// [`service`](crate::InterruptObject::service) more often.)
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, Polling, source::Software};
    ///
    /// let (source, _line) = Software::edge();
    /// let policy = Polling::Fixed(Duration::from_micros(50));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).polling(policy).build()?;
    ///
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).polling(policy).build();
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NothingToPoll));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn polling(mut self, policy: Polling) -> Self {
        self.options.service.polling = policy;
        self
    }

    /// Sets the processors and the priority that serve the interrupt ([rule P1](crate::guide::contract#p1)): stands for
    /// *SetExtendedPolicy*. See [`Policy`].
    ///
    /// Each enable asks the system for them. If the system refuses, the enable succeeds all the same, and
    /// [`policy_answer`](crate::InterruptObject::policy_answer) returns what was refused.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Claim, Error, ErrorKind, Interrupt, Policy, ProcessorSet, source::Software};
    ///
    /// let (source, _line) = Software::edge();
    /// let policy = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(0b1)));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).policy(policy).build()?;
    /// assert_eq!(interrupt.policy(), policy);
    ///
    /// let nowhere = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(0b1).in_group(9)));
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(nowhere).build();
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NoSuchProcessors { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "SetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetPolicy")]
    #[doc(alias = "SetPolicy")]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.options.service.policy = policy;
        self
    }

    /// Makes the interrupt measure its ISR and its delays ([rule S2](crate::guide::contract#s2)), for an operator or a
    /// benchmark.
    ///
    /// The interrupt's [`Stats`](crate::Stats) then hold [distributions](crate::Distributions) of
    ///
    /// - how long the ISR runs,
    /// - how long deliveries wait for the lock,
    /// - how long an assertion takes to reach the ISR, if the source knows when it was asserted.
    ///
    /// Each delivery reads the clock two or three times for it. An interrupt that is not timed pays nothing.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert_eq!(interrupt.stats().distributions.unwrap().isr.count(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn timed(mut self) -> Self {
        self.options.service.timed = true;
        self
    }

    /// Runs the ISR whenever the source has been silent for `period`, for a device whose interrupts get lost ([rule
    /// I14](crate::guide::contract#i14)).
    ///
    /// If the source has not signalled for `period`, the dispatcher runs the ISR as if it had, and again after each
    /// further `period` of silence. If such a run claims, it is counted as [`recovered`](crate::Stats::recovered);
    /// otherwise as [`benign`](crate::Stats::benign). If the missing signal comes after all, its own run finds nothing
    /// to do. A line that is kept masked is not polled.
    ///
    /// It needs a dispatcher, and a source for the dispatcher to wait on. Otherwise [`build`](Self::build) refuses it,
    /// as it refuses a `period` of zero.
    ///
    /// ```
    /// # #[cfg(feature = "simulated")] {
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Interrupt, Registers, simulated::{Edu, Step}};
    ///
    /// const INTERRUPT_STATUS: usize = 0x24;
    /// const ACKNOWLEDGE: usize = 0x64;
    ///
    /// let device = Edu::new();
    /// let registers = device.registers();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| {
    ///         let status = registers.read32(INTERRUPT_STATUS);
    ///         if status == 0 {
    ///             return Claim::Unclaimed;
    ///         }
    ///         registers.write32(ACKNOWLEDGE, status);
    ///         Claim::Claimed
    ///     })
    ///     .source(device.message()?)
    ///     .poll_when_silent(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// device.perform(Step::Silent(true));
    /// device.perform(Step::Raise(1)); // the device sends no message
    /// while interrupt.stats().recovered == 0 {}
    /// # }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn poll_when_silent(mut self, period: Duration) -> Self {
        self.options.service.poll_when_silent = Some(period);
        self
    }

    /// Reports a callback that has not returned after `limit`, while it still runs ([rule
    /// I17](crate::guide::contract#i17)): the ISR, the work item or any other callback.
    ///
    /// [`overdue`](crate::InterruptObject::overdue) then returns the callback, and the event is counted. That is no fault.
    /// The interrupt stays in service: an overdue callback may hold the interrupt lock, so it can't be disconnected.
    /// Deliveries go on as soon as the callback returns.
    ///
    /// One thread watches all interrupts that ask for this. Each of their callbacks locks a mutex twice, which only
    /// that thread shares, and reads the clock once. Times are no finer than a millisecond. Time during which the process
    /// was stopped does not count, but for a quarter of `limit` (at least 5 milliseconds) each time.
    /// [`build`](Self::build) refuses a `limit` of zero.
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let (answer, device) = std::sync::mpsc::channel::<()>();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| {
    ///         let _ = device.recv(); // a device that takes too long to answer
    ///         Claim::Claimed
    ///     })
    ///     .overdue_after(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| interrupt.service());
    ///     while interrupt.stats().overdue == 0 {} // never waits for the ISR
    ///     assert!(interrupt.overdue().is_some());
    ///     drop(answer);
    /// });
    /// assert_eq!(interrupt.stats().overdue, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn overdue_after(mut self, limit: Duration) -> Self {
        self.options.service.overdue_after = Some(limit);
        self
    }
}
