//! What a child builds itself, and the locks that know no processes.

use super::*;

// Caught: a child that takes its thread for the parent's: it never gets the lock, or waits for the parent.
#[test]
fn i20_a_lock_with_inheritance_knows_its_owner_after_a_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let lock = Mutex::<RawPiLock, u32>::new(0);
            drop(lock.lock());
            in_a_child(|| {
                *lock.lock() += 1;
                thread::scope(|scope| scope.spawn(|| *lock.lock() += 1).join()).unwrap();
            });
            let mut guard = Some(lock.lock());
            in_a_child(|| {
                drop(guard.take());
                *lock.lock() += 1;
            });
            let (entered, leave) = (Gate::new(), Gate::new());
            drop(guard);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _guard = lock.lock();
                    entered.open();
                    leave.wait();
                });
                entered.wait();
                in_a_child(|| {
                    let said = panic_message(|| drop(lock.lock()));
                    assert!(said.contains("is in the process from which this one was forked"), "{said}");
                });
                leave.open();
            });
        });
    });
}

// Caught: a watchdog, or a register of waits, that the child takes over from the parent.
#[test]
fn i20_what_a_child_builds_itself_works() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let build = || {
                let (nic, gate) = (Software::edge(), Gate::new());
                let its_gate = gate.clone();
                let interrupt = Interrupt::builder(0_u64)
                    .isr(|count| {
                        **count += count.assertions();
                        Claim::Claimed
                    })
                    .work_item(move |_| its_gate.wait())
                    .overdue_after(Duration::from_millis(5))
                    .source(nic.0)
                    .build()
                    .unwrap();
                (interrupt, nic.1, gate)
            };
            let serve = |(interrupt, edge, gate): &(Interrupt<u64, WithWorkItem>, EdgeHandle, Gate)| {
                interrupt.enable().unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| (0..ASSERTIONS).for_each(|_| edge.assert()));
                    until(|| *interrupt.acquire_interrupt_lock() == ASSERTIONS);
                });
                interrupt.queue_work_item();
                until(|| interrupt.stats().overdue == 1);
                gate.open();
                interrupt.disable().unwrap();
            };
            let (parents, lock) = (build(), Arc::new(InterruptLock::new(())));
            serve(&parents);
            let_it_block(); // the parent's other threads
            // A thread of the parent waits at the fork.
            let guard = lock.acquire_interrupt_lock();
            let its_lock = lock.clone();
            let waits = thread::spawn(move || drop(its_lock.acquire_interrupt_lock()));
            let_it_block();
            in_a_child(|| serve(&build()));
            drop(guard);
            waits.join().unwrap();
        });
    });
}

// Caught: a thread of a child that enters the table in which the parent's threads sleep, and whose locks some of them hold; one
// that counts on a wake-up.
#[test]
fn i20_threads_of_a_child_wait_for_one_another() {
    const SECTIONS: u64 = 100;
    /// Holds the lock so long that others go to sleep.
    fn count_up(count: &InterruptLock<u64>) {
        let mut count = count.acquire_interrupt_lock();
        *count += 1;
        thread::sleep(Duration::from_micros(50));
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            // From here on forks are noticed.
            let _interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
            let parents = InterruptLock::new(0);
            let fork = || {
                in_a_child(|| {
                    let childs = InterruptLock::new(0);
                    let count_all = || (0..SECTIONS).for_each(|_| count_up(&childs));
                    thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(count_all))));
                    assert_eq!(childs.into_inner(), 3 * SECTIONS);
                });
            };
            beside(|| count_up(&parents), || (0..10).for_each(|_| fork()));
        });
    });
}
