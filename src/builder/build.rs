//! The interrupt: checked, assembled, attached.

use alloc::boxed::Box;
use alloc::sync::Arc;

#[cfg(doc)]
use crate::ErrorKind;
use crate::builder::options::{Data, Options};
use crate::builder::{Builder, IsrRegistered, WorkItemSlot};
use crate::device::{Device, DeviceInterrupt};
use crate::interrupt::attached::Membership;
use crate::interrupt::{DataLock, WorkFn};
use crate::{Error, Interrupt, InterruptObject, Name};

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
    /// - [`ErrorKind::NotShareable`]: `shared` on what is known not to be a level line.
    /// - [`ErrorKind::NoDevice`]: automatic serialization, or wake capability, without a device.
    /// - [`ErrorKind::NothingToPoll`]: a polling policy without a source, or without a dispatcher.
    /// - [`ErrorKind::NoProcessors`], [`ErrorKind::NoSuchProcessors`]: a policy with a processor set that is empty, or names
    ///   processors which the machine does not have.
    /// - [`ErrorKind::NoTime`]: a time of zero.
    /// - [`ErrorKind::Dispatcher`]: its threads could not be started.
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
        let options = self.options;
        let name = options.name();
        options.check(&name)?;
        let device = options.device.clone();
        let object = options.into_object(name)?;
        // First: from the adoption on it may be asserted, and its lock has to know whom to serve.
        object.join_lock();
        if let Some(device) = device {
            let member: Arc<dyn DeviceInterrupt> = object.clone();
            device.adopt(Arc::downgrade(&member));
        }
        Ok(Interrupt::new(object))
    }
}

impl<T: Send + 'static, W: Send + 'static> Options<T, W> {
    fn into_object(mut self, name: Name) -> Result<Arc<InterruptObject<T, W>>, Error> {
        let info = self.registered.source.as_ref().map(|source| source.info());
        let instruments = self.service.instrument(&mut self.registered, &mut self.work);
        let work = match (self.work, &self.device) {
            (Some(work), Some(device)) if self.serialized => Some(serialized(work, device.clone())),
            (work, _) => work,
        };
        let data_lock = match self.data {
            Data::Own(data) => DataLock::own(name, data),
            Data::Shared(lock) => DataLock::Shared { lock, name },
        };
        let mut object = InterruptObject::assemble(data_lock, self.registered, work);
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
            // How its empty runs are taken is looked at when it connects.
            let _ = object.note(info);
        }
        self.service.attach(object, instruments)
    }
}

/// The work item, under the callback lock of `device`.
fn serialized<T: 'static, W: 'static>(mut work: WorkFn<T, W>, device: Device) -> WorkFn<T, W> {
    WorkFn::Boxed(Box::new(move |context| device.serialize(|| work.call(context))))
}
