//! How VFIO reports that a device has to be let go, or has failed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    event::{PollFlags, epoll},
    io::Errno,
};
use vfio_bindings::bindings::vfio::{VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX};

use crate::cause::SourceError;
use crate::linux::eventfd;
use crate::linux::vfio::ioctl;
use crate::source::Removal;
use crate::system::{failed, shows};

/// The request and error interrupts of a device, and one descriptor that shows either.
///
/// The eventfds are never drained, so that every source of the device sees them.
pub(super) struct RemovalWatch {
    either: OwnedFd,
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
        let either = epoll::create(epoll::CreateFlags::CLOEXEC)
            .and_then(|either| {
                for event in [&request, &error].into_iter().flatten() {
                    let data = epoll::EventData::new_u64(0);
                    epoll::add(&either, event, data, epoll::EventFlags::IN)?;
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
        let signalled = |event: &Option<OwnedFd>| event.as_ref().is_some_and(|event| shows(event, PollFlags::IN));
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
    match ioctl::irq_count(device, index) {
        Ok(0) | Err(Errno::INVAL) => return Ok(None),
        count => count.map_err(failed("asking how its removal is told"))?,
    };
    let event = eventfd::create()?;
    ioctl::set_trigger(device, index, 0, Some(event.as_fd())).map_err(failed("asking to be told of its removal"))?;
    Ok(Some(event))
}
