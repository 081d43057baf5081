//! Rule L13: circles of waits across threads. The thread whose wait would close one is told, and nobody else.
//! Where transitions and ends wait: `transition/circles.rs`.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use interrupt_lock::{
    Claim, Delivery, Error, ErrorKind, Interrupt, InterruptLock, Name, NoWorkItem, State, Transition, WithWorkItem,
};
use support::slot::Slot;
use support::{Gate, asleep, kind, let_it_block, panic_message, watchdog};

pub type Lock = Arc<InterruptLock<u32>>;

pub fn lock(name: &'static str) -> Lock {
    Arc::new(InterruptLock::named(Name::new(name), 0))
}

/// Acquires `first`, then waits for `second` on a thread that sleeps when this returns.
fn holds_and_waits(first: &Lock, second: &Lock) -> thread::JoinHandle<()> {
    let (first, second) = (first.clone(), second.clone());
    asleep("waits", move || {
        let _first = first.acquire_interrupt_lock();
        *second.acquire_interrupt_lock() += 1;
    })
}

pub fn would_deadlock<A: std::fmt::Debug>(answer: &Result<A, Error>) -> bool {
    matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))
}

/// Two threads take two locks in two orders. The second one panics, and its message names both locks and both places.
// Caught: a slow path that registers nothing; a walk that looks one step far.
#[test]
fn l13_two_locks_in_two_orders() {
    watchdog(|| {
        let (rx, tx) = (lock("rx"), lock("tx"));
        let held = tx.acquire_interrupt_lock();
        let other = holds_and_waits(&rx, &tx);
        let said = panic_message(|| drop(rx.acquire_interrupt_lock()));
        assert!(said.starts_with("rx: ") && said.contains("the interrupt lock of tx"), "{said}");
        assert_eq!(said.matches("circles.rs:").count(), 2, "both places: {said}");
        drop(held);
        other.join().unwrap();
        assert_eq!((*rx.acquire_interrupt_lock(), *tx.acquire_interrupt_lock()), (0, 1));
    });
}

/// Three threads and three locks. The forms with a time limit return an error, which has the circle as its source.
// Caught: a walk that stops after the first owner; a timed form that waits its time out.
#[test]
fn l13_a_circle_of_three_and_the_timed_forms() {
    watchdog(|| {
        let (first, second, third) = (lock("first"), lock("second"), lock("third"));
        let held = first.acquire_interrupt_lock();
        let others = [holds_and_waits(&second, &first), holds_and_waits(&third, &second)];
        let long = Duration::from_secs(3600);
        let error = third.try_acquire_interrupt_lock_for(long).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }), "{error:#}");
        assert!(error.source().unwrap().to_string().contains("the interrupt lock of first"), "{error:#}");
        let deadline = std::time::Instant::now() + long;
        let error = third.try_acquire_interrupt_lock_until(deadline).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }), "{error:#}");
        assert!(third.try_acquire_interrupt_lock().is_none());
        drop(held);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!([first, second, third].map(|lock| *lock.acquire_interrupt_lock()), [1, 1, 0]);
    });
}

/// A wait with a deadline ends by itself: it closes no circle for others.
// Caught: a timed wait that is registered.
#[test]
fn l13_a_timed_wait_is_no_part_of_a_circle() {
    watchdog(|| {
        let (rx, tx) = (lock("rx"), lock("tx"));
        let held = tx.acquire_interrupt_lock();
        let holds = Gate::new();
        let (first, second, signal) = (rx.clone(), tx.clone(), holds.clone());
        let other = thread::spawn(move || {
            let _first = first.acquire_interrupt_lock();
            signal.open();
            second.try_acquire_interrupt_lock_for(Duration::from_millis(300)).is_err()
        });
        holds.wait();
        let_it_block();
        drop(rx.acquire_interrupt_lock()); // waits until the other gives up
        assert!(other.join().unwrap());
        drop(held);
    });
}

/// A thread that waits behind threads that wait is refused nothing, while no circle is closed.
// Caught: a walk that takes a chain for a circle.
#[test]
fn l13_a_chain_refuses_nobody() {
    watchdog(|| {
        let locks: Vec<Lock> = (0..6).map(|_| lock("link")).collect();
        let held = locks[0].acquire_interrupt_lock();
        let waiting: Vec<_> = locks.windows(2).map(|pair| holds_and_waits(&pair[1], &pair[0])).collect();
        let last = locks[5].clone();
        let behind = asleep("behind", move || *last.acquire_interrupt_lock() += 1);
        drop(held);
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
        behind.join().unwrap();
    });
}

