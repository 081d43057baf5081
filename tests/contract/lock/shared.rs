//! Rule L9: several interrupts share one lock and its data.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak, mpsc};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{
    Callback, Claim, Deferral, Delivery, Device, Error, ErrorKind, Fault, Interrupt, InterruptLock, InterruptObject,
    Name, NoWorkItem, State, Transition, WithWorkItem,
};
use support::slot::{OnDrop, Owner};
use support::{Gate, LONG, kind, panic_message, until, watchdog};

/// The order in which the ISRs ran.
type Order = Vec<&'static str>;
type Member = Interrupt<Order, NoWorkItem>;

fn member(lock: &Arc<InterruptLock<Order>>, name: &'static str) -> Member {
    let interrupt = Interrupt::builder_sharing(lock)
        .name(name)
        .isr(move |order| {
            order.push(name);
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// Two ISRs on threads of their own, and sections through each handle, never overlap.
#[test]
fn l9_no_two_of_them_run_at_once() {
    const EACH: usize = 2_000;
    watchdog(|| {
        let (inside, overlaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let section = {
            let (inside, overlaps) = (inside.clone(), overlaps.clone());
            move |count: &mut usize| {
                overlaps.fetch_add(inside.swap(true, SeqCst).into(), SeqCst);
                *count += 1;
                overlaps.fetch_add((!inside.swap(false, SeqCst)).into(), SeqCst);
            }
        };
        let lock = Arc::new(InterruptLock::named(Name::new("port"), 0));
        let (interrupts, lines): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (source, line) = Software::edge();
                let isr = section.clone();
                let interrupt = Interrupt::builder_sharing(&lock)
                    .isr(move |count| {
                        isr(count);
                        Claim::Claimed
                    })
                    .source(source)
                    .build()
                    .unwrap();
                interrupt.enable().unwrap();
                (interrupt, line)
            })
            .unzip();
        thread::scope(|scope| {
            for (interrupt, line) in interrupts.iter().zip(&lines) {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        line.assert();
                        section(&mut interrupt.acquire_interrupt_lock());
                    }
                });
            }
            for _ in 0..EACH {
                lock.synchronize(&section);
            }
        });
        for interrupt in &interrupts {
            interrupt.disable().unwrap();
        }
        let served: u64 = interrupts.iter().map(|interrupt| interrupt.stats().claimed).sum();
        assert!(served >= 2);
        assert_eq!(*lock.acquire_interrupt_lock() as u64, 3 * EACH as u64 + served);
        assert_eq!(overlaps.load(SeqCst), 0);
    });
}

/// A lock that is held through one handle is held for all. An error names the interrupt that was asked.
// Caught: the name of the lock in errors that come through an interrupt.
#[test]
fn l9_held_through_one_it_is_held_for_all() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::named(Name::new("port"), Order::new()));
        let (rx, tx) = (member(&lock, "rx"), member(&lock, "tx"));
        let held = rx.acquire_interrupt_lock();
        assert!(tx.try_acquire_interrupt_lock().is_none());
        assert!(lock.try_acquire_interrupt_lock().is_none());
        assert!(panic_message(|| tx.acquire_interrupt_lock()).contains("tx"));
        assert!(panic_message(|| lock.acquire_interrupt_lock()).contains("port"));
        let refused = tx.try_acquire_interrupt_lock_for(LONG).unwrap_err();
        let ErrorKind::Recursive { taken_at } = refused.kind() else { panic!("{refused}") };
        assert_eq!((refused.name().as_str(), taken_at.file()), ("tx", file!()));
        assert!(matches!(kind(&lock.try_acquire_interrupt_lock_for(LONG)), Some(ErrorKind::Recursive { .. })));
        assert!(matches!(
            kind(&lock.try_acquire_interrupt_lock_until(std::time::Instant::now())),
            Some(ErrorKind::Recursive { .. })
        ));
        drop(held);
        drop(lock.acquire_interrupt_lock());
    });
}

/// Whichever handle holds the lock, its release serves the pending deliveries of all interrupts.
// Caught: a release that serves only the interrupt whose guard it is; one that serves none; a walk that stops after the
// first member; an interrupt that never joins.
#[test]
fn l9_a_release_serves_them_all() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let members = ["rx", "tx", "errors"].map(|name| member(&lock, name));
        let [rx, tx, errors] = &members;
        for way in 0..3 {
            let held = match way {
                0 => lock.acquire_interrupt_lock(),
                1 => rx.acquire_interrupt_lock(),
                _ => errors.try_acquire_interrupt_lock_for(LONG).unwrap(),
            };
            for interrupt in [tx, errors, rx] {
                assert_eq!(interrupt.service(), Delivery::Pending);
            }
            assert!(held.is_empty());
            drop(held);
            let mut served = lock.synchronize(std::mem::take);
            served.sort_unstable();
            assert_eq!(served, ["errors", "rx", "tx"], "way {way}");
        }
    });
}

