//! Rules W7 and W8: a work item that runs again, and one that has to end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, Interrupt, Queued, Transition, Work};
use support::{Gate, LONG, let_it_block, until, watchdog};

/// The queued work item runs on the disabling thread, before `disable` returns.
// Caught: a disable that does not flush.
#[test]
fn w7_disable_runs_what_is_queued_on_its_own_thread() {
    for attended in [true, false] {
        watchdog(move || {
            let dispatcher = Dispatcher::new().unwrap();
            let (busy, go) = (Gate::new(), Gate::new());
            let work = (busy.clone(), go.clone());
            let other = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(move |_| {
                    work.0.open();
                    work.1.wait();
                })
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            let ran_on = Arc::new(Mutex::new(None));
            let here = ran_on.clone();
            let builder = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(move |_| *here.lock().unwrap() = Some(thread::current().id()));
            let interrupt = match attended {
                true => builder.dispatcher(&dispatcher).build(),
                false => builder.build(),
            }
            .unwrap();
            other.enable().unwrap();
            interrupt.enable().unwrap();
            // The worker has no time for it.
            other.queue_work_item();
            busy.wait();
            interrupt.queue_work_item();
            interrupt.disable().unwrap();
            assert_eq!(*ran_on.lock().unwrap(), Some(thread::current().id()));
            go.open();
        });
    }
}

// Caught: a flush that does not wait for the run that is going on.
#[test]
fn w7_disable_waits_for_the_run_that_is_going_on() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (entered, go, done) = (Gate::new(), Gate::new(), Gate::new());
        let work = (entered.clone(), go.clone(), done.clone());
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                work.0.open();
                work.1.wait();
                let_it_block();
                work.2.open();
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert.assert();
        entered.wait();
        go.open();
        assert_eq!(interrupt.disable().unwrap(), Transition::Done);
        assert!(done.is_open(), "the work item runs after disable()");
    });
}

/// A disable that finds the interrupt faulted waits too, because the driver may free what the work item uses after it.
// Caught: a disable of a faulted interrupt that returns while its work item runs.
#[test]
fn w7_disable_waits_after_a_fault_too() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (entered, go, done) = (Gate::new(), Gate::new(), Gate::new());
        let work = (entered.clone(), go.clone(), done.clone());
        let mut runs = 0;
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                runs += 1;
                assert!(runs == 1, "on purpose");
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                work.0.open();
                work.1.wait();
                let_it_block();
                work.2.open();
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert.assert();
        entered.wait();
        assert.assert();
        until(|| interrupt.fault().is_some());
        go.open();
        assert_eq!(interrupt.disable().unwrap(), Transition::Already);
        assert!(done.is_open(), "the work item runs after disable()");
    });
}

/// A work item that queues itself for ever does not keep `disable` from returning.
// Caught: a disable that closes after it has flushed.
#[test]
fn w7_one_that_queues_itself_can_not_hang_it() {
    for again in [true, false] {
        for attended in [true, false] {
            watchdog(move || {
                let runs = Arc::new(AtomicU64::new(0));
                let count = runs.clone();
                let (source, _assert) = Software::edge();
                let builder = Interrupt::builder(())
                    .isr(|_| Claim::Claimed)
                    .work_item(move |work| {
                        count.fetch_add(1, Ordering::SeqCst);
                        if again {
                            return Work::Again;
                        }
                        work.queue_work_item();
                        Work::Done
                    })
                    .source(source);
                let interrupt = match attended {
                    true => builder.build(),
                    false => builder.without_dispatcher().build(),
                }
                .unwrap();
                interrupt.enable().unwrap();
                interrupt.queue_work_item();
                until(|| !attended || runs.load(Ordering::SeqCst) >= 10);
                interrupt.disable().unwrap();
                assert!(!interrupt.is_work_item_queued());
                let after = runs.load(Ordering::SeqCst);
                let_it_block();
                assert_eq!(runs.load(Ordering::SeqCst), after, "it runs after disable()");
            });
        }
    }
}

// Caught: Again treated as Done.
#[test]
fn w8_from_outside_and_again() {
    watchdog(|| {
        let (source, _assert) = Software::edge();
        let done = Gate::new();
        let finish = done.clone();
        let interrupt = Interrupt::builder(vec![1, 2, 3])
            .isr(|_| Claim::Claimed)
            .work_item(move |work| match work.synchronize(Vec::pop) {
                Some(_) => Work::Again,
                None => {
                    finish.open();
                    Work::Done
                }
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(interrupt.queue_work_item(), Queued::New));
        });
        done.wait();
        interrupt.disable().unwrap();
        assert_eq!(interrupt.stats().work_run, 4);
        assert!(interrupt.try_acquire_interrupt_lock_for(LONG).unwrap().is_empty());
    });
}

/// A work item that always asks for another run lets the other work items of its worker run too.
// Caught: a worker that runs one again before it looks at the others.
#[test]
fn w8_one_that_runs_again_is_fair() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let started = Gate::new();
        let first = started.clone();
        let greedy = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |_| {
                first.open();
                Work::Again
            })
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let done = Gate::new();
        let finish = done.clone();
        let modest = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |_| finish.open())
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        greedy.enable().unwrap();
        modest.enable().unwrap();
        greedy.queue_work_item();
        started.wait();
        modest.queue_work_item();
        done.wait();
    });
}
