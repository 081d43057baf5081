//! For firmware: what a machine without an operating system provides, its processors and its interrupt mask.
//!
//! With the feature `std` there is an operating system, and the crate uses nothing of this module.
//!
//! Without a [`Platform`] the crate assumes a single processor that can't mask interrupts. The lock is sound even then,
//! because the lock's own word excludes others, never the mask. An interrupt may arrive while the code that it
//! interrupts holds the lock. Its delivery is then left to the owner of the lock: it returns, and the release runs the
//! ISR. A mask only makes that rarer.

mod once;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[cfg(any(test, not(loom)))]
pub(crate) use once::Once;

/// The processors of a machine and their interrupt masks, as a board support crate provides them.
///
/// Give it to [`install`] at the start.
///
/// ```
/// use interrupt_lock::bare_metal::{Cpu, Platform, install};
///
/// struct Board;
/// static CPU: Cpu = Cpu::new();
///
/// // SAFETY: this board has one processor.
/// unsafe impl Platform for Board {
///     fn this_processor(&self) -> &'static Cpu { &CPU }
///     fn mask(&self) -> bool { true /* read PRIMASK, then cpsid i */ }
///     fn unmask(&self) { /* cpsie i */ }
/// }
///
/// assert!(install(&Board));
/// ```
///
/// # Safety
///
/// [`this_processor`](Self::this_processor) must return the same `Cpu` each time on one processor, and different ones
/// on different processors: the lock uses the address of the `Cpu` as the caller's identity.
pub unsafe trait Platform: Send + Sync {
    /// Returns the processor that runs the caller.
    fn this_processor(&self) -> &'static Cpu;

    /// Masks this processor's interrupts. Returns whether they were unmasked before.
    ///
    /// The crate calls it before the processor acquires a lock while it holds none.
    fn mask(&self) -> bool;

    /// Unmasks this processor's interrupts.
    ///
    /// The crate calls it after the processor has released its last lock, or has failed to acquire its first, if
    /// [`mask`](Self::mask) had returned `true`.
    fn unmask(&self);
}

/// What the crate keeps for each processor, in a `static` of the board support crate. Its address is the processor's identity.
///
/// ```
/// static BOOT_PROCESSOR: interrupt_lock::bare_metal::Cpu = interrupt_lock::bare_metal::Cpu::new();
/// assert_eq!(BOOT_PROCESSOR.locks_held(), 0);
/// ```
#[derive(Debug, Default)]
#[repr(align(8))]
pub struct Cpu {
    /// How many locks the processor holds. It masks while the count is not 0, so guards may be dropped in any order, or
    /// never ([rule L10](crate::guide::contract#l10)).
    locks: AtomicU32,
    /// Whether the first lock found the interrupts unmasked.
    #[cfg_attr(any(feature = "std", loom), expect(dead_code, reason = "the operating system knows better"))]
    unmask: AtomicBool,
    /// How many ISRs the processor is inside of.
    #[cfg_attr(any(feature = "std", loom), expect(dead_code, reason = "the operating system knows better"))]
    isrs: AtomicU32,
}

// Every access is Relaxed: only the processor itself writes its `Cpu`, and an ISR that interrupts it leaves the counts
// as it found them.
impl Cpu {
    /// Returns a processor that holds no lock.
    ///
    /// ```
    /// static CPU: interrupt_lock::bare_metal::Cpu = interrupt_lock::bare_metal::Cpu::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { locks: AtomicU32::new(0), unmask: AtomicBool::new(false), isrs: AtomicU32::new(0) }
    }

    /// Returns how many interrupt locks this processor holds now.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::bare_metal::Cpu::new().locks_held(), 0);
    /// ```
    #[must_use]
    pub fn locks_held(&self) -> u32 {
        self.locks.load(Ordering::Relaxed)
    }
}

/// Tells the crate which machine it runs on. Call it once, before the first lock is acquired.
///
/// Returns `false`, and changes nothing, if a platform has been installed before.
///
/// ```
/// # use interrupt_lock::bare_metal::{Cpu, Platform, install};
/// # struct Board;
/// # static CPU: Cpu = Cpu::new();
/// # // SAFETY: one processor.
/// # unsafe impl Platform for Board {
/// #     fn this_processor(&self) -> &'static Cpu { &CPU }
/// #     fn mask(&self) -> bool { true }
/// #     fn unmask(&self) {}
/// # }
/// assert!(install(&Board));
/// assert!(!install(&Board));
/// ```
pub fn install(platform: &'static dyn Platform) -> bool {
    // A model's machine is loom: there is nothing to install.
    #[cfg(loom)]
    return {
        let _ = platform;
        false
    };
    #[cfg(not(loom))]
    return INSTALLED.set(platform);
}

#[cfg(not(loom))]
static INSTALLED: Once<&'static dyn Platform> = Once::new();

/// What the facade takes from the platform.
#[cfg(not(any(feature = "std", loom)))]
mod facade {
    use super::*;

    /// The only processor, if no platform is installed.
    static THE_PROCESSOR: Cpu = Cpu::new();

    fn cpu() -> &'static Cpu {
        INSTALLED.get().map_or(&THE_PROCESSOR, Platform::this_processor)
    }

    pub(crate) fn this_processor() -> usize {
        core::ptr::from_ref(cpu()).addr()
    }

    pub(crate) fn in_isr<R>(isr: impl FnOnce() -> R) -> R {
        let isrs = &cpu().isrs;
        isrs.store(isrs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let result = isr();
        isrs.store(isrs.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        result
    }

    pub(crate) fn is_in_isr() -> bool {
        cpu().isrs.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn mask() {
        let Some(platform) = INSTALLED.get() else { return };
        let cpu = platform.this_processor();
        let locks = cpu.locks.load(Ordering::Relaxed);
        if locks == 0 {
            let unmasked = platform.mask();
            cpu.unmask.store(unmasked, Ordering::Relaxed);
        }
        // After the mask: an interrupt before that finds a count of 0, and leaves it at 0.
        cpu.locks.store(locks + 1, Ordering::Relaxed);
    }

    pub(crate) fn unmask() {
        let Some(platform) = INSTALLED.get() else { return };
        let cpu = platform.this_processor();
        // Saturating: a lock may have been acquired before the platform was installed.
        let locks = cpu.locks.load(Ordering::Relaxed).saturating_sub(1);
        cpu.locks.store(locks, Ordering::Relaxed);
        if locks == 0 && cpu.unmask.load(Ordering::Relaxed) {
            platform.unmask();
        }
    }
}

#[cfg(not(any(feature = "std", loom)))]
pub(crate) use facade::{in_isr, is_in_isr, mask, this_processor, unmask};
