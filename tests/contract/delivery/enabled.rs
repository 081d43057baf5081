//! Rules I4, I5 and I9: between which moments an ISR runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Delivery, ErrorKind, Interrupt, State};
use support::log::Log;
use support::script::Script;
use support::slot::OnDrop;
use support::{Gate, let_it_block, pause, until, watchdog};

/// The source fires as it is connected, before the enable callback. The dispatcher delivers it after the callback has
/// succeeded; nobody calls `service`.
// Caught: the enable callback before the connection; a waker that wakes nobody.
#[test]
fn i4_what_fires_at_the_connection_is_served_after_the_enable_callback() {
    for descriptor in [true, false] {
        watchdog(move || {
            let log = Log::new();
            let (source, device) = match descriptor {
                true => Script::descriptor(&log),
                false => Script::waking(&log),
            };
            device.fire_on_connect(3);
            let (isr, enable) = (log.clone(), log.clone());
            let interrupt = Interrupt::builder(())
                .isr(move |cx| {
                    isr.add(format!("isr {}", cx.assertions()));
                    Claim::Claimed
                })
                .on_enable(move |_| {
                    let_it_block(); // for the dispatcher to be early
                    enable.add("enable callback");
                })
                .source(source)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            log.wait_for("isr 3", 1);
            let log = log.take();
            let at = |entry: &str| log.iter().position(|e| e == entry).unwrap();
            assert!(at("connect") < at("enable callback"), "{log:?}");
            assert!(at("enable callback") < at("isr 3"), "{log:?}");
        });
    }
}

/// After a failed enable callback no ISR has run, the source is disconnected, and `enable` has returned the error. What
/// fired meanwhile is stale.
// Caught: a failing callback that leaves the source connected; one that leaves the interrupt enabled.
#[test]
fn i4_a_failing_enable_callback_undoes_the_connection() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        device.fire_on_connect(2);
        let (isr, mut fails) = (log.clone(), true);
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr.add("isr");
                Claim::Claimed
            })
            .on_enable(move |_| match std::mem::take(&mut fails) {
                true => Err(std::io::Error::from_raw_os_error(5)),
                false => Ok(()),
            })
            .source(source)
            .build()
            .unwrap();
        log.take();
        let refused = interrupt.enable().unwrap_err();
        let ErrorKind::EnableCallback(error) = refused.kind() else { panic!("{refused}") };
        assert_eq!(refused.name(), interrupt.name());
        let os: &std::io::Error = error.get().downcast_ref().unwrap();
        assert_eq!(os.raw_os_error(), Some(5), "the driver's own error");
        assert_eq!(interrupt.state(), State::Disabled);
        device.assert();
        assert_eq!(interrupt.service(), Delivery::NotServed);
        let mut log_taken = log.take();
        // The dispatcher was woken at the connection, and asks for a removal whenever it is woken.
        log_taken.retain(|entry| *entry != "removal");
        assert_eq!(log_taken.last().unwrap(), "disconnect", "{log_taken:?}");

        interrupt.enable().unwrap();
        interrupt.service();
        assert!(!log.contains("isr"));
        assert_eq!(interrupt.stats().stale, 3);
        device.assert();
        log.wait_for("isr", 1);
    });
}

/// `disable` waits for the ISR that is running. No ISR begins after it.
// Caught: a disable that takes its bit without the lock.
#[test]
fn i5_disable_waits_for_the_isr() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let (entered, go, done) = (Gate::new(), Gate::new(), Gate::new());
        let isr = (entered.clone(), go.clone(), done.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                isr.0.open();
                isr.1.wait();
                let_it_block();
                isr.2.open();
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert.assert();
        entered.wait();
        go.open();
        interrupt.disable().unwrap();
        assert!(done.is_open(), "the ISR runs after disable()");
    });
}

// Caught: a disable that leaves the interrupt enabled; one that takes its bit without the lock.
#[test]
fn i5_no_isr_after_disable_has_returned() {
    watchdog(|| {
        let (source, assert) = Software::edge();
        let allowed = Arc::new(AtomicBool::new(false));
        let (stop, runs, early) = (AtomicBool::new(false), Arc::new(AtomicU64::new(0)), allowed.clone());
        let (count, tries) = (runs.clone(), AtomicU64::new(0));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                assert!(early.load(Ordering::SeqCst), "an ISR while disabled");
                count.fetch_add(1, Ordering::SeqCst);
                pause();
                assert!(early.load(Ordering::SeqCst), "an ISR while disabled");
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        thread::scope(|scope| {
            let _stop = OnDrop(|| stop.store(true, Ordering::SeqCst));
            for own_loop in [true, false] {
                let (stop, assert, interrupt, tries) = (&stop, &assert, &interrupt, &tries);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        assert.assert();
                        if own_loop {
                            interrupt.service();
                            tries.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            for _ in 0..100 {
                allowed.store(true, Ordering::SeqCst);
                interrupt.enable().unwrap();
                assert.assert();
                interrupt.disable().unwrap();
                allowed.store(false, Ordering::SeqCst);
                // Nor while it stays disabled, although other threads call `service`.
                let seen = tries.load(Ordering::SeqCst);
                until(|| tries.load(Ordering::SeqCst) >= seen + 3);
            }
        });
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        assert!(runs.load(Ordering::SeqCst) >= 100, "each round asserts once while enabled");
    });
}

/// The dispatcher waits on the source before the source is connected.
// Caught: connect before arm.
#[test]
fn i9_the_wait_is_armed_before_the_connection() {
    let log = Log::new();
    let (source, _device) = Script::descriptor(&log);
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build().unwrap();
    log.take();
    interrupt.enable().unwrap();
    let log = log.take();
    let at = |entry: &str| log.iter().position(|e| e == entry).unwrap();
    assert!(at("ready") < at("connect"), "{log:?}");
    assert!(!Script::DESCRIPTORS || at("removal_descriptor") < at("connect"), "{log:?}");
}
