//! The interrupt lock: a value that an ISR and its driver share, and the guard that gives access to it.
//!
//! | file | holds |
//! |---|---|
//! | this one | the lock on its own, or of several interrupts |
//! | `access` | how it is acquired |
//! | `methods` | the methods by which a driver acquires it: of the lock, and of an interrupt |
//! | `guard` | the guard, whose drop is the release |
//! | `release` | what a release does for those who left something to the owner |
//! | `sharing`, `alone` | the interrupts that share a lock (rule L9); none, without an allocator |
//! | `raw` | the raw lock: its words, its slow paths |
//! | `waits` | circles of waits (rule E4) |
//! | `pi` | a raw lock with priority inheritance |
//! | `facts` | what may be sent and shared, and how large it is |

mod access;
#[cfg(not(feature = "alloc"))]
mod alone;
mod facts;
mod guard;
mod methods;
#[cfg(all(target_os = "linux", feature = "std"))]
mod pi;
pub(crate) mod raw;
mod release;
#[cfg(feature = "alloc")]
mod sharing;
pub(crate) mod waits;

use core::fmt;

pub(crate) use access::Access;
pub use guard::InterruptLockGuard;
pub(crate) use methods::lock_methods;
#[cfg(all(target_os = "linux", feature = "std"))]
pub use pi::RawPiLock;
pub use raw::{Acquisition, RawInterruptLock};
pub(crate) use release::Tenant;
#[cfg(feature = "alloc")]
use sharing::Sharers;

use lock_api::Mutex;

use crate::Name;
use crate::sync::const_outside_models;

/// A lock, and the data that it protects, which an ISR shares with the rest of its driver.
///
/// Each [`Interrupt`](crate::Interrupt) has one; it can also be used on its own. The data is reachable only while the
/// lock is held (rule L3). A panic while it is held releases it and poisons nothing.
///
/// Acquiring it twice on one thread would wait for ever; it is noticed at once (rule L4): see each method.
///
/// # Examples
///
/// ```
/// use interrupt_lock::InterruptLock;
///
/// static PENDING: InterruptLock<Vec<u32>> = InterruptLock::new(Vec::new());
///
/// PENDING.acquire_interrupt_lock().push(7);
/// assert_eq!(PENDING.synchronize(|pending| pending.pop()), Some(7));
/// ```
///
/// A guard that is a temporary of a `while let` or an `if let` lives until the end of the whole statement, so its body
/// runs with the lock held, and a second acquisition in it panics:
///
/// ```should_panic
/// # let pending = interrupt_lock::InterruptLock::new(vec![1]);
/// while let Some(_) = pending.acquire_interrupt_lock().pop() {
///     pending.acquire_interrupt_lock().push(2); // still held by the line above
/// }
/// ```
///
/// ```
/// # let pending = interrupt_lock::InterruptLock::new(vec![1]);
/// while let Some(n) = pending.synchronize(|pending| pending.pop()) {
///     if n == 1 { pending.acquire_interrupt_lock().push(2); } // free again
/// }
/// ```
///
/// # Shared by several interrupts
///
/// For a device with several lines or message vectors whose ISRs work on the same data: no two of them run at once, and
/// whoever holds the lock keeps them all out (rule L9). Otherwise each interrupt has a lock of its own, and their ISRs run
/// beside each other.
///
/// Each is made by [`Interrupt::builder_sharing`](crate::Interrupt::builder_sharing) and remains an interrupt of its own:
/// it is enabled, faulted and ended by itself. Its own
/// [`acquire_interrupt_lock`](crate::InterruptObject::acquire_interrupt_lock) acquires this lock. What would wait for
/// itself is refused as with one interrupt: an ISR and the callbacks hold the lock, so they can't enable or disable any
/// interrupt that shares it (rule E4). An interrupt that is dropped by a thread that holds the lock ends as soon as the
/// lock is released. Whoever releases it does what was left for any of them: it may run the ISR, the closures and the
/// end, disable callback and destructors included, of an interrupt that it has nothing else to do with.
///
/// Two locks that are taken one inside the other, by two ISRs that call each other's
/// [`service`](crate::InterruptObject::service) for example, have to be taken in one order by all, as any two locks.
///
/// On a machine without an operating system taking the lock masks all interrupts of the processor, whatever their
/// priority. Sharing needs an allocator: `static` interrupts have a lock each.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, InterruptLock};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct Port { received: u32, sent: u32 }
///
/// let port = Arc::new(InterruptLock::new(Port::default()));
/// let rx = Interrupt::builder_sharing(&port).isr(|port| { port.received += 1; Claim::Claimed }).build()?;
/// let tx = Interrupt::builder_sharing(&port).isr(|port| { port.sent += 1; Claim::Claimed }).build()?;
/// rx.enable()?;
/// tx.enable()?;
///
/// let held = port.acquire_interrupt_lock();
/// rx.service();
/// tx.service();
/// assert_eq!((held.received, held.sent), (0, 0)); // both wait
/// drop(held);
/// assert_eq!(port.synchronize(|port| (port.received, port.sent)), (1, 1));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
///
/// # Priority inversion
///
/// The lock has no priority inheritance: a thread of low priority that holds it and is preempted delays a real-time
/// dispatcher, and with it the ISR, for as long as it does not run. What the lock bounds is the number of sections that a
/// waiting delivery lets pass: the one that is being run, and no other, whoever waits or comes (rule L7). It can't bound
/// how long that one lasts. What a driver does about it:
///
/// - keep sections short: compute outside, and only store or take inside; no system call that may block;
/// - from code of low priority, hand the section over
///   ([`run_or_defer`](crate::InterruptObject::run_or_defer)) or try
///   ([`try_acquire_interrupt_lock`](Self::try_acquire_interrupt_lock)) rather than wait for it. The section still runs
///   on the caller where the lock is free, so this shortens the wait, and does not remove the inversion;
/// - give every thread that takes the lock a priority as high as the dispatcher's, at least while it holds it, so that
///   nothing in between can preempt it. (On bare metal masking the interrupt does that.)
/// - keep what threads of low priority share with the ISR out of the interrupt data, in a lock whose holder inherits the
///   dispatcher's priority (`RawPiLock`, on Linux), which the ISR takes for a moment.
#[doc(alias = "WDFSPINLOCK")]
#[doc(alias = "WdfSpinLockCreate")]
#[doc(alias = "WDFWAITLOCK")]
#[doc(alias = "WdfWaitLockCreate")]
// The lock's words and the first of the data lie on one cache line, wherever the lock itself does; the name is only for
// errors.
#[repr(C, align(32))]
pub struct InterruptLock<T> {
    mutex: Mutex<RawInterruptLock, T>,
    name: Name,
    #[cfg(feature = "alloc")]
    sharers: Sharers<T>,
}

