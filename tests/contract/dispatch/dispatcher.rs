//! Rule I16, and what a dispatcher owes to each of its interrupts.

use std::sync::{Arc, Mutex};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Delivery, Dispatcher, Interrupt, NoWorkItem, State};
use support::log::Log;
use support::script::Script;
use support::slot::OnDrop;
use support::{Gate, until, watchdog};

/// An ISR that does not return, or that waits for its lock, delays no interrupt of another dispatcher.
// Caught: one dispatcher for every interrupt.
#[test]
fn i16_a_slow_isr_delays_no_interrupt_of_another_dispatcher() {
    watchdog(|| {
        let (entered, go, log) = (Gate::new(), Gate::new(), Log::new());
        let slow = (entered.clone(), go.clone());
        let (source, start) = Software::edge();
        let first = Interrupt::builder(())
            .isr(move |_| {
                slow.0.open();
                slow.1.wait();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        let quick = |name: &'static str| {
            let (source, assert) = Software::edge();
            let isr = log.clone();
            let interrupt = Interrupt::builder(())
                .isr(move |_| {
                    isr.add(name);
                    Claim::Claimed
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            (interrupt, assert)
        };
        let (locked, start_locked) = quick("locked");
        let (_second, assert) = quick("second");
        first.enable().unwrap();
        start.assert();
        entered.wait();
        let held = locked.acquire_interrupt_lock();
        start_locked.assert();
        for n in 1..=100 {
            assert.assert();
            log.wait_for("second", n);
        }
        assert!(!log.contains("locked"));
        drop(held);
        log.wait_for("locked", 1);
        go.open();
    });
}

// Caught: a work item that is run by the thread that delivers.
#[test]
fn i16_a_work_item_never_runs_on_a_thread_that_waits_on_sources() {
    watchdog(|| {
        let shared = Dispatcher::new().unwrap();
        for dispatcher in [None, Some(&shared)] {
            let (source, assert) = Software::edge();
            let threads = Arc::new(Mutex::new(Vec::new()));
            let (isr, work) = (threads.clone(), threads.clone());
            let (entered, go, log) = (Gate::new(), Gate::new(), Log::new());
            let (blocked, delivered) = ((entered.clone(), go.clone()), log.clone());
            let mut builder = Interrupt::builder(())
                .isr(move |cx| {
                    isr.lock().unwrap().push(thread::current().id());
                    delivered.add("isr");
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| {
                    work.lock().unwrap().push(thread::current().id());
                    blocked.0.open();
                    blocked.1.wait();
                })
                .source(source);
            if let Some(dispatcher) = dispatcher {
                builder = builder.dispatcher(dispatcher);
            }
            let interrupt = builder.build().unwrap();
            interrupt.enable().unwrap();
            assert.assert();
            entered.wait();
            // While the work item is going on, the next is delivered.
            assert.assert();
            log.wait_for("isr", 2);
            go.open();
            interrupt.disable().unwrap();
            let threads = threads.lock().unwrap();
            assert_eq!(threads[0], threads[2], "the ISR's thread");
            assert_ne!(threads[0], threads[1]);
        }
    });
}

/// A line that never falls keeps its dispatcher busy. The dispatcher serves its other interrupts all the same, those
/// with a descriptor and those with a waker.
// Caught: a waiter that looks at the descriptors only when no flag is raised.
#[test]
fn i3_a_storm_starves_nobody_of_the_same_dispatcher() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let log = Log::new();
        let (line, stuck) = Software::level();
        let storm =
            Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(line).dispatcher(&dispatcher).build().unwrap();
        let (descriptor, device) = Script::descriptor(&Log::new());
        let (edge, assert) = Software::edge();
        let quiet = |name: &'static str, source: Box<dyn FnOnce() -> Interrupt<(), NoWorkItem>>| {
            let interrupt = source();
            interrupt.enable().unwrap();
            (name, interrupt)
        };
        let [first, second] = [(); 2].map(|()| log.clone());
        let (one, other) = (dispatcher.clone(), dispatcher.clone());
        let _descriptor = quiet(
            "descriptor",
            Box::new(move || {
                Interrupt::builder(())
                    .isr(move |_| {
                        first.add("descriptor");
                        Claim::Claimed
                    })
                    .source(descriptor)
                    .dispatcher(&one)
                    .build()
                    .unwrap()
            }),
        );
        let _waker = quiet(
            "waker",
            Box::new(move || {
                Interrupt::builder(())
                    .isr(move |_| {
                        second.add("waker");
                        Claim::Claimed
                    })
                    .source(edge)
                    .dispatcher(&other)
                    .build()
                    .unwrap()
            }),
        );
        storm.enable().unwrap();
        stuck.assert();
        until(|| storm.stats().spurious >= 10);
        for n in 1..=10 {
            assert.assert();
            device.assert();
            log.wait_for("waker", n);
            log.wait_for("descriptor", n);
        }
    });
}

