//! What other threads of the parent were inside of at the fork: a child waits for none of it.

use super::*;

// Caught: a wait for a lock, or for a transition, that a thread of the parent has for ever.
#[test]
fn i20_what_another_thread_was_inside_of_is_refused() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (entered, leave) = (Gate::new(), Gate::new());
            let (its_entered, its_leave) = (entered.clone(), leave.clone());
            let interrupt = Interrupt::builder(0)
                .name("nic")
                .isr(|_| Claim::Claimed)
                .work_item(|_| ())
                .on_enable(move |_| {
                    its_entered.open();
                    its_leave.wait();
                })
                .source(Software::edge().0)
                .build()
                .unwrap();
            thread::scope(|scope| {
                scope.spawn(|| interrupt.enable().unwrap());
                entered.wait();
                in_a_child(|| try_everything(&interrupt, false));
                leave.open();
            });
            interrupt.enable().unwrap();
        });
    });
}

/// A snapshot waits for nothing in a child either: it tells what another thread of the parent was inside of at the fork.
// Caught: a snapshot that locks what the watchdog knows of the callbacks, while a thread of the parent is inside of it; a thread
// of the parent that is told as one of the child.
#[test]
fn s1_a_snapshot_waits_for_nothing_in_a_child() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (entered, leave) = (Gate::new(), Gate::new());
            let (its_entered, its_leave) = (entered.clone(), leave.clone());
            let interrupt = Interrupt::builder(0)
                .name("nic")
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| {
                    its_entered.open();
                    its_leave.wait();
                })
                .overdue_after(Duration::from_secs(3600))
                .build()
                .unwrap();
            thread::scope(|scope| {
                scope.spawn(|| interrupt.enable().unwrap());
                entered.wait();
                in_a_child(|| {
                    let snapshot = interrupt.snapshot();
                    assert_eq!(snapshot.state, State::Ended);
                    for owner in [snapshot.owner.unwrap(), snapshot.transition.unwrap()] {
                        assert_eq!((owner.is_caller, owner.thread), (false, None));
                    }
                    assert_eq!(snapshot.callback.unwrap().callback, interrupt_lock::Callback::Enable);
                });
                leave.open();
            });
            // Forks while others are inside the small locks that a snapshot looks behind.
            let busy = || _ = (interrupt.fault(), interrupt.overdue(), interrupt.service());
            beside(busy, || (0..100).for_each(|_| in_a_child(|| assert_eq!(interrupt.snapshot().state, State::Ended))));
        });
    });
}

/// A work item that runs under the callback lock of its device.
fn serialized(device: &Device) -> Interrupt<(), WithWorkItem> {
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .work_item(|_| ())
        .device(device)
        .automatic_serialization()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert_eq!(interrupt.queue_work_item(), Queued::New);
    interrupt
}

// Caught: a run of a serialized work item that waits before it is refused.
#[test]
fn i20_a_child_waits_for_no_callback_lock() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let device = Device::builder("nic").build();
            let interrupt = serialized(&device);
            let (entered, leave) = (Gate::new(), Gate::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    device.synchronize(|| {
                        entered.open();
                        leave.wait();
                    });
                });
                entered.wait();
                let _leave = OnDrop(|| leave.open());
                in_a_child(|| assert!(!interrupt.run_work_item()));
            });
        });
    });
}

// Caught: a run that panics.
#[test]
fn i20_a_child_runs_no_work_item_with_the_callback_lock_held() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let device = Device::builder("nic").build();
            let interrupt = serialized(&device);
            device.synchronize(|| in_a_child(|| assert!(!interrupt.run_work_item())));
        });
    });
}

/// An enabled interrupt, for children to drop.
fn enabled(source: impl Source + 'static) -> Option<Interrupt<(), NoWorkItem>> {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build().unwrap();
    interrupt.enable().unwrap();
    Some(interrupt)
}

// Caught: a drop that waits for a lock of the source.
#[test]
fn i20_a_child_drops_a_software_source_that_others_assert() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, edge) = Software::edge();
            let mut interrupt = enabled(source);
            beside(|| edge.assert(), || (0..300).for_each(|_| in_a_child(|| drop(interrupt.take()))));
        });
    });
}

// Caught: a drop that waits for a lock of the device.
#[test]
fn i20_a_child_drops_a_simulated_device_in_use() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let edu = Edu::new();
            let registers = edu.registers();
            let mut interrupt = enabled(edu.message().unwrap());
            let looks = || _ = registers.read32(0x24);
            beside(looks, || (0..300).for_each(|_| in_a_child(|| drop(interrupt.take()))));
        });
    });
}

