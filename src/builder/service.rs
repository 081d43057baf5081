//! Who serves the interrupt, where, and what is looked after.

use core::time::Duration;

use alloc::sync::{Arc, Weak};

use crate::builder::Builder;
use crate::builder::instruments::Instruments;
use crate::interrupt::{Registered, WorkFn};
use crate::policy::placement;
use crate::{Dispatcher, Error, ErrorKind, InterruptObject, Name, Policy, Polling};

/// Who serves the interrupt.
#[derive(Default)]
enum Attendance {
    /// A dispatcher of its own, if there is a source to wait on.
    #[default]
    Own,
    /// One that may serve others too.
    Common(Dispatcher),
    /// The driver.
    Nobody,
}

/// What was given of all this.
#[derive(Default)]
pub(super) struct Service {
    attendance: Attendance,
    polling: Polling,
    policy: Policy,
    timed: bool,
    overdue_after: Option<Duration>,
    silence: Option<Duration>,
}

impl Service {
    pub(super) fn without_dispatcher(&mut self) {
        self.attendance = Attendance::Nobody;
    }

    pub(super) fn check(&self, name: &Name, has_source: bool) -> Result<(), Error> {
        let polls = self.polling != Polling::None || self.silence.is_some();
        if polls && (!has_source || matches!(self.attendance, Attendance::Nobody)) {
            return Err(Error::new(name.clone(), ErrorKind::NothingToPoll));
        }
        placement::check(&self.policy, name)?;
        for (option, time) in [("poll_when_silent", self.silence), ("overdue_after", self.overdue_after)] {
            if time == Some(Duration::ZERO) {
                return Err(Error::new(name.clone(), ErrorKind::NoTime { option }));
            }
        }
        Ok(())
    }

    /// Wraps what measures and watches the callbacks around them.
    pub(super) fn instrument<T: 'static, W: 'static>(
        &self,
        registered: &mut Registered<T, W>,
        work: &mut Option<WorkFn<T, W>>,
    ) -> Instruments {
        Instruments::around(registered, work, self.timed, self.overdue_after)
    }

    /// Gives the object to its instruments, and to its dispatcher, if it has one.
    pub(super) fn attach<T: Send + 'static, W: Send + 'static>(
        self,
        object: InterruptObject<T, W>,
        instruments: Instruments,
    ) -> Result<Arc<InterruptObject<T, W>>, Error> {
        object.note_policy(self.policy);
        let object = self.attend(object.with_timing(instruments.timing()))?;
        instruments.watch(&object)?;
        Ok(object)
    }

    fn attend<T: Send + 'static, W: Send + 'static>(
        self,
        mut object: InterruptObject<T, W>,
    ) -> Result<Arc<InterruptObject<T, W>>, Error> {
        let (dispatcher, alone) = match self.attendance {
            Attendance::Own if object.has_source() && Dispatcher::EXISTS => (Dispatcher::named(object.name())?, true),
            Attendance::Common(dispatcher) => (dispatcher, false),
            _ => return Ok(Arc::new(object)),
        };
        if object.has_work_item() {
            dispatcher.need_worker(object.name())?;
        }
        Ok(Arc::new_cyclic(|weak: &Weak<InterruptObject<T, W>>| {
            object.set_dispatch(dispatcher.register(weak.clone(), self.polling, self.silence, alone));
            object
        }))
    }
}

impl<T, W, I, S> Builder<T, W, I, S> {
    /// Has a dispatcher that serves others too serve this interrupt, instead of one of its own.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::Software};
    ///
    /// let dispatcher = Dispatcher::new()?;
    /// for _ in 0..3 {
    ///     let (source, _) = Software::edge();
    ///     let interrupt = Interrupt::builder(())
    ///         .isr(|_| Claim::Claimed)
    ///         .source(source)
    ///         .dispatcher(&dispatcher)
    ///         .build()?;
    ///     interrupt.enable()?;
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn dispatcher(mut self, dispatcher: &Dispatcher) -> Self {
        self.options.service.attendance = Attendance::Common(dispatcher.clone());
        self
    }

