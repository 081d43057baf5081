//! For firmware: what a machine without an operating system provides, its processors and its interrupt mask.
//!
//! A program names its machine once, with [`platform!`](crate::platform), and the linker finds it. With the feature
//! `std` there is an operating system, and the crate uses nothing of this module.
//!
//! The lock's own word excludes others, never the mask. So the crate is sound on a machine that masks nothing, and for
//! a vector that the mask does not stop ([rule B1](crate::guide::contract#b1)): if the code that it interrupts holds
//! the lock, its delivery is left to the owner, whose release runs the ISR. A mask makes that rare.

#[cfg(not(any(feature = "std", loom)))]
mod linked;

use core::sync::atomic::AtomicUsize;

#[cfg(not(any(feature = "std", loom)))]
pub(crate) use linked::{Found, InIsr, Kept, enter_isr, is_in_isr, leave_isr, mask, this_processor, unmask};

/// The processors of a machine and their interrupt masks, as a board support crate or a program describes them.
///
/// The program gives the type to [`platform!`](crate::platform), once. A program that does not is not linked: the
/// linker misses `_interrupt_lock_mask`. For a machine with one processor and nothing to mask there is [`Unmasked`].
///
/// A mask may be any that stops the vectors that call [`service`](crate::InterruptObject::service): all interrupts
/// (PRIMASK, `mstatus.MIE`), or those up to a priority (BASEPRI). A vector that it does not stop may call `service`
/// all the same.
///
/// # Examples
///
/// A Cortex-M with PRIMASK. The registers are simulated here; the comments are the instructions:
///
/// ```standalone_crate
/// use interrupt_lock::bare_metal::{Cpu, Platform};
/// # mod primask {
/// #     use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// #     static PRIMASK: AtomicUsize = AtomicUsize::new(0);
/// #     pub fn read() -> usize { PRIMASK.load(Relaxed) }
/// #     pub fn write(bit: usize) { PRIMASK.store(bit, Relaxed) }
/// # }
///
/// struct Board;
/// static CPU: Cpu = Cpu::new();
///
/// // SAFETY: this board has one processor.
/// unsafe impl Platform for Board {
///     fn this_processor() -> &'static Cpu {
///         &CPU
///     }
///
///     fn mask() -> usize {
///         let primask = primask::read(); // mrs r0, PRIMASK
///         primask::write(1);             // cpsid i
///         primask ^ 1
///     }
///
///     fn unmask(_: usize) {
///         primask::write(0);             // cpsie i
///     }
/// }
///
/// interrupt_lock::platform!(Board);
/// # assert_eq!((Board::mask(), Board::mask()), (1, 0));
/// # Board::unmask(1);
/// # assert_eq!(Board::mask(), 1);
/// ```
///
/// With a ceiling in BASEPRI, `mask` reads BASEPRI and raises it (`msr BASEPRI_MAX`). What it returns has to be 0 if
/// BASEPRI was at the ceiling or above already, and must not be 0 if it was 0: `before | 0x100`, for example. `unmask`
/// writes the low byte back.
///
/// # Safety
///
/// [`this_processor`](Self::this_processor) must return the same `Cpu` each time on one processor, and different ones
/// on different processors: the lock uses the address of the `Cpu` as the caller's identity.
pub unsafe trait Platform {
    /// Returns the processor that runs the caller.
    ///
    /// The crate masks first, so a task that may migrate does not migrate in between ([rule
    /// B2](crate::guide::contract#b2)).
    fn this_processor() -> &'static Cpu;

    /// Masks this processor's interrupts. Returns what [`unmask`](Self::unmask) needs to undo it, or 0 if there is
    /// nothing to undo, because they were masked already.
    ///
    /// The crate calls it before each acquisition of a lock, also of a second one.
    fn mask() -> usize;

    /// Undoes a [`mask`](Self::mask) that returned `found`, which is not 0.
    ///
    /// The crate calls it after the release of the lock for which it masked, or if the acquisition fails. So each
    /// release unmasks only what its acquisition found unmasked. If a processor drops two guards in the order in which
    /// it took them, the first release unmasks, while the second lock is still held.
    fn unmask(found: usize);
}

/// What the crate keeps for each processor, in a `static` of the board support crate. Its address is the processor's
/// identity.
///
/// ```
/// use interrupt_lock::bare_metal::Cpu;
///
/// static CPUS: [Cpu; 2] = [Cpu::new(), Cpu::new()];
/// # assert_ne!(&raw const CPUS[0], &raw const CPUS[1]);
/// ```
#[derive(Debug, Default)]
#[repr(align(8))]
pub struct Cpu {
    /// Not 0 if the processor is inside an ISR.
    #[cfg_attr(any(feature = "std", loom), expect(dead_code, reason = "the operating system knows better"))]
    in_isr: AtomicUsize,
}

impl Cpu {
    /// Returns a processor that is in no ISR.
    ///
    /// ```
    /// static CPU: interrupt_lock::bare_metal::Cpu = interrupt_lock::bare_metal::Cpu::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { in_isr: AtomicUsize::new(0) }
    }
}

/// The [`Platform`] of a machine with one processor whose interrupts the crate does not mask.
///
/// Sections then delay no interrupt. A level line needs the hooks of
/// [`line`](crate::InterruptObject::line): it comes again and again while its delivery is left to the owner of the
/// lock.
///
/// ```standalone_crate
/// interrupt_lock::platform!(interrupt_lock::bare_metal::Unmasked);
/// ```
#[derive(Debug)]
pub struct Unmasked(());

// SAFETY: the only processor has the only `Cpu`.
unsafe impl Platform for Unmasked {
    fn this_processor() -> &'static Cpu {
        static CPU: Cpu = Cpu::new();
        &CPU
    }

    fn mask() -> usize {
        0
    }

    fn unmask(_: usize) {}
}

/// Tells the crate which machine the program runs on: a type that implements
/// [`bare_metal::Platform`](crate::bare_metal::Platform).
///
/// Without the feature `std`, each program calls it once, anywhere. The linker refuses a program that calls it twice,
/// or never. With the feature `std` it has no effect.
///
/// # Examples
///
/// ```standalone_crate
/// interrupt_lock::platform!(interrupt_lock::bare_metal::Unmasked);
/// ```
#[macro_export]
macro_rules! platform {
    ($platform:ty) => {
        const _: () = {
            #[unsafe(no_mangle)]
            fn _interrupt_lock_this_processor() -> &'static $crate::bare_metal::Cpu {
                <$platform as $crate::bare_metal::Platform>::this_processor()
            }

            #[unsafe(no_mangle)]
            fn _interrupt_lock_mask() -> usize {
                <$platform as $crate::bare_metal::Platform>::mask()
            }

            #[unsafe(no_mangle)]
            fn _interrupt_lock_unmask(found: usize) {
                <$platform as $crate::bare_metal::Platform>::unmask(found)
            }
        };
    };
}

// The crate's own tests are a program, too.
#[cfg(all(test, not(any(feature = "std", loom))))]
platform!(Unmasked);
