//! The machines: their timers, vectors and masks.
//!
//! Each has the same functions, so a case knows nothing of the machine that it runs on.

#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(not(target_arch = "arm"))]
mod riscv;

#[cfg(target_arch = "arm")]
pub use cortex_m::*;
#[cfg(not(target_arch = "arm"))]
pub use riscv::*;

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mask {
    /// Nothing does.
    Nothing,
    /// The processor's interrupt mask: PRIMASK, or mstatus.MIE.
    All,
    /// BASEPRI: the vectors below [`CEILING`].
    Ceiling,
}

/// A machine variant: what masks, and whether that stops the two vectors.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What masks.
    pub mask: Mask,
    /// The first vector's priority. A smaller number is more urgent.
    pub first: u8,
    /// The second vector's priority.
    pub second: u8,
}

static MASK: AtomicU32 = AtomicU32::new(Mask::Nothing as u32);

/// Makes the machine a variant.
pub fn set(setting: &Setting) {
    MASK.store(setting.mask as u32, Relaxed);
    set_priorities(setting.first, setting.second);
}

/// Whether the variant masks nothing.
#[must_use]
pub fn masks_nothing() -> bool {
    MASK.load(Relaxed) == Mask::Nothing as u32
}

/// Masks as the variant does. Returns whether what it masks was unmasked before.
pub fn mask() -> bool {
    match MASK.load(Relaxed) {
        mask if mask == Mask::All as u32 => mask_all(),
        mask if mask == Mask::Ceiling as u32 => mask_ceiling(),
        _ => false,
    }
}

/// Unmasks, after [`mask`] has returned `true`.
pub fn unmask() {
    match MASK.load(Relaxed) {
        mask if mask == Mask::All as u32 => unmask_all(),
        mask if mask == Mask::Ceiling as u32 => unmask_ceiling(),
        _ => {}
    }
}
