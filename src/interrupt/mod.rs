//! One interrupt: its object and its handle, its delivery to the ISR, and its transitions from enable to the end.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the object: its fields and constructors, its lock's methods | L1, L2, L8, L11 |
//! | `handle` | the owning handle | E6 |
//! | `information` | name, state, counters and what the system assigned | P3, S1 |
//! | `snapshot` | what it is doing at this moment | S1 |
//! | `context` | the ISR's argument | I1 |
//! | `data_lock` | the lock with the interrupt data, its own or shared | L9 |
//! | `callbacks` | the driver's callbacks, and what they may return | |
//! | `static_callbacks` | the callbacks of a `static` interrupt | |
//! | `hooks` | what a `static` interrupt is wired to | B5 |
//! | `attached` | the traits by which it uses its dispatcher and its device | W5, E6, E9 |
//! | `serve` | the trait by which a dispatcher serves it | I16 |
//! | `delivery` | from an assertion to the ISR's claim | I1, I2, I3, I6, I10, I14 |
//! | `transition` | enable, disable, inactive, fault, removal, power, the end | E1 to E9, I4, I5, I12, I13, P2 |
//! | `work_item` | the work item and its word | W1, W2, W3, W4, W6, W7, W8 |
//! | `deferred` | closures that are submitted without waiting for the lock | L12 |
//! | `claims` | waiting for claims, from async code and from threads | A1, A2, A3, A4 |
//! | `state` | the state word, and the table of phases and events | |
//! | `observed` | what those outside of the process see | S4 |
//! | `noted` | how the notes are used | B3 |
//! | `overdue` | callbacks that are overdue | I17 |
//! | `own_loop` | what a driver's own loop waits on | I22 |
//! | `facts` | checks of what may be sent between threads, and of the layout in memory | |

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
mod hooks;
mod information;
mod noted;
#[cfg(feature = "std")]
mod observed;
#[cfg(feature = "std")]
mod overdue;
mod own_loop;
#[cfg(feature = "std")]
pub(crate) mod serve;
mod snapshot;
pub(crate) mod state;
mod static_callbacks;
mod transition;
pub(crate) mod work_item;

use core::mem::ManuallyDrop;

use lock_api::Mutex;

#[cfg(feature = "alloc")]
pub(crate) use callbacks::OnChange;
pub use callbacks::Outcome;
pub(crate) use callbacks::{Isr, OnUnmask, Registered, Unmasks, WorkFn};
pub use claims::Claims;
use claims::Listeners;
pub use context::IsrContext;
pub(crate) use data_lock::DataLock;
#[cfg(feature = "alloc")]
pub use deferred::Deferral;
#[cfg(feature = "alloc")]
pub use handle::Interrupt;
pub use snapshot::{OsThread, Owner, Running, Snapshot};
#[cfg(feature = "std")]
pub(crate) use transition::Sections;
pub use work_item::WorkItemContext;

use crate::answer::{NoWorkItem, WithWorkItem, Work};
#[cfg(feature = "alloc")]
use crate::cause::SourceError;
use crate::claim::Claim;
use crate::fault::{Callback, Fault};
#[cfg(feature = "alloc")]
use crate::info::Info;
use crate::lock::{RawInterruptLock, lock_methods};
use crate::name::Name;
use crate::observe::events;
use crate::observe::stats::{ClaimCounts, Counters};
#[cfg(feature = "std")]
use crate::observe::timing::Timing;
use crate::sync;
use crate::sync::{AtomicUsize, Counter, Locked, const_outside_models};
#[cfg(feature = "std")]
use attached::EndsElsewhere;
use attached::{Attached, Dispatch, Membership, Served};
use deferred::Deferred;
use hooks::Line;
use own_loop::OwnLoop;
use state::StateWord;
#[cfg(feature = "std")]
use transition::RequestedPolicy;
use work_item::WorkWord;

