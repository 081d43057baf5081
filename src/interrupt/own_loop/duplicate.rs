//! Where there is no epoll: a driver's own loop gets duplicates of the source's descriptors. They may be readable while there
//! is nothing to serve.

#[cfg(all(unix, feature = "std"))]
use std::os::fd::OwnedFd;

use crate::cause::SourceError;
use crate::interrupt::{InterruptObject, Registered};
use crate::source::Source;
#[cfg(all(unix, feature = "std"))]
use crate::source::{Ready, duplicate};

/// Nothing: the source's descriptors do not depend on what the interrupt does.
pub(in crate::interrupt) struct OwnLoop;

impl OwnLoop {
    pub(in crate::interrupt) const NONE: Self = Self;
}

#[cfg(all(unix, feature = "std"))]
impl<T, W> InterruptObject<T, W> {
    pub(super) fn descriptor_of_signals(
        &self,
        registered: &mut Registered<T, W>,
    ) -> Result<Option<OwnedFd>, SourceError> {
        match registered.source.as_mut().map(|source| source.ready()) {
            Some(Ready::Descriptor(descriptor)) => duplicate(descriptor).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn descriptor_of_removal(
        &self,
        registered: &mut Registered<T, W>,
    ) -> Result<Option<OwnedFd>, SourceError> {
        let descriptor = registered.source.as_mut().and_then(|source| source.removal_descriptor());
        descriptor.map(duplicate).transpose()
    }
}

impl<T, W> InterruptObject<T, W> {
    pub(in crate::interrupt) fn arm_own_loop(&self, _: &mut dyn Source) -> Result<(), SourceError> {
        Ok(())
    }

    pub(in crate::interrupt) fn disarm_own_loop(&self, _: &mut Registered<T, W>) -> Result<(), SourceError> {
        Ok(())
    }

    pub(in crate::interrupt) fn pause_own_loop(&self, _: &mut Registered<T, W>) {}

    pub(in crate::interrupt) fn removal_is_noted(&self, _: &mut Registered<T, W>) {}

    pub(in crate::interrupt) fn end_own_loop(&self, _: &mut Registered<T, W>) {}
}
