//! The checks, and the interrupt.

#[cfg(feature = "std")]
use core::{mem, time::Duration};

use alloc::boxed::Box;
use alloc::sync::Arc;
#[cfg(feature = "std")]
use alloc::sync::Weak;

use crate::Interrupt;
use crate::builder::{Attendance, Builder, Data, IsrRegistered, WorkItemSlot};
use crate::device::{Device, Member, Membership};
use crate::interrupt::{Home, InterruptObject, WorkFn};
use crate::{Error, Name, Trigger};

#[cfg(feature = "std")]
use crate::dispatch::Dispatcher;
#[cfg(feature = "std")]
use crate::interrupt::{Inside, Isr, OnChange};
#[cfg(feature = "std")]
use crate::observe::watchdog::Watched;
#[cfg(feature = "std")]
use crate::{Callback, Polling};

impl<T, W, I, S> Builder<T, W, I, S>
where
    T: Send + 'static,
    W: Send + 'static,
    S: WorkItemSlot<Kind = W>,
{
    /// Checks what was given and makes the interrupt, disabled: *CreateInterrupt*. With a source it gets a dispatcher
    /// of its own, unless another was given or refused.
    ///
    /// # Errors
    ///
    /// - [`Error::NotShareable`]: `shared` on what is known not to be a level line.
    /// - [`Error::NoDevice`]: automatic serialization, or wake capability, without a device.
    /// - [`Error::NothingToPoll`]: a polling policy without a source, or without a dispatcher.
    /// - [`Error::NoProcessors`], [`Error::NoSuchProcessors`]: a policy with a processor set that is empty, or names
    ///   processors which the machine does not have.
    /// - [`Error::NoTime`]: a time of zero.
    /// - [`Error::Dispatcher`]: its threads could not be started.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CreateInterrupt")]
    #[doc(alias = "WdfInterruptCreate")]
    pub fn build(self) -> Result<Interrupt<T, W>, Error>
    where
        I: IsrRegistered,
    {
        let info = self.inside.source.as_ref().map(|source| source.info());
        let name = self
            .name
            .or_else(|| self.inside.source.as_ref().map(|source| source.name()))
            .unwrap_or(Name::new("interrupt"));
        let trigger = info.as_ref().and_then(|info| info.trigger);
        if self.shared && trigger.is_some_and(|trigger| trigger != Trigger::Level) {
            return Err(Error::NotShareable { interrupt: name });
        }
        let has_source = self.inside.source.is_some();
        #[cfg(feature = "std")]
        if (self.polling != Polling::None || self.silence.is_some())
            && (!has_source || matches!(self.attendance, Attendance::Nobody))
        {
            return Err(Error::NothingToPoll { interrupt: name });
        }
        #[cfg(feature = "std")]
        crate::policy::placement::check(&self.policy, &name)?;
        #[cfg(feature = "std")]
        if self.silence == Some(Duration::ZERO) {
            return Err(Error::NoTime { interrupt: name, what: "poll_when_silent" });
        }
        #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "nothing is timed"))]
        let mut inside = self.inside;
        #[cfg(feature = "std")]
        let mut work = self.work;
        #[cfg(not(feature = "std"))]
        let work = self.work;
        #[cfg(feature = "std")]
        let watched = match self.overdue_after {
            Some(Duration::ZERO) => return Err(Error::NoTime { interrupt: name, what: "overdue_after" }),
            Some(limit) => Some(watch(limit, &mut inside, &mut work)),
            None => None,
        };
        #[cfg(feature = "std")]
        let timing = self.timed.then(|| crate::builder::timed::measure(&mut inside));
        let work = match (work, self.device.clone()) {
            (Some(work), Some(device)) if self.serialized => Some(serialized(work, device)),
            (_, None) if self.serialized || self.wake_capable => return Err(Error::NoDevice { interrupt: name }),
            (work, _) => work,
        };
        let home = match self.data {
            Data::Own(data) => Home::own(name, data),
            Data::Shared(lock) => Home::Shared { lock, name },
        };
        let object = InterruptObject::assemble(home, inside, work);
        #[cfg(feature = "std")]
        let object = object.with_timing(timing);
        let mut object = object;
        if let Some(device) = self.device.clone() {
            object.join(Membership { device, serialized: self.serialized, wake_capable: self.wake_capable });
        }
        if self.shared {
            object.note_shared();
        }
        if let Some(info) = info {
            // How its empty runs are taken is looked at when it connects.
            let _ = object.note(info);
        }
        #[cfg(feature = "std")]
        object.note_policy(self.policy);
        #[cfg(feature = "std")]
        let interrupt = attend(object, self.attendance, has_source, self.polling, self.silence)?;
        #[cfg(feature = "std")]
        if let Some(watched) = watched.as_ref().and_then(Weak::upgrade) {
            let object: Weak<InterruptObject<T, W>> = Arc::downgrade(interrupt.object());
            watched.tell(object).map_err(|source| Error::Dispatcher { interrupt: interrupt.name().clone(), source })?;
        }
        #[cfg(not(feature = "std"))]
        let interrupt = attend(object, self.attendance, has_source)?;
        // First: from the adoption on it may be asserted, and its lock has to know whom to serve.
        interrupt.object().join_lock();
        if let Some(device) = self.device {
            let member: Arc<dyn Member> = interrupt.object().clone();
            device.adopt(Arc::downgrade(&member));
        }
        Ok(interrupt)
    }
}