    /// Has the dispatcher poll for a while after each interrupt, instead of sleeping at once. See [`Polling`].
    ///
    /// It is a dispatcher's way to wait: where there is none, or no source to be waited for, there is nobody who could
    /// follow a policy, and [`build`](Self::build) refuses it. (A driver's own loop polls by calling
    /// [`service`](crate::InterruptObject::service) more often.)
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, Polling, source::Software};
    ///
    /// let (source, _) = Software::edge();
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

    /// Where and how urgently the interrupt is to be served (rule P1). See [`Policy`].
    ///
    /// Each enable asks the system for it. What the system refuses is no error of the enable: it is in the
    /// [answer](crate::InterruptObject::policy_answer).
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Claim, Error, ErrorKind, Interrupt, Policy, ProcessorSet, source::Software};
    ///
    /// let (source, _) = Software::edge();
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
    pub fn policy(mut self, policy: Policy) -> Self {
        self.options.service.policy = policy;
        self
    }

    /// Has the interrupt measure how long its ISR runs, how long deliveries wait for the lock and, where the source tells
    /// it, how long an assertion takes to reach the ISR (rule S2). The [`Stats`](crate::Stats) then hold the
    /// [distributions](crate::Distributions).
    ///
    /// It costs each delivery two or three looks at the clock. What isn't timed pays nothing.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
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

    /// Has the dispatcher run the ISR as if the line were asserted whenever it has not signalled for `period`, and again
    /// after each such period (rule I14): for a device whose interrupts get lost.
    ///
    /// A run that claims then has recovered an edge, and is counted as [`recovered`](crate::Stats::recovered); one that
    /// does not is [benign](crate::Stats::benign). If the signal comes after all, its own run finds nothing. A line that
    /// is kept masked is left alone. There has to be a dispatcher, and a source for it to wait on.
    ///
    /// ```
    /// # #[cfg(feature = "simulated")] {
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Interrupt, Registers, simulated::{Edu, Step}};
    ///
    /// let device = Edu::new();
    /// let registers = device.registers();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| match registers.read32(0x24) {
    ///         0 => Claim::Unclaimed,
    ///         raised => { registers.write32(0x64, raised); Claim::Claimed }
    ///     })
    ///     .source(device.message()?)
    ///     .poll_when_silent(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// device.perform(Step::Silent(true));
    /// device.perform(Step::Raise(1)); // no message is sent
    /// while interrupt.stats().recovered == 0 {}
    /// # }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn poll_when_silent(mut self, period: Duration) -> Self {
        self.options.service.silence = Some(period);
        self
    }

    /// Has a callback that does not return within `limit` (the ISR, the work item, any other) reported while it still
    /// runs (rule I17): as [`Fault::Overdue`](crate::Fault::Overdue), by [`fault`](crate::InterruptObject::fault), and counted.
    ///
    /// It is only reported. The callback goes on, and the interrupt is served again as soon as it returns: what holds
    /// the interrupt lock can't be put into quarantine. One thread looks after all interrupts that ask for this; each
    /// of their callbacks pays two looks at a mutex of its own and one at the clock. It is no finer than a millisecond.
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Fault, Interrupt};
    ///
    /// let (go, wait) = std::sync::mpsc::channel::<()>();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| { let _ = wait.recv(); Claim::Claimed })
    ///     .overdue_after(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| interrupt.service());
    ///     while interrupt.fault().is_none() {} // never waits for the ISR
    ///     drop(go);
    /// });
    /// assert!(matches!(interrupt.clear_fault()?, Some(Fault::Overdue { .. })));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn overdue_after(mut self, limit: Duration) -> Self {
        self.options.service.overdue_after = Some(limit);
        self
    }
}
