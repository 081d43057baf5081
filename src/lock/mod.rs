//! The interrupt lock: the data that an ISR and its driver share, and the guard that gives access to it.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the lock on its own, or shared by several interrupts | L3, L6 |
//! | `access` | how a thread, a closure or a delivery acquires it | L1, L2 |
//! | `methods` | the methods by which a driver acquires it: of the lock, and of an interrupt | L1, L2, L8, L11 |
//! | `guard` | the guard, whose drop is the release | L1, L3, L5 |
//! | `release` | a release that serves what was left to the owner | L7, L12 |
//! | `by_delivery` | by what right the owner has the lock, and the place that acquired it | L4 |
//! | `sharing`, `alone` | the interrupts that share a lock; none, without an allocator | L9 |
//! | `raw` | the raw lock: its words, its slow paths | L4, L7, L8, L10 |
//! | `waits` | the register of waits, which finds circles | L13 |
//! | `pi` | a raw lock with priority inheritance | |
//! | `facts` | which types are `Send` and `Sync`, and their sizes | L5 |
//!
//! Closures that wait for the lock (rule L12) are in `interrupt::deferred`, the mask of bare metal (rule L10) is in
//! `sync::bare_metal`.

mod access;
#[cfg(not(feature = "alloc"))]
mod alone;
mod by_delivery;
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
pub(crate) use guard::DeliveryGuard;
pub use guard::InterruptLockGuard;
pub(crate) use methods::lock_methods;
#[cfg(all(target_os = "linux", feature = "std"))]
pub use pi::RawPiLock;
pub use raw::{Acquisition, RawInterruptLock};
pub(crate) use release::Tenant;
#[cfg(feature = "alloc")]
use sharing::Tenants;

use lock_api::Mutex;

use crate::name::Name;
use crate::sync::const_outside_models;

/// A lock with data inside, which an ISR and the rest of its driver share.
///
/// Each [`Interrupt`](crate::Interrupt) has one. Use an `InterruptLock` on its own for data that several interrupts
/// share, or for data without an interrupt.
///
/// The data can be reached only while the lock is held ([rule L3](crate::guide::contract#l3)). If a section panics, the
/// lock is released, and the data is not poisoned. Two mistakes that hang with other locks are told at once, and each
/// method says how: a thread acquires the lock twice ([rule L4](crate::guide::contract#l4)), or threads wait for each
/// other in a circle ([rule L13](crate::guide::contract#l13)).
///
/// # Examples
///
/// ```
/// use interrupt_lock::InterruptLock;
///
/// struct Uart { received: Vec<u8> }
///
/// static UART: InterruptLock<Uart> = InterruptLock::new(Uart { received: Vec::new() });
///
/// UART.acquire_interrupt_lock().received.push(b'a');
/// assert_eq!(UART.synchronize(|uart| uart.received.pop()), Some(b'a'));
/// ```
///
/// If a guard is a temporary in the head of a `while let`, it lives until the loop's body has run. So the body runs
/// with the lock held, and a second acquisition in it panics:
///
/// ```should_panic
/// # struct Uart { received: Vec<u8> }
/// # let uart = interrupt_lock::InterruptLock::new(Uart { received: vec![b'a'] });
/// while let Some(_) = uart.acquire_interrupt_lock().received.pop() {
///     uart.acquire_interrupt_lock().received.clear(); // the line above still holds the lock
/// }
/// ```
///
/// `synchronize` releases the lock before the body runs:
///
/// ```
/// # struct Uart { received: Vec<u8> }
/// # let uart = interrupt_lock::InterruptLock::new(Uart { received: vec![b'a'] });
/// while let Some(_) = uart.synchronize(|uart| uart.received.pop()) {
///     uart.acquire_interrupt_lock().received.clear();
/// }
/// ```
///
/// # Shared by several interrupts
///
/// A device with several lines or message vectors may have ISRs that work on the same data. Its interrupts can share
/// one lock: then no two of the ISRs run at once, and a thread that holds the lock keeps them all out ([rule
/// L9](crate::guide::contract#l9)). Without sharing each interrupt has a lock of its own, and their ISRs may run at the
/// same time.
///
/// [`Interrupt::builder_sharing`](crate::Interrupt::builder_sharing) makes an interrupt that shares a lock:
///
/// - It is enabled, faulted and ended by itself.
/// - Its [`acquire_interrupt_lock`](crate::InterruptObject::acquire_interrupt_lock) acquires the shared lock.
/// - Its ISR and its enable, disable and removal callbacks hold the lock, so they can't enable or disable any interrupt
///   that shares it ([rule E4](crate::guide::contract#e4)).
/// - If a thread that holds the lock drops the interrupt, the interrupt ends when the lock is released.
/// - A release does what was left to the owner for any of the interrupts. So a thread that releases may run the ISR and
///   the closures of an interrupt that it does not know, and end it: with its disable callback and its destructors.
///
/// On bare metal, acquiring the lock masks all interrupts of the processor, whatever their priority. Sharing needs an
/// allocator: `static` interrupts have a lock each.
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
/// assert_eq!((held.received, held.sent), (0, 0)); // both are left to the owner of the lock
/// drop(held);
/// assert_eq!(port.synchronize(|port| (port.received, port.sent)), (1, 1));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
///
/// # Two locks at once
///
/// A thread may hold two locks, for example if an ISR calls another interrupt's
/// [`service`](crate::InterruptObject::service). Then all code must acquire the two in the same order, as with any two
/// locks. Otherwise two threads may each hold one of them and wait for the other.
///
/// The crate notices that ([rule L13](crate::guide::contract#l13)). The thread whose wait closes the circle panics in
/// [`acquire_interrupt_lock`](Self::acquire_interrupt_lock), and the message names both locks and the places that
/// acquired them. The other thread goes on, as soon as the panic has released the lock that it waits for. The timed
/// forms return an error instead. A delivery is left to the owner of the lock.
///
/// A wait with a time-out ends by itself, so it is no part of another thread's circle.
///
/// # Priority inversion
///
/// The lock has no priority inheritance. If a thread of low priority holds the lock and is preempted, it delays a
/// real-time dispatcher, and with it the ISR, until it runs again. The lock bounds the number of sections that come
/// before a waiting delivery: only the one that is running, however many threads wait or come ([rule
/// L7](crate::guide::contract#l7)). The lock can't bound how long that section lasts. A driver can:
///
/// - Keep sections short. Compute outside, and only store or take inside. Make no system call that may block.
/// - In code of low priority, hand the section over ([`run_or_defer`](crate::InterruptObject::run_or_defer)) or try
///   ([`try_acquire_interrupt_lock`](Self::try_acquire_interrupt_lock)) instead of waiting. If the lock is free, the
///   section still runs on the caller. So this shortens the wait, and does not remove the inversion.
/// - Give every thread that acquires the lock a priority as high as the dispatcher's, at least while it holds the lock.
///   Then no thread in between can preempt it. (On bare metal, masking the interrupt does that.)
/// - Keep what threads of low priority share with the ISR out of the interrupt data. Put it in a lock whose owner
///   inherits the dispatcher's priority (`RawPiLock`, on Linux), and let the ISR acquire that lock for a moment.
// The lock's words and the first bytes of the data lie on one cache line, wherever the lock lies. The name comes last:
// only errors need it. Without an operating system the lock may come from a pool that knows no alignment but its own, such
// as that of `wdk-alloc` in the Windows kernel: then it asks for none.
#[repr(C)]
#[cfg_attr(feature = "std", repr(align(32)))]
pub struct InterruptLock<T> {
    mutex: Mutex<RawInterruptLock, T>,
    name: Name,
    #[cfg(feature = "alloc")]
    tenants: Tenants<T>,
}

