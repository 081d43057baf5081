//! What the facade takes from the platform, which the program names with [`platform!`](crate::platform): the linker
//! finds it.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::bare_metal::Cpu;

// SAFETY: `platform!` defines these, with these types, and its `Platform` is what that trait asks for. No other crate
// has reason to define symbols of these names.
unsafe extern "Rust" {
    safe fn _interrupt_lock_this_processor() -> &'static Cpu;
    safe fn _interrupt_lock_mask() -> usize;
    safe fn _interrupt_lock_unmask(found: usize);
}

/// What a mask has found, to be undone.
#[derive(Clone, Copy)]
pub(crate) struct Found(usize);

impl Found {
    pub(crate) const NOTHING: Self = Self(0);
}

/// Where the owner of a lock keeps what its mask has found. Only the owner reads and writes it.
pub(crate) struct Kept(AtomicUsize);

impl Kept {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    #[inline(always)]
    pub(crate) fn set(&self, found: Found) {
        // Relaxed: the lock's own word orders one owner's accesses and the next one's.
        self.0.store(found.0, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Found {
        // Relaxed: as above.
        Found(self.0.load(Relaxed))
    }
}

/// Masks this processor's interrupts. From here to the [`unmask`] the caller stays on its processor.
#[inline(always)]
pub(crate) fn mask() -> Found {
    Found(_interrupt_lock_mask())
}

/// Unmasks what that mask found unmasked, and nothing else.
#[inline(always)]
pub(crate) fn unmask(found: Found) {
    if found.0 != 0 {
        _interrupt_lock_unmask(found.0);
    }
}

/// Returns the identity of the processor that runs the caller. A caller that may migrate [masks](mask) first.
#[inline(always)]
pub(crate) fn this_processor() -> usize {
    core::ptr::from_ref(_interrupt_lock_this_processor()).addr()
}

/// A processor is inside an ISR, until [`leave_isr`]: its mark, and what the mark was before.
#[must_use]
pub(crate) struct InIsr(&'static AtomicUsize, usize);

/// Marks that this processor is inside an ISR. It may be inside another already.
///
/// An ISR that interrupts this one leaves the mark as it found it, at whatever instruction it comes.
#[inline(always)]
pub(crate) fn enter_isr() -> InIsr {
    let mark = &_interrupt_lock_this_processor().in_isr;
    // Relaxed, all of it: only the processor itself writes its mark.
    let outer = mark.load(Relaxed);
    mark.store(1, Relaxed);
    InIsr(mark, outer)
}

/// Undoes [`enter_isr`].
#[inline(always)]
pub(crate) fn leave_isr(InIsr(mark, outer): InIsr) {
    // Relaxed: as above.
    mark.store(outer, Relaxed);
}

/// Returns whether this processor is inside an ISR.
pub(crate) fn is_in_isr() -> bool {
    let found = mask();
    // Relaxed: as above.
    let is = _interrupt_lock_this_processor().in_isr.load(Relaxed) != 0;
    unmask(found);
    is
}