/// The ISR of one interrupt asserts the other.
// Caught: a release that serves only the interrupt whose guard it is.
#[test]
fn l9_an_isr_is_served_in_the_isr_of_another() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let tx = Arc::new(member(&lock, "tx"));
        let other = tx.clone();
        let rx = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
            .isr(move |order| {
                assert_eq!(other.service(), Delivery::Pending);
                order.push("rx");
                Claim::Claimed
            })
            .build()
            .unwrap();
        rx.enable().unwrap();
        assert_eq!(rx.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(*lock.acquire_interrupt_lock(), ["rx", "tx"]);
    });
}

/// A fault or a disable of one interrupt leaves the others in service.
#[test]
fn l9_a_fault_is_of_one_alone() {
    let lock = Arc::new(InterruptLock::new(Order::new()));
    let tx = member(&lock, "tx");
    let rx = Interrupt::<_, NoWorkItem>::builder_sharing(&lock).isr(|_| panic!("no such queue")).build().unwrap();
    rx.enable().unwrap();
    assert_eq!(rx.service(), Delivery::NotServed);
    assert!(matches!(rx.fault(), Some(Fault::Panicked { callback: Callback::Isr, .. })));
    assert_eq!((rx.state(), tx.state()), (State::Faulted, State::Enabled));
    assert_eq!(tx.service(), Delivery::Answered(Claim::Claimed));
    tx.disable().unwrap();
    assert_eq!(tx.service(), Delivery::NotServed);
    rx.clear_fault().unwrap();
    assert_eq!(rx.enable().unwrap(), Transition::Done);
    assert_eq!(*lock.acquire_interrupt_lock(), ["tx"]);
}

/// A transition is refused to a thread that holds the shared lock, and in the ISR and the callbacks of another
/// interrupt, which hold it.
// (Two checks refuse it: that of sections, and that of circles. It is caught where both are gone.)
#[test]
fn e4_a_transition_that_needs_the_shared_lock_is_refused_to_its_holder() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let tx = Arc::new(member(&lock, "tx"));
        let refused =
            |answer: Result<Transition, Error>| matches!(kind(&answer), Some(ErrorKind::WouldDeadlock { .. }));

        let held = lock.acquire_interrupt_lock();
        assert!(refused(tx.disable()));
        drop(held);

        let (isrs, enables) = (tx.clone(), tx.clone());
        let rx = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
            .isr(move |order| {
                order.push(if refused(isrs.disable()) { "refused" } else { "done" });
                Claim::Claimed
            })
            .on_enable(move |order: &mut Order| {
                order.push(if refused(enables.disable()) { "refused" } else { "done" });
            })
            .build()
            .unwrap();
        rx.enable().unwrap();
        rx.service();
        assert_eq!(*lock.acquire_interrupt_lock(), ["refused", "refused"]);
        assert_eq!(tx.state(), State::Enabled);
    });
}

/// The closures of each interrupt run once, in order, when the lock is released through another. A panic is a fault of
/// the closure's own interrupt. No interrupt keeps the closures of another waiting for ever.
// Caught: a walk that always begins with the first member.
#[test]
fn l12_closures_are_deferred_to_the_owner_of_the_shared_lock() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let (rx, tx) = (member(&lock, "rx"), member(&lock, "tx"));
        let held = lock.acquire_interrupt_lock();
        for name in ["first", "second"] {
            assert_eq!(tx.run_or_defer(move |order| order.push(name)).unwrap(), Deferral::Deferred);
        }
        assert_eq!(rx.run_or_defer(|_| panic!("no such request")).unwrap(), Deferral::Deferred);
        drop(held);
        assert_eq!(*lock.acquire_interrupt_lock(), ["first", "second"]);
        assert!(matches!(rx.fault(), Some(Fault::Panicked { callback: Callback::Deferred, .. })));
        assert_eq!(tx.fault(), None);

        // One that submits itself again and again, and another's.
        fn again(this: &Arc<Member>, ran: &Arc<AtomicUsize>) {
            let (next, count) = (this.clone(), ran.clone());
            let _ = this.run_or_defer(move |order| {
                if !order.contains(&"other") && count.fetch_add(1, SeqCst) < 1_000 {
                    again(&next, &count);
                }
            });
        }
        rx.clear_fault().unwrap();
        let (rx, ran) = (Arc::new(rx), Arc::new(AtomicUsize::new(0)));
        let held = lock.acquire_interrupt_lock();
        again(&rx, &ran);
        assert_eq!(tx.run_or_defer(|order| order.push("other")).unwrap(), Deferral::Deferred);
        drop(held);
        assert!(lock.acquire_interrupt_lock().contains(&"other"));
        assert!(ran.load(SeqCst) <= 64, "{ran:?}");
    });
}

