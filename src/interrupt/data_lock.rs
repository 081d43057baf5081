//! Where the interrupt data and its lock live: in the object, or beside it, with several interrupts (rule L9).

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use lock_api::Mutex;

#[cfg(feature = "alloc")]
use crate::InterruptLock;
use crate::Name;
use crate::interrupt::InterruptObject;
use crate::lock::raw::RawInterruptLock;
use crate::lock::{Access, AtRelease};
use crate::sync::const_outside_models;

// The tag lies before the lock's words, on their cache line.
#[cfg_attr(feature = "alloc", repr(C, usize))]
pub(crate) enum Home<T> {
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

impl<T> Home<T> {
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
        let mutex = match &self.home {
            Home::Own { mutex, .. } => mutex,
            #[cfg(feature = "alloc")]
            Home::Shared { lock, .. } => lock.mutex(),
        };
        Access { mutex, at_release: self }
    }
}

/// The owner of a lock that is shared does it for all.
impl<T, W> AtRelease<T> for InterruptObject<T, W> {
    fn name(&self) -> &Name {
        self.home.name()
    }

    fn serve(&self, data: &mut T, may_run: &mut bool) -> bool {
        match &self.home {
            Home::Own { .. } => {
                self.serve_owed(data);
                self.serve_deferred(data, may_run)
            }
            #[cfg(feature = "alloc")]
            Home::Shared { lock, .. } => lock.serve(data, may_run),
        }
    }

    fn go_on_elsewhere(&self) -> bool {
        match &self.home {
            Home::Own { .. } => self.leave_to_worker(),
            #[cfg(feature = "alloc")]
            Home::Shared { lock, .. } => lock.go_on_elsewhere(),
        }
    }

    fn after(&self) {
        match &self.home {
            Home::Own { .. } => self.after_section(),
            #[cfg(feature = "alloc")]
            Home::Shared { lock, .. } => lock.after(),
        }
    }
}

/// What the lock of several interrupts has to know of each.
#[cfg(feature = "alloc")]
mod membership {
    use core::ptr;

    use alloc::sync::Arc;

    use super::{Home, InterruptObject};
    use crate::lock::Member;

    impl<T: Send, W: Send> Member<T> for InterruptObject<T, W> {
        fn serve_owed(&self, data: &mut T) {
            self.serve_owed(data);
        }

        fn serve_deferred(&self, data: &mut T, may_run: &mut bool) -> bool {
            self.serve_deferred(data, may_run)
        }

        fn go_on_elsewhere(&self) -> bool {
            self.leave_to_worker()
        }

        fn after(&self) {
            self.after_section();
        }
    }

    impl<T, W> InterruptObject<T, W> {
        /// It can be served from here on.
        pub(crate) fn join_lock(self: &Arc<Self>)
        where
            T: Send + 'static,
            W: Send + 'static,
        {
            if let Home::Shared { lock, .. } = &self.home {
                lock.join(self.clone());
            }
        }

        /// Nothing is left that a release could do for it. The caller holds the lock.
        pub(in crate::interrupt) fn leave_lock(&self) {
            if let Home::Shared { lock, .. } = &self.home {
                lock.leave(ptr::from_ref(self).cast());
            }
        }
    }
}