/// Random pairs of locks, each pair in ascending order: no circle can be, and none is seen.
// Caught: a wait that is not taken out of the register; an owner that is mistaken for another.
#[test]
fn l13_an_order_of_locks_is_never_refused() {
    watchdog(|| {
        let locks: Arc<Vec<Lock>> = Arc::new((0..4).map(|_| lock("ordered")).collect());
        let threads: Vec<_> = (0..4_u64)
            .map(|thread| {
                let locks = locks.clone();
                thread::spawn(move || {
                    let mut random = thread + 1;
                    for _ in 0..3000 {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let (low, high) = ((random >> 33) as usize % 3, (random >> 40) as usize % 4);
                        let mut outer = locks[low].acquire_interrupt_lock();
                        *outer += 1;
                        if high > low {
                            *locks[high].acquire_interrupt_lock() += 1;
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Interrupts that share a lock are one lock in a circle.
// Caught: a circle that is sought by interrupt instead of by lock.
#[test]
fn l13_a_shared_lock() {
    watchdog(|| {
        let (shared, other) = (lock("shared"), lock("other"));
        let isr = |_: &mut interrupt_lock::IsrContext<'_, u32, NoWorkItem>| Claim::Claimed;
        let rx = Interrupt::<_, NoWorkItem>::builder_sharing(&shared).name("rx").isr(isr).build().unwrap();
        let tx = Interrupt::<_, NoWorkItem>::builder_sharing(&shared).name("tx").isr(isr).build().unwrap();
        let held = rx.acquire_interrupt_lock();
        let waits = holds_and_waits(&other, &shared);
        let said = panic_message(|| drop(other.acquire_interrupt_lock()));
        assert!(said.contains("the interrupt lock of shared"), "{said}");
        drop(held);
        waits.join().unwrap();
        drop(tx);
    });
}

fn with_work(name: &'static str, mut work: impl FnMut() + Send + 'static) -> Interrupt<(), WithWorkItem> {
    Interrupt::builder(()).name(name).isr(|_| Claim::Claimed).work_item(move |_| work()).build().unwrap()
}

/// A disable flushes a work item that waits for a lock that the disabling thread holds. The interrupt is disabled, the
/// error says that its work item still runs, and a second disable waits for it.
// Caught: a flush that waits unregistered (it hangs); one that leaves the interrupt enabled.
#[test]
fn l13_e4_a_flush_in_a_circle() {
    watchdog(|| {
        let data = lock("data");
        let (begun, theirs) = (Gate::new(), data.clone());
        let signal = begun.clone();
        let interrupt = Arc::new(with_work("disk", move || {
            signal.open();
            *theirs.acquire_interrupt_lock() += 1;
        }));
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let held = data.acquire_interrupt_lock();
        let object = interrupt.clone();
        let worker = asleep("worker", move || object.run_work_item());
        begun.wait();
        let answer = interrupt.disable();
        assert!(would_deadlock(&answer), "{answer:?}");
        let said = format!("{:#}", answer.unwrap_err());
        assert!(said.contains("its work item still runs") && said.contains("data"), "{said}");
        assert_eq!(interrupt.state(), State::Disabled);
        drop(held);
        assert_eq!(interrupt.disable().unwrap(), Transition::Already);
        assert_eq!(*data.acquire_interrupt_lock(), 1, "the second disable has waited");
        worker.join().unwrap();
    });
}

/// As above, in the other order of waits: the work item closes the circle, and its acquisition panics.
// Caught: a flush that waits unregistered.
#[test]
fn l13_a_work_item_that_closes_a_circle_is_told() {
    watchdog(|| {
        let data = lock("data");
        let (may_go, theirs) = (Gate::new(), data.clone());
        let go = may_go.clone();
        let interrupt = Arc::new(with_work("disk", move || {
            go.wait();
            *theirs.acquire_interrupt_lock() += 1;
        }));
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let object = interrupt.clone();
        let worker = asleep("worker", move || object.run_work_item());
        let (object, held) = (interrupt.clone(), data.clone());
        let disables = asleep("disables", move || {
            let _held = held.acquire_interrupt_lock();
            object.disable()
        });
        may_go.open();
        assert_eq!(disables.join().unwrap().unwrap(), Transition::Done);
        worker.join().unwrap();
        assert_eq!(*data.acquire_interrupt_lock(), 0);
        let fault = interrupt.fault().unwrap().to_string();
        assert!(fault.contains("work item") && fault.contains("the interrupt lock of data"), "{fault}");
    });
}

/// Two work items disable each other's interrupt. One of them is refused, and both interrupts are disabled.
// Caught: a flush that waits unregistered.
#[test]
fn l13_e4_two_work_items_that_disable_each_other() {
    watchdog(|| {
        let slots: [Slot<(), WithWorkItem>; 2] = [Slot::new(), Slot::new()];
        let (both, refused) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
        let interrupts = [0, 1].map(|number| {
            let (others, both, refused) = (slots[1 - number].clone(), both.clone(), refused.clone());
            with_work("disk", move || {
                both.wait();
                if would_deadlock(&others.get().disable()) {
                    refused.fetch_add(1, SeqCst);
                }
            })
        });
        for (slot, interrupt) in slots.iter().zip(&interrupts) {
            slot.set(interrupt);
            interrupt.enable().unwrap();
            interrupt.queue_work_item();
        }
        thread::scope(|scope| {
            for interrupt in &interrupts {
                scope.spawn(|| interrupt.run_work_item());
            }
        });
        assert_eq!(refused.load(SeqCst), 1);
        assert!(interrupts.iter().all(|interrupt| interrupt.state() == State::Disabled));
        assert!(interrupts.iter().all(|interrupt| interrupt.disable().is_ok()));
    });
}

/// An ISR serves another interrupt, whose lock is held by a thread that waits for the ISR's lock. The delivery is left to
/// that thread, and nothing is lost.
// Caught: a delivery that waits unregistered; one that draws its ticket first; one that is dropped.
#[test]
fn l13_a_delivery_in_a_circle_is_left_to_the_owner() {
    watchdog(|| {
        let inner: Arc<Interrupt<u32, NoWorkItem>> = Arc::new(
            Interrupt::builder(0)
                .name("inner")
                .isr(|count| {
                    **count += 1;
                    Claim::Claimed
                })
                .build()
                .unwrap(),
        );
        inner.enable().unwrap();
        let (in_isr, go, answers) = (Gate::new(), Gate::new(), Arc::new(Mutex::new(Vec::new())));
        let (theirs, begun, may_go, answer) = (inner.clone(), in_isr.clone(), go.clone(), answers.clone());
        let outer: Arc<Interrupt<(), NoWorkItem>> = Arc::new(
            Interrupt::builder(())
                .name("outer")
                .isr(move |_| {
                    begun.open();
                    may_go.wait();
                    answer.lock().unwrap().push(theirs.service());
                    Claim::Claimed
                })
                .build()
                .unwrap(),
        );
        outer.enable().unwrap();
        let serves = thread::spawn({
            let outer = outer.clone();
            move || outer.service()
        });
        in_isr.wait();
        let waits = asleep("waits", {
            let (inner, outer) = (inner.clone(), outer.clone());
            move || {
                let _inner = inner.acquire_interrupt_lock();
                drop(outer.acquire_interrupt_lock());
            }
        });
        go.open();
        assert_eq!(serves.join().unwrap(), Delivery::Answered(Claim::Claimed));
        assert_eq!(*answers.lock().unwrap(), [Delivery::Pending]);
        waits.join().unwrap();
        assert_eq!(*inner.acquire_interrupt_lock(), 1, "the release has run its ISR");
    });
}

/// A hundred threads wait, each for the next. An unrelated enable does not notice, and the last wait that would close
/// the circle is told.
// Caught: a search that tries every way through the waits (it never ends).
#[test]
fn l13_long_chains_are_no_burden() {
    watchdog(|| {
        let locks: Vec<Lock> = (0..100).map(|_| lock("link")).collect();
        let held = locks[0].acquire_interrupt_lock();
        let waiting: Vec<_> = locks.windows(2).map(|pair| holds_and_waits(&pair[1], &pair[0])).collect();
        let unrelated: Interrupt<(), NoWorkItem> = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
        for _ in 0..1000 {
            unrelated.enable().unwrap();
            unrelated.disable().unwrap();
        }
        let said = panic_message(|| drop(locks[99].acquire_interrupt_lock()));
        assert!(said.contains("link"), "{said}");
        drop(held);
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
