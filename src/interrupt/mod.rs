//! One interrupt: its object and its handle, from an assertion to the ISR, from enable to the end.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the object: its fields and constructors, its lock's methods | L1 to L11 |
//! | `handle` | the owning handle | E6 |
//! | `information` | what the object tells of itself | P3, S1 |
//! | `context` | what the ISR is given | I1 |
//! | `data_lock` | the lock with the interrupt data, its own or shared | L9 |
//! | `callbacks` | what the driver registered, what callbacks may return | |
//! | `attached` | what an interrupt asks of its dispatcher and of its device | W5, E9 |
//! | `serve` | what a dispatcher asks of an interrupt | I16 |
//! | `delivery` | from an assertion to the ISR's claim | I1 to I7, I10 |
//! | `transition` | enable, disable, inactive, fault, removal, power, the end | E1 to E9, I12, I13 |
//! | `work_item` | the work item and its word | W1 to W8 |
//! | `deferred` | closures that never wait for the lock | L12 |
//! | `claims` | waiting for claims from async code | A1 to A4 |
//! | `state` | the state word | |
//! | `facts` | what may be sent, and where it lies in memory | |

pub(crate) mod attached;
mod callbacks;
pub(crate) mod claims;
mod context;
mod data_lock;
pub(crate) mod deferred;
mod delivery;
mod facts;
#[cfg(feature = "alloc")]
mod handle;
mod information;
#[cfg(feature = "std")]
pub(crate) mod serve;
pub(crate) mod state;
mod transition;
pub(crate) mod work_item;

use core::task::Waker;

use lock_api::Mutex;

#[cfg(feature = "alloc")]
pub(crate) use callbacks::OnChange;
pub use callbacks::Outcome;
pub(crate) use callbacks::{Isr, Registered, WorkFn};
pub use claims::Claims;
pub use context::IsrContext;
pub(crate) use data_lock::DataLock;
#[cfg(feature = "alloc")]
pub use deferred::Deferral;
pub use delivery::Delivery;
#[cfg(feature = "alloc")]
pub use handle::Interrupt;
pub use state::State;
pub use transition::Transition;
pub use work_item::{
    Is, NoWorkItem, Queued, Refusal, WithWorkItem, Work, WorkItemContext, WorkItemRegistered, WorkOutcome,
};

use crate::lock::{RawInterruptLock, lock_methods};
use crate::observe::stats::{ClaimCounts, Counters};
#[cfg(feature = "std")]
use crate::observe::timing::Timing;
use crate::sync::{AtomicUsize, Counter, Locked, const_outside_models};
use crate::{Claim, Fault, Info, Name};
use attached::{Attached, Dispatch, Membership};
use callbacks::Plain;
use deferred::Deferred;
use state::StateWord;
#[cfg(feature = "std")]
use transition::RequestedPolicy;
use work_item::WorkWord;

/// The interrupt object itself: `IWDFInterrupt`, `WDFINTERRUPT`.
///
/// With an operating system an [`Interrupt`](crate::Interrupt) owns it and derefs to it. On a microcontroller it is a
/// `static`, made by a `const fn` with plain functions, and its vector calls [`service`](Self::service).
///
/// `W` says whether it has a work item: [`WithWorkItem`] or [`NoWorkItem`].
///
/// # Examples
///
/// A timer that counts, with no allocation anywhere:
///
/// ```
/// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, NoWorkItem};
///
/// #[derive(Debug)]
/// struct Ticks(u32);
///
/// static TIMER: InterruptObject<Ticks, NoWorkItem> = InterruptObject::new(Name::new("timer"), Ticks(0), tick);
///
/// fn tick(ticks: &mut IsrContext<'_, Ticks, NoWorkItem>) -> Claim {
///     ticks.0 += 1;
///     Claim::Claimed
/// }
///
/// TIMER.enable()?;
/// TIMER.service(); // what the vector does
/// assert_eq!(TIMER.acquire_interrupt_lock().0, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[doc(alias = "IWDFInterrupt")]
#[doc(alias = "WDFINTERRUPT")]
// The order and the boundary are `layout`'s.
#[repr(C)]
#[cfg_attr(all(feature = "std", target_pointer_width = "64"), repr(align(64)))]
pub struct InterruptObject<T, W> {
    /// Whoever serves this interrupt; nobody means that the driver does.
    dispatch: Option<Attached<dyn Dispatch>>,
    /// What is used with the lock held, beside the data.
    registered: Locked<Registered<T, W>>,
    /// Without a source, each call of `service` is an assertion.
    has_source: bool,
    /// Assertions of a source-less interrupt that wait for the owner of the lock to serve them.
    owed: AtomicUsize,
    state: StateWord,
    answers: ClaimCounts,
    /// The interrupt data, its lock, and the name.
    data_lock: DataLock<T>,
    counters: Counters,
    /// Held through each transition.
    control: Mutex<RawInterruptLock, ()>,
    /// Small things that people ask for, behind a lock of their own: reading them never waits for an ISR.
    notes: Mutex<RawInterruptLock, Notes>,
    /// Where it is timed.
    #[cfg(feature = "std")]
    timing: Option<alloc::sync::Arc<Timing>>,
    /// The device that it belongs to.
    membership: Option<Attached<Membership>>,
    work: WorkWord,
    /// Runs of the work item.
    work_run: Counter,
    /// What runs while the work word says so.
    work_fn: Locked<Option<WorkFn<T, W>>>,
    /// Closures that wait for the lock.
    deferred: Deferred<T>,
    /// Used with the lock held.
    #[cfg(feature = "std")]
    storm: Locked<crate::observe::storm::Storm>,
}

