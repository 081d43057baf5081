//! Rule L12: closures that never wait for the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Callback, Claim, Deferral, ErrorKind, Fault, Interrupt, InterruptObject, NoWorkItem, State};
use support::{Gate, LONG, kind, until, watchdog};

/// The order in which the closures ran.
type Order = Vec<u32>;

fn noting() -> Arc<Interrupt<Order, NoWorkItem>> {
    let interrupt = Interrupt::builder(Order::new())
        .isr(|order| {
            order.push(0);
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// Submits that many closures. Each counts.
fn submit<W>(interrupt: &InterruptObject<Order, W>, closures: u32, count: &Arc<AtomicUsize>) {
    for n in 0..closures {
        let count = count.clone();
        let submitted = interrupt.run_or_defer(move |order| {
            order.push(n);
            count.fetch_add(1, SeqCst);
        });
        assert_eq!(submitted.unwrap(), Deferral::Deferred);
    }
}

#[test]
fn l12_under_a_free_lock_it_runs_at_once() {
    let interrupt = noting();
    let here = thread::current().id();
    let (sender, receiver) = mpsc::channel();
    let deferral = interrupt.run_or_defer(move |order| {
        order.push(1);
        sender.send(thread::current().id()).unwrap();
    });
    assert_eq!(deferral.unwrap(), Deferral::Ran);
    assert_eq!(receiver.try_recv(), Ok(here));
    assert_eq!(*interrupt.acquire_interrupt_lock(), [1]);
}

/// Closures that another thread and the owner itself submit under a held lock: no submission waits, and each closure
/// runs once, in order, before the next section.
// Caught: a push that leaves no word; a stack that is not turned round.
#[test]
fn l12_under_a_held_lock_it_runs_at_the_release_in_order() {
    watchdog(|| {
        let interrupt = noting();
        let count = Arc::new(AtomicUsize::new(0));
        let held = interrupt.acquire_interrupt_lock();
        thread::scope(|threads| {
            threads.spawn(|| submit(&interrupt, 10, &count)).join().unwrap();
        });
        submit(&interrupt, 10, &count);
        assert_eq!(count.load(SeqCst), 0);
        assert!(held.is_empty());
        drop(held);
        assert_eq!(count.load(SeqCst), 20);
        let ran = interrupt.run_or_defer(|order| order.push(99)).unwrap();
        assert_eq!(ran, Deferral::Ran);
        assert!(interrupt.acquire_interrupt_lock().iter().copied().eq((0..10).chain(0..10).chain([99])));
    });
}

/// A deadlock that WDF documents: the ISR sends I/O with the lock held; the request completes on the same thread, and
/// its completion needs the lock.
// Caught: a closure that the owner of the lock acquires for.
#[test]
fn l12_a_completion_on_the_thread_of_the_isr_is_no_deadlock() {
    watchdog(|| {
        #[derive(Default)]
        struct Device {
            sent: u32,
            completed: u32,
        }

        /// An I/O target that completes a request before it returns to its sender.
        fn send(completion: impl FnOnce()) {
            completion();
        }

        let driver: Arc<std::sync::OnceLock<std::sync::Weak<InterruptObject<Device, NoWorkItem>>>> = Arc::default();
        let theirs = driver.clone();
        let (source, line) = Software::edge();
        let done = Gate::new();
        let completed = done.clone();
        let interrupt: Interrupt<Device, NoWorkItem> = Interrupt::builder(Device::default())
            .isr(move |device| {
                device.sent += 1;
                let (driver, completed) = (theirs.get().unwrap().upgrade().unwrap(), completed.clone());
                send(move || {
                    let deferral = driver.run_or_defer(move |device| {
                        device.completed += 1;
                        completed.open();
                    });
                    assert_eq!(deferral.unwrap(), Deferral::Deferred);
                });
                assert_eq!(device.completed, 0, "it ran inside the ISR");
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        driver.set(Arc::downgrade(interrupt.object())).unwrap();
        interrupt.enable().unwrap();
        line.assert();
        done.wait();
        let device = interrupt.acquire_interrupt_lock();
        assert_eq!((device.sent, device.completed), (1, 1));
    });
}

/// Without a worker, the next owner of the lock runs the closures that a release has left.
// Caught: a release without a bound; a bound after which nobody goes on; a closure that overtakes what is queued.
#[test]
fn l12_a_release_runs_a_bounded_number() {
    watchdog(|| {
        let interrupt = noting();
        let count = Arc::new(AtomicUsize::new(0));
        let held = interrupt.acquire_interrupt_lock();
        submit(&interrupt, 200, &count);
        drop(held);
        assert_eq!(count.load(SeqCst), 64);
        let section = interrupt.acquire_interrupt_lock();
        assert_eq!(section.len(), 128, "they come before the section");
        drop(section);
        assert_eq!(count.load(SeqCst), 192);
        // One that is submitted now comes after them.
        let order = Arc::new(AtomicUsize::new(0));
        let ran = order.clone();
        let deferral = interrupt.run_or_defer(move |order| ran.store(order.len(), SeqCst)).unwrap();
        assert_eq!(deferral, Deferral::Ran);
        assert_eq!(order.load(SeqCst), 200);
        assert!(interrupt.acquire_interrupt_lock().iter().copied().eq(0..200));
    });
}

/// With a dispatcher, its worker runs the closures that a release has left.
// Caught: a release that asks no worker; a worker that looks for nothing.
#[test]
fn l12_the_worker_goes_on_with_what_a_release_has_left() {
    watchdog(|| {
        let (source, _line) = Software::edge();
        let interrupt: Interrupt<Order, NoWorkItem> =
            Interrupt::builder(Order::new()).isr(|_| Claim::Claimed).source(source).build().unwrap();
        interrupt.enable().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let held = interrupt.acquire_interrupt_lock();
        submit(&interrupt, 1_000, &count);
        drop(held);
        until(|| count.load(SeqCst) >= 1_000);
        assert!(interrupt.acquire_interrupt_lock().iter().copied().eq(0..1_000));
    });
}

/// A closure that submits itself again and again does not keep other threads from the lock.
// Caught: a release without a bound; a close that comes after what is queued has run.
#[test]
fn l12_a_closure_that_submits_itself_keeps_nobody_out() {
    fn again(interrupt: &Arc<InterruptObject<Order, NoWorkItem>>, runs: &Arc<AtomicUsize>) {
        let (theirs, count) = (interrupt.clone(), runs.clone());
        let _ended = interrupt.run_or_defer(move |_| {
            count.fetch_add(1, SeqCst);
            again(&theirs, &count);
        });
    }

    watchdog(|| {
        let interrupt: Interrupt<Order, NoWorkItem> =
            Interrupt::builder(Order::new()).isr(|_| Claim::Claimed).build().unwrap();
        interrupt.enable().unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        again(interrupt.object(), &runs);
        for _ in 0..10 {
            drop(interrupt.acquire_interrupt_lock());
            assert!(interrupt.try_acquire_interrupt_lock().is_some());
        }
        assert!(runs.load(SeqCst) >= 10);
        let object = interrupt.object().clone();
        drop(interrupt);
        assert_eq!(object.state(), State::Ended);
    });
}

/// Each closure runs once, also if several threads submit while others have sections.
// Caught, in the models of the same rule: push-torn, take-submitted-torn, taken-backwards.
#[test]
fn l12_each_closure_runs_once_from_any_thread() {
    watchdog(|| {
        const EACH: u32 = 2_000;
        let interrupt = noting();
        let wrong = Arc::new(AtomicBool::new(false));
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let (interrupt, wrong) = (interrupt.clone(), wrong.clone());
                thread::spawn(move || {
                    let last = Arc::new(AtomicUsize::new(0));
                    for n in 1..=EACH {
                        let (last, wrong) = (last.clone(), wrong.clone());
                        let submitted = interrupt.run_or_defer(move |order| {
                            if last.swap(n as usize, SeqCst) != n as usize - 1 {
                                wrong.store(true, SeqCst);
                            }
                            order.push(n);
                        });
                        submitted.unwrap();
                        if n % 64 == 0 {
                            drop(interrupt.acquire_interrupt_lock());
                        }
                    }
                })
            })
            .collect();
        submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        // A release runs no more than 64.
        until(|| interrupt.acquire_interrupt_lock().len() >= 3 * EACH as usize);
        assert!(!wrong.load(SeqCst), "one overtook another");
        assert_eq!(interrupt.acquire_interrupt_lock().len(), 3 * EACH as usize);
    });
}

/// A panic in a closure does not reach the releasing thread, and not the closures behind it.
// Caught: a closure that is called as it is.
#[test]
fn l12_a_panic_in_it_is_a_fault() {
    for held in [false, true] {
        let interrupt = noting();
        let guard = held.then(|| interrupt.acquire_interrupt_lock());
        interrupt.run_or_defer(|_| panic!("no such request")).unwrap();
        let behind = interrupt.run_or_defer(|order| order.push(7)).unwrap();
        assert_eq!(behind == Deferral::Deferred, held);
        drop(guard);
        let fault = Fault::Panicked { callback: Callback::Deferred, message: "no such request".into() };
        assert_eq!(fault.to_string(), "the deferred closure panicked: no such request");
        assert_eq!(interrupt.fault(), Some(fault));
        assert_eq!(interrupt.state(), State::Faulted);
        assert_eq!(*interrupt.acquire_interrupt_lock(), [7]);
    }
}

/// A closure that a callback submits runs after it, because the callback holds the lock.
#[test]
fn l12_what_a_callback_submits_runs_after_it() {
    watchdog(|| {
        let slot: Arc<std::sync::OnceLock<std::sync::Weak<InterruptObject<Order, NoWorkItem>>>> = Arc::default();
        let submit = |n: u32| {
            let slot = slot.clone();
            move |order: &mut Order| {
                let interrupt = slot.get().unwrap().upgrade().unwrap();
                assert_eq!(interrupt.run_or_defer(move |order| order.push(n + 1)).unwrap(), Deferral::Deferred);
                order.push(n);
            }
        };
        let (isr, enable, disable) = (submit(20), submit(10), submit(30));
        let interrupt: Interrupt<Order, NoWorkItem> = Interrupt::builder(Order::new())
            .isr(move |order| {
                isr(order);
                Claim::Claimed
            })
            .on_enable(move |order| enable(order))
            .on_disable(move |order| disable(order))
            .build()
            .unwrap();
        slot.set(Arc::downgrade(interrupt.object())).unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        interrupt.disable().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), [10, 11, 20, 21, 30, 31]);
    });
}

/// A delivery that begins to wait while closures run goes before the closures that have not begun.
// Caught: a release that gives the lock up only after all its closures.
#[test]
fn l7_a_delivery_goes_before_deferred_closures() {
    watchdog(|| {
        let interrupt = noting();
        let held = interrupt.acquire_interrupt_lock();
        let (running, go_on) = (Gate::new(), Gate::new());
        let (begun, wait) = (running.clone(), go_on.clone());
        interrupt
            .run_or_defer(move |order| {
                begun.open();
                wait.wait();
                order.push(1);
            })
            .unwrap();
        interrupt.run_or_defer(|order| order.push(2)).unwrap();
        let delivery = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                running.wait();
                let (object, later) = (interrupt.object().clone(), go_on.clone());
                let opener = thread::spawn(move || {
                    until(|| object.snapshot().deliveries_waiting != 0);
                    later.open();
                });
                let _ = interrupt.service();
                opener.join().unwrap();
            }
        });
        drop(held);
        delivery.join().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), [1, 0, 2]);
    });
}

