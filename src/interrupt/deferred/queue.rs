//! The closures that wait for the interrupt lock (rule L12): a stack that any thread may push onto without waiting, and
//! a chain in order of submission that the owner of the lock works through.
//!
//! A push is one compare-exchange, and a take is one swap of the whole stack. So no closure is lost or taken twice, and
//! the closures of one thread are taken in the order of their pushes. The tempting race, a push beside a take, is
//! harmless: a push after the take is on the stack for the next take, and its submitter then tells the owner of the
//! lock. The last take leaves a mark, so a push either came before it or is refused.
//!
//! # Why submissions keep their order
//!
//! If one submission is ordered before another, the first is pushed before the second. Closures that wait run in the
//! order of their pushes: all in the chain were pushed before all on the stack, and the stack is taken once the chain is
//! empty. So only a closure that runs at once could overtake. It can't:
//!
//! - It needs a free lock without the bit `LEFT`. A submitter that holds the lock finds the lock held, and pushes. ISRs,
//!   callbacks and closures are such submitters.
//! - A submission sets `LEFT` after its push and before it returns. Only an owner clears the bit, and it sets the bit
//!   again before it frees the lock if a closure still waits. So from the return of a submission until its closure runs,
//!   the lock is held or has the bit. A later submission finds one of the two: it runs first what waits, or it pushes.

use core::mem;
use core::ptr;

use alloc::boxed::Box;

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicPtr, Locked, const_outside_models};

pub(crate) type Closure<T> = Box<dyn FnOnce(&mut T) + Send>;

pub(crate) struct Deferred<T> {
    /// The stack of submitted closures, the newest on top; or the mark of the last take.
    newest: AtomicPtr<Node<T>>,
    /// The chain of taken closures, in order of submission. It belongs to the owner of the interrupt lock.
    oldest: Locked<Chain<T>>,
}

struct Node<T> {
    closure: Closure<T>,
    next: *mut Node<T>,
}

/// Nodes that are reached through this chain only.
struct Chain<T>(*mut Node<T>);

// SAFETY: the closures are `Send`, and only the chain's owner follows its links.
unsafe impl<T> Send for Chain<T> {}

/// The mark that the last take leaves on the stack. It is not the address of a node.
fn closed<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(1)
}

impl<T> Deferred<T> {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self { newest: AtomicPtr::new(ptr::null_mut()), oldest: Locked::new(Chain(ptr::null_mut())) }
        }
    }

    /// Submits a closure. Returns it as the error after the last take.
    pub(crate) fn push(&self, closure: Closure<T>) -> Result<(), Closure<T>> {
        let node = Box::into_raw(Box::new(Node { closure, next: ptr::null_mut() }));
        // Relaxed: a first guess for the compare-exchange.
        let mut newest = self.newest.load(Relaxed);
        loop {
            if newest == closed() {
                // SAFETY: made by `Box::into_raw` above, and not pushed.
                return Err(unsafe { Box::from_raw(node) }.closure);
            }
            // SAFETY: the node is not pushed yet, so only this thread reaches it.
            unsafe { (*node).next = newest };
            // Release: pairs with the Acquire in `take`, which follows the link and runs the closure.
            match self.newest.compare_exchange(newest, node, Release, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => newest = now,
            }
        }
    }

    /// Takes the closure that was submitted first, of those that wait.
    ///
    /// # Safety
    ///
    /// The caller holds the interrupt lock.
    pub(crate) unsafe fn pop(&self) -> Option<Closure<T>> {
        // SAFETY: the caller holds the lock, and `oldest` is used under that lock only. Nothing in the closure uses it
        // again.
        unsafe {
            self.oldest.with(|oldest| {
                oldest.pop().or_else(|| {
                    *oldest = self.take(ptr::null_mut());
                    oldest.pop()
                })
            })
        }
    }

    /// Takes what has been submitted so far, for `pop`. Returns how many closures that are.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn gather(&self) -> usize {
        let mut submitted = self.take(ptr::null_mut());
        // SAFETY: the caller's promise, as in `pop`.
        unsafe {
            self.oldest.with(|oldest| {
                oldest.append(&mut submitted);
                oldest.len()
            })
        }
    }

    /// Whether a closure waits.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn is_empty(&self) -> bool {
        // Relaxed: a thread that submits after this load tells the owner after it, too.
        let newest = self.newest.load(Relaxed);
        // SAFETY: the caller's promise, as in `pop`.
        (newest.is_null() || newest == closed()) && unsafe { self.oldest.with(|oldest| oldest.0.is_null()) }
    }

    /// Takes what has been submitted so far, for `pop`, and refuses what is submitted later.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn close(&self) {
        let mut last = self.take(closed());
        // SAFETY: the caller's promise, as in `pop`.
        unsafe { self.oldest.with(|oldest| oldest.append(&mut last)) };
    }

    /// Takes the stack, in order of submission, and leaves `instead` in its place.
    fn take(&self, instead: *mut Node<T>) -> Chain<T> {
        // Relaxed: a first look, which saves the swap if the stack is empty, as it nearly always is. After the mark
        // nothing is pushed any more.
        let newest = self.newest.load(Relaxed);
        if newest == instead || newest == closed() {
            return Chain(ptr::null_mut());
        }
        // Acquire: pairs with the Release in `push`.
        let newest = self.newest.swap(instead, Acquire);
        // (In `drop` the counting of the object's owners orders it, which models don't see.)
        if newest == closed() {
            return Chain(ptr::null_mut());
        }
        let mut newest_first = Chain(newest);
        let mut oldest_first = Chain(ptr::null_mut());
        while let Some(node) = newest_first.unlink() {
            oldest_first.link(node);
        }
        oldest_first
    }
}

impl<T> Chain<T> {
    fn pop(&mut self) -> Option<Closure<T>> {
        self.unlink().map(|node| node.closure)
    }

    fn unlink(&mut self) -> Option<Box<Node<T>>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: every node of a chain was made by `Box::into_raw`, and is reached through this chain alone.
        let node = unsafe { Box::from_raw(self.0) };
        self.0 = node.next;
        Some(node)
    }

    fn link(&mut self, mut node: Box<Node<T>>) {
        node.next = self.0;
        self.0 = Box::into_raw(node);
    }

    fn len(&self) -> usize {
        let (mut len, mut at) = (0, self.0);
        while !at.is_null() {
            len += 1;
            // SAFETY: as in `unlink`.
            at = unsafe { (*at).next };
        }
        len
    }

    fn append(&mut self, other: &mut Self) {
        let mut end = &mut self.0;
        while !end.is_null() {
            // SAFETY: as in `unlink`.
            end = unsafe { &mut (**end).next };
        }
        *end = mem::take(&mut other.0);
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        while self.unlink().is_some() {}
    }
}

impl<T> Drop for Deferred<T> {
    fn drop(&mut self) {
        drop(self.take(closed()));
    }
}
