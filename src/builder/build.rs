//! `build`: checks the options, assembles the interrupt and attaches it to its dispatcher and its device.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::builder::options::{Data, Options};
use crate::builder::{Builder, IsrRegistered, WorkItemSlot};
use crate::device::DeviceInterrupt;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::Info;
use crate::interrupt::attached::Membership;
use crate::interrupt::{DataLock, Interrupt, InterruptObject, WorkFn};
use crate::name::Name;

impl<T, W, I, S> Builder<T, W, I, S>
where
    T: Send + 'static,
    W: Send + 'static,
    S: WorkItemSlot<Kind = W>,
{
    /// Checks the options and builds the interrupt: stands for *CreateInterrupt*. The new interrupt is disabled.
    ///
    /// With the feature `std`, an interrupt with a source gets a dispatcher of its own, unless the driver called
    /// `dispatcher` or [`without_dispatcher`](Self::without_dispatcher).
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NotShareable`]: `shared` was called, and the source is known to be an edge or a message.
    /// - [`ErrorKind::NoDevice`]: `automatic_serialization` or `wake_capable` was called without `device`.
    /// - [`ErrorKind::NothingToPoll`]: `polling` or `poll_when_silent` was called, and there is no source or no
    ///   dispatcher.
    /// - [`ErrorKind::NoDispatcher`]: `shared_worker` was called, and there is no dispatcher.
    /// - [`ErrorKind::NoProcessors`]: the processor set of the policy is empty.
    /// - [`ErrorKind::NoSuchProcessors`]: the policy names processors that the machine does not have.
    /// - [`ErrorKind::NoTime`]: `poll_when_silent` or `overdue_after` got a time of zero.
    /// - [`ErrorKind::Dispatcher`]: a thread of the dispatcher, or the watchdog, could not be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, State};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.state(), State::Disabled);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CreateInterrupt")]
    #[doc(alias = "WdfInterruptCreate")]
    pub fn build(self) -> Result<Interrupt<T, W>, Error>
    where
        I: IsrRegistered,
    {
        let options = self.options;
        let name = options.name();
        let info = options.registered.source.as_ref().map(|source| source.info());
        options.check(&name, info.as_ref())?;
        let device = options.device.clone();
        let interrupt = options.into_interrupt(name, info)?;
        // Before the adoption: the device may enable the interrupt from then on, and a shared lock must know by then
        // which interrupts its releases serve.
        interrupt.object().join_lock();
        if let Some(device) = device {
            let object: Arc<dyn DeviceInterrupt> = interrupt.object().clone();
            device.adopt(Arc::downgrade(&object));
        }
        Ok(interrupt)
    }
}

impl<T: Send + 'static, W: Send + 'static> Options<T, W> {
    fn into_interrupt(mut self, name: Name, info: Option<Info>) -> Result<Interrupt<T, W>, Error> {
        let instruments = self.service.instrument(&mut self.registered, &mut self.work, &mut self.unmask);
        let works = self.work.is_some();
        let data_lock = match self.data {
            Data::Own(data) => DataLock::own(name, data),
            Data::Shared(lock) => DataLock::Shared { lock, name },
        };
        let mut object = InterruptObject::assemble(data_lock, self.registered, self.work.unwrap_or(WorkFn::NONE));
        object.belong_here();
        if let Some(unmask) = self.unmask {
            object.set_unmask(unmask);
        }
        if let Some(device) = self.device {
            object.join_device(Membership {
                device: Box::new(device),
                serialized: self.serialized,
                wake_capable: self.wake_capable,
            });
        }
        if self.shared {
            object.note_shared();
        }
        if let Some(info) = info {
            // `note` also returns whether unclaimed runs are benign. Each enable asks that anew.
            let _ = object.note(info);
        }
        self.service.attach(object, instruments, works)
    }
}
