//! Deferred closures: each runs once, in order (L12), and before the end (E6).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
// Not loom's: they record what the model has done.
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Mutex;

use loom::thread;

use crate::answer::{NoWorkItem, State};
use crate::claim::Claim;
use crate::error::ErrorKind;
use crate::interrupt::deferred::queue::Deferred;
use crate::interrupt::{Deferral, Interrupt, InterruptObject};
use crate::models::{Probe, Shared, all, bounded};

/// A closure sees what its submitter did before. This models the queue alone: in an interrupt the lock orders this too.
// Caught: push-release, take-submitted-acquire.
#[test]
fn a_closure_sees_what_its_submitter_did() {
    all(|| {
        let (deferred, probe) = (Arc::new(Deferred::<()>::new()), Probe::new());
        let submitter = thread::spawn({
            let (deferred, probe) = (deferred.clone(), probe.clone());
            move || {
                probe.touch();
                let theirs = probe.clone();
                deferred.push(Box::new(move |()| assert_eq!(theirs.touch(), 1))).ok().unwrap();
            }
        });
        // SAFETY: this thread alone takes.
        if let Some(closure) = unsafe { deferred.pop() } {
            closure(&mut ());
        }
        submitter.join().unwrap();
    });
}

/// Two threads submit while a third takes. Each closure is taken once, and one thread's closures keep their order.
// Caught: push-torn, take-submitted-torn, taken-backwards.
#[test]
fn each_closure_is_taken_once_and_in_order() {
    bounded(|| {
        let (deferred, taken) = (Arc::new(Deferred::<()>::new()), Arc::new(Mutex::new(Vec::new())));
        let theirs = taken.clone();
        let push = move |deferred: &Deferred<()>, n: u32| {
            let taken = theirs.clone();
            deferred.push(Box::new(move |()| taken.lock().unwrap().push(n))).ok().unwrap();
        };
        let pop = || {
            // SAFETY: this thread alone takes.
            unsafe { deferred.pop() }.map(|closure| closure(&mut ()))
        };
        let submitters = [&[1, 2][..], &[3]].map(|closures: &'static [u32]| {
            let (deferred, push) = (deferred.clone(), push.clone());
            thread::spawn(move || closures.iter().for_each(|&n| push(&deferred, n)))
        });
        pop();
        submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        while pop().is_some() {}
        let taken = taken.lock().unwrap();
        assert_eq!(taken.len(), 3);
        let place = |n| taken.iter().position(|&taken| taken == n).unwrap();
        assert!(place(1) < place(2) && place(3) < 3);
    });
}

/// A closure is either submitted before the close, and taken, or refused.
// Caught: closed-too-softly.
#[test]
fn nothing_is_submitted_after_the_close() {
    all(|| {
        let (deferred, ran) = (Arc::new(Deferred::<()>::new()), Arc::new(AtomicUsize::new(0)));
        let submitter = thread::spawn({
            let (deferred, ran) = (deferred.clone(), ran.clone());
            move || {
                let closure = move |_: &mut ()| {
                    ran.fetch_add(1, Relaxed);
                };
                deferred.push(Box::new(closure)).is_ok()
            }
        });
        // SAFETY: this thread alone takes.
        unsafe { deferred.close() };
        // SAFETY: as above.
        while let Some(closure) = unsafe { deferred.pop() } {
            closure(&mut ());
        }
        let submitted = submitter.join().unwrap();
        assert_eq!(ran.load(Relaxed), usize::from(submitted));
    });
}

