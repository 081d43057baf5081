//! Rule L7: the order in which waiting deliveries and threads get the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use interrupt_lock::{Claim, Delivery, Interrupt, InterruptObject, NoWorkItem};
use support::slot::OnDrop;
use support::{asleep, pause, until, watchdog};

/// The order in which the sections ran.
type Order = Vec<String>;

fn noting() -> Arc<Interrupt<Order, NoWorkItem>> {
    let interrupt = Interrupt::builder(Order::new())
        .isr(|order| {
            order.push(format!("ISR {}", thread::current().name().unwrap_or("?")));
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// Waits until a delivery has announced that it waits.
fn waits<T, W>(interrupt: &InterruptObject<T, W>) {
    until(|| interrupt.snapshot().deliveries_waiting == 1);
}

/// Threads that slept before a delivery began to wait come after it, and after the deliveries that it let in.
// Caught: an enter_slow that waits as a thread does.
#[test]
fn l7_a_delivery_goes_before_all_threads() {
    watchdog(|| {
        let interrupt = noting();
        let held = interrupt.acquire_interrupt_lock();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let interrupt = interrupt.clone();
                asleep("thread", move || interrupt.acquire_interrupt_lock().push("thread".into()))
            })
            .collect();
        let theirs = interrupt.clone();
        let serve = move || assert_eq!(theirs.service(), Delivery::Answered(Claim::Claimed));
        let delivery = thread::Builder::new().name("0".into()).spawn(serve).unwrap();
        waits(&interrupt);
        drop(held);
        delivery.join().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*interrupt.acquire_interrupt_lock(), ["ISR 0", "thread", "thread", "thread"]);
    });
}

// Caught, in the model of the same rule: turn-ignored, wakes-any-delivery.
#[test]
fn l7_deliveries_that_wait_are_served_in_order_of_arrival() {
    watchdog(|| {
        let interrupt = noting();
        let held = interrupt.acquire_interrupt_lock();
        let deliveries: Vec<_> = (0..4)
            .map(|n| {
                let theirs = interrupt.clone();
                asleep(n.to_string(), move || theirs.service())
            })
            .collect();
        drop(held);
        deliveries.into_iter().for_each(|delivery| assert!(delivery.join().is_ok()));
        assert_eq!(*interrupt.acquire_interrupt_lock(), ["ISR 0", "ISR 1", "ISR 2", "ISR 3"]);
    });
}

/// While a delivery waits, `try_acquire` fails, whether the lock is free or not.
// Caught: precedes_threads that ignores deliveries; an enter_slow that waits as a thread does.
#[test]
fn l7_who_only_tries_passes_no_delivery() {
    watchdog(|| {
        let interrupt = noting();
        let go_on = Arc::new(AtomicBool::new(true));
        let trying = thread::spawn({
            let (interrupt, go_on) = (interrupt.clone(), go_on.clone());
            move || {
                while go_on.load(Ordering::SeqCst) {
                    if let Some(mut order) = interrupt.try_acquire_interrupt_lock() {
                        order.push("tried".into());
                    }
                }
            }
        });
        for n in 0..300 {
            let mut held = interrupt.acquire_interrupt_lock();
            held.clear();
            let theirs = interrupt.clone();
            if n % 30 == 0 {
                // Asleep, so that its announcement is over; the others meet the release in the middle of it.
                let delivery = thread::Builder::new().name(n.to_string()).spawn(move || theirs.service()).unwrap();
                waits(&interrupt);
                drop(held);
                delivery.join().unwrap();
                assert_eq!(interrupt.acquire_interrupt_lock()[0], format!("ISR {n}"));
            } else {
                let delivery = thread::spawn(move || theirs.service());
                drop(held);
                delivery.join().unwrap();
            }
        }
        go_on.store(false, Ordering::SeqCst);
        trying.join().unwrap();
    });
}

/// Deliveries without a pause do not keep a thread out for ever: a driver must be able to disable them.
// Caught: never_ceases that says no; wait_as_thread without its patience.
#[test]
fn l7_deliveries_that_never_cease_keep_nobody_out() {
    watchdog(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = runs.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                // Longer than it takes the other thread to come again.
                pause();
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        thread::scope(|scope| {
            let _stop = OnDrop(|| _ = interrupt.disable());
            for _ in 0..3 {
                scope.spawn(|| while interrupt.service() != Delivery::NotServed {});
            }
            until(|| runs.load(Ordering::Relaxed) >= 1_000);
            for _ in 0..20 {
                drop(interrupt.acquire_interrupt_lock());
            }
        });
    });
}
