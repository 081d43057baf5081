//! Callbacks that fork, and go on in the child.

use interrupt_lock::Work;
use support::forks::Fork;

use super::*;

/// A counter of the kernel's, which parent and child share: a child tells by it what it must not do.
fn told() -> (Eventfd, EventfdSignaller) {
    let told = Eventfd::new().unwrap();
    let tell = told.signaller();
    (told, tell)
}

// Caught: a child that takes out what the parent watches.
#[test]
fn i20_an_enable_callback_may_fork_and_fail_in_the_child() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (eventfd, fork) = (Eventfd::new().unwrap(), Fork::default());
            let (device, theirs) = (eventfd.signaller(), fork.clone());
            let interrupt = Interrupt::<_, NoWorkItem>::builder(0_u64)
                .isr(|count| {
                    **count += count.assertions();
                    Claim::Claimed
                })
                .on_enable(move |_| theirs.here().map(drop).ok_or("this is the child"))
                .source(eventfd)
                .build()
                .unwrap();
            let enabled = interrupt.enable();
            fork.end_child(|| true);
            assert_eq!(enabled.unwrap(), Transition::Done);
            device.signal();
            until(|| *interrupt.acquire_interrupt_lock() == 1);
        });
    });
}

// Caught: an enable that is done in the child.
#[test]
fn i20_an_enable_whose_callback_has_forked_is_told_so() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (fork, (tell, status)) = (Fork::default(), mpsc::channel());
            let theirs = fork.clone();
            let interrupt = Interrupt::<_, NoWorkItem>::builder(())
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| theirs.here().into_iter().for_each(|status| tell.send(status).unwrap()))
                .build()
                .unwrap();
            let enabled = interrupt.enable();
            fork.end_child(|| matches!(kind(&enabled), Some(ErrorKind::Forked)));
            assert_eq!(enabled.unwrap(), Transition::Done);
            assert_eq!(status.recv().unwrap(), 0, "the child is told that it is enabled");
        });
    });
}

// Caught: a disable that goes on in the child, takes out what the parent watches, or runs the queued work item.
#[test]
fn i20_a_disable_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            for is_queued in [false, true] {
                let ((mut told, ran_in_child), fork) = (told(), Fork::default());
                let (theirs, works, (tell, status)) = (fork.clone(), fork.clone(), mpsc::channel());
                let builder = Interrupt::builder(())
                    .isr(|_| Claim::Claimed)
                    .work_item(move |_| {
                        if works.is_child() {
                            ran_in_child.signal();
                        }
                    })
                    .on_disable(move |_| theirs.here().into_iter().for_each(|status| tell.send(status).unwrap()))
                    .source(Eventfd::new().unwrap());
                // The driver's own loop leaves a run queued.
                let interrupt = if is_queued { builder.without_dispatcher().build() } else { builder.build() }.unwrap();
                interrupt.enable().unwrap();
                if is_queued {
                    assert_eq!(interrupt.queue_work_item(), Queued::New);
                }
                let disabled = interrupt.disable();
                fork.end_child(|| matches!(kind(&disabled), Some(ErrorKind::Forked)));
                assert_eq!(disabled.unwrap(), Transition::Done);
                assert_eq!((interrupt.state(), interrupt.fault()), (State::Disabled, None));
                assert_eq!(status.recv().unwrap(), 0, "the child is not told, or hangs");
                assert_eq!(told.take().unwrap(), 0, "the work item ran in the child");
            }
        });
    });
}

// Caught: closures that run in the child, too.
#[test]
fn i20_a_closure_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let ((mut told, tell), fork) = (told(), Fork::default());
            let interrupt = Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed).build().unwrap();
            interrupt.enable().unwrap();
            let guard = interrupt.acquire_interrupt_lock();
            // A release runs 64, an acquisition 64 more. The disable runs the rest.
            for n in 0..200 {
                let (fork, tell) = (fork.clone(), tell.clone());
                let closure = move |_: &mut ()| match n {
                    150 => drop(fork.here()),
                    _ if fork.is_child() => tell.signal(),
                    _ => {}
                };
                assert_eq!(interrupt.run_or_defer(closure).unwrap(), Deferral::Deferred);
            }
            drop(guard);
            let disabled = interrupt.disable();
            fork.end_child(|| true);
            disabled.unwrap();
            assert_eq!(told.take().unwrap(), 0, "closures ran in the child");
        });
    });
}