fn interrupt() -> Shared<u32, NoWorkItem> {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// A closure meets a section. When both threads are done, the closure has run, though no thread acquires the lock
/// again.
// Caught: left-without-barrier, left-to-nobody, submitted-and-not-left.
#[test]
fn a_deferred_closure_is_run_by_an_owner_of_the_lock() {
    bounded(|| {
        let (interrupt, ran) = (interrupt(), Arc::new(AtomicUsize::new(0)));
        let submitter = thread::spawn({
            let (interrupt, ran) = (interrupt.clone(), ran.clone());
            move || {
                interrupt
                    .run_or_defer(move |count| {
                        *count += 1;
                        ran.fetch_add(1, Relaxed);
                    })
                    .unwrap()
            }
        });
        *interrupt.acquire_interrupt_lock() += 1;
        submitter.join().unwrap();
        assert_eq!(ran.load(Relaxed), 1);
        assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    });
}

/// Two closures of one thread run in their order, whichever thread runs them.
// Caught: overtaken.
#[test]
fn closures_of_one_thread_keep_their_order() {
    bounded(|| {
        let (interrupt, last) = (interrupt(), Arc::new(AtomicUsize::new(0)));
        let submitter = thread::spawn({
            let (interrupt, last) = (interrupt.clone(), last.clone());
            move || {
                for n in 1..=2 {
                    let last = last.clone();
                    let submitted = interrupt.run_or_defer(move |_| assert_eq!(last.swap(n, Relaxed), n - 1));
                    let _: Deferral = submitted.unwrap();
                }
            }
        });
        drop(interrupt.acquire_interrupt_lock());
        submitter.join().unwrap();
        assert_eq!(last.load(Relaxed), 2);
    });
}

/// What is submitted with the lock held runs in that order, also what a closure submits while an older one waits. When
/// both threads are done, all have run, though no thread acquires the lock again.
// Caught: newer-first, left-unmarked.
#[test]
fn what_closures_submit_keeps_its_order() {
    #[derive(Default)]
    struct Notes {
        drawn: usize,
        ran: usize,
    }
    type Object = InterruptObject<Notes, NoWorkItem>;

    /// Draws the next number, with the lock held, and submits a closure that expects its turn. The closure submits
    /// another, if `again`.
    fn submit(object: &Arc<Object>, notes: &mut Notes, all_ran: &Arc<AtomicUsize>, again: bool) {
        notes.drawn += 1;
        let (drawn, theirs, all_ran) = (notes.drawn, object.clone(), all_ran.clone());
        let submitted = object.run_or_defer(move |notes| {
            if notes.ran + 1 == drawn {
                notes.ran = drawn;
                all_ran.store(drawn, Relaxed);
            }
            if again {
                submit(&theirs, notes, &all_ran, false);
            }
        });
        assert_eq!(submitted.unwrap(), Deferral::Deferred);
    }

    bounded(|| {
        let interrupt = Interrupt::builder(Notes::default()).isr(|_| Claim::Claimed).build().unwrap();
        let all_ran = Arc::new(AtomicUsize::new(0));
        let other = thread::spawn({
            let object = interrupt.object().clone();
            move || drop(object.try_acquire_interrupt_lock())
        });
        let mut section = interrupt.acquire_interrupt_lock();
        for again in [true, false] {
            submit(interrupt.object(), &mut section, &all_ran, again);
        }
        drop(section);
        other.join().unwrap();
        assert_eq!(all_ran.load(Relaxed), 3);
    });
}

/// A closure that meets the end of the interrupt either runs before the end, or is refused.
// Caught: ended-without-the-deferred.
#[test]
fn a_closure_runs_before_the_end_or_is_refused() {
    bounded(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let interrupt: Interrupt<u32, NoWorkItem> = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
        let submitter = thread::spawn({
            let (object, ran) = (interrupt.object().clone(), ran.clone());
            move || {
                let theirs = object.clone();
                object.run_or_defer(move |_| {
                    assert_ne!(theirs.state(), State::Ended);
                    ran.fetch_add(1, Relaxed);
                })
            }
        });
        drop(interrupt);
        match submitter.join().unwrap() {
            Ok(_) => assert_eq!(ran.load(Relaxed), 1),
            Err(refused) => {
                assert!(matches!(refused.kind(), ErrorKind::Ended));
                assert_eq!(ran.load(Relaxed), 0);
            }
        }
    });
}
