//! What may be sent to another thread, what may be shared, and how large it is. Every build checks these facts.

#[cfg(all(feature = "std", target_pointer_width = "64", not(loom)))]
mod layout;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::answer::{Delivery, NoWorkItem, Queued, WithWorkItem};
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Info;
use crate::interrupt::{InterruptObject, IsrContext, WorkItemContext};
use crate::name::Name;
use crate::observe::Stats;

/// Data that is `Send` and not `Sync`.
type Sendable = core::cell::Cell<u32>;
/// Data that is neither `Send` nor `Sync`.
type Bound = *mut u32;

assert_impl_all!(InterruptObject<Sendable, WithWorkItem>: Send, Sync);
assert_impl_all!(InterruptObject<Sendable, NoWorkItem>: Send, Sync);
assert_not_impl_any!(InterruptObject<Bound, NoWorkItem>: Send, Sync);

// Any thread may use the handle.
#[cfg(feature = "alloc")]
assert_impl_all!(crate::interrupt::Interrupt<Sendable>: Send, Sync);
#[cfg(feature = "alloc")]
assert_not_impl_any!(crate::interrupt::Interrupt<Bound>: Send, Sync);

// A callback has its argument for itself, and can't make a second one.
assert_not_impl_any!(IsrContext<'static, u32, NoWorkItem>: Clone, Copy, Default);
assert_not_impl_any!(WorkItemContext<'static, u32>: Clone, Copy, Default);

// What functions return may be sent to another thread.
assert_impl_all!(Error: Send, Sync, core::error::Error);
assert_impl_all!(Fault: Send, Sync, Clone);
assert_impl_all!(Info: Send, Sync, Clone);
assert_impl_all!(Name: Send, Sync, Clone);
assert_impl_all!(Delivery: Send, Sync, Copy);
assert_impl_all!(Queued: Send, Sync, Copy);
assert_impl_all!(Stats: Send, Sync, Copy);

/// Sizes outside of models: a model's words carry what loom needs.
#[cfg(not(loom))]
mod sizes {
    use static_assertions::const_assert_eq;

    #[cfg(all(any(feature = "std", not(feature = "alloc")), target_pointer_width = "64"))]
    type Object = crate::interrupt::InterruptObject<(), crate::interrupt::NoWorkItem>;

    const WORD: usize = size_of::<usize>();

    // The state's bits in one word. The work item's bits and its count in a second, the identity of its runner in a
    // third.
    const_assert_eq!(size_of::<crate::interrupt::state::StateWord>(), WORD);
    const_assert_eq!(size_of::<crate::interrupt::work_item::word::WorkWord>(), 2 * WORD);
    const_assert_eq!(size_of::<crate::observe::stats::Counters>(), 8 * WORD);
    // There are three locks: the interrupt lock, the control lock and the lock of the notes. Without an operating
    // system there are no boxes, and no cache lines to keep apart.
    #[cfg(all(feature = "std", target_pointer_width = "64"))]
    const_assert_eq!(size_of::<Object>(), 8 * 64);
    #[cfg(all(not(feature = "alloc"), target_pointer_width = "64"))]
    const_assert_eq!(
        size_of::<Object>(),
        (31 * WORD + 3 * size_of::<crate::lock::RawInterruptLock>()).next_multiple_of(align_of::<Object>())
    );
}
