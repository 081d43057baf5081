//! Where the interrupt data and its lock live: in the object, or in a lock that several interrupts share (rule L9).

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use lock_api::Mutex;

use crate::interrupt::InterruptObject;
#[cfg(feature = "alloc")]
use crate::lock::InterruptLock;
use crate::lock::{Access, RawInterruptLock, Tenant};
use crate::name::Name;
use crate::sync::const_outside_models;

// `repr(C)`: the tag lies before the words of the lock, on their cache line.
#[cfg_attr(feature = "alloc", repr(C, usize))]
pub(crate) enum DataLock<T> {
    Own {
        mutex: Mutex<RawInterruptLock, T>,
        name: Name,
    },
    #[cfg(feature = "alloc")]
    Shared {
        lock: Arc<InterruptLock<T>>,
        name: Name,
    },
}

impl<T> DataLock<T> {
    const_outside_models! {
        pub(crate) fn own(name: Name, data: T) -> Self {
            Self::Own { name, mutex: Mutex::from_raw(RawInterruptLock::new(), data) }
        }
    }

    pub(super) fn name(&self) -> &Name {
        match self {
            Self::Own { name, .. } => name,
            #[cfg(feature = "alloc")]
            Self::Shared { name, .. } => name,
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    /// The interrupt lock.
    #[inline(always)]
    pub(super) fn lock(&self) -> Access<'_, T> {
        let mutex = match &*self.data_lock {
            DataLock::Own { mutex, .. } => mutex,
            #[cfg(feature = "alloc")]
            DataLock::Shared { lock, .. } => lock.mutex(),
        };
        Access { mutex, tenant: self }
    }
}

impl<T, W> Tenant<T> for InterruptObject<T, W> {
    fn name(&self) -> &Name {
        self.data_lock.name()
    }

    fn all(&self) -> Option<&dyn Tenant<T>> {
        match &*self.data_lock {
            DataLock::Own { .. } => None,
            #[cfg(feature = "alloc")]
            DataLock::Shared { lock, .. } => Some(&**lock),
        }
    }

    fn serve_deliveries(&self, data: &mut T) {
        self.do_left(data);
        self.serve_pending(data);
    }

    fn serve_source(&self, data: &mut T) {
        self.serve_signalled(data);
    }

    fn run_closure(&self, data: &mut T) -> bool {
        !self.state.is_inherited() && self.run_next_deferred(data)
    }

    fn has_closures(&self) -> bool {
        !self.state.is_inherited() && self.has_deferred()
    }

    fn is_inherited(&self) -> bool {
        self.state.is_inherited()
    }

    fn pass_on(&self) -> bool {
        !self.state.is_inherited() && self.dispatch().is_some_and(|dispatch| dispatch.schedule_anyway(self.name()))
    }

    fn after_release(&self) {
        self.after_section();
    }
}

/// Joining and leaving a shared lock. An interrupt with a lock of its own does neither.
#[cfg(feature = "alloc")]
impl<T, W> InterruptObject<T, W> {
    /// Makes it a member of its lock: from now on a release of the lock runs what is left to the owner for it.
    pub(crate) fn join_lock(self: &Arc<Self>)
    where
        T: Send + 'static,
        W: Send + 'static,
    {
        if let DataLock::Shared { lock, .. } = &*self.data_lock {
            lock.tenants().join(self.clone());
        }
    }

    /// Ends its membership: nothing is left that a release could run for it. The caller holds the lock.
    pub(super) fn leave_lock(&self) {
        if let DataLock::Shared { lock, .. } = &*self.data_lock {
            lock.tenants().leave(core::ptr::from_ref(self).cast());
        }
    }
}

#[cfg(not(feature = "alloc"))]
impl<T, W> InterruptObject<T, W> {
    pub(super) fn leave_lock(&self) {}
}

#[cfg(all(test, target_os = "linux", feature = "std", not(loom)))]
mod tests {
    use core::mem::ManuallyDrop;

    use crate::{Claim, Interrupt, NoWorkItem};

    // Caught: a child whose lock is refused, or waited for, for the sake of a delivery that only the parent has.
    #[test]
    fn i20_a_delivery_that_waited_at_the_fork_keeps_no_thread_of_the_child_out() {
        let interrupt: Interrupt<u32, NoWorkItem> = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
        // Its delivery never comes, so a drop would wait for ever.
        let interrupt = ManuallyDrop::new(interrupt);
        for acquires in [false, true] {
            // As a delivery does before it sleeps.
            let _ticket = interrupt.object().lock().raw().arrive();
            // SAFETY: the child has this one thread, and never returns from here.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: it only sets a clock.
                unsafe { libc::alarm(20) };
                if acquires {
                    *interrupt.acquire_interrupt_lock() += 1;
                }
                let is_free = interrupt.try_acquire_interrupt_lock().is_some();
                // SAFETY: it ends the child.
                unsafe { libc::_exit(i32::from(!is_free)) };
            }
            let mut status = 0;
            // SAFETY: it fills in the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child's status, acquires: {acquires}");
        }
    }
}