/// The interrupt object: an ISR, its data and its lock. It has all the operations of an interrupt.
///
/// With an operating system, a driver builds an [`Interrupt`], the handle that owns the object and derefs to it. On a
/// microcontroller the object is a `static`: a `const fn` makes it from plain functions, and the interrupt vector calls
/// [`service`](Self::service).
///
/// The type parameter `W` says whether a work item is registered: [`WithWorkItem`] or [`NoWorkItem`].
///
/// It stands for *IWDFInterrupt* and *WDFINTERRUPT*.
///
/// # Examples
///
/// A timer that counts its ticks, without an allocator:
///
/// ```
/// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, NoWorkItem};
///
/// struct Timer {
///     ticks: u32,
/// }
///
/// static TIMER: InterruptObject<Timer, NoWorkItem> =
///     InterruptObject::new(Name::new("timer"), Timer { ticks: 0 }, tick);
///
/// fn tick(timer: &mut IsrContext<'_, Timer, NoWorkItem>) -> Claim {
///     timer.ticks += 1;
///     Claim::Claimed
/// }
///
/// TIMER.enable()?;
/// TIMER.service(); // the vector calls this
/// assert_eq!(TIMER.acquire_interrupt_lock().ticks, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
// `facts::layout` explains the order of the fields and the alignment.
#[repr(C)]
#[cfg_attr(all(feature = "std", target_pointer_width = "64"), repr(align(64)))]
pub struct InterruptObject<T, W> {
    served: Served,
    /// What is used with the lock held, beside the data.
    registered: Locked<Registered<T, W>>,
    /// The distributions, if the interrupt is timed.
    #[cfg(feature = "std")]
    timing: Option<alloc::sync::Arc<Timing>>,
    /// Of an interrupt without a source, of which each call of `service` is an assertion: how many are left to the owner of
    /// the lock.
    pending: AtomicUsize,
    state: StateWord,
    claim_counts: ClaimCounts,
    /// The interrupt data, its lock, and the name. Freed by itself, because the data is the driver's.
    data_lock: ManuallyDrop<DataLock<T>>,
    counters: Counters,
    /// The control lock: a transition holds it to its end.
    control: Mutex<RawInterruptLock, ()>,
    /// Small facts that callers ask for, behind a lock of their own, so that reading them never waits for an ISR.
    notes: Mutex<RawInterruptLock, Notes>,
    work: WorkWord,
    /// How many times the work item has run.
    work_run: Counter,
    /// The work item. The run that the work word has let begin uses it.
    work_fn: Locked<WorkFn<T, W>>,
    /// The device that it belongs to, if it belongs to one.
    membership: Option<Attached<Membership>>,
    /// The unmask callback. Used with the interrupt lock held.
    unmask: Locked<OnUnmask<T>>,
    /// Deferred closures.
    deferred: Deferred<T>,
    /// The counts by which a storm is recognised. Used with the interrupt lock held.
    #[cfg(feature = "std")]
    storm: Locked<crate::observe::storm::Storm>,
    /// What a driver's own loop waits on. Used with the interrupt lock held.
    own_loop: Locked<OwnLoop>,
    /// How the machine masks the line of a `static` interrupt.
    line: Option<Line>,
}

/// Without an allocator there is no source, and nothing that could be a fault.
#[derive(Default)]
struct Notes {
    #[cfg(feature = "alloc")]
    info: Info,
    /// In place where a vector may have to note it.
    #[cfg(all(feature = "alloc", not(feature = "std")))]
    fault: Option<Fault>,
    /// The object itself, for a thread that ends it.
    #[cfg(feature = "std")]
    me: Option<alloc::sync::Weak<dyn EndsElsewhere>>,
    /// The listeners, which the next change wakes.
    #[cfg(not(feature = "alloc"))]
    listeners: Listeners,
    /// What is seldom needed.
    #[cfg(feature = "alloc")]
    rare: Option<Attached<Rare>>,
}

