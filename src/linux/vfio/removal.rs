//! How VFIO reports that a device has to be let go, or has failed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use vfio_bindings::bindings::vfio::{VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX};

use crate::cause::SourceError;
use crate::linux::eventfd;
use crate::source::Removal;
use crate::system::{Epoll, Report, failed, is_readable, vfio};

/// The request and error interrupts of a device, and one descriptor that shows either.
///
/// The eventfds are never drained, so that every source of the device sees them.
pub(super) struct RemovalWatch {
    either: Epoll,
    request: Option<OwnedFd>,
    error: Option<OwnedFd>,
}

impl RemovalWatch {
    /// Connects both. Returns `None` if the kernel or the device has neither.
    pub(super) fn new(device: BorrowedFd<'_>) -> Result<Option<Self>, SourceError> {
        let request = connect(device, VFIO_PCI_REQ_IRQ_INDEX)?;
        let error = connect(device, VFIO_PCI_ERR_IRQ_INDEX)?;
        if request.is_none() && error.is_none() {
            return Ok(None);
        }
        let either = Epoll::new()
            .and_then(|either| {
                for event in [&request, &error].into_iter().flatten() {
                    either.add(event, 0, Report::While)?;
                }
                Ok(either)
            })
            .map_err(failed("watching for its removal"))?;
        Ok(Some(Self { either, request, error }))
    }

    /// Readable for good once either has signalled.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.either.as_fd()
    }

    /// Returns what has been signalled. An error outweighs a request.
    pub(super) fn state(&self) -> Option<Removal> {
        // A look that is refused shows nothing: a device that has gone is found by other calls, too.
        let signalled = |event: &Option<OwnedFd>| event.as_ref().is_some_and(|event| is_readable(event) == Ok(true));
        if signalled(&self.error) {
            Some(Removal::Surprise)
        } else if signalled(&self.request) {
            Some(Removal::Requested)
        } else {
            None
        }
    }
}

/// Connects the only interrupt of an index to a new eventfd. Returns `None` if the device has no such index.
fn connect(device: BorrowedFd<'_>, index: u32) -> Result<Option<OwnedFd>, SourceError> {
    if vfio::irqs(device, index).map_err(failed("asking how its removal is told"))?.count == 0 {
        return Ok(None);
    }
    let event = eventfd::create()?;
    vfio::set_trigger(device, index, 0, Some(event.as_fd())).map_err(failed("asking to be told of its removal"))?;
    Ok(Some(event))
}
