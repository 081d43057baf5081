//! Rule I17: a callback that does not return in time is reported while it still runs.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Callback, Claim, ErrorKind, Fault, Interrupt, IsrContext, NoWorkItem, State};
use support::{Gate, kind, until, watchdog};

const LIMIT: Duration = Duration::from_millis(5);
const OTHERS: [Callback; 5] =
    [Callback::Isr, Callback::Enable, Callback::Disable, Callback::Removal, Callback::WorkItem];

/// Waits until other callbacks have been reported, twice. All interrupts have one watchdog.
fn others_are_overdue() {
    for _ in 0..2 {
        let go = Gate::new();
        let wait = go.clone();
        let isr = move |_: &mut IsrContext<'_, (), NoWorkItem>| {
            wait.wait();
            Claim::Claimed
        };
        let other = Interrupt::builder(()).isr(isr).overdue_after(LIMIT).build().unwrap();
        other.enable().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| other.service());
            until(|| other.overdue().is_some());
            go.open();
        });
    }
}

/// A callback of any kind is reported while it still runs, with the interrupt lock held. The interrupt is served
/// afterwards.
// Caught: a callback that isn't watched; a report that waits for the interrupt lock, or faults; a fault that is not
// cleared; one run that is reported again and again.
#[test]
fn i17_an_overdue_callback_is_reported_while_it_runs() {
    for callback in OTHERS {
        watchdog(move || {
            let (inside, go) = (Gate::new(), Gate::new());
            let slow = |at| {
                let (inside, go) = (inside.clone(), go.clone());
                move || {
                    if at == callback {
                        inside.open();
                        go.wait();
                    }
                }
            };
            let (isr, enable, disable) = (slow(Callback::Isr), slow(Callback::Enable), slow(Callback::Disable));
            let (removal, work) = (slow(Callback::Removal), slow(Callback::WorkItem));
            let (source, edge) = Software::edge();
            let interrupt = Arc::new(
                Interrupt::builder(())
                    .isr(move |_| {
                        isr();
                        Claim::Claimed
                    })
                    .on_enable(move |_| enable())
                    .on_disable(move |_| disable())
                    .on_removal(move |_| removal())
                    .work_item(move |_| work())
                    .source(source)
                    .overdue_after(LIMIT)
                    .build()
                    .unwrap(),
            );
            let theirs = interrupt.clone();
            let driver = thread::spawn(move || {
                theirs.enable().unwrap();
                // No other callback runs than has to: on a busy machine a quick one may be overdue, too.
                match callback {
                    Callback::Isr => edge.assert(),
                    Callback::Disable => _ = theirs.disable().unwrap(),
                    Callback::Removal => edge.remove(),
                    Callback::WorkItem => _ = theirs.queue_work_item(),
                    _ => {}
                }
                edge
            });
            inside.wait();
            // It is counted right after it is shown.
            until(|| interrupt.stats().overdue != 0);
            let late = interrupt.overdue().unwrap();
            assert_eq!((late.callback, late.limit), (callback, LIMIT));
            assert_eq!(interrupt.fault(), None);
            assert!(interrupt.check().is_ok() || callback == Callback::Removal);
            match callback {
                Callback::WorkItem => until(|| interrupt.try_acquire_interrupt_lock().is_some()),
                _ => assert!(interrupt.try_acquire_interrupt_lock().is_none()),
            }
            let reports = interrupt.stats().overdue;
            others_are_overdue();
            assert_eq!(interrupt.stats().overdue, reports, "once for each run");

            go.open();
            let edge = driver.join().unwrap();
            until(|| interrupt.overdue().is_none());
            assert_eq!((interrupt.fault(), interrupt.stats().faults), (None, 0));
            if callback != Callback::Removal {
                interrupt.enable().unwrap();
                let before = interrupt.stats().claimed;
                edge.assert();
                until(|| interrupt.stats().claimed != before);
            }
        });
    }
}

/// A callback that returns in time is not reported, nor is an interrupt that runs no callback.
// Caught: a limit that isn't looked at; an end of a run that isn't noted.
#[test]
fn i17_what_returns_in_time_is_not_reported() {
    let build = |limit| Interrupt::builder(()).isr(|_| Claim::Claimed).overdue_after(limit).build().unwrap();
    let (patient, idle) = (build(Duration::MAX), build(LIMIT));
    patient.enable().unwrap();
    patient.service();
    let (inside, go) = (Gate::new(), Gate::new());
    let isr = (inside.clone(), go.clone());
    let slow = Interrupt::builder(())
        .isr(move |_| {
            isr.0.open();
            isr.1.wait();
            Claim::Claimed
        })
        .overdue_after(Duration::from_secs(1000))
        .build()
        .unwrap();
    slow.enable().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| slow.service());
        inside.wait();
        others_are_overdue();
        go.open();
    });
    for interrupt in [patient, idle, slow] {
        assert_eq!((interrupt.overdue(), interrupt.stats().overdue), (None, 0));
    }
}

/// Of an ISR and a work item that are both overdue, the one that holds the lock is told first; and the other after it.
/// A panic of the late callback is a fault like any other.
// Caught: the other order; a work item that is not looked at; a fault in which the late callback is lost, or that it hides.
#[test]
fn i17_two_callbacks_may_be_overdue_and_each_may_fail() {
    watchdog(|| {
        let [isr, work] = [(); 2].map(|()| (Gate::new(), Gate::new()));
        let (in_isr, in_work) = (isr.clone(), work.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                in_isr.0.open();
                in_isr.1.wait();
                panic!("on purpose")
            })
            .work_item(move |_| {
                in_work.0.open();
                in_work.1.wait();
            })
            .overdue_after(LIMIT)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let late = || interrupt.overdue().map(|late| late.callback);
        thread::scope(|scope| {
            scope.spawn(|| interrupt.run_work_item());
            work.0.wait();
            until(|| late() == Some(Callback::WorkItem));
            scope.spawn(|| interrupt.service());
            isr.0.wait();
            until(|| late() == Some(Callback::Isr));
            assert_eq!(interrupt.state(), State::Enabled);
            isr.1.open();
            until(|| late() == Some(Callback::WorkItem));
            work.1.open();
        });
        assert_eq!(late(), None);
        assert_eq!(interrupt.stats().overdue, 2);
        assert!(matches!(interrupt.fault(), Some(Fault::Panicked { callback: Callback::Isr, .. })));
        assert_eq!(interrupt.state(), State::Faulted);
    });
}

// Caught: a limit of nothing that is taken.
#[test]
fn i17_no_time_at_all_is_refused() {
    let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).overdue_after(Duration::ZERO).build();
    assert!(matches!(kind(&refused), Some(ErrorKind::NoTime { .. })));
}
