//! What a thread waits for, as the register of waits knows it (rule L13).

use crate::circle::{Kind, Part};
use crate::lock::by_delivery::taken_at;
use crate::name::Name;
use crate::sync;
use crate::sync::{AtomicUsize, Ordering::Relaxed, Origin};

/// Something that a thread waits for, and that another thread owns.
#[derive(Clone, Copy)]
pub(crate) struct Awaited<'a> {
    /// The word with the identity of the owner; zero if there is none. For a lock its owner word.
    pub(crate) owner: &'a AtomicUsize,
    /// The place that acquired it, if it is a lock.
    pub(crate) taken_at: Option<&'a Origin>,
    pub(crate) label: Label<'a>,
}

/// What an awaited thing is, and whose, for panics and errors.
#[derive(Clone, Copy)]
pub(crate) struct Label<'a> {
    kind: Kind,
    name: Option<&'a Name>,
    /// The wait may be called off: the caller is an end, which can be put off.
    pub(crate) for_end: bool,
}

impl Awaited<'_> {
    /// Returns the identity of the owner, or 0 if there is none.
    pub(crate) fn owner(self) -> usize {
        // Relaxed: exact if the caller is the owner, since it wrote the word itself. Otherwise the lock of the register
        // of waits orders it.
        self.owner.load(Relaxed) & !sync::MARKS
    }

    /// Returns what panics and errors say of it.
    pub(crate) fn part(self) -> Part {
        let taken_at = self.taken_at.and_then(|noted| taken_at(self.owner, noted));
        Part { kind: self.label.kind, name: self.label.name.cloned(), taken_at }
    }
}

impl<'a> Label<'a> {
    /// A lock that only `lock_api` knows.
    pub(crate) const UNNAMED: Self = Self { kind: Kind::Lock, name: None, for_end: false };

    /// A thread of the crate.
    #[cfg(any(loom, feature = "std"))]
    pub(crate) const THREAD: Self = Self { kind: Kind::Thread, name: None, for_end: false };

    pub(crate) const fn of(kind: Kind, name: &'a Name) -> Self {
        Self { kind, name: Some(name), for_end: false }
    }

    /// Says whether the wait is one of an end.
    pub(crate) const fn for_end(mut self, for_end: bool) -> Self {
        self.for_end = for_end;
        self
    }
}
