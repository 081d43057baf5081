//! What a machine without an operating system has to provide: its processors and its interrupt mask.
//!
//! With the feature `std` there is an operating system, and nothing here is consulted.
//!
//! Without a [`Platform`] the crate takes the machine for a single processor that can't mask anything. The lock is
//! sound even so, because exclusion is always the lock word's: an ISR whose delivery finds the lock held by the very
//! code that it interrupted leaves word and returns, and the release runs it. A mask only makes that rarer.

mod once;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[cfg(any(test, not(loom)))]
pub(crate) use once::Once;

/// The processors of a machine and their interrupt mask.
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
/// [`this_processor`](Self::this_processor) must give the same `Cpu` for one processor and different ones for
/// different processors: the lock takes the `Cpu` for the caller's identity.
pub unsafe trait Platform: Send + Sync {
    /// The processor that runs the caller.
    fn this_processor(&self) -> &'static Cpu;

    /// Masks this processor's interrupts and says whether they were unmasked. Called as its first lock is taken.
    fn mask(&self) -> bool;

    /// Unmasks them. Called after its last lock has been released, if [`mask`](Self::mask) had found them unmasked.
    fn unmask(&self);
}

/// What the crate keeps for each processor. Its address is the processor's identity.
///
/// ```
/// static BOOT_PROCESSOR: interrupt_lock::bare_metal::Cpu = interrupt_lock::bare_metal::Cpu::new();
/// assert_eq!(BOOT_PROCESSOR.locks_held(), 0);
/// ```
#[derive(Debug, Default)]
#[repr(align(8))]
pub struct Cpu {
    /// How many locks it holds: the mask is this count, so guards may go in any order, or never (rule L10).
    locks: AtomicU32,
    /// Whether the first of them found the interrupts unmasked.
    #[cfg_attr(any(feature = "std", loom), expect(dead_code, reason = "the operating system knows better"))]
    unmask: AtomicBool,
    /// How many ISRs it is inside of.
    #[cfg_attr(any(feature = "std", loom), expect(dead_code, reason = "the operating system knows better"))]
    isrs: AtomicU32,
}

// Every access is Relaxed: only the processor itself writes its `Cpu`, and an ISR that interrupts it leaves the counts
// as it found them.
impl Cpu {
    /// A processor that holds no lock.
    ///
    /// ```
    /// static CPU: interrupt_lock::bare_metal::Cpu = interrupt_lock::bare_metal::Cpu::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { locks: AtomicU32::new(0), unmask: AtomicBool::new(false), isrs: AtomicU32::new(0) }
    }

    /// How many interrupt locks this processor holds now.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::bare_metal::Cpu::new().locks_held(), 0);
    /// ```
    #[must_use]
    pub fn locks_held(&self) -> u32 {
        self.locks.load(Ordering::Relaxed)
    }
}

/// Tells the crate which machine it runs on, once, before the first lock is taken. The answer is `false`, and nothing
/// changes, if that has been told before.
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
    // The machine of a model is loom, which is there already.
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

/// What the facade asks where there is no operating system.
#[cfg(not(any(feature = "std", loom)))]
mod facade {
    use super::*;

    /// The only processor of a machine that told nothing.
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
        // After the mask: an interrupt before it finds, and leaves, a count of zero.
        cpu.locks.store(locks + 1, Ordering::Relaxed);
    }

    pub(crate) fn unmask() {
        let Some(platform) = INSTALLED.get() else { return };
        let cpu = platform.this_processor();
        // Saturating: a lock may have been taken before the platform was told.
        let locks = cpu.locks.load(Ordering::Relaxed).saturating_sub(1);
        cpu.locks.store(locks, Ordering::Relaxed);
        if locks == 0 && cpu.unmask.load(Ordering::Relaxed) {
            platform.unmask();
        }
    }
}

#[cfg(not(any(feature = "std", loom)))]
pub(crate) use facade::{in_isr, is_in_isr, mask, this_processor, unmask};
