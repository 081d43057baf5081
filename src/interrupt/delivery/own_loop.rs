//! For a driver that waits by itself: the descriptors to wait on.

use std::os::fd::OwnedFd;

use crate::Errno;
#[cfg(doc)]
use crate::ErrorKind;
use crate::interrupt::InterruptObject;
use crate::source::Ready;
use crate::{Error, Name, SourceError};

impl<T, W> InterruptObject<T, W> {
    /// A duplicate of the source's descriptor, for a driver that waits by itself (`poll`, `epoll`, an async reactor):
    /// while it is readable, call [`service`](Self::service). `None` if the source has none.
    ///
    /// Waits for the interrupt lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system has no descriptor left.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use interrupt_lock::{Claim, Interrupt, linux::Eventfd};
    ///
    /// let eventfd = Eventfd::new()?;
    /// let device = eventfd.signaller();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .source(eventfd)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// let descriptor = interrupt.descriptor()?.expect("an eventfd is one");
    ///
    /// device.signal();
    /// let mut wait = [rustix::event::PollFd::new(&descriptor, rustix::event::PollFlags::IN)];
    /// rustix::event::poll(&mut wait, None).unwrap();
    /// interrupt.service();
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn descriptor(&self) -> Result<Option<OwnedFd>, Error> {
        let lock = self.acquire_interrupt_lock();
        // SAFETY: with the lock held, and from no callback: those hold the lock, and the line above panics.
        let descriptor = unsafe {
            self.registered.with(|registered| {
                registered.source.as_mut().and_then(|source| match source.ready() {
                    Ready::Descriptor(descriptor) => Some(descriptor.try_clone_to_owned()),
                    Ready::Waker => None,
                })
            })
        };
        drop(lock);
        descriptor.transpose().map_err(|error| self.no_descriptor(&error))
    }

    /// A duplicate of the descriptor that becomes readable when the device is to be removed or has been: then call
    /// [`service_removal`](Self::service_removal), once. `None` if the source has none.
    ///
    /// Waits for the interrupt lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system has no descriptor left.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert!(interrupt.removal_descriptor()?.is_none());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn removal_descriptor(&self) -> Result<Option<OwnedFd>, Error> {
        let lock = self.acquire_interrupt_lock();
        // SAFETY: as in `descriptor`.
        let descriptor = unsafe {
            self.registered.with(|registered| {
                let source = registered.source.as_mut()?;
                Some(source.removal_descriptor()?.try_clone_to_owned())
            })
        };
        drop(lock);
        descriptor.transpose().map_err(|error| self.no_descriptor(&error))
    }

    fn no_descriptor(&self, error: &std::io::Error) -> Error {
        self.source_error(SourceError::Os {
            doing: Name::new("duplicating the source's descriptor"),
            source: Errno::new(error.raw_os_error().unwrap_or(0)),
        })
    }
}
