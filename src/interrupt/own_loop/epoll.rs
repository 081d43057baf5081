//! What is behind the descriptors on Linux.
//!
//! A driver's loop does not wait on the source's descriptor: others signal that, and keep it readable while the interrupt is
//! disabled. The loop waits on an epoll instance of the interrupt's own, which is readable as long as a descriptor in it is. The source's
//! descriptor is in it only while `service` would deliver what it signals. To a loop it makes no difference: such an
//! instance can be waited on by `poll` and by another epoll instance, level-triggered or edge-triggered.
//!
//! There are no such instances before the driver asks for the descriptors.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::boxed::Box;

use crate::cause::SourceError;
use crate::fault::Fault;
use crate::interrupt::state::{GONE, INACTIVE, REQUEST_NOTED};
use crate::interrupt::{InterruptObject, Registered};
use crate::source::{Ready, Source};
use crate::sync::Process;
use crate::system;
use crate::system::{Epoll, Report, failed};

/// The two instances, once the driver has asked for one of them. Used with the interrupt lock held.
pub(in crate::interrupt) struct OwnLoop(Option<Box<Watches>>);

impl OwnLoop {
    pub(in crate::interrupt) const NONE: Self = Self(None);

    fn signals(&mut self) -> Option<&mut Watch> {
        self.0.as_mut()?.signals.as_mut()
    }

    fn removal(&mut self) -> Option<&mut Watch> {
        self.0.as_mut()?.removal.as_mut()
    }

    /// Returns the place of the two.
    fn places(&mut self) -> &mut Watches {
        self.0.get_or_insert_default()
    }
}

#[derive(Default)]
struct Watches {
    signals: Option<Watch>,
    removal: Option<Watch>,
}

/// An epoll instance that shows one descriptor, or nothing.
struct Watch {
    epoll: Epoll,
    /// A duplicate of the descriptor, because the source may close its own.
    shown: Option<(OwnedFd, Report)>,
    process: Process,
}

impl Watch {
    fn new() -> Result<Self, SourceError> {
        let epoll = Epoll::new().map_err(failed("making an epoll instance"))?;
        Ok(Self { epoll, shown: None, process: Process::this() })
    }

    fn show(&mut self, descriptor: BorrowedFd<'_>, report: Report) -> Result<(), SourceError> {
        self.hide()?;
        let descriptor = system::duplicate(descriptor).map_err(failed("duplicating the source's descriptor"))?;
        self.epoll.add(&descriptor, 0, report).map_err(failed("watching the source's descriptor"))?;
        self.shown = Some((descriptor, report));
        Ok(())
    }

    /// Reports the shown descriptor in another way from now on. Does nothing if none is shown.
    fn change(&mut self, to: Report) -> Result<(), SourceError> {
        if let Some((descriptor, report)) = &mut self.shown
            && *report != to
        {
            self.epoll.report_again(&*descriptor, 0, to).map_err(failed("watching the source's descriptor"))?;
            *report = to;
        }
        Ok(())
    }

    /// Shows nothing. In a forked child it does nothing, because the instance is the parent's. Explicitly: to close the duplicate would not be enough, since others keep the file open.
    fn hide(&mut self) -> Result<(), SourceError> {
        if let Some((descriptor, _)) = self.shown.as_ref().filter(|_| self.process.is_this()) {
            self.epoll.delete(descriptor).map_err(failed("watching the source's descriptor no longer"))?;
            self.shown = None;
        }
        Ok(())
    }