// Caught: a child that unmasks the line while the parent's ISR still runs.
#[test]
fn i20_an_isr_may_fork_on_a_level_line() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let ((mut told, tell), fork) = (told(), Fork::default());
            let (source, device) = Script::descriptor(&Log::new());
            device.on("unmask", move || tell.signal());
            let (report, unmasked) = mpsc::channel();
            let interrupt = Interrupt::<_, NoWorkItem>::builder(())
                .isr(move |_| {
                    if fork.here().is_some() {
                        report.send(told.take().unwrap()).unwrap();
                    }
                    Claim::Claimed
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            device.assert();
            assert_eq!(unmasked.recv().unwrap(), 0);
        });
    });
}

// Caught: a child that runs the D0-exit callback.
#[test]
fn i20_a_d0_entry_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let ((mut told, tell), fork) = (told(), Fork::default());
            let theirs = fork.clone();
            let device =
                Device::builder("nic").on_d0_entry(move || _ = theirs.here()).on_d0_exit(move || tell.signal()).build();
            let _interrupt =
                Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed).device(&device).build().unwrap();
            let entered = device.enter_d0();
            fork.end_child(|| true);
            entered.unwrap();
            assert_eq!(told.take().unwrap(), 0, "the child has taken the parent's device out of D0");
        });
    });
}

// Caught: a thread of the parent's dispatcher that goes on to serve in the child that its ISR, or its work item, has forked.
#[test]
fn i20_an_isr_and_a_work_item_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let fork_once = |children: &mpsc::Sender<i32>, forked: &mut bool| {
                if !core::mem::replace(forked, true) {
                    // SAFETY: the child returns from the callback, and has nothing else to do.
                    match unsafe { libc::fork() } {
                        0 => {}
                        child => children.send(child).unwrap(),
                    }
                }
            };
            let (children, forked) = mpsc::channel();
            let theirs = children.clone();
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let (mut isr_forked, mut work_forked) = (false, false);
            let interrupt = Interrupt::builder(0_u64)
                .isr(move |count| {
                    **count += count.assertions();
                    fork_once(&children, &mut isr_forked);
                    count.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| fork_once(&theirs, &mut work_forked))
                .source(eventfd)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            device.signal();
            // The thread that the child consists of ends, and so does the child.
            let ended: Vec<i32> = (0..2).map(|_| wait_for(forked.recv().unwrap())).collect();
            assert_eq!(ended, [0, 0]);
            (1..ASSERTIONS).for_each(|_| device.signal());
            until(|| *interrupt.acquire_interrupt_lock() == ASSERTIONS);
        });
    });
}

// Caught: a child that goes on with the cycle; an end that leaves the unmask callback to the object.
#[test]
fn i20_an_unmask_callback_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (fork, (tell, status)) = (Fork::default(), mpsc::channel());
            let (theirs, owned) = (fork.clone(), Arc::new(()));
            let (kept, mut calls) = (owned.clone(), 0);
            let mut interrupt = Some(
                Interrupt::builder(())
                    .isr(|cx| {
                        cx.queue_work_item();
                        Claim::ClaimedKeepMasked
                    })
                    .work_item(|_| ())
                    .on_unmask(move |()| {
                        let _kept = &kept;
                        calls += 1;
                        if calls == 1 {
                            theirs.here().into_iter().for_each(|status| tell.send(status).unwrap());
                            return Work::Again;
                        }
                        Work::Done
                    })
                    .without_dispatcher()
                    .build()
                    .unwrap(),
            );
            let object = interrupt.as_ref().unwrap().object().clone();
            object.enable().unwrap();
            object.service();
            let more = object.run_work_item();
            fork.end_child(|| {
                let well = !more && !object.run_work_item() && !object.is_work_item_queued();
                drop(interrupt.take());
                well && Arc::strong_count(&owned) == 1
            });
            assert!(more);
            assert!(!object.run_work_item());
            assert!(!object.snapshot().kept_masked);
            assert_eq!(status.recv().unwrap(), 0, "the child goes on with the cycle");
        });
    });
}
