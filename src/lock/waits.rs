//! The register of waits: a wait that would close a circle is refused before it begins (rule E4).
//!
//! Each transition registers, for as long as it lasts, everything that it may come to wait for. The transition that
//! registers last sees the whole circle: the other owners in it are inside transitions of their own, which have
//! registered before.

/// The wait would close a circle, and never end.
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

    static REGISTER: Mutex<RawInterruptLock, Register> = Mutex::new(Register { waits: Vec::new(), next_id: 0 });

    struct Register {
        waits: Vec<Wait>,
        next_id: u64,
    }

    /// A thread may come to wait for something.
    struct Wait {
        /// The `id` of the `Waits` that registered it.
        by: u64,
        waiter: usize,
        /// Valid as long as the `Waits` that registered it.
        awaited: Awaited<'static>,
    }

    /// What the calling thread may come to wait for. Dropping it takes that out of the register.
    pub(crate) struct Waits<'a> {
        id: u64,
        _awaited: PhantomData<Awaited<'a>>,
    }

    impl<'a> Waits<'a> {
        /// Registers that the calling thread may come to wait for `awaited`, unless one of these waits would close a
        /// circle.
        pub(crate) fn register<const N: usize>(awaited: [Awaited<'a>; N]) -> Result<Self, Circle> {
            let me = sync::this_thread();
            let mut register = REGISTER.lock();
            if awaited.iter().any(|awaited| register.leads_to(me, *awaited, register.waits.len())) {
                return Err(Circle);
            }
            let id = register.next_id;
            register.next_id += 1;
            register.waits.extend(awaited.map(|awaited| Wait {
                by: id,
                waiter: me,
                // SAFETY: only the lifetime changes. The drop of the `Waits<'a>` made below takes the wait out of the
                // register, and nothing reads it after that. The `Waits<'a>` lives on the stack of a transition, so it
                // is never leaked.
                awaited: unsafe { core::mem::transmute::<Awaited<'a>, Awaited<'static>>(awaited) },
            }));
            Ok(Self { id, _awaited: PhantomData })
        }
    }

    impl Register {
        /// Returns whether the owner of `awaited` is `me`, or waits for something whose owner is, and so on. `depth`
        /// bounds the walk: a chain without a circle is no longer than the number of registered waits.
        fn leads_to(&self, me: usize, awaited: Awaited<'_>, depth: usize) -> bool {
            let owner = awaited.owner();
            owner == me
                || (owner != 0
                    && depth > 0
                    && self
                        .waits
                        .iter()
                        .filter(|other| other.waiter == owner && other.awaited.owner() != owner)
                        .any(|other| self.leads_to(me, other.awaited, depth - 1)))
        }
    }

    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            REGISTER.lock().waits.retain(|wait| wait.by != self.id);
        }
    }
}

/// Without an operating system, and in models: finds only a thread that would wait for itself.
#[cfg(not(all(feature = "std", not(loom))))]
mod direct {
    use core::marker::PhantomData;

    use super::Circle;
    use crate::lock::raw::Awaited;
    use crate::sync;

    pub(crate) struct Waits<'a>(PhantomData<Awaited<'a>>);

    impl<'a> Waits<'a> {
        pub(crate) fn register<const N: usize>(awaited: [Awaited<'a>; N]) -> Result<Self, Circle> {
            let me = sync::this_thread();
            if awaited.iter().any(|awaited| awaited.owner() == me) {
                return Err(Circle);
            }
            Ok(Self(PhantomData))
        }
    }
}
