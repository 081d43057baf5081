//! Who serves the interrupt, where, and what is looked after.

#[cfg(feature = "std")]
use core::time::Duration;

use crate::builder::{Attendance, Builder};
#[cfg(feature = "std")]
use crate::{Dispatcher, Policy, Polling};

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
    #[cfg(feature = "std")]
    pub fn dispatcher(mut self, dispatcher: &Dispatcher) -> Self {
        self.attendance = Attendance::Given(dispatcher.clone());
        self
    }

    /// No thread of ours: the driver waits by itself and calls [`service`](crate::InterruptObject::service) and
    /// [`run_work_item`](crate::InterruptObject::run_work_item).
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// let (source, assert) = Software::edge();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .source(source)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert.assert();
    /// interrupt.service();
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn without_dispatcher(mut self) -> Self {
        self.attendance = Attendance::Nobody;
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
    /// use interrupt_lock::{Claim, Error, Interrupt, Polling, source::Software};
    ///
    /// let (source, _) = Software::edge();
    /// let policy = Polling::Fixed(Duration::from_micros(50));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).polling(policy).build()?;
    ///
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).polling(policy).build();
    /// assert!(matches!(refused, Err(Error::NothingToPoll { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn polling(mut self, policy: Polling) -> Self {
        self.polling = policy;
        self
    }

    /// Where and how urgently the interrupt is to be served (rule P1). See [`Policy`].
    ///
    /// Each enable asks the system for it. What the system refuses is no error of the enable: it is in the
    /// [answer](crate::InterruptObject::policy_answer).
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Claim, Error, Interrupt, Policy, ProcessorSet, source::Software};
    ///
    /// let (source, _) = Software::edge();
    /// let policy = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(0b1)));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).policy(policy).build()?;
    /// assert_eq!(interrupt.policy(), policy);
    ///
    /// let nowhere = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(0b1).in_group(9)));
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(nowhere).build();
    /// assert!(matches!(refused, Err(Error::NoSuchProcessors { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[doc(alias = "SetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetPolicy")]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
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
    #[cfg(feature = "std")]
    pub fn timed(mut self) -> Self {
        self.timed = true;
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
    #[cfg(feature = "std")]
    pub fn poll_when_silent(mut self, period: Duration) -> Self {
        self.silence = Some(period);
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
    #[cfg(feature = "std")]
    pub fn overdue_after(mut self, limit: Duration) -> Self {
        self.overdue_after = Some(limit);
        self
    }
}
