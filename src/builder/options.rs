//! What was given to a builder, as plain data, and the checks of it.

use alloc::sync::Arc;

#[cfg(feature = "std")]
use crate::builder::service::Service;
#[cfg(not(feature = "std"))]
use crate::builder::unserved::Service;
use crate::device::Device;
use crate::interrupt::{Isr, Registered, WorkFn};
use crate::{Error, ErrorKind, InterruptLock, Name, Trigger};

/// Where the interrupt data is to live.
pub(super) enum Data<T> {
    Own(T),
    Shared(Arc<InterruptLock<T>>),
}

pub(super) struct Options<T, W> {
    pub(super) name: Option<Name>,
    pub(super) data: Data<T>,
    /// The callbacks and the source.
    pub(super) registered: Registered<T, W>,
    pub(super) work: Option<WorkFn<T, W>>,
    /// Other devices may assert the line.
    pub(super) shared: bool,
    pub(super) device: Option<Device>,
    /// The work item runs under the device's callback lock.
    pub(super) serialized: bool,
    pub(super) wake_capable: bool,
    pub(super) service: Service,
}

impl<T, W> Options<T, W> {
    pub(super) fn new(data: Data<T>) -> Self {
        Self {
            name: None,
            data,
            registered: Registered::new(Isr::NONE),
            work: None,
            shared: false,
            device: None,
            serialized: false,
            wake_capable: false,
            service: Service::default(),
        }
    }

    /// The name that was given, or that of the source.
    pub(super) fn name(&self) -> Name {
        let source = || Some(self.registered.source.as_ref()?.name());
        self.name.clone().or_else(source).unwrap_or(Name::new("interrupt"))
    }

    pub(super) fn check(&self, name: &Name) -> Result<(), Error> {
        let trigger = self.registered.source.as_ref().and_then(|source| source.info().trigger);
        if self.shared && trigger.is_some_and(|trigger| trigger != Trigger::Level) {
            return Err(Error::new(name.clone(), ErrorKind::NotShareable));
        }
        if self.device.is_none() && (self.serialized || self.wake_capable) {
            return Err(Error::new(name.clone(), ErrorKind::NoDevice));
        }
        self.service.check(name, self.registered.has_source())
    }
}