// Caught: a drop that waits for the watchdog.
#[test]
fn i20_a_child_drops_one_of_many_that_are_watched() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let watched = || {
                Interrupt::<u64, NoWorkItem>::builder(0)
                    .isr(|_| Claim::Claimed)
                    .overdue_after(Duration::from_nanos(1))
                    .build()
                    .unwrap()
            };
            let all: Vec<_> = (0..500).map(|_| watched()).collect();
            let mut one = Some(watched());
            for _ in 0..300 {
                in_a_child(|| {
                    drop(one.take());
                });
            }
            drop(all);
        });
    });
}

// Caught: an interrupt with a lock that a thread of the parent has for ever.
#[test]
fn i20_a_child_builds_nothing_on_a_lock_that_is_shared_with_the_parents() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let lock = Arc::new(InterruptLock::new(0_u64));
            let build = || Interrupt::<_, NoWorkItem>::builder_sharing(&lock).isr(|_| Claim::Claimed).build();
            let _parents = build().unwrap();
            let (entered, leave) = (Gate::new(), Gate::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _guard = lock.acquire_interrupt_lock();
                    entered.open();
                    leave.wait();
                });
                entered.wait();
                let _leave = OnDrop(|| leave.open());
                in_a_child(|| {
                    let built = build();
                    assert!(matches!(kind(&built), Some(ErrorKind::Forked)), "{built:?}");
                });
            });
        });
    });
}

// Caught: a report, or a queued run, of the parent.
#[test]
fn i20_nothing_is_overdue_or_queued_in_a_child() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (entered, leave) = (Gate::new(), Gate::new());
            let (its_entered, its_leave) = (entered.clone(), leave.clone());
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(move |_| {
                    its_entered.open();
                    its_leave.wait();
                })
                .source(Eventfd::new().unwrap())
                .overdue_after(Duration::from_millis(2))
                .build()
                .unwrap();
            let _leave = OnDrop(|| leave.open());
            interrupt.enable().unwrap();
            assert_eq!(interrupt.queue_work_item(), Queued::New);
            entered.wait();
            until(|| interrupt.overdue().is_some());
            assert_eq!(interrupt.queue_work_item(), Queued::New);
            in_a_child(|| assert_eq!((interrupt.overdue(), interrupt.is_work_item_queued()), (None, false)));
        });
    });
}

// Caught: a drop of a listener that waits for a lock of the interrupt.
#[test]
fn i20_a_child_drops_everything_at_once() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let signaller = eventfd.signaller();
            let nic = Device::builder("nic").on_d0_exit(|| ()).build();
            let mut interrupt = Some(
                Interrupt::builder(0_u64)
                    .isr(|count| {
                        **count += count.assertions();
                        count.queue_work_item();
                        Claim::Claimed
                    })
                    .work_item(|_| ())
                    .device(&nic)
                    .wake_capable()
                    .timed()
                    .poll_when_silent(Duration::from_secs(3600))
                    .polling(Polling::Fixed(Duration::from_millis(1)))
                    .source(eventfd)
                    .build()
                    .unwrap(),
            );
            let mut power = Some(nic.power_up().unwrap());
            let mut claims = Some(interrupt.as_ref().unwrap().claims().unwrap());
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        signaller.signal();
                        thread::yield_now();
                    }
                });
                for n in 0..200 {
                    in_a_child(|| match n % 3 {
                        0 => drop((interrupt.take(), power.take(), claims.take())),
                        1 => drop((power.take(), claims.take(), interrupt.take())),
                        _ => drop((claims.take(), interrupt.take(), power.take())),
                    });
                }
            });
            let interrupt = interrupt.as_ref().unwrap();
            until(|| {
                let counted = *interrupt.acquire_interrupt_lock();
                counted >= 10_000
            });
            core::mem::forget(power);
        });
    });
}

// Caught: one lock for parent and child, which a thread of the parent holds for ever: the child's build hangs.
#[test]
fn i20_a_child_starts_a_watchdog_whatever_others_were_inside_of() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let start = || {
                let builder = Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed);
                drop(builder.overdue_after(Duration::from_secs(3600)).build().unwrap());
            };
            beside(start, || (0..100).for_each(|_| in_a_child(start)));
        });
    });
}

// Caught: a once of the process's that another thread is in the middle of at the fork: the child waits for it for ever.
#[test]
fn i20_a_fork_beside_the_first_builds_of_a_process() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let build = || drop(Interrupt::<(), NoWorkItem>::builder(()).isr(|_| Claim::Claimed).build().unwrap());
            // In each child nothing has been built yet.
            for _ in 0..300 {
                in_a_child(|| {
                    let start = Barrier::new(2);
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            start.wait();
                            build();
                        });
                        start.wait();
                        in_a_child(build);
                    });
                });
            }
        });
    });
}