impl<T> InterruptLock<T> {
    const_outside_models! {
        /// Returns a free lock around `data`.
        ///
        /// ```
        /// use interrupt_lock::InterruptLock;
        ///
        /// struct Counters { received: u32 }
        ///
        /// static COUNTERS: InterruptLock<Counters> = InterruptLock::new(Counters { received: 0 });
        /// assert_eq!(COUNTERS.acquire_interrupt_lock().received, 0);
        /// ```
        #[must_use]
        pub fn new(data: T) -> Self {
            Self::named(Name::new("interrupt lock"), data)
        }

        /// Returns a free lock around `data`, with a name for panics and errors.
        ///
        /// ```
        /// use interrupt_lock::{InterruptLock, Name};
        ///
        /// static FIFO: InterruptLock<[u8; 16]> = InterruptLock::named(Name::new("uart0"), [0; 16]);
        /// assert_eq!(FIFO.name().as_str(), "uart0");
        /// ```
        #[must_use]
        pub fn named(name: Name, data: T) -> Self {
            Self {
                name,
                mutex: Mutex::from_raw(RawInterruptLock::new(), data),
                #[cfg(feature = "alloc")]
                tenants: Tenants::none(),
            }
        }
    }

    /// Returns the lock's name, which panics and errors show.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::InterruptLock::new(()).name().as_str(), "interrupt lock");
    /// ```
    pub fn name(&self) -> &Name {
        &self.name
    }

    lock_methods!();

    /// Returns the data without acquiring the lock. The exclusive borrow proves that no thread is in a section.
    ///
    /// ```
    /// struct Counters { received: u32 }
    ///
    /// let mut counters = interrupt_lock::InterruptLock::new(Counters { received: 1 });
    /// counters.get_mut().received += 1;
    /// assert_eq!(counters.into_inner().received, 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.mutex.get_mut()
    }

    /// Takes the lock apart, and returns its data.
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

/// For the interrupts that share the lock.
#[cfg(feature = "alloc")]
impl<T> InterruptLock<T> {
    pub(crate) fn mutex(&self) -> &Mutex<RawInterruptLock, T> {
        &self.mutex
    }

    pub(crate) fn tenants(&self) -> &Tenants<T> {
        &self.tenants
    }
}

impl<T: Default> Default for InterruptLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for InterruptLock<T> {
    /// Shows the name and, if the lock is free, the data. Never waits.
    ///
    /// To read the data it acquires and releases the lock, so it may serve what was left to the owner.
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
