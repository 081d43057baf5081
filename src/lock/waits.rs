//! Who waits for whom, so that a wait which would close a circle is refused before it begins (rule E4).
//!
//! Each transition announces, for as long as it lasts, everything that it may come to wait for. Whoever announces last
//! sees the whole circle: the owners in it are all inside their own transitions, so they have announced before.

/// The wait would never end.
#[derive(Debug)]
pub(crate) struct Circle;

#[cfg(not(all(feature = "std", not(loom))))]
pub(crate) use direct::Waits;
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use registered::Waits;

#[cfg(all(feature = "std", not(loom)))]
mod registered {
    use alloc::vec::Vec;
    use core::marker::PhantomData;

    use lock_api::Mutex;

    use super::Circle;
    use crate::lock::raw::{Awaited, RawInterruptLock};
    use crate::sync;

    static REGISTER: Mutex<RawInterruptLock, Register> = Mutex::new(Register { announced: Vec::new(), next: 0 });

    struct Register {
        announced: Vec<Wait>,
        next: u64,
    }

    struct Wait {
        by: u64,
        waiter: usize,
        /// Really as long as the `Waits` that announced it.
        awaited: Awaited<'static>,
    }

    /// The announcement of what the calling thread may come to wait for, withdrawn when it is dropped.
    pub(crate) struct Waits<'a> {
        id: u64,
        _awaited: PhantomData<Awaited<'a>>,
    }

    impl<'a> Waits<'a> {
        pub(crate) fn announce<const N: usize>(awaited: [Awaited<'a>; N]) -> Result<Self, Circle> {
            let me = sync::this_thread();
            let mut register = REGISTER.lock();
            if awaited.iter().any(|awaited| register.leads_to(me, *awaited, register.announced.len())) {
                return Err(Circle);
            }
            let id = register.next;
            register.next += 1;
            register.announced.extend(awaited.map(|awaited| Wait {
                by: id,
                waiter: me,
                // SAFETY: only the lifetime changes. The drop of the `Waits<'a>` made below takes the announcement
                // back, it lives on the stack of a transition (so it is never leaked), and nothing reads it after.
                awaited: unsafe { core::mem::transmute::<Awaited<'a>, Awaited<'static>>(awaited) },
            }));
            Ok(Self { id, _awaited: PhantomData })
        }
    }

    impl Register {
        /// Whether `awaited` belongs to `me`, or to somebody who waits for something that does. `depth` bounds the
        /// walk: no chain without a circle is longer than there are announcements.
        fn leads_to(&self, me: usize, awaited: Awaited<'_>, depth: usize) -> bool {
            let owner = awaited.owner();
            owner == me
                || (owner != 0
                    && depth > 0
                    && self
                        .announced
                        .iter()
                        .filter(|other| other.waiter == owner && other.awaited.owner() != owner)
                        .any(|other| self.leads_to(me, other.awaited, depth - 1)))
        }
    }

    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            REGISTER.lock().announced.retain(|announced| announced.by != self.id);
        }
    }
}

/// Without an operating system (and in models) only the circle of one is looked for.
#[cfg(not(all(feature = "std", not(loom))))]
mod direct {
    use core::marker::PhantomData;

    use super::Circle;
    use crate::lock::raw::Awaited;
    use crate::sync;

    pub(crate) struct Waits<'a>(PhantomData<Awaited<'a>>);

    impl<'a> Waits<'a> {
        pub(crate) fn announce<const N: usize>(awaited: [Awaited<'a>; N]) -> Result<Self, Circle> {
            let me = sync::this_thread();
            if awaited.iter().any(|awaited| awaited.owner() == me) {
                return Err(Circle);
            }
            Ok(Self(PhantomData))
        }
    }
}
