//! Rule I6 where the cycle meets other rules: a driver's own loop, sleep, what the unmask callback may ask for, the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use interrupt_lock::source::{SharedLine, Software};
use interrupt_lock::{Claim, Deferral, Delivery, Device, ErrorKind, Interrupt, NoWorkItem, State, WithWorkItem, Work};
use support::log::Log;
use support::{kind, watchdog};

use super::device::{Care, Wiring, drive, driver, keep_masked, nic};

/// A driver's own loop runs the work item while there are runs. It hears of the run that the unmask callback asks for.
// Caught: run_work_item that returns what was queued before the callback ran.
#[test]
fn w8_a_loop_hears_of_the_run_that_the_unmask_callback_asks_for() {
    for wiring in Wiring::ALL {
        let (driver, nic) = driver(wiring);
        driver.enable().unwrap();
        nic.complete();
        assert!(nic.deliver_to(&driver));
        // The run takes one and looks again: two steps. The callback turns the interrupts on: a third.
        nic.complete_before(&[4]);
        while driver.run_work_item() {}
        assert_eq!((nic.taken(), nic.interrupts_on()), (2, true), "{wiring:?}");
    }
}

/// An interrupt sleeps with something withheld, and a run ends. A disable forgets both.
// Caught: forget_kept that leaves the note of the ended run behind.
#[test]
fn i6_a_run_that_ended_in_sleep_opens_nothing_after_a_disable() {
    let device = Device::builder("nic").build();
    let (source, message) = Software::edge();
    let calls = Arc::new(AtomicUsize::new(0));
    let called = calls.clone();
    let driver: Interrupt<(), WithWorkItem> = Interrupt::builder(())
        .isr(|_| Claim::ClaimedKeepMasked)
        .work_item(|_| ())
        .on_unmask(move |()| {
            called.fetch_add(1, SeqCst);
            Work::Done
        })
        .source(source)
        .device(&device)
        .wake_capable()
        .without_dispatcher()
        .build()
        .unwrap();
    device.enter_d0().unwrap();
    message.assert();
    driver.service();
    driver.queue_work_item();
    device.exit_d0().unwrap();
    // What is withheld wakes no device now.
    driver.report_inactive().unwrap();
    message.assert();
    assert_eq!(driver.service(), Delivery::Withheld);
    while driver.run_work_item() {}
    driver.disable().unwrap();
    driver.report_active().unwrap();
    driver.enable().unwrap();
    message.assert();
    assert_eq!(driver.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
    let section = driver.acquire_interrupt_lock();
    driver.service(); // leaves something to the release
    drop(section);
    assert_eq!(calls.load(SeqCst), 0);
    driver.unmask();
    assert_eq!(calls.load(SeqCst), 1);
}

/// Others on the line are not kept waiting by an interrupt that keeps the line masked, sleeps and is inactive: it has
/// answered what is withheld.
// Caught: an ended run's unmasking that waits for the awakening of an inactive interrupt; one that is forgotten as the
// interrupt is reported inactive.
#[test]
fn i7_a_sleeping_inactive_member_opens_the_line() {
    for inactive_first in [true, false] {
        let (source, level) = Software::level();
        let line = SharedLine::new(source).unwrap();
        let fails = Arc::new(AtomicBool::new(false));
        let entry = fails.clone();
        let device = Device::builder("nic")
            .on_d0_entry(move || if entry.load(SeqCst) { Err("no clock") } else { Ok(()) })
            .build();
        let other = Interrupt::<(), NoWorkItem>::builder(()).isr(|_| Claim::Claimed).source(line.member());
        let other = Arc::new(other.without_dispatcher().build().unwrap());
        let theirs = other.clone();
        let sleeper = Interrupt::builder(())
            .isr(move |cx| {
                // The other one answers this round first, so the line is open until the ISR returns.
                let _ = theirs.service();
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .work_item(|_| ())
            .source(line.member())
            .device(&device)
            .wake_capable()
            .without_dispatcher()
            .build()
            .unwrap();
        other.enable().unwrap();
        device.enter_d0().unwrap();
        level.assert();
        assert_eq!(sleeper.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
        // In the next round this one claims. The sleeper is still to be told of it, and keeps the line masked.
        assert_eq!(other.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(other.service(), Delivery::Nothing);
        device.exit_d0().unwrap();
        fails.store(true, SeqCst);
        if inactive_first {
            sleeper.report_inactive().unwrap();
        }
        assert_eq!(sleeper.service(), Delivery::Withheld);
        while sleeper.run_work_item() {}
        if !inactive_first {
            assert_eq!(sleeper.state(), State::Asleep);
            assert_eq!(other.service(), Delivery::Nothing);
            sleeper.report_inactive().unwrap();
        }
        assert_eq!(other.service(), Delivery::Answered(Claim::Claimed));
    }
}

/// The unmask callback may ask for whatever a callback may, and is refused what would wait for itself.
// Caught: run_work_item that returns what was queued before the callback ran.
#[test]
fn e4_the_unmask_callback_does_not_wait_for_itself() {
    watchdog(|| {
        let log = Log::new();
        let said = log.clone();
        let object = Arc::new(Mutex::new(None::<std::sync::Weak<interrupt_lock::InterruptObject<u32, WithWorkItem>>>));
        let theirs = object.clone();
        let mut calls = 0;
        let driver = Interrupt::builder(0)
            .isr(keep_masked)
            .work_item(|_| ())
            .on_unmask(move |_| {
                calls += 1;
                let me = theirs.lock().unwrap().as_ref().unwrap().upgrade().unwrap();
                let refused = |kind: Option<&ErrorKind>| matches!(kind, Some(ErrorKind::WouldDeadlock { .. }));
                assert!(refused(kind(&me.enable())));
                assert!(refused(kind(&me.disable())));
                assert!(refused(kind(&me.report_inactive())));
                assert!(refused(kind(&me.clear_fault())));
                assert!(me.try_acquire_interrupt_lock().is_none());
                assert!(matches!(kind(&me.claims()), Some(ErrorKind::Recursive { .. })));
                let snapshot = me.snapshot();
                assert!(snapshot.owner.unwrap().is_caller && snapshot.kept_masked);
                if calls == 1 {
                    assert_eq!(me.service(), Delivery::Pending);
                    let later = said.clone();
                    assert_eq!(me.run_or_defer(move |_| later.add("closure")).unwrap(), Deferral::Deferred);
                    return Work::Again;
                }
                said.add("done");
                Work::Done
            })
            .without_dispatcher()
            .build()
            .unwrap();
        *object.lock().unwrap() = Some(Arc::downgrade(driver.object()));
        driver.enable().unwrap();
        driver.service();
        while driver.run_work_item() {}
        assert_eq!(driver.fault(), None);
        assert_eq!(log.take(), ["closure", "done"]);
        assert!(!driver.snapshot().kept_masked);
    });
}

/// The handle is dropped in each place of the cycle: what has been queued runs, the disable callback is the last word, and
/// the callback is freed.
// Caught: a callback that runs after the disable callback (forget_kept left out, with the looks at the phase).
#[test]
fn e6_the_handle_is_dropped_in_any_phase() {
    type Slot = Arc<Mutex<Option<Interrupt<(), WithWorkItem>>>>;
    for place in ["isr", "work item", "unmask", "outside"] {
        for served in [false, true] {
            watchdog(move || {
                let log = Log::new();
                let slot: Slot = Slot::default();
                let drop_in = |at: &'static str| {
                    let (slot, log) = (slot.clone(), log.clone());
                    move || {
                        log.add(at);
                        if at == place {
                            let handle = slot.lock().unwrap().take();
                            drop(handle);
                        }
                    }
                };
                let freed = Arc::new(());
                let theirs = freed.clone();
                let (isr, work, unmask) = (drop_in("isr"), drop_in("work item"), drop_in("unmask"));
                let disable = log.clone();
                let (source, message) = Software::edge();
                let builder = Interrupt::builder(())
                    .isr(move |cx| {
                        cx.queue_work_item();
                        isr();
                        Claim::ClaimedKeepMasked
                    })
                    .work_item(move |_| work())
                    .on_unmask(move |()| {
                        let _theirs = &theirs;
                        unmask();
                        Work::Done
                    })
                    .on_disable(move |()| disable.add("disable"))
                    .source(source);
                let driver = if served { builder } else { builder.without_dispatcher() }.build().unwrap();
                driver.enable().unwrap();
                let object = driver.object().clone();
                *slot.lock().unwrap() = Some(driver);
                message.assert();
                if !served {
                    object.service();
                    while object.run_work_item() {}
                } else {
                    support::until(|| log.contains("work item"));
                }
                let handle = slot.lock().unwrap().take();
                drop(handle);
                support::until(|| object.state() == State::Ended);
                drop(object);
                support::until(|| Arc::strong_count(&freed) == 1);
                let log = log.take();
                let at = |what: &str| log.iter().position(|entry| entry == what);
                assert!(at("work item").is_some(), "{place}: {log:?}");
                assert!(at("disable").is_some(), "{place}: {log:?}");
                assert!(at("unmask").is_none() || at("unmask") < at("disable"), "{place}: {log:?}");
            });
        }
    }
}

/// A reset, an exit from D0 and a fault that is cleared come in mid-cycle. Each begins anew.
// Caught: forget_kept that forgets nothing (the look at the phase does not help: it is enabled again).
#[test]
fn e5_the_cycle_begins_anew_after_a_reset_or_an_exit() {
    for wiring in [Wiring::Message, Wiring::Line] {
        for between in ["reset", "exit", "fault"] {
            let device = Device::builder("nic").build();
            let (nic, source) = nic(wiring);
            let driver = drive!(Interrupt::builder(()), nic, Care::Looks)
                .source(source.unwrap())
                .device(&device)
                .without_dispatcher()
                .build()
                .unwrap();
            device.enter_d0().unwrap();
            for _ in 0..3 {
                nic.complete();
            }
            assert!(nic.deliver_to(&driver));
            assert!(driver.run_work_item());
            match between {
                "reset" => {
                    device.reset(|| assert!(!nic.interrupts_on())).unwrap();
                }
                "exit" => {
                    device.exit_d0().unwrap();
                    assert!(!nic.interrupts_on());
                    device.enter_d0().unwrap();
                }
                _ => {
                    let _ = driver.run_or_defer(|()| panic!("a fault"));
                    assert_eq!(driver.state(), State::Faulted);
                    driver.clear_fault().unwrap();
                    driver.enable().unwrap();
                }
            }
            assert!(nic.interrupts_on(), "{wiring:?}, {between}");
            assert!(!driver.snapshot().kept_masked, "{wiring:?}, {between}");
            nic.complete();
            nic.serve(&driver);
            assert_eq!(nic.completed(), 0, "{wiring:?}, {between}");
            assert!(nic.interrupts_on(), "{wiring:?}, {between}");
        }
    }
}

/// A message gets lost after the device has been armed. The poll of the silent line finds its work.
// Caught: a claim that keeps the interrupt masked not counted as recovered (hangs).
#[test]
fn i14_a_message_that_is_lost_after_the_arming_is_recovered() {
    watchdog(|| {
        let completed = Arc::new(AtomicUsize::new(0));
        let armed = Arc::new(AtomicBool::new(true));
        let (isr, isr_armed, work, unmask, unmask_armed) =
            (completed.clone(), armed.clone(), completed.clone(), completed.clone(), armed.clone());
        let (source, _message) = Software::edge();
        let driver = Interrupt::builder(())
            .isr(move |cx| {
                if isr.load(SeqCst) == 0 {
                    return Claim::Unclaimed;
                }
                isr_armed.store(false, SeqCst);
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .work_item(move |_| _ = work.swap(0, SeqCst))
            .on_unmask(move |()| {
                unmask_armed.store(true, SeqCst);
                if unmask.load(SeqCst) == 0 { Work::Done } else { Work::Again }
            })
            .source(source)
            .poll_when_silent(std::time::Duration::from_millis(1))
            .build()
            .unwrap();
        driver.enable().unwrap();
        for round in 1..=20 {
            completed.fetch_add(1, SeqCst); // and no message comes
            support::until(|| completed.load(SeqCst) == 0 && armed.load(SeqCst));
            support::until(|| driver.stats().recovered >= round);
        }
        driver.disable().unwrap();
        assert_eq!(driver.fault(), None);
    });
}
