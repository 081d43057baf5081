//! The descriptors for a driver that waits in its own loop.

use std::os::fd::OwnedFd;

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::interrupt::InterruptObject;

impl<T, W> InterruptObject<T, W> {
    /// Returns a descriptor for a driver that waits in its own loop (`poll`, `epoll`, an async reactor).
    ///
    /// While the descriptor is readable, call [`service`](Self::service). On Linux it is readable only while `service`
    /// has something to deliver: it is quiet while the interrupt is disabled, inactive, faulted or removed ([rule
    /// I22](crate::guide::contract#i22)). So a loop may wait for it level-triggered or edge-triggered, for as long as it
    /// likes. Elsewhere it is a duplicate of the source's descriptor, which may stay readable.
    ///
    /// Returns `None` if the source has no descriptor. Waits for the interrupt lock. Build the interrupt [without a
    /// dispatcher](crate::Builder::without_dispatcher), or both serve it. The members of a
    /// [`SharedLine`](crate::source::SharedLine) have the same descriptor: a loop that hears it serves all of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system has no descriptor left. [`ErrorKind::Faulted`] if the source panics.
    /// [`ErrorKind::Forked`] in a forked child.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock, or something that its owner waits for ([rule
    /// L13](crate::guide::contract#l13)).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use interrupt_lock::{Claim, Interrupt, linux::Eventfd};
    /// use rustix::event::{PollFd, PollFlags, poll};
    ///
    /// struct Queue {
    ///     completions: u32,
    /// }
    ///
    /// let eventfd = Eventfd::new()?;
    /// let device = eventfd.signaller();
    /// let interrupt = Interrupt::builder(Queue { completions: 0 })
    ///     .isr(|queue| {
    ///         queue.completions += 1;
    ///         Claim::Claimed
    ///     })
    ///     .source(eventfd)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// let descriptor = interrupt.descriptor()?.expect("an eventfd has a descriptor");
    ///
    /// device.signal();
    /// poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None).expect("poll");
    /// interrupt.service();
    /// assert_eq!(interrupt.acquire_interrupt_lock().completions, 1);
    /// # }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn descriptor(&self) -> Result<Option<OwnedFd>, Error> {
        self.check_here()?;
        let lock = self.acquire_interrupt_lock();
        // SAFETY: this thread holds the lock, and is in no callback: there it would hold the lock already, and the line
        // above would have panicked.
        let descriptor = unsafe {
            self.registered.with(|registered| self.with_source(registered, |r| self.descriptor_of_signals(r)))
        };
        drop(lock);
        descriptor?.map_err(|error| self.source_error(error))
    }

    /// Returns a second descriptor, which tells of a removal, for a driver that waits in its own loop.
    ///
    /// The descriptor becomes readable when the system asks for the device back, or when the device has gone. Then call
    /// [`service_removal`](Self::service_removal). On Linux the descriptor is quiet from then on. Returns `None` if the
    /// source has no such descriptor.
    ///
    /// Waits for the interrupt lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if the system has no descriptor left. [`ErrorKind::Faulted`] if the source panics.
    /// [`ErrorKind::Forked`] in a forked child.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock, or something that its owner waits for ([rule
    /// L13](crate::guide::contract#l13)).
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
        self.check_here()?;
        let lock = self.acquire_interrupt_lock();
        // SAFETY: as in `descriptor`.
        let descriptor = unsafe {
            self.registered.with(|registered| self.with_source(registered, |r| self.descriptor_of_removal(r)))
        };
        drop(lock);
        descriptor?.map_err(|error| self.source_error(error))
    }
}
