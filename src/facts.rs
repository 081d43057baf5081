//! What may be sent, what may be shared, and how large it is: facts that every build checks.

use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::{
    Delivery, Error, Fault, Info, InterruptLock, InterruptLockGuard, InterruptObject, IsrContext, Name, NoWorkItem,
    Queued, Stats, WithWorkItem, WorkItemContext,
};

/// Data that may move between threads, but is not to be shared by them.
type Sendable = core::cell::Cell<u32>;
/// Data that may not even move.
type Bound = *mut u32;

// The lock makes what may be sent shareable, and nothing else.
assert_impl_all!(InterruptLock<Sendable>: Send, Sync);
assert_not_impl_any!(InterruptLock<Bound>: Send, Sync);
assert_impl_all!(InterruptObject<Sendable, WithWorkItem>: Send, Sync);
assert_impl_all!(InterruptObject<Sendable, NoWorkItem>: Send, Sync);
assert_not_impl_any!(InterruptObject<Bound, NoWorkItem>: Send, Sync);

// A section belongs to its thread (rule L5), whatever the data is, and is not to be had twice.
assert_not_impl_any!(InterruptLockGuard<'static, u32>: Send, Sync, Clone, Copy, Default);
assert_not_impl_any!(crate::Acquisition: Send, Clone, Copy, Default);
assert_not_impl_any!(IsrContext<'static, u32, NoWorkItem>: Clone, Copy, Default);
assert_not_impl_any!(WorkItemContext<'static, u32>: Clone, Copy, Default);

// Answers travel.
assert_impl_all!(Error: Send, Sync, core::error::Error);
assert_impl_all!(Fault: Send, Sync, Clone);
assert_impl_all!(Info: Send, Sync, Clone);
assert_impl_all!(Name: Send, Sync, Clone);
assert_impl_all!(Delivery: Send, Sync, Copy);
assert_impl_all!(Queued: Send, Sync, Copy);
assert_impl_all!(Stats: Send, Sync, Copy);

/// With an operating system.
#[cfg(all(feature = "std", not(loom)))]
mod handles {
    use super::*;
    use crate::simulated::{Edu, EduRegisters, EduSource};
    use crate::source::{EdgeHandle, LevelHandle, Software, Source};
    use crate::{Dispatcher, Interrupt, Registers};

    // Any thread may use the handle, and an ISR may own any of the crate's register handles and sources.
    assert_impl_all!(Interrupt<Sendable>: Send, Sync);
    assert_not_impl_any!(Interrupt<Bound>: Send, Sync);
    assert_impl_all!(Dispatcher: Send, Sync, Clone);
    assert_impl_all!(EdgeHandle: Send, Sync, Clone);
    assert_impl_all!(LevelHandle: Send, Sync, Clone);
    assert_impl_all!(Software: Source, Send);
    assert_impl_all!(Edu: Send, Sync, Clone);
    assert_impl_all!(EduSource: Source, Send);
    assert_impl_all!(EduRegisters: Registers, Send, Sync, Clone);
}

/// And with Linux.
#[cfg(all(feature = "std", target_os = "linux"))]
mod linux {
    use super::*;
    use crate::source::{Eventfd, EventfdSignaller, Source, Uio};
    use crate::{MappedRegisters, Registers, vfio};

    assert_impl_all!(MappedRegisters: Registers, Send, Sync, Clone);
    assert_impl_all!(vfio::Device: Send, Sync);
    assert_impl_all!(vfio::DmaBuffer: Send);
    assert_impl_all!(vfio::Intx: Source, Send);
    assert_impl_all!(vfio::Vectors: Send);
    assert_impl_all!(vfio::Vector: Source, Send);
    assert_impl_all!(Eventfd: Source, Send);
    assert_impl_all!(EventfdSignaller: Send, Sync, Clone);
    assert_impl_all!(Uio: Source, Send);
}

/// A model's lock carries what loom needs, so only the real one has a size worth knowing.
#[cfg(not(loom))]
mod sizes {
    use static_assertions::const_assert_eq;

    use super::*;
    use crate::RawInterruptLock;

    const WORD: usize = size_of::<usize>();

    // The owner, what is announced, and where it was taken: on one cache line, since a release touches two of them.
    const_assert_eq!(size_of::<RawInterruptLock>(), 3 * WORD);
    // The mutex, and what is done at the release. One that was not had takes no more room.
    const_assert_eq!(size_of::<InterruptLockGuard<'_, u32>>(), 3 * WORD);
    const_assert_eq!(size_of::<Option<InterruptLockGuard<'_, u32>>>(), 3 * WORD);
    // Bits in one word; bits and a count in another, and who runs it.
    const_assert_eq!(size_of::<crate::state::StateWord>(), WORD);
    const_assert_eq!(size_of::<crate::work_item::WorkWord>(), 2 * WORD);
    const_assert_eq!(size_of::<crate::stats::Counters>(), 8 * WORD);
    // With three locks: the interrupt's own, the transitions' and the notes'. Without an operating system there are no
    // boxes, and no cache lines to keep apart.
    #[cfg(all(feature = "std", target_pointer_width = "64"))]
    const_assert_eq!(size_of::<InterruptObject<(), NoWorkItem>>(), 9 * 64);
    #[cfg(all(not(feature = "alloc"), target_pointer_width = "64"))]
    const_assert_eq!(
        size_of::<InterruptObject<(), NoWorkItem>>(),
        (37 * WORD + 3 * size_of::<RawInterruptLock>()).next_multiple_of(align_of::<InterruptObject<(), NoWorkItem>>())
    );
}