impl<T> InterruptLock<T> {
    const_outside_models! {
        /// A free lock around `data`.
        ///
        /// ```
        /// static COUNT: interrupt_lock::InterruptLock<u32> = interrupt_lock::InterruptLock::new(0);
        /// assert_eq!(*COUNT.acquire_interrupt_lock(), 0);
        /// ```
        #[must_use]
        pub fn new(data: T) -> Self {
            Self::named(Name::new("interrupt lock"), data)
        }

        /// A free lock around `data`, with the name that panics and errors give it.
        ///
        /// ```
        /// use interrupt_lock::{InterruptLock, Name};
        /// static FIFO: InterruptLock<[u8; 16]> = InterruptLock::named(Name::new("uart0"), [0; 16]);
        /// assert_eq!(FIFO.name().as_str(), "uart0");
        /// ```
        #[must_use]
        pub fn named(name: Name, data: T) -> Self {
            Self {
                name,
                mutex: Mutex::from_raw(RawInterruptLock::new(), data),
                #[cfg(feature = "alloc")]
                sharers: Sharers::none(),
            }
        }
    }

    /// The lock's name, as in errors.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::InterruptLock::new(()).name().as_str(), "interrupt lock");
    /// ```
    pub fn name(&self) -> &Name {
        &self.name
    }

    lock_methods!();

    /// The data, without the lock: the exclusive borrow proves that nobody holds it (or that its guard was leaked).
    ///
    /// ```
    /// let mut count = interrupt_lock::InterruptLock::new(1);
    /// *count.get_mut() += 1;
    /// assert_eq!(count.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.mutex.get_mut()
    }

    /// The data, of a lock that is not needed any more.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::InterruptLock::new(7).into_inner(), 7);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.mutex.into_inner()
    }

    #[inline]
    fn lock(&self) -> Access<'_, T> {
        Access { mutex: &self.mutex, tenant: self }
    }
}

/// What several interrupts that share it ask of it.
#[cfg(feature = "alloc")]
impl<T> InterruptLock<T> {
    pub(crate) fn mutex(&self) -> &Mutex<RawInterruptLock, T> {
        &self.mutex
    }

    pub(crate) fn sharers(&self) -> &Sharers<T> {
        &self.sharers
    }
}

impl<T: Default> Default for InterruptLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for InterruptLock<T> {
    /// One snapshot; never waits. Where the lock is free it takes it, and so serves what was left for an interrupt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("InterruptLock");
        debug.field("name", &self.name);
        match self.try_acquire_interrupt_lock() {
            Some(data) => debug.field("data", &*data),
            None => debug.field("data", &format_args!("<held>")),
        };
        debug.finish()
    }
}
