//! The interrupt mask, where there is none: a thread of an operating system, or of a model, has no interrupts.

/// What a mask has found, to be undone: nothing.
#[derive(Clone, Copy)]
pub(crate) struct Found;

impl Found {
    pub(crate) const NOTHING: Self = Self;
}

/// Where the owner of a lock keeps what its mask has found. It takes no room.
pub(crate) struct Kept;

impl Kept {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn set(&self, _: Found) {}

    #[inline(always)]
    pub(crate) fn get(&self) -> Found {
        Found
    }
}

/// Does nothing.
#[inline(always)]
pub(crate) fn mask() -> Found {
    Found
}

/// Does nothing.
#[inline(always)]
pub(crate) fn unmask(_: Found) {}