/// Each closure is a section of its own, whichever interrupt it belongs to. A delivery that becomes pending in one runs
/// before the next closure.
// Caught: a release that runs one closure of each at once; deliveries and closures served member by member.
#[test]
fn l12_a_delivery_comes_before_the_closure_of_another() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let (rx, tx) = (Arc::new(member(&lock, "rx")), member(&lock, "tx"));
        for way in 0..4 {
            let held = lock.acquire_interrupt_lock();
            for closures in [&*rx, &tx] {
                let asserted = rx.clone();
                let deferred = closures.run_or_defer(move |order| {
                    order.push("closure");
                    assert_eq!(asserted.service(), Delivery::Pending);
                });
                assert_eq!(deferred.unwrap(), Deferral::Deferred);
            }
            drop(held);
            assert_eq!(lock.synchronize(std::mem::take), ["closure", "rx", "closure", "rx"], "way {way}");
        }
    });
}

/// The worker of any interrupt goes on with what a release has left.
// Caught: a release that asks only its own interrupt's.
#[test]
fn l12_the_worker_of_another_goes_on() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let rx = member(&lock, "rx");
        let (source, _line) = Software::edge();
        let tx: Interrupt<_> =
            Interrupt::builder_sharing(&lock).isr(|_| Claim::Claimed).work_item(|_| ()).source(source).build().unwrap();
        let held = rx.acquire_interrupt_lock();
        let (sender, receiver) = mpsc::channel();
        for n in 0..200 {
            let sender = sender.clone();
            tx.run_or_defer(move |_| sender.send(n).unwrap()).unwrap();
        }
        drop((held, sender));
        assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    });
}

/// A thread that holds the lock, through any handle, drops an interrupt: it ends at the release. So does one that is
/// dropped in the ISR of another interrupt. Its disable callback has run by then, and nothing is left of it.
// Caught: `after` that asks only the releaser; one that goes from the first to the last, and so passes over whom an end
// moves; members that are never forgotten.
#[test]
fn e6_one_that_is_dropped_with_the_lock_held_ends_at_the_release() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let dropped = |name: &'static str| {
            let token = Arc::new(());
            let theirs = token.clone();
            let interrupt = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
                .isr(|_| Claim::Claimed)
                .on_disable(move |order: &mut Order| {
                    let _ = &theirs;
                    order.push(name);
                })
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            (interrupt, token)
        };
        let others = ["a", "b"].map(|name| member(&lock, name));

        let (interrupt, token) = dropped("with the lock held");
        let next = dropped("and the next");
        let object: Weak<InterruptObject<_, _>> = Arc::downgrade(interrupt.object());
        let held = lock.acquire_interrupt_lock();
        drop((interrupt, next.0));
        assert_eq!(object.upgrade().unwrap().state(), State::Enabled);
        drop(held);
        assert!(object.upgrade().is_none());
        assert_eq!((Arc::strong_count(&token), Arc::strong_count(&next.1)), (1, 1));

        let (interrupt, token) = dropped("in an ISR");
        let victim = Cell::new(Some(interrupt));
        let rx = Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
            .isr(move |order| {
                drop(victim.take());
                order.push("rx");
                Claim::Claimed
            })
            .build()
            .unwrap();
        rx.enable().unwrap();
        rx.service();
        assert_eq!(Arc::strong_count(&token), 1);
        drop((rx, others));
        assert_eq!(*lock.acquire_interrupt_lock(), ["and the next", "with the lock held", "rx", "in an ISR"]);
    });
}

