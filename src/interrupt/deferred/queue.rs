//! Closures that wait for the interrupt lock (rule L12): a stack that anybody may push onto without waiting, and a chain
//! in order of submission that its taker, the owner of the lock, works through.
//!
//! A push is one compare-exchange, and a take one swap of the whole stack: no closure is lost or taken twice, and what one
//! thread has pushed is taken in its order. The tempting race, a push beside a take, is harmless: the one that comes
//! later is on the stack for the next take, and its submitter leaves word for the owner after it. The last take leaves a
//! mark, so a push either came before it or is refused.

use core::mem;
use core::ptr;

use alloc::boxed::Box;

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicPtr, Locked, const_outside_models};

pub(crate) type Closure<T> = Box<dyn FnOnce(&mut T) + Send>;

pub(crate) struct Deferred<T> {
    /// Submitted, the newest first; or the mark of the last take.
    newest: AtomicPtr<Node<T>>,
    /// In order of submission, for the owner of the interrupt lock.
    oldest: Locked<Chain<T>>,
}

struct Node<T> {
    closure: Closure<T>,
    next: *mut Node<T>,
}

/// Nodes that nobody else reaches.
struct Chain<T>(*mut Node<T>);

// SAFETY: the closures are `Send`, and nobody else follows the links.
unsafe impl<T> Send for Chain<T> {}

/// What stands on the stack after the last take; no node lies there.
fn closed<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(1)
}

impl<T> Deferred<T> {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self { newest: AtomicPtr::new(ptr::null_mut()), oldest: Locked::new(Chain(ptr::null_mut())) }
        }
    }

    /// Submits a closure; gives it back after the last take.
    pub(crate) fn push(&self, closure: Closure<T>) -> Result<(), Closure<T>> {
        let node = Box::into_raw(Box::new(Node { closure, next: ptr::null_mut() }));
        // Relaxed: a first guess for the compare-exchange.
        let mut newest = self.newest.load(Relaxed);
        loop {
            if newest == closed() {
                // SAFETY: made above, and on no stack.
                return Err(unsafe { Box::from_raw(node) }.closure);
            }
            // SAFETY: as above: nobody else reaches it yet.
            unsafe { (*node).next = newest };
            // Release: pairs with the Acquire in `take`, which follows the link and runs the closure.
            match self.newest.compare_exchange(newest, node, Release, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => newest = now,
            }
        }
    }

    /// The closure that was submitted first of those that wait.
    ///
    /// # Safety
    ///
    /// The caller holds the interrupt lock.
    pub(crate) unsafe fn pop(&self) -> Option<Closure<T>> {
        // SAFETY: the caller holds the lock under which alone this is used, and nothing in here runs anything else.
        unsafe {
            self.oldest.with(|oldest| {
                oldest.pop().or_else(|| {
                    *oldest = self.take(ptr::null_mut());
                    oldest.pop()
                })
            })
        }
    }

    /// Whether a closure waits.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn is_empty(&self) -> bool {
        // Relaxed: who submits later leaves word later.
        let newest = self.newest.load(Relaxed);
        // SAFETY: the caller's promise, as in `pop`.
        (newest.is_null() || newest == closed()) && unsafe { self.oldest.with(|oldest| oldest.0.is_null()) }
    }

    /// Takes what has been submitted so far, and refuses from now on.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn close(&self) {
        let mut last = self.take(closed());
        // SAFETY: the caller's promise, as in `pop`.
        unsafe { self.oldest.with(|oldest| oldest.append(&mut last)) };
    }

    /// Takes what has been submitted, in its order, and leaves `instead`.
    fn take(&self, instead: *mut Node<T>) -> Chain<T> {
        // Relaxed: a first look, which spares the exchange where there is nothing, as nearly always. After the mark nothing
        // comes any more.
        let newest = self.newest.load(Relaxed);
        if newest == instead || newest == closed() {
            return Chain(ptr::null_mut());
        }
        // Acquire: pairs with the Release in `push`.
        let newest = self.newest.swap(instead, Acquire);
        // (The drop is ordered by what counts the interrupt's owners, which models don't see.)
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

    fn append(&mut self, other: &mut Self) {
        let mut end = &mut self.0;
        while !end.is_null() {
            // SAFETY: as in `unlink`.
            end = unsafe { &mut (**end).next };
        }
        *end = mem::replace(&mut other.0, ptr::null_mut());
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
