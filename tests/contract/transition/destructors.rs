//! Rules E6 and I12: a panic in a driver's destructor, at the end of an interrupt, is a fault of that interrupt alone.

use std::sync::{Arc, mpsc};

use interrupt_lock::source::Software;
use interrupt_lock::{
    Callback, Claim, Dispatcher, Fault, Interrupt, InterruptLock, InterruptObject, NoWorkItem, State,
};
use support::slot::{OnDrop, Owner};
use support::{receive, until, watchdog};

/// A value that panics as it is dropped.
fn mine() -> OnDrop<impl FnMut()> {
    OnDrop(|| panic!("on purpose"))
}

#[track_caller]
fn ended_with_a_fault<T, W>(object: &InterruptObject<T, W>) {
    assert_eq!(object.state(), State::Ended);
    match object.fault() {
        Some(Fault::Panicked { callback: Callback::Destructor, message }) => assert_eq!(message.as_str(), "on purpose"),
        other => panic!("{other:?}"),
    }
}

/// The panic stops neither the release of the lock nor the other ends that wait for it.
// Caught: an end that lets its destructors unwind: out of the release, past the others that were left to it.
#[test]
fn e6_a_destructor_that_panics_keeps_no_other_from_its_end() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let build = |own: bool| {
            let owned = own.then(mine);
            let interrupt = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
                .isr(move |_| {
                    let _ = &owned;
                    Claim::Claimed
                })
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let interrupts = [false, true, false].map(build);
        let objects = interrupts.each_ref().map(|interrupt| interrupt.object().clone());
        let held = lock.acquire_interrupt_lock();
        drop(interrupts);
        drop(held);
        let [first, panicked, last] = objects;
        assert_eq!((first.state(), last.state()), (State::Ended, State::Ended));
        ended_with_a_fault(&panicked);
    });
}

/// An interrupt that is dropped in its own ISR ends on the thread that serves others too.
// Caught: as above: the thread ends, and the others are served no more.
#[test]
fn i12_a_destructor_on_the_thread_that_serves_others() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (owner, owned) = (Owner::new(), mine());
        let (source, line) = Software::edge();
        let theirs = owner.clone();
        let interrupt = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                let _ = &owned;
                theirs.drop_handle();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let (source, others_line) = Software::edge();
        let (sender, served) = mpsc::channel();
        let other = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                sender.send(()).unwrap();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        other.enable().unwrap();
        let object = owner.keep(interrupt);
        line.assert();
        until(|| object.fault().is_some());
        ended_with_a_fault(&object);
        others_line.assert();
        receive(&served);
    });
}

/// An interrupt that is dropped in the ISR of another ends on the worker. The worker has the last reference, so it
/// frees the data.
// Caught: a worker that lets what is freed there unwind: it ends, and runs the others' work items no more.
#[test]
fn i12_data_that_panics_as_the_worker_frees_it() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let owner = Owner::new();
        let victim = Interrupt::<_, NoWorkItem>::builder(mine())
            .isr(|_| Claim::Claimed)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let left = Arc::downgrade(&owner.keep(victim));
        let (source, line) = Software::edge();
        let (sender, ran) = mpsc::channel();
        let other = Interrupt::builder(())
            .isr(move |cx| {
                owner.drop_handle();
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| sender.send(()).unwrap())
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        for _ in 0..2 {
            line.assert();
            receive(&ran);
            until(|| left.strong_count() == 0);
        }
    });
}