/// An interrupt that is dropped in its own work item ends with that run. It does not delay the delivery of another
/// interrupt, for which the run may be waiting.
// Caught: a release that waits for the work item of an interrupt whose end was left to it.
#[test]
fn e6_one_that_its_work_item_drops_delays_no_other() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let tx = member(&lock, "tx");
        let (owner, dropped, go) = (Owner::new(), Gate::new(), Gate::new());
        let (theirs, has_dropped, may_go) = (owner.clone(), dropped.clone(), go.clone());
        let rx = Interrupt::<_, WithWorkItem>::builder_sharing(&lock)
            .isr(|_| Claim::Claimed)
            .work_item(move |_| {
                theirs.drop_handle();
                has_dropped.open();
                may_go.wait();
            })
            .build()
            .unwrap();
        rx.enable().unwrap();
        rx.queue_work_item();
        let rx = owner.keep(rx);
        let worker = thread::spawn({
            let rx = rx.clone();
            move || rx.run_work_item()
        });
        dropped.wait();
        let held = lock.acquire_interrupt_lock();
        assert_eq!(tx.service(), Delivery::Pending);
        drop(held);
        assert_eq!(rx.run_or_defer(|order| order.push("closure")).unwrap(), Deferral::Ran);
        assert_ne!(rx.state(), State::Ended);
        go.open();
        worker.join().unwrap();
        assert_eq!(rx.state(), State::Ended);
        assert_eq!(*lock.acquire_interrupt_lock(), ["tx", "closure"]);
    });
}

/// An interrupt ends while another thread holds the lock: the end waits, and the owner's section goes on undisturbed.
#[test]
fn e6_the_end_of_one_waits_for_the_holder() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let (rx, tx) = (member(&lock, "rx"), member(&lock, "tx"));
        let mut held = tx.acquire_interrupt_lock();
        let ending = support::asleep("end", move || drop(rx));
        assert!(!ending.is_finished());
        held.push("section");
        drop(held);
        ending.join().unwrap();
        assert_eq!(tx.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(*lock.acquire_interrupt_lock(), ["section", "tx"]);
    });
}

/// The data is dropped with the last handle or interrupt, and not before.
// Caught: members that are never forgotten, which keep the lock that keeps them.
#[test]
fn l9_the_data_lives_as_long_as_anybody_can_reach_it() {
    let data = Arc::new(());
    let lock = Arc::new(InterruptLock::new(data.clone()));
    let build = || Interrupt::<_, NoWorkItem>::builder_sharing(&lock).isr(|_| Claim::Claimed).build().unwrap();
    let (rx, tx) = (build(), build());
    rx.enable().unwrap();
    drop(lock);
    drop(tx);
    assert_eq!(Arc::strong_count(&data), 2);
    assert!(Arc::ptr_eq(&rx.acquire_interrupt_lock(), &data));
    drop(rx);
    assert_eq!(Arc::strong_count(&data), 1);
}

/// Interrupts are built and ended while others are served and many threads acquire the lock.
#[test]
fn l9_members_come_and_go_while_others_are_served() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0_u64));
        let stop = AtomicBool::new(false);
        let build = || {
            let interrupt = Interrupt::<u64, NoWorkItem>::builder_sharing(&lock)
                .isr(|count| {
                    **count += 1;
                    Claim::Claimed
                })
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let steady = build();
        let pending = AtomicUsize::new(0);
        thread::scope(|scope| {
            let _stop = OnDrop(|| stop.store(true, SeqCst));
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let held = lock.acquire_interrupt_lock();
                    assert_eq!(steady.service(), Delivery::Pending);
                    pending.fetch_add(1, SeqCst);
                    drop(held);
                }
            });
            for _ in 0..300 {
                let members = [build(), build(), build()];
                let object = members.each_ref().map(|member| Arc::clone(member.object()));
                let held = lock.acquire_interrupt_lock();
                drop(members);
                drop(held);
                // By this release, or by the other thread's.
                until(|| object.iter().all(|object| object.state() == State::Ended));
            }
        });
        assert_eq!(steady.stats().claimed, pending.load(SeqCst) as u64);
    });
}

/// The interrupts of one device, with its power.
#[test]
fn l9_with_a_device() {
    let device = Device::builder("nic").build();
    let lock = Arc::new(InterruptLock::new(Order::new()));
    let build = |name: &'static str| {
        Interrupt::<_, NoWorkItem>::builder_sharing(&lock)
            .name(name)
            .device(&device)
            .isr(|_| Claim::Claimed)
            .on_enable(move |order: &mut Order| order.push(name))
            .build()
            .unwrap()
    };
    let (rx, tx) = (build("rx"), build("tx"));
    device.enter_d0().unwrap();
    assert_eq!((rx.state(), tx.state()), (State::Enabled, State::Enabled));
    assert_eq!(*lock.acquire_interrupt_lock(), ["rx", "tx"]);
    device.exit_d0().unwrap();
    assert_eq!((rx.state(), tx.state()), (State::Disabled, State::Disabled));
}
