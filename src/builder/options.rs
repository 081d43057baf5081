//! The options of a builder, as plain data, and their checks.

use alloc::sync::Arc;

#[cfg(feature = "std")]
use crate::builder::service::ServiceOptions;
#[cfg(not(feature = "std"))]
use crate::builder::unserved::ServiceOptions;
use crate::device::Device;
use crate::error::{Error, ErrorKind};
use crate::info::{Info, Trigger};
use crate::interrupt::{Isr, OnUnmask, Registered, WorkFn};
use crate::lock::{InterruptLock, Tenant};
use crate::name::Name;

/// Where the interrupt data lives.
pub(super) enum Data<T> {
    /// In a lock of the interrupt's own.
    Own(T),
    /// In a lock that other interrupts share.
    Shared(Arc<InterruptLock<T>>),
}

/// All options of an interrupt.
pub(super) struct Options<T, W> {
    pub(super) name: Option<Name>,
    pub(super) data: Data<T>,
    /// The callbacks and the source.
    pub(super) registered: Registered<T, W>,
    pub(super) work: Option<WorkFn<T, W>>,
    pub(super) unmask: Option<OnUnmask<T>>,
    /// Other devices may assert the line.
    pub(super) shared: bool,
    pub(super) device: Option<Device>,
    /// The work item runs under the device's callback lock.
    pub(super) serialized: bool,
    pub(super) wake_capable: bool,
    pub(super) service: ServiceOptions,
}

impl<T, W> Options<T, W> {
    pub(super) fn new(data: Data<T>) -> Self {
        Self {
            name: None,
            data,
            registered: Registered::new(Isr::NONE),
            work: None,
            unmask: None,
            shared: false,
            device: None,
            serialized: false,
            wake_capable: false,
            service: ServiceOptions::default(),
        }
    }

    /// Returns the name that the driver gave, or that of the source, or "interrupt".
    pub(super) fn name(&self) -> Name {
        let source = || Some(self.registered.source.as_ref()?.name());
        self.name.clone().or_else(source).unwrap_or(Name::new("interrupt"))
    }

    /// Refuses options that can't work together.
    pub(super) fn check(&self, name: &Name, info: Option<&Info>) -> Result<(), Error> {
        let trigger = info.and_then(|info| info.trigger);
        if self.shared && trigger.is_some_and(|trigger| trigger != Trigger::Level) {
            return Err(Error::new(name.clone(), ErrorKind::NotShareable));
        }
        if self.device.is_none() && (self.serialized || self.wake_capable) {
            return Err(Error::new(name.clone(), ErrorKind::NoDevice));
        }
        if let Some(device) = &self.device {
            device.check_here()?;
        }
        if matches!(&self.data, Data::Shared(lock) if lock.is_inherited()) {
            return Err(Error::new(name.clone(), ErrorKind::Forked));
        }
        self.service.check(name, self.registered.has_source())
    }
}