/// Deferred closures run before the end. Later ones are refused.
// Caught: an end that runs no closures; one that closes nothing; an end that is not looked at.
#[test]
fn e6_deferred_closures_run_before_the_end() {
    watchdog(|| {
        let (source, _line) = Software::edge();
        let interrupt: Interrupt<Order, NoWorkItem> =
            Interrupt::builder(Order::new()).isr(|_| Claim::Claimed).source(source).build().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let object = interrupt.object().clone();
        let guard = object.acquire_interrupt_lock();
        submit(&object, 200, &count);
        // Inside a section: the end is put off until the section has ended.
        drop(interrupt);
        drop(guard);
        until(|| object.state() == State::Ended);
        assert_eq!(count.load(SeqCst), 200);

        let dropped = Arc::new(());
        let theirs = dropped.clone();
        let refused = object.run_or_defer(move |_| drop(theirs));
        assert!(matches!(kind(&refused), Some(ErrorKind::Ended)));
        assert_eq!(Arc::strong_count(&dropped), 1);
        let held = object.try_acquire_interrupt_lock_for(LONG).unwrap();
        let refused = object.run_or_defer(|_| unreachable!("after the end"));
        assert!(matches!(kind(&refused), Some(ErrorKind::Ended)));
        drop(held);
    });
}