    /// Returns a descriptor of the instance, for the driver's loop.
    fn descriptor(&self) -> Result<OwnedFd, SourceError> {
        system::duplicate(self.epoll.as_fd()).map_err(failed("duplicating a descriptor"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The driver's loop may go on with its descriptor of the instance. A refusal can't be told any more.
        let _ = self.hide();
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Returns a descriptor for the driver's loop, which is readable while there is something to serve. Returns `None` if
    /// the source has none. The caller holds the lock, as `registered` proves.
    pub(super) fn descriptor_of_signals(
        &self,
        registered: &mut Registered<T, W>,
    ) -> Result<Option<OwnedFd>, SourceError> {
        let Some(source) = registered.source.as_mut() else { return Ok(None) };
        let Ready::Descriptor(descriptor) = source.ready() else { return Ok(None) };
        self.with_own_loop(|own_loop| {
            if let Some(watch) = own_loop.signals() {
                return watch.descriptor().map(Some);
            }
            let mut watch = Watch::new()?;
            if self.state.in_service() {
                watch.show(descriptor, self.report_of_signals())?;
            }
            // Kept only once all has been granted.
            let theirs = watch.descriptor()?;
            own_loop.places().signals = Some(watch);
            Ok(Some(theirs))
        })
    }

    /// As [`descriptor_of_signals`](Self::descriptor_of_signals), for a removal that is to be noted.
    pub(super) fn descriptor_of_removal(
        &self,
        registered: &mut Registered<T, W>,
    ) -> Result<Option<OwnedFd>, SourceError> {
        let Some(source) = registered.source.as_mut() else { return Ok(None) };
        let Some(descriptor) = source.removal_descriptor() else { return Ok(None) };
        self.with_own_loop(|own_loop| {
            if let Some(watch) = own_loop.removal() {
                return watch.descriptor().map(Some);
            }
            let mut watch = Watch::new()?;
            if !self.state.has(GONE | REQUEST_NOTED) {
                watch.show(descriptor, Report::While)?;
            }
            let theirs = watch.descriptor()?;
            own_loop.places().removal = Some(watch);
            Ok(Some(theirs))
        })
    }

    /// Shows the source's signals to the driver's loop, as the interrupt is connected. The caller holds the lock, as `source`
    /// proves.
    pub(in crate::interrupt) fn arm_own_loop(&self, source: &mut dyn Source) -> Result<(), SourceError> {
        self.with_own_loop(|own_loop| self.show_signals(own_loop, source))
    }

    fn show_signals(&self, own_loop: &mut OwnLoop, source: &mut dyn Source) -> Result<(), SourceError> {
        let Some(watch) = own_loop.signals() else { return Ok(()) };
        match source.ready() {
            Ready::Descriptor(descriptor) => watch.show(descriptor, self.report_of_signals()),
            Ready::Waker => Ok(()),
        }
    }

    /// What is signalled to an inactive interrupt is withheld anyway. But its device may go.
    fn report_of_signals(&self) -> Report {
        if self.state.has(INACTIVE) { Report::Errors } else { Report::While }
    }

    /// Makes the driver's loop quiet, as the interrupt is disconnected. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn disarm_own_loop(&self, _: &mut Registered<T, W>) -> Result<(), SourceError> {
        self.with_own_loop(|own_loop| own_loop.signals().map_or(Ok(()), Watch::hide))
    }

    /// Makes the driver's loop quiet, or lets it hear signals again, after the driver has reported the interrupt inactive or
    /// active. If the system refuses, that is a fault. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn pause_own_loop(&self, registered: &mut Registered<T, W>) {
        let to = self.report_of_signals();
        let changed = self.with_own_loop(|own_loop| own_loop.signals().map_or(Ok(()), |watch| watch.change(to)));
        if let Err(error) = changed {
            self.set_faulted(registered, Fault::Source(error));
        }
    }

    /// Makes the driver's loop quiet about a removal that has been noted. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn removal_is_noted(&self, _: &mut Registered<T, W>) {
        if self.state.has(GONE | REQUEST_NOTED) {
            // If the system refuses, the loop comes again for what it knows.
            let _ = self.with_own_loop(|own_loop| own_loop.removal().map_or(Ok(()), Watch::hide));
        }
    }

    /// Leaves the driver's loop nothing to wait on. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn end_own_loop(&self, _: &mut Registered<T, W>) {
        self.with_own_loop(|own_loop| *own_loop = OwnLoop::NONE);
    }

    fn with_own_loop<R>(&self, f: impl FnOnce(&mut OwnLoop) -> R) -> R {
        // SAFETY: the caller holds the interrupt lock, and `f` calls nothing that comes here again.
        unsafe { self.own_loop.with(f) }
    }
}