#[derive(Default)]
struct Notes {
    info: Info,
    fault: Option<Fault>,
    /// The driver has asked for a shared line.
    shared: bool,
    /// Only reported as shared, and not a level line (rule I8).
    warned: bool,
    /// Where a policy was given.
    #[cfg(feature = "std")]
    policy: Option<Attached<RequestedPolicy>>,
    /// Whom the next change wakes.
    listener: Option<Waker>,
}

impl<T> InterruptObject<T, NoWorkItem> {
    const_outside_models! {
        /// An interrupt with a plain function for its ISR, and no work item.
        ///
        /// It has no source: each call of [`service`](InterruptObject::service) is an assertion.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<(), NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), (), |_| Claim::Claimed);
        /// ```
        #[must_use]
        #[doc(alias = "WdfInterruptCreate")]
        pub fn new(
            name: Name,
            data: T,
            isr: fn(&mut IsrContext<'_, T, NoWorkItem>) -> Claim,
        ) -> Self {
            Self::assemble(DataLock::own(name, data), Registered::new(Isr::Plain(isr)), None)
        }
    }
}

impl<T> InterruptObject<T, WithWorkItem> {
    const_outside_models! {
        /// An interrupt with plain functions for its ISR and its work item.
        ///
        /// Whoever is to run the work item calls [`run_work_item`](InterruptObject::run_work_item).
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};
        ///
        /// type Uart = InterruptObject<u32, WithWorkItem>;
        /// static UART: Uart = InterruptObject::with_work_item(Name::new("uart0"), 0, isr, work);
        ///
        /// fn isr(received: &mut IsrContext<'_, u32, WithWorkItem>) -> Claim {
        ///     **received += 1;
        ///     received.queue_work_item();
        ///     Claim::Claimed
        /// }
        ///
        /// fn work(uart: &WorkItemContext<'_, u32>) -> Work {
        ///     uart.synchronize(|received| *received = 0);
        ///     Work::Done
        /// }
        ///
        /// UART.enable()?;
        /// UART.service();
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// while UART.run_work_item() {}
        /// assert_eq!(*UART.acquire_interrupt_lock(), 0);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "WdfInterruptCreate")]
        pub fn with_work_item(
            name: Name,
            data: T,
            isr: fn(&mut IsrContext<'_, T, WithWorkItem>) -> Claim,
            work: fn(&WorkItemContext<'_, T>) -> Work,
        ) -> Self {
            Self::assemble(DataLock::own(name, data), Registered::new(Isr::Plain(isr)), Some(WorkFn::Plain(work)))
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        pub(crate) fn assemble(data_lock: DataLock<T>, registered: Registered<T, W>, work: Option<WorkFn<T, W>>) -> Self {
            let has_source = registered.has_source();
            Self {
                data_lock,
                registered: Locked::new(registered),
                state: StateWord::new(),
                has_source,
                owed: AtomicUsize::new(0),
                control: Mutex::from_raw(RawInterruptLock::new(), ()),
                work: WorkWord::new(),
                work_fn: Locked::new(work),
                notes: Mutex::from_raw(RawInterruptLock::new(), Notes {
                    info: Info::new(),
                    fault: None,
                    shared: false,
                    warned: false,
                    #[cfg(feature = "std")]
                    policy: None,
                    listener: None,
                }),
                deferred: Deferred::new(),
                #[cfg(feature = "std")]
                timing: None,
                counters: Counters::new(),
                #[cfg(feature = "std")]
                storm: Locked::new(crate::observe::storm::Storm::new()),
                answers: ClaimCounts::new(),
                work_run: Counter::new(),
                membership: None,
                dispatch: None,
            }
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn with_timing(mut self, timing: Option<alloc::sync::Arc<Timing>>) -> Self {
        self.timing = timing;
        self
    }

    #[cfg(feature = "std")]
    pub(crate) fn has_source(&self) -> bool {
        self.has_source
    }

    #[cfg(feature = "std")]
    pub(crate) fn has_work_item(&mut self) -> bool {
        self.work_fn.get_mut().is_some()
    }

    #[cfg(feature = "std")]
    pub(crate) fn set_dispatch(&mut self, dispatch: Attached<dyn Dispatch>) {
        self.dispatch = Some(dispatch);
    }
}

/// Callbacks of a `static` interrupt. Each may be given once; the last one counts.
impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        /// Has `callback` run, under the lock, at each enable: *OnInterruptEnable*. If it fails, the enable is undone.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<u32, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), 0, |_| Claim::Claimed)
        ///         .on_enable(|enables| { *enables += 1; Ok(()) });
        /// UART.enable()?;
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptEnable")]
        #[doc(alias = "EvtInterruptEnable")]
        pub fn on_enable(mut self, callback: Plain<T>) -> Self {
            self.registered.get_mut().set_enable(callback);
            self
        }

        /// Has `callback` run, under the lock, at each disable: *OnInterruptDisable*.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        /// static UART: InterruptObject<u32, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), 0, |_| Claim::Claimed)
        ///         .on_disable(|disables| { *disables += 1; Ok(()) });
        /// UART.enable()?;
        /// UART.disable()?;
        /// assert_eq!(*UART.acquire_interrupt_lock(), 1);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptDisable")]
        #[doc(alias = "EvtInterruptDisable")]
        pub fn on_disable(mut self, callback: Plain<T>) -> Self {
            self.registered.get_mut().set_disable(callback);
            self
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    lock_methods!();
}