#[cfg(feature = "alloc")]
#[derive(Default)]
struct Rare {
    /// The listeners, which the next change wakes.
    listeners: Listeners,
    #[cfg(feature = "std")]
    fault: Option<Fault>,
    /// The driver has asked for a shared line.
    shared: bool,
    /// The system reports the source as shared, although it is not a level line ([rule I8](crate::guide::contract#i8)).
    doubtfully_shared: bool,
    /// Faults that were left to the owner of the interrupt lock.
    #[cfg(feature = "std")]
    left_faults: alloc::vec::Vec<Fault>,
    /// The policy, if the driver gave one.
    #[cfg(feature = "std")]
    policy: Option<Attached<RequestedPolicy>>,
    /// The last enable has found no message vector for it.
    not_granted: Option<SourceError>,
    /// Which callbacks run, and since when. They are wrapped to tell, and own it.
    #[cfg(feature = "std")]
    watched: alloc::sync::Weak<crate::observe::watchdog::RunningCallbacks>,
}

impl Notes {
    #[cfg(feature = "alloc")]
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    #[cfg(feature = "alloc")]
    fn listeners(&mut self) -> &mut Listeners {
        &mut self.rare().listeners
    }

    #[cfg(not(feature = "alloc"))]
    fn listeners(&mut self) -> &mut Listeners {
        &mut self.listeners
    }

    #[cfg(feature = "std")]
    fn fault(&self) -> Option<&Fault> {
        self.rare.as_ref()?.fault.as_ref()
    }

    #[cfg(feature = "std")]
    fn fault_mut(&mut self) -> &mut Option<Fault> {
        &mut self.rare().fault
    }

    #[cfg(all(feature = "alloc", not(feature = "std")))]
    fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    #[cfg(all(feature = "alloc", not(feature = "std")))]
    fn fault_mut(&mut self) -> &mut Option<Fault> {
        &mut self.fault
    }
}