/// Has every callback run under the eyes of the watchdog. They own what is answered.
#[cfg(feature = "std")]
fn watch<T: 'static, W: 'static>(
    limit: Duration,
    inside: &mut Inside<T, W>,
    work: &mut Option<WorkFn<T, W>>,
) -> Weak<Watched> {
    let watched = Arc::new(Watched::new(limit));
    let (theirs, mut isr) = (watched.clone(), mem::replace(&mut inside.isr, Isr::NONE));
    inside.isr = Isr::Boxed(Box::new(move |cx| theirs.run(Callback::Isr, || isr.call(cx))));
    for (place, callback) in [
        (&mut inside.enable, Callback::Enable),
        (&mut inside.disable, Callback::Disable),
        (&mut inside.removal, Callback::Removal),
    ] {
        let (theirs, mut called) = (watched.clone(), mem::replace(place, OnChange::NOTHING));
        *place = OnChange::Boxed(Box::new(move |data| theirs.run(callback, || called.call(data))));
    }
    if let Some(mut called) = work.take() {
        let theirs = watched.clone();
        *work = Some(WorkFn::Boxed(Box::new(move |cx| theirs.run(Callback::WorkItem, || called.call(cx)))));
    }
    Arc::downgrade(&watched)
}

#[cfg(feature = "std")]
fn attend<T: Send + 'static, W: Send + 'static>(
    mut object: InterruptObject<T, W>,
    attendance: Attendance,
    has_source: bool,
    polling: Polling,
    silence: Option<Duration>,
) -> Result<Interrupt<T, W>, Error> {
    let own = match &attendance {
        Attendance::Own if has_source && Dispatcher::EXISTS => Some(Dispatcher::named(object.name())?),
        _ => None,
    };
    let dispatcher = match (&own, attendance) {
        (Some(own), _) => own.clone(),
        (None, Attendance::Given(given)) => given,
        (None, _) => return Ok(Interrupt::new(Arc::new(object))),
    };
    if object.has_work_item() {
        dispatcher.need_worker(object.name())?;
    }
    let object = Arc::new_cyclic(|weak: &Weak<InterruptObject<T, W>>| {
        object.set_dispatch(dispatcher.register(weak.clone(), polling, silence, own.is_some()));
        object
    });
    Ok(Interrupt::new(object))
}

#[cfg(not(feature = "std"))]
fn attend<T, W>(
    object: InterruptObject<T, W>,
    _attendance: Attendance,
    _has_source: bool,
) -> Result<Interrupt<T, W>, Error> {
    Ok(Interrupt::new(Arc::new(object)))
}

/// The work item, under the callback lock of `device`.
fn serialized<T: 'static, W: 'static>(mut work: WorkFn<T, W>, device: Device) -> WorkFn<T, W> {
    WorkFn::Boxed(Box::new(move |context| device.serialize(|| work.call(context))))
}