/// A dispatcher has more interrupts than its word has bits, and more than the system reports at once. One of them comes
/// and goes. Each interrupt that was asserted while an ISR delayed them all is served, and its work item runs.
// Caught: a bit that stands for one interrupt only, for the sources, and for the work items; a place that is given twice.
#[test]
fn i3_more_interrupts_than_there_are_bits_are_all_served() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (entered, go, log) = (Gate::new(), Gate::new(), Log::new());
        let slow = (entered.clone(), go.clone());
        let (source, start) = Software::edge();
        let first = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                slow.0.open();
                slow.1.wait();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        first.enable().unwrap();
        let build = |by_descriptor: bool| {
            let (isr, work) = (log.clone(), log.clone());
            let builder = Interrupt::builder(())
                .isr(move |cx| {
                    isr.add("isr");
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| work.add("work item"))
                .dispatcher(&dispatcher);
            let (software, edge) = Software::edge();
            let (descriptor, device) = Script::descriptor(&Log::new());
            let (interrupt, assert): (_, Box<dyn Fn()>) = match by_descriptor {
                true => (builder.source(descriptor).build().unwrap(), Box::new(move || device.assert())),
                false => (builder.source(software).build().unwrap(), Box::new(move || edge.assert())),
            };
            interrupt.enable().unwrap();
            (interrupt, assert)
        };
        let mut connected: Vec<_> = (0..300).map(|n| build(n % 2 == 0)).collect();
        drop(connected.swap_remove(70));
        connected.push(build(false));
        start.assert();
        entered.wait();
        for (_, assert) in &connected {
            assert();
        }
        go.open();
        log.wait_for("isr", 300);
        log.wait_for("work item", 300);
        for (interrupt, _) in &connected {
            // A run is counted before its section ends; its work item may be faster.
            drop(interrupt.acquire_interrupt_lock());
            assert_eq!(interrupt.stats().delivered, 1);
        }
    });
}

/// A clone is the same dispatcher, which lives as long as any interrupt needs it.
// Caught: a dispatcher that ends with its first clone.
#[test]
fn i16_a_dispatcher_ends_with_its_last_user() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let clone = dispatcher.clone();
        let log = Log::new();
        let build = |dispatcher: &Dispatcher| {
            let (source, assert) = Software::edge();
            let (isr, work) = (log.clone(), log.clone());
            let interrupt = Interrupt::builder(())
                .isr(move |cx| {
                    isr.add("isr");
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| work.add("work item"))
                .source(source)
                .dispatcher(dispatcher)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            (interrupt, assert)
        };
        let (first, _) = build(&dispatcher);
        drop(dispatcher);
        let (_second, assert) = build(&clone);
        drop(clone);
        drop(first);
        assert.assert();
        log.wait_for("isr", 1);
        log.wait_for("work item", 1);
    });
}

/// The last clone of the dispatcher is dropped in a callback, on one of its own threads.
// Caught: a dispatcher that ends with its first clone.
#[test]
fn e6_the_last_dispatcher_goes_on_its_own_thread() {
    watchdog(|| {
        for in_work_item in [true, false] {
            let dispatcher = Dispatcher::new().unwrap();
            let gone = Gate::new();
            let freed = gone.clone();
            let mut last = Some((dispatcher.clone(), OnDrop(move || freed.open())));
            let mut last_in_isr = None;
            if !in_work_item {
                last_in_isr = last.take();
            }
            let (source, assert) = Software::edge();
            let interrupt = Interrupt::builder(())
                .isr(move |cx| {
                    drop(last_in_isr.take());
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| drop(last.take()))
                .source(source)
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            drop(dispatcher);
            interrupt.enable().unwrap();
            assert.assert();
            gone.wait();
            interrupt.disable().unwrap();
        }
    });
}

/// A guard is forgotten on the dispatcher's thread. Its interrupt can't be served any more, but the others can.
// Caught: a waiter that is ended by a removal it can't look for.
#[test]
fn l10_a_guard_lost_on_the_dispatchers_thread() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let log = Log::new();
        let (source, device) = Script::waking(&Log::new());
        let victim = Arc::new(
            Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(&dispatcher).build().unwrap(),
        );
        let (source, assert) = Software::edge();
        let (object, isr) = (victim.object().clone(), log.clone());
        let careless = Interrupt::builder(())
            .isr(move |_| {
                if let Some(guard) = object.try_acquire_interrupt_lock() {
                    std::mem::forget(guard);
                }
                isr.add("isr");
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        victim.enable().unwrap();
        careless.enable().unwrap();
        assert.assert();
        log.wait_for("isr", 1);
        device.assert();
        device.remove(interrupt_lock::source::Removal::Requested);
        assert.assert();
        log.wait_for("isr", 2);
        assert_eq!(careless.state(), State::Enabled);
        // Its handle would wait for the guard for ever.
        std::mem::forget(victim);
    });
}

/// A driver needs no thread of the crate: its own loop waits on the source.
// Caught: a connection that is refused without a dispatcher.
#[test]
fn i16_a_driver_can_do_without_a_dispatcher() {
    let (source, device) = Script::descriptor(&Log::new());
    let interrupt = Interrupt::builder(0)
        .isr(|cx| {
            **cx += cx.assertions();
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(|_| ())
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert_eq!(interrupt.service(), Delivery::Nothing);
    device.assert();
    device.assert();
    assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
    assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    assert!(interrupt.is_work_item_queued());
    assert!(!interrupt.run_work_item());
}