impl<T> InterruptObject<T, NoWorkItem> {
    const_outside_models! {
        /// Makes an interrupt object without a work item, for a `static`. The ISR is a plain function.
        ///
        /// The object has no source: each call of [`service`](InterruptObject::service) is an assertion. It is
        /// disabled.
        ///
        /// It stands for *WdfInterruptCreate*. With an operating system, use [`Interrupt::builder`].
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        ///
        /// struct Uart {
        ///     bytes: u32,
        /// }
        ///
        /// static UART: InterruptObject<Uart, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), Uart { bytes: 0 }, |uart| {
        ///         uart.bytes += 1;
        ///         Claim::Claimed
        ///     });
        /// ```
        #[must_use]
        #[doc(alias = "WdfInterruptCreate")]
        pub fn new(
            name: Name,
            data: T,
            isr: fn(&mut IsrContext<'_, T, NoWorkItem>) -> Claim,
        ) -> Self {
            Self::assemble(DataLock::own(name, data), Registered::new(Isr::Plain(isr)), WorkFn::NONE)
        }
    }
}

impl<T> InterruptObject<T, WithWorkItem> {
    const_outside_models! {
        /// Makes an interrupt object with a work item, for a `static`. The ISR and the work item are plain functions.
        ///
        /// The object has no source: each call of [`service`](InterruptObject::service) is an assertion. It has no
        /// worker either: the main loop, or a task, calls [`run_work_item`](InterruptObject::run_work_item). It is
        /// disabled.
        ///
        /// It stands for *WdfInterruptCreate*. With an operating system, use [`Interrupt::builder`].
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};
        ///
        /// struct Uart {
        ///     received: u32,
        /// }
        ///
        /// static UART: InterruptObject<Uart, WithWorkItem> =
        ///     InterruptObject::with_work_item(Name::new("uart0"), Uart { received: 0 }, isr, work);
        ///
        /// fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
        ///     uart.received += 1;
        ///     uart.queue_work_item();
        ///     Claim::Claimed
        /// }
        ///
        /// fn work(interrupt: &WorkItemContext<'_, Uart>) -> Work {
        ///     interrupt.synchronize(|uart| uart.received = 0);
        ///     Work::Done
        /// }
        ///
        /// UART.enable()?;
        /// UART.service(); // the vector calls this
        /// assert_eq!(UART.acquire_interrupt_lock().received, 1);
        /// while UART.run_work_item() {} // the main loop calls this
        /// assert_eq!(UART.acquire_interrupt_lock().received, 0);
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
            Self::assemble(DataLock::own(name, data), Registered::new(Isr::Plain(isr)), WorkFn::Plain(work))
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        pub(crate) fn assemble(
            data_lock: DataLock<T>,
            mut registered: Registered<T, W>,
            work: WorkFn<T, W>,
        ) -> Self {
            if registered.has_source() {
                registered.unmasks = Unmasks::Source;
                registered.called = false;
            }
            Self {
                data_lock: ManuallyDrop::new(data_lock),
                registered: Locked::new(registered),
                state: StateWord::new(),
                pending: AtomicUsize::new(0),
                control: Mutex::from_raw(RawInterruptLock::new(), ()),
                work: WorkWord::new(),
                work_fn: Locked::new(work),
                notes: Mutex::from_raw(RawInterruptLock::new(), Notes {
                    #[cfg(feature = "alloc")]
                    info: Info::new(),
                    #[cfg(all(feature = "alloc", not(feature = "std")))]
                    fault: None,
                    #[cfg(feature = "std")]
                    me: None,
                    #[cfg(not(feature = "alloc"))]
                    listeners: Listeners::NONE,
                    #[cfg(feature = "alloc")]
                    rare: None,
                }),
                deferred: Deferred::new(),
                #[cfg(feature = "std")]
                timing: None,
                counters: Counters::new(),
                #[cfg(feature = "std")]
                storm: Locked::new(crate::observe::storm::Storm::new()),
                claim_counts: ClaimCounts::new(),
                work_run: Counter::new(),
                membership: None,
                own_loop: Locked::new(OwnLoop::NONE),
                line: None,
                unmask: Locked::new(OnUnmask::NOTHING),
                served: Served::Driver(None),
            }
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn with_timing(mut self, timing: Option<alloc::sync::Arc<Timing>>) -> Self {
        self.timing = timing;
        self
    }

    /// Makes it this process's (rule I20).
    #[cfg(feature = "alloc")]
    pub(crate) fn belong_here(&self) {
        self.state.belong_here();
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn set_unmask(&mut self, callback: OnUnmask<T>) {
        *self.unmask.get_mut() = callback;
        self.registered.get_mut().unmasks = Unmasks::Device;
    }

    /// Returns the dispatcher that serves the interrupt, if there is one.
    #[inline]
    fn dispatch(&self) -> Option<&dyn Dispatch> {
        match &self.served {
            Served::By(dispatch) => Some(&**dispatch),
            Served::Driver(_) => None,
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn has_source(&mut self) -> bool {
        self.registered.get_mut().has_source()
    }

    #[cfg(feature = "std")]
    pub(crate) fn set_dispatch(&mut self, dispatch: Attached<dyn Dispatch>) {
        self.served = Served::By(dispatch);
    }
}

impl<T, W> Drop for InterruptObject<T, W> {
    fn drop(&mut self) {
        let name = self.name().clone();
        // SAFETY: the data lock is taken here and nowhere else, and nothing uses it afterwards.
        let freed = sync::free(unsafe { ManuallyDrop::take(&mut self.data_lock) });
        // The object goes, and its counters with it: a trace is all that can be left of a fault.
        if let Err(message) = freed {
            events::faulted(&name, &Fault::Panicked { callback: Callback::Destructor, message });
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    lock_methods!();
}
